/**
 * Metrics as Prometheus reads them, under the names of Flink's reporter, so that dashboards and
 * alerts made for Flink go on working: `flink_taskmanager_job_task_operator_numRecordsIn`. As
 * there, everything is a gauge, a meter shows its rate, and a histogram has its quantiles.
 */
import type * as PromClient from 'prom-client';
import { EngineError } from '../../base/errors.ts';
import type { HistogramStatistics, MetricValue, ScopedMetrics } from '../metric.ts';
import { logicalScope, scopeLabels } from '../metric-scope.ts';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

interface Family {
  readonly labelNames: Set<string>;
  readonly samples: Sample[];
}

const QUANTILES = {
  '0.5': 'p50',
  '0.75': 'p75',
  '0.95': 'p95',
  '0.98': 'p98',
  '0.99': 'p99',
  '0.999': 'p999',
} as const satisfies Readonly<Record<string, keyof HistogramStatistics>>;

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * The page that Prometheus scrapes. Texts that are no numbers are left out, as Prometheus has none.
 * @throws EngineError DEPENDENCY_MISSING if `prom-client` is not installed
 */
export async function prometheusPage(scopes: readonly ScopedMetrics[]): Promise<string> {
  const { Gauge, Registry } = await loadPromClient();
  const families = new Map<string, Family>();
  for (const { scope, metrics } of scopes) {
    const prefix = ['flink', ...logicalScope(scope)].join('_');
    const labels = scopeLabels(scope);
    for (const metric of metrics) {
      for (const sample of samplesOf(metric, prefix, labels)) add(families, sample);
    }
  }
  const registry = new Registry();
  for (const [name, { labelNames, samples }] of families) {
    const help = 'See the documentation of metrics.';
    const gauge = new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
    for (const { labels, value } of samples) gauge.set({ ...labels }, value);
  }
  return registry.metrics();
}

async function loadPromClient(): Promise<typeof PromClient> {
  try {
    return await import('prom-client');
  } catch (cause) {
    const parameters = { name: 'prom-client', what: 'The Prometheus reporter' };
    throw new EngineError('DEPENDENCY_MISSING', parameters, { cause });
  }
}

function add(families: Map<string, Family>, sample: Sample): void {
  let family = families.get(sample.name);
  if (family === undefined) {
    families.set(sample.name, (family = { labelNames: new Set(), samples: [] }));
  }
  for (const label of Object.keys(sample.labels)) family.labelNames.add(label);
  family.samples.push(sample);
}

function samplesOf(metric: MetricValue, prefix: string, scope: Labels): Sample[] {
  const name = sanitized(`${prefix}_${metric.logicalName ?? metric.name}`);
  const labels: Record<string, string> = { ...scope };
  for (const [key, value] of Object.entries(metric.labels ?? {})) labels[sanitized(key)] = value;
  switch (metric.kind) {
    case 'counter':
      return [{ name, labels, value: metric.value }];
    case 'meter':
      return [{ name, labels, value: metric.rate }];
    case 'gauge': {
      const value = typeof metric.value === 'number' ? metric.value : numberOf(metric.value);
      return value === undefined ? [] : [{ name, labels, value }];
    }
    case 'histogram':
      return [
        { name: `${name}_count`, labels, value: metric.value.count },
        ...Object.entries(QUANTILES).map(([quantile, key]) => ({
          ...{ name, labels: { ...labels, quantile }, value: metric.value[key] },
        })),
      ];
  }
}

/** Prometheus' names are letters, digits, `_` and `:`, and begin with no digit. */
function sanitized(name: string): string {
  const clean = name.replace(/[^a-zA-Z0-9_:]/g, '_');
  return /^\d/.test(clean) ? `_${clean}` : clean;
}

function numberOf(text: string): number | undefined {
  if (text === 'true') return 1;
  if (text === 'false') return 0;
  const value = Number(text);
  return text.trim() === '' || (Number.isNaN(value) && text !== 'NaN') ? undefined : value;
}
