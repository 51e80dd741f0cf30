/**
 * What a JobManager measures of a job, under Flink's names. For a status that the job is in, its
 * `Time` is how long it has been; else 0.
 */
import type { MetricValue } from './metric.ts';

/** Of the job, as far as it is needed here. Times in wall-clock milliseconds. */
export interface MeasuredJob {
  readonly status: string;
  readonly statusTimestamps: Readonly<Partial<Record<string, number>>>;
  readonly restarts: number;
  /** How many subtasks there are, and how many of them run or have finished. */
  readonly subtasks: number;
  readonly subtasksRunningOrFinished: number;
}

const STATUS_TIMES = {
  initializingTime: ['INITIALIZING'],
  createdTime: ['CREATED'],
  runningTime: ['RUNNING', 'COMMITTING'],
  restartingTime: ['RESTARTING'],
  failingTime: ['FAILING'],
  cancellingTime: ['CANCELLING'],
} as const;

const ENDED = ['FINISHED', 'CANCELED', 'FAILED'];

export function jobGauges(job: MeasuredJob, now: number): MetricValue[] {
  const { status, statusTimestamps } = job;
  const inStatus = (statuses: readonly string[]): number => {
    if (!statuses.includes(status)) return 0;
    const since = Math.min(...statuses.map((each) => statusTimestamps[each] ?? Infinity));
    return Number.isFinite(since) ? Math.max(now - since, 0) : 0;
  };
  const up = inStatus(STATUS_TIMES.runningTime);
  const all = job.subtasks > 0 && job.subtasksRunningOrFinished === job.subtasks;
  const values: Record<string, number> = {
    ...Object.fromEntries(
      Object.entries(STATUS_TIMES).map(([name, statuses]) => [name, inStatus(statuses)]),
    ),
    // As Flink: -1 once the job has ended.
    uptime: ENDED.includes(status) ? -1 : up,
    downtime: ENDED.includes(status) ? -1 : inStatus(['RESTARTING', 'FAILING']),
    deployingTime: status === 'RUNNING' && !all ? up : 0,
    allSubTasksRunningOrFinishedTime: all ? up : 0,
    numRestarts: job.restarts,
    fullRestarts: job.restarts,
    numRescales: 0,
  };
  return Object.entries(values).map(([name, value]) => ({ kind: 'gauge', name, value }));
}
