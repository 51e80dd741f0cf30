/** Metrics: who reports them, and how often they are fetched for the REST interface. */
import { seconds, type Duration } from '../../base/units.ts';
import { duration, option, optional, portRange, text, type ConfigOption } from '../option.ts';

interface MetricOptions {
  readonly reporters: ConfigOption<string | undefined>;
  readonly fetcherUpdateInterval: ConfigOption<Duration>;
  readonly prometheusHost: ConfigOption<string>;
  readonly prometheusPort: ConfigOption<string>;
  readonly otelEndpoint: ConfigOption<string>;
  readonly otelInterval: ConfigOption<Duration>;
  readonly otelTimeout: ConfigOption<Duration>;
  readonly otelServiceName: ConfigOption<string>;
}

export const MetricOptions: MetricOptions = {
  reporters: optional(
    'metrics.reporters',
    text,
    'Who reports metrics, separated by commas: "prom" serves them to Prometheus, "otel" pushes them to an OpenTelemetry collector. Unset: nobody.',
  ),
  fetcherUpdateInterval: option(
    'metrics.fetcher.update-interval',
    duration,
    seconds(10),
    'Metrics that the REST interface shows are at most this old.',
  ),
  prometheusHost: option(
    'metrics.reporter.prom.host',
    text,
    '127.0.0.1',
    'The address on which a process serves its metrics to Prometheus. The page tells names of jobs and hosts to whoever can reach it.',
  ),
  prometheusPort: option(
    'metrics.reporter.prom.port',
    portRange,
    '9249',
    'The port on which a process serves its metrics to Prometheus; with several processes on a machine a range such as "9249-9260", of which each takes the first free one.',
  ),
  otelEndpoint: option(
    'metrics.reporter.otel.exporter.endpoint',
    text,
    'http://127.0.0.1:4318/v1/metrics',
    'Where the collector takes metrics by OTLP over HTTP.',
  ),
  otelInterval: option(
    'metrics.reporter.otel.interval',
    duration,
    seconds(10),
    'How often metrics are pushed to the collector.',
  ),
  otelTimeout: option(
    'metrics.reporter.otel.exporter.timeout',
    duration,
    seconds(10),
    'How long the collector may take to answer.',
  ),
  otelServiceName: option(
    'metrics.reporter.otel.service.name',
    text,
    'millrace',
    'The name of the service under which the collector files the metrics.',
  ),
};
