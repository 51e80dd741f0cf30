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
  /** Undefined for a job that takes no checkpoints. */
  readonly checkpoints: CheckpointGauges | undefined;
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

/** Of the checkpoints of a job, under Flink's names. */
export type CheckpointGauges = Readonly<
  Record<Exclude<keyof typeof NO_CHECKPOINTS, 'lastCheckpointExternalPath'>, number>
> &
  Readonly<Record<'lastCheckpointExternalPath', string>>;

/** As Flink tells them of a job that has taken no checkpoint. */
const NO_CHECKPOINTS = {
  totalNumberOfCheckpoints: 0,
  numberOfInProgressCheckpoints: 0,
  numberOfCompletedCheckpoints: 0,
  numberOfFailedCheckpoints: 0,
  lastCheckpointRestoreTimestamp: -1,
  lastCheckpointSize: -1,
  lastCheckpointFullSize: -1,
  lastCheckpointMetadataSize: -1,
  lastCheckpointDuration: -1,
  lastCheckpointCompletedTimestamp: -1,
  lastCheckpointProcessedData: -1,
  lastCheckpointPersistedData: -1,
  lastCompletedCheckpointId: -1,
  lastCheckpointExternalPath: 'n/a',
} as const;

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
  const gauges: Record<string, number | string> = {
    ...values,
    ...(job.checkpoints ?? NO_CHECKPOINTS),
  };
  return Object.entries(gauges).map(([name, value]) => ({ kind: 'gauge', name, value }));
}
