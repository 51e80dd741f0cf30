/** A job as Flink's lists of jobs show it. */
import type { JobSummary } from '../../protocol/execution-graph-info.ts';
import { integer, named, object, text } from '../shape.ts';
import type { Shape } from '../shape.ts';
import { lowerCounts, lowerStateCounts, shownStatus } from './states.ts';
import type { LowerStateCounts } from './states.ts';

export interface JobOverviewInfo {
  readonly jid: string;
  readonly name: string;
  readonly jobType: string;
  readonly schedulerType: string;
  readonly 'start-time': number | bigint;
  readonly 'end-time': number | bigint;
  readonly duration: number | bigint;
  readonly state: string;
  readonly 'last-modification': number | bigint;
  readonly tasks: LowerStateCounts;
  readonly 'pending-operators': number | bigint;
}

export const jobOverview: Shape<JobOverviewInfo> = named(
  'JobDetails',
  object({
    jid: text,
    name: text,
    jobType: text,
    schedulerType: text,
    'start-time': integer,
    'end-time': integer,
    duration: integer,
    state: text,
    'last-modification': integer,
    tasks: lowerStateCounts,
    'pending-operators': integer,
  }),
);

export function jobOverviewOf(job: JobSummary, now: number): JobOverviewInfo {
  return {
    jid: job.jobId,
    name: job.name,
    jobType: job.jobType,
    schedulerType: 'Default',
    'start-time': job.startTime,
    'end-time': job.endTime,
    duration: Math.max((job.endTime < 0 ? now : job.endTime) - job.startTime, 0),
    state: shownStatus(job.status),
    'last-modification': job.lastModification,
    tasks: lowerCounts(job.tasks, job.totalTasks),
    'pending-operators': 0,
  };
}
