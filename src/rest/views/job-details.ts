/** A job with its vertices. */
import { sha256Hex } from '../../base/sha256.ts';
import type {
  ExecutionGraphInfo,
  ExecutionVertexInfo,
} from '../../protocol/execution-graph-info.ts';
import { attemptsOf } from '../cluster.ts';
import { boolean, integer, list, named, nullable, object, text } from '../shape.ts';
import type { Shape, TypeOf } from '../shape.ts';
import { spanOfAll } from './attempt.ts';
import { ioMetrics, ioMetricsOf } from './io-metrics.ts';
import type { IoMetrics } from './io-metrics.ts';
import { planInfo, planInfoOf } from './plan.ts';
import type { PlanInfo } from './plan.ts';
import {
  countStates,
  shownStatus,
  stateCounts,
  statusTimes,
  statusTimesOf,
  vertexState,
} from './states.ts';
import type { StateCounts } from './states.ts';

interface VertexInfo {
  readonly id: string;
  readonly slotSharingGroupId: string;
  readonly name: string;
  readonly maxParallelism: number | bigint;
  readonly parallelism: number | bigint;
  readonly status: string;
  readonly 'start-time': number | bigint;
  readonly 'end-time': number | bigint;
  readonly duration: number | bigint;
  readonly tasks: StateCounts;
  readonly metrics: IoMetrics;
}

const vertexInfo: Shape<VertexInfo> = named(
  'JobVertexDetailsInfo',
  object({
    id: text,
    slotSharingGroupId: text,
    name: text,
    maxParallelism: integer,
    parallelism: integer,
    status: text,
    'start-time': integer,
    'end-time': integer,
    duration: integer,
    tasks: stateCounts,
    metrics: ioMetrics,
  }),
);

export interface JobDetailsInfo {
  readonly jid: string;
  readonly 'application-id': string;
  readonly name: string;
  readonly isStoppable: boolean;
  readonly state: string;
  readonly 'job-type': string;
  readonly schedulerType: string;
  readonly 'start-time': number | bigint;
  readonly 'end-time': number | bigint;
  readonly duration: number | bigint;
  readonly maxParallelism: number | bigint;
  readonly now: number | bigint;
  readonly timestamps: TypeOf<typeof statusTimes>;
  readonly vertices: readonly VertexInfo[];
  readonly 'status-counts': StateCounts;
  readonly plan: PlanInfo;
  readonly 'pending-operators': number | bigint;
  /**
   * Of our own: what the job waits for, in words; the checkpoints that have failed since the newest
   * complete one; how often the job was started again.
   */
  readonly 'waiting-for': string | null;
  readonly 'failing-checkpoints': FailingCheckpointsInfo | null;
  readonly restarts: number | bigint;
}

interface FailingCheckpointsInfo {
  readonly count: number | bigint;
  readonly message: string;
}

const failingCheckpoints: Shape<FailingCheckpointsInfo> = object({ count: integer, message: text });

export const jobDetailsInfo: Shape<JobDetailsInfo> = named(
  'JobDetailsInfo',
  object({
    jid: text,
    'application-id': text,
    name: text,
    isStoppable: boolean,
    state: text,
    'job-type': text,
    schedulerType: text,
    'start-time': integer,
    'end-time': integer,
    duration: integer,
    maxParallelism: integer,
    now: integer,
    timestamps: statusTimes,
    vertices: list(vertexInfo),
    'status-counts': stateCounts,
    plan: planInfo,
    'pending-operators': integer,
    'waiting-for': nullable(text),
    'failing-checkpoints': nullable(failingCheckpoints),
    restarts: integer,
  }),
);

export function jobDetailsOf(job: ExecutionGraphInfo, now: number): JobDetailsInfo {
  const { jobId, name, jobType, startTime, endTime } = job;
  const vertices = job.vertices.map((vertex) => vertexInfoOf(jobId, vertex, now));
  return {
    jid: jobId,
    'application-id': jobId,
    name,
    isStoppable: false,
    state: shownStatus(job.status),
    'job-type': jobType,
    schedulerType: 'Default',
    'start-time': startTime,
    'end-time': endTime,
    duration: Math.max((endTime < 0 ? now : endTime) - startTime, 0),
    maxParallelism: job.maxParallelism,
    now,
    timestamps: statusTimesOf(job.statusTimestamps),
    vertices,
    'status-counts': countStates(
      job.vertices.map((vertex) => vertexState(countStates(statesOf(vertex)), vertex.parallelism)),
    ),
    plan: planInfoOf(jobId, name, jobType, job.graph),
    'pending-operators': 0,
    'waiting-for': job.waitingFor ?? null,
    'failing-checkpoints': job.checkpoints?.failing ?? null,
    restarts: job.restarts,
  };
}

function vertexInfoOf(jobId: string, vertex: ExecutionVertexInfo, now: number): VertexInfo {
  const attempts = attemptsOf(vertex);
  const tasks = countStates(statesOf(vertex));
  const { id, name, maxParallelism, parallelism, slotSharingGroup } = vertex;
  return {
    id,
    // Flink's groups have random ids; these are the same after a restart.
    slotSharingGroupId: sha256Hex(`${jobId} ${slotSharingGroup}`).slice(0, 32),
    ...{ name, maxParallelism, parallelism },
    status: vertexState(tasks, parallelism),
    ...spanOfAll(attempts, now),
    tasks,
    metrics: ioMetricsOf(attempts),
  };
}

function statesOf(vertex: ExecutionVertexInfo): Parameters<typeof countStates>[0] {
  return attemptsOf(vertex).map(({ state }) => state);
}
