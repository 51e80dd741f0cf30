/**
 * The reporters of one process: Prometheus is served a page, an OpenTelemetry collector is pushed
 * to. Their libraries are loaded only where they are configured.
 */
import { assert } from '../base/assert.ts';
import { EngineError, messageOf } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import { checkBind, isLoopback } from '../config/bind-safety.ts';
import type { Configuration } from '../config/configuration.ts';
import { portsOf } from '../config/option.ts';
import { MetricOptions } from '../config/options/metric-options.ts';
import { RestOptions } from '../config/options/rest-options.ts';
import type { Env } from '../env/env.ts';
import type { HttpListener, HttpResponse, HttpServer } from '../env/http.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';
import { isKnownHost } from '../rest/access.ts';

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

const UNKNOWN_HOST: HttpResponse = {
  status: 403,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: 'Use the address of this machine, or add the name to millrace.rest.allowed-hosts.\n',
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
  const hosts = hostsOf(configuration);
  const listener = await listenOnFirstFree(options, async ({ method, target, headers: asked }) => {
    const path = target.split('?')[0];
    if (hosts !== undefined && !isKnownHost(asked['host'] ?? '', hosts)) return UNKNOWN_HOST;
    if ((method !== 'GET' && method !== 'HEAD') || (path !== '/metrics' && path !== '/')) {
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

/**
 * The names by which the page may be called. A browser can be brought to this machine's own ports
 * under the name of any site; undefined where other machines may come, which do so by many names.
 */
function hostsOf(configuration: Configuration): ReadonlySet<string> | undefined {
  if (!isLoopback(configuration.get(MetricOptions.prometheusHost))) return undefined;
  const more = (configuration.get(RestOptions.allowedHosts) ?? '').split(/[;,]/);
  return new Set(['localhost', ...more.map((host) => host.trim().toLowerCase())]);
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
