/**
 * The reporters of one process: Prometheus is served a page, an OpenTelemetry collector is pushed
 * to. Their libraries are loaded only where they are configured.
 */
import { assert } from '../base/assert.ts';
import { EngineError, messageOf } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import { checkBind } from '../config/bind-safety.ts';
import type { Configuration } from '../config/configuration.ts';
import { portsOf } from '../config/option.ts';
import { MetricOptions } from '../config/options/metric-options.ts';
import type { Env } from '../env/env.ts';
import type { HttpListener, HttpServer } from '../env/http.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';

export interface MetricReportersOptions {
  readonly env: Pick<Env, 'clock' | 'log'>;
  readonly http: HttpServer;
  readonly configuration: Configuration;
  readonly read: () => Promise<readonly ScopedMetrics[]>;
}

type Reporter = { close(): Promise<void> };

const LIMITS = {
  headerBytes: 16 * 1024,
  connections: 100,
  headerTimeout: seconds(10),
  requestTimeout: seconds(10),
  keepAliveTimeout: seconds(60),
};

export class MetricReporters {
  readonly #reporters: readonly Reporter[];
  /** Where Prometheus finds the page; undefined where it is not configured. */
  readonly prometheus: { readonly host: string; readonly port: number } | undefined;

  private constructor(reporters: readonly Reporter[], prometheus: HttpListener | undefined) {
    this.#reporters = reporters;
    this.prometheus = prometheus;
  }

  /**
   * @throws EngineError CONFIG_INVALID_VALUE for a reporter that there is not, NETWORK_FAILED if
   *   no port is free, DEPENDENCY_MISSING
   */
  static async start(options: MetricReportersOptions): Promise<MetricReporters> {
    const reporters: Reporter[] = [];
    let prometheus: HttpListener | undefined;
    try {
      for (const name of namesOf(options.configuration)) {
        if (name === 'prom') {
          const listener = await servePrometheus(options);
          prometheus = listener;
          reporters.push({ close: async () => listener[Symbol.asyncDispose]() });
        } else reporters.push(await pushToCollector(options));
      }
      return new MetricReporters(reporters, prometheus);
    } catch (error) {
      await Promise.all(reporters.map((reporter) => reporter.close()));
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#reporters.map((reporter) => reporter.close()));
  }
}

function namesOf(configuration: Configuration): readonly ('prom' | 'otel')[] {
  const { reporters } = MetricOptions;
  const names = (configuration.get(reporters) ?? '')
    .split(/[,;]/)
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return [...new Set(names)].map((name) => {
    if (name === 'prom' || name === 'otel') return name;
    throw new EngineError('CONFIG_INVALID_VALUE', {
      key: reporters.key,
      value: JSON.stringify(name),
      expected: '"prom", "otel" or both, separated by a comma',
    });
  });
}

async function servePrometheus(options: MetricReportersOptions): Promise<HttpListener> {
  const { env, configuration, read } = options;
  const { prometheusPage, PROMETHEUS_CONTENT_TYPE } =
    await import('../metrics/reporters/prometheus.ts');
  // A package that lacks is told now and not by every scrape.
  await prometheusPage([]);
  const listener = await listenOnFirstFree(options, async ({ method, target }) => {
    const path = target.split('?')[0];
    if (method !== 'GET' || (path !== '/metrics' && path !== '/')) {
      const headers = { 'content-type': 'text/plain; charset=utf-8' };
      return { status: 404, headers, body: 'Metrics are served under /metrics.\n' };
    }
    const headers = { 'content-type': PROMETHEUS_CONTENT_TYPE };
    return { status: 200, headers, body: await prometheusPage(await read()) };
  });
  const host = configuration.get(MetricOptions.prometheusHost);
  const page = `http://${host}:${listener.port}/metrics`;
  env.log.write('info', 'Prometheus finds the metrics', { page });
  return listener;
}

async function listenOnFirstFree(
  { env, http, configuration }: MetricReportersOptions,
  handler: Parameters<HttpServer['listen']>[1],
): Promise<HttpListener> {
  const host = configuration.get(MetricOptions.prometheusHost);
  const warning = checkBind(configuration, {
    ...{ what: 'the page of metrics', host, hostKey: MetricOptions.prometheusHost.key },
    ...{ authenticated: false, encrypted: false },
    remedy:
      'Let Prometheus come over a proxy on this machine, or push with metrics.reporters: otel.',
  });
  if (warning !== undefined) env.log.write('warn', warning);
  let refused: unknown;
  for (const port of portsOf(configuration.get(MetricOptions.prometheusPort))!) {
    try {
      return await http.listen({ host, port, limits: LIMITS }, handler);
    } catch (error) {
      refused = error;
    }
  }
  throw refused;
}

async function pushToCollector(options: MetricReportersOptions): Promise<Reporter> {
  const { env, configuration, read } = options;
  const { OtlpReporter } = await import('../metrics/reporters/otlp.ts');
  const reporter = await OtlpReporter.start({
    endpoint: configuration.get(MetricOptions.otelEndpoint),
    timeoutMillis: configuration.get(MetricOptions.otelTimeout),
    serviceName: configuration.get(MetricOptions.otelServiceName),
    read,
    now: () => env.clock.now(),
    log: (level, message) => env.log.write(level, message),
  });
  const interval = configuration.get(MetricOptions.otelInterval);
  let timer: Disposable | undefined;
  let closed = false;
  const fatal = (error: unknown): void => assert(false, `O2: a push rejected: ${messageOf(error)}`);
  const schedule = (): void => {
    timer = env.clock.after(interval, () => {
      // It never rejects.
      reporter.push().then(() => {
        if (!closed) schedule();
      }, fatal);
    });
  };
  schedule();
  return {
    close: async () => {
      closed = true;
      timer?.[Symbol.dispose]();
      await reporter.close();
    },
  };
}
