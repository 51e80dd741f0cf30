/**
 * Metrics pushed to an OpenTelemetry collector by OTLP over HTTP. Names are those of Flink's
 * reporter with dots, `flink.taskmanager.job.task.operator.numRecordsIn`, labels are attributes.
 *
 * O1. One push at a time: a collector that is slow makes the pushes rarer, not more.
 * O2. A push that fails is said once, and again when pushing works; the next one comes all the
 *     same.
 */
import type { HrTime, ValueType } from '@opentelemetry/api';
import type * as Sdk from '@opentelemetry/sdk-metrics';
import type { MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { EngineError, messageOf } from '../../base/errors.ts';
import type { Timestamp } from '../../base/units.ts';
import type { HistogramStatistics, MetricValue, ScopedMetrics } from '../metric.ts';
import { logicalScope, scopeLabels } from '../metric-scope.ts';

export interface OtlpReporterOptions {
  /** Of the collector, e.g. `http://collector:4318/v1/metrics`. */
  readonly endpoint: string;
  readonly timeoutMillis: number;
  /** As `service.name`. */
  readonly serviceName: string;
  readonly read: () => Promise<readonly ScopedMetrics[]>;
  readonly now: () => Timestamp;
  readonly log: (level: 'info' | 'warn', message: string) => void;
}

type Attributes = Readonly<Record<string, string>>;

interface Exporter {
  push(metrics: ResourceMetrics): Promise<void>;
  close(): Promise<void>;
  readonly sdk: typeof Sdk;
  readonly double: ValueType;
  readonly resource: ResourceMetrics['resource'];
}

export class OtlpReporter {
  readonly #options: OtlpReporterOptions;
  readonly #exporter: Exporter;
  readonly #started: Timestamp;
  #pushing: Promise<void> | undefined;
  #failing = false;

  private constructor(options: OtlpReporterOptions, exporter: Exporter) {
    this.#options = options;
    this.#exporter = exporter;
    this.#started = options.now();
  }

  /** @throws EngineError DEPENDENCY_MISSING if OpenTelemetry's packages are not installed */
  static async start(options: OtlpReporterOptions): Promise<OtlpReporter> {
    return new OtlpReporter(options, await loadExporter(options));
  }

  /** O1. Never rejects. */
  push(): Promise<void> {
    this.#pushing ??= this.#push().finally(() => (this.#pushing = undefined));
    return this.#pushing;
  }

  /** Pushes once more, so that the last values are not lost. */
  async close(): Promise<void> {
    await this.#pushing;
    await this.push();
    await this.#exporter.close();
  }

  async #push(): Promise<void> {
    const { endpoint, log, read } = this.#options;
    try {
      await this.#exporter.push(this.#resourceMetrics(await read()));
      if (this.#failing) log('info', `Metrics go to ${endpoint} again.`);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) log('warn', `Metrics do not reach ${endpoint}: ${messageOf(error)}`);
      this.#failing = true;
    }
  }

  #resourceMetrics(scopes: readonly ScopedMetrics[]): ResourceMetrics {
    const metrics = scopes.flatMap(({ scope, metrics: values }) => {
      const prefix = ['flink', ...logicalScope(scope)].join('.');
      const attributes = scopeLabels(scope);
      return values.flatMap((value) => this.#dataOf(value, prefix, attributes));
    });
    const scope = { name: 'millrace' };
    return { resource: this.#exporter.resource, scopeMetrics: [{ scope, metrics }] };
  }

  #dataOf(metric: MetricValue, prefix: string, scope: Attributes): MetricData[] {
    const name = `${prefix}.${metric.logicalName ?? metric.name}`;
    const attributes = { ...scope, ...metric.labels };
    switch (metric.kind) {
      case 'counter':
        return [this.#sum(name, attributes, metric.value)];
      case 'meter':
        return [
          this.#sum(`${name}.count`, attributes, metric.value),
          this.#gauge(`${name}.rate`, attributes, metric.rate),
        ];
      case 'gauge': {
        const value = Number(metric.value);
        return Number.isNaN(value) ? [] : [this.#gauge(name, attributes, value)];
      }
      case 'histogram':
        return (Object.entries(metric.value) as [keyof HistogramStatistics, number][]).map(
          ([statistic, value]) => this.#gauge(`${name}.${statistic}`, attributes, value),
        );
    }
  }

  /** Counters may be decremented, so the sum is not said to be monotonic. */
  #sum(name: string, attributes: Attributes, value: number): MetricData {
    return {
      ...this.#base(name),
      dataPointType: this.#exporter.sdk.DataPointType.SUM,
      isMonotonic: false,
      dataPoints: [this.#point(attributes, value)],
    };
  }

  #gauge(name: string, attributes: Attributes, value: number): MetricData {
    return {
      ...this.#base(name),
      dataPointType: this.#exporter.sdk.DataPointType.GAUGE,
      dataPoints: [this.#point(attributes, value)],
    };
  }

  #base(name: string): Pick<MetricData, 'descriptor' | 'aggregationTemporality'> {
    const { sdk, double: valueType } = this.#exporter;
    return {
      descriptor: { name, description: '', unit: '', valueType },
      aggregationTemporality: sdk.AggregationTemporality.CUMULATIVE,
    };
  }

  #point(attributes: Attributes, value: number): Sdk.DataPoint<number> {
    const { now } = this.#options;
    return { startTime: hrTime(this.#started), endTime: hrTime(now()), attributes, value };
  }
}

async function loadExporter(options: OtlpReporterOptions): Promise<Exporter> {
  const { endpoint: url, timeoutMillis, serviceName } = options;
  try {
    const [{ OTLPMetricExporter }, { resourceFromAttributes }, sdk, api] = await Promise.all([
      import('@opentelemetry/exporter-metrics-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-metrics'),
      import('@opentelemetry/api'),
    ]);
    const exporter = new OTLPMetricExporter({ url, timeoutMillis });
    return {
      push: (metrics) =>
        new Promise((resolve, reject) => {
          exporter.export(metrics, ({ code, error }) => {
            if (Number(code) === 0) resolve();
            else reject(error ?? new Error('the collector refused them'));
          });
        }),
      close: () => exporter.shutdown(),
      sdk,
      double: api.ValueType.DOUBLE,
      resource: resourceFromAttributes({ 'service.name': serviceName }),
    };
  } catch (cause) {
    const name =
      '@opentelemetry/api @opentelemetry/sdk-metrics @opentelemetry/resources ' +
      '@opentelemetry/exporter-metrics-otlp-http';
    const parameters = { name, what: 'The OpenTelemetry reporter' };
    throw new EngineError('DEPENDENCY_MISSING', parameters, { cause });
  }
}

function hrTime(at: Timestamp): HrTime {
  return [Math.floor(at / 1000), (at % 1000) * 1e6];
}
