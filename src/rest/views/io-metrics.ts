/** What tasks have read, written and waited, in the nine numbers of Flink's pages. */
import type { AttemptInfo } from '../../protocol/execution-graph-info.ts';
import { boolean, integer, named, number, object } from '../shape.ts';
import type { Shape } from '../shape.ts';

export interface IoMetrics {
  readonly 'read-bytes': number | bigint;
  readonly 'read-bytes-complete': boolean;
  readonly 'write-bytes': number | bigint;
  readonly 'write-bytes-complete': boolean;
  readonly 'read-records': number | bigint;
  readonly 'read-records-complete': boolean;
  readonly 'write-records': number | bigint;
  readonly 'write-records-complete': boolean;
  readonly 'accumulated-backpressured-time': number | bigint;
  readonly 'accumulated-idle-time': number | bigint;
  readonly 'accumulated-busy-time': number;
}

export const ioMetrics: Shape<IoMetrics> = named(
  'IOMetricsInfo',
  object({
    'read-bytes': integer,
    'read-bytes-complete': boolean,
    'write-bytes': integer,
    'write-bytes-complete': boolean,
    'read-records': integer,
    'read-records-complete': boolean,
    'write-records': integer,
    'write-records-complete': boolean,
    'accumulated-backpressured-time': integer,
    'accumulated-idle-time': integer,
    'accumulated-busy-time': number,
  }),
);

const STARTING: readonly string[] = ['CREATED', 'SCHEDULED', 'DEPLOYING', 'INITIALIZING'];

/** Sums over attempts. They are complete when every attempt has begun to count. */
export function ioMetricsOf(attempts: readonly AttemptInfo[]): IoMetrics {
  const sum = (of: (attempt: AttemptInfo) => number): number =>
    Math.round(attempts.reduce((total, attempt) => total + of(attempt), 0));
  const complete = attempts.every(
    ({ state, countsComplete }) => countsComplete || !STARTING.includes(state),
  );
  return {
    'read-bytes': sum(({ bytesIn }) => bytesIn),
    'read-bytes-complete': complete,
    'write-bytes': sum(({ bytesOut }) => bytesOut),
    'write-bytes-complete': complete,
    'read-records': sum(({ recordsIn }) => recordsIn),
    'read-records-complete': complete,
    'write-records': sum(({ recordsOut }) => recordsOut),
    'write-records-complete': complete,
    'accumulated-backpressured-time': sum(({ backPressuredMillis }) => backPressuredMillis),
    'accumulated-idle-time': sum(({ idleMillis }) => idleMillis),
    'accumulated-busy-time': sum(({ busyMillis }) => busyMillis),
  };
}
