/** Statistics over the subtasks of a vertex, with Flink's way to find percentiles. */
import type { AttemptInfo } from '../../protocol/execution-graph-info.ts';
import { integer, named, object, record } from '../shape.ts';
import type { Shape } from '../shape.ts';
import { durationsOf } from './attempt.ts';
import { ioMetricsOf } from './io-metrics.ts';

interface Statistics {
  readonly min: number | bigint;
  readonly max: number | bigint;
  readonly avg: number | bigint;
  readonly sum: number | bigint;
  readonly median: number | bigint;
  readonly p25: number | bigint;
  readonly p75: number | bigint;
  readonly p95: number | bigint;
}

export interface Aggregated {
  readonly metrics: Readonly<Record<string, Statistics>>;
  readonly 'status-duration': Readonly<Record<string, Statistics>>;
}

const statistics: Shape<Statistics> = named(
  'MetricStatistics',
  object({
    min: integer,
    max: integer,
    avg: integer,
    sum: integer,
    median: integer,
    p25: integer,
    p75: integer,
    p95: integer,
  }),
);

export const aggregated: Shape<Aggregated> = named(
  'AggregatedTaskDetailsInfo',
  object({ metrics: record(statistics), 'status-duration': record(statistics) }),
);

const METRICS = [
  'read-bytes',
  'write-bytes',
  'read-records',
  'write-records',
  'accumulated-backpressured-time',
  'accumulated-idle-time',
  'accumulated-busy-time',
] as const;

export function aggregatedOf(attempts: readonly AttemptInfo[], now: number): Aggregated {
  const all = attempts.map((attempt) => ioMetricsOf([attempt]));
  const durations = attempts.map((attempt) => durationsOf(attempt, now));
  const states = Object.keys(durations[0] ?? {});
  return {
    metrics: Object.fromEntries(
      METRICS.map((name) => [name, statisticsOf(all.map((each) => Number(each[name])))]),
    ),
    'status-duration': Object.fromEntries(
      states.map((state) => [state, statisticsOf(durations.map((each) => each[state]!))]),
    ),
  };
}

export function statisticsOf(values: readonly number[]): Statistics {
  const sorted = [...values].sort((left, right) => left - right);
  const sum = sorted.reduce((total, value) => total + value, 0);
  const at = (percent: number): number => Math.trunc(percentile(sorted, percent));
  return {
    min: sorted[0] ?? 0,
    max: sorted.at(-1) ?? 0,
    avg: Math.trunc(sum / Math.max(sorted.length, 1)),
    sum,
    median: at(50),
    p25: at(25),
    p75: at(75),
    p95: at(95),
  };
}

/** The estimate of Commons Math: position p * (n + 1) in the sorted values. */
export function percentile(sorted: readonly number[], percent: number): number {
  const position = (percent / 100) * (sorted.length + 1);
  const below = Math.floor(position);
  if (sorted.length === 0) return 0;
  if (below < 1) return sorted[0]!;
  if (below >= sorted.length) return sorted.at(-1)!;
  const lower = sorted[below - 1]!;
  return lower + (position - below) * (sorted[below]! - lower);
}
