/**
 * What a JobManager or TaskManager process tells of itself, and the reporters that tell it to
 * others.
 */
import { seconds } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import { MetricOptions } from '../config/options/metric-options.ts';
import type { Env } from '../env/env.ts';
import { nodeProcessUsage } from '../env/node/process-usage.ts';
import type { MetricValue, ScopedMetrics } from '../metrics/metric.ts';
import { ProcessMetrics } from '../metrics/process-metrics.ts';
import type { MetricReporters } from './metric-reporters.ts';

const LOAD_WINDOW = seconds(10);

export interface ProcessMeasurement extends Disposable {
  values(): readonly MetricValue[];
}

export function measureProcess({ machine }: Pick<Env, 'machine'>): ProcessMeasurement {
  const usage = nodeProcessUsage();
  const metrics = new ProcessMetrics(() => usage.read(), machine.cores, LOAD_WINDOW);
  return {
    values: () => metrics.values(),
    [Symbol.dispose]: () => usage[Symbol.dispose](),
  };
}

/** Undefined where none is configured: then nothing of them is loaded. */
export async function startReporters(
  env: Pick<Env, 'clock' | 'log'>,
  configuration: Configuration,
  read: () => Promise<readonly ScopedMetrics[]>,
): Promise<MetricReporters | undefined> {
  if (configuration.get(MetricOptions.reporters) === undefined) return undefined;
  const [{ nodeHttpServer }, { MetricReporters: reporters }] = await Promise.all([
    import('../env/node/http-server.ts'),
    import('./metric-reporters.ts'),
  ]);
  return reporters.start({ env, http: nodeHttpServer(env.log), configuration, read });
}
