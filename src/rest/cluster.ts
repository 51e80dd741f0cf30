/**
 * The cluster as REST's handlers ask it: gateways that find the present leader, what is measured,
 * and what the process at hand can show of itself.
 */
import { isEngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Clock } from '../env/env.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import type { DispatcherService } from '../protocol/dispatcher-service.ts';
import type {
  AttemptInfo,
  ExecutionGraphInfo,
  ExecutionVertexInfo,
  SubtaskInfo,
} from '../protocol/execution-graph-info.ts';
import type { ResourceManagerService } from '../protocol/resource-manager-service.ts';
import type { Gateway } from '../protocol/service.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import type { MetricView } from './metric-view.ts';
import type { ProcessView } from './process-view.ts';
import { handlerError, jobNotFound, notFound } from './rest-error.ts';

export interface RestCluster {
  /** @throws EngineError RPC_UNREACHABLE while nobody leads */
  dispatcher(): Promise<Gateway<DispatcherService>>;
  resourceManager(): Promise<Gateway<ResourceManagerService>>;
  metrics(): Promise<MetricView>;
  readonly clock: Clock;
  /** 32 hexadecimal digits that nobody has had before. */
  newId(): string;
  /** For how long the result of an operation can be asked for. */
  readonly keepOperations: Duration;
  /** Of the cluster, with what was set and nothing else. */
  readonly configuration: Configuration;
  /** The client of an attached job lives at least until then (wall clock). */
  clientHeartbeat(jobId: string, until: number): Promise<void>;
  /** Builds a job without running it. @throws EngineError JOB_*, GRAPH_*, CONFIG_* */
  build(job: JobReference): Promise<JobGraph>;
  /** Resolves when the job is built and runs. @throws EngineError JOB_*, GRAPH_*, CONFIG_* */
  submit(job: JobReference, options: SubmitOptions): Promise<void>;
  /**
   * What the sinks of a job send for a client, a line of JSON each, to its end.
   * @throws EngineError JOB_NOT_FOUND
   */
  clientMessages(jobId: string): Promise<AsyncIterable<Uint8Array>>;
  /** Ends the cluster, after the answer has been sent. */
  shutDown(): void;
  readonly process: ProcessView;
  /** Under which clients reach the server, e.g. `http://localhost:8081`. */
  readonly url: string;
}

export interface SubmitOptions {
  /** Of the graph that the client has built. */
  readonly fingerprint: string | undefined;
  /** Messages for a client wait until it takes them. */
  readonly attached: boolean;
  /** After so long without a word of the client the job is cancelled, from its submission on. */
  readonly clientHeartbeatTimeout: Duration | undefined;
}

/** @throws RestError 404 in Flink's words */
export async function requireJob(cluster: RestCluster, jobId: string): Promise<ExecutionGraphInfo> {
  const job = await findJob(cluster, jobId);
  if (job === undefined) throw jobNotFound(jobId);
  return job;
}

export async function findJob(
  cluster: RestCluster,
  jobId: string,
): Promise<ExecutionGraphInfo | undefined> {
  const dispatcher = await cluster.dispatcher();
  try {
    return await dispatcher.requestJob({ jobId });
  } catch (thrown) {
    if (isEngineError(thrown, 'JOB_NOT_FOUND')) return undefined;
    throw thrown;
  }
}

export function findVertex(job: ExecutionGraphInfo, id: string): ExecutionVertexInfo | undefined {
  return job.vertices.find((vertex) => vertex.id === id);
}

/** @throws RestError 404 in one of the two ways in which Flink says it */
export function requireVertex(job: ExecutionGraphInfo, id: string): ExecutionVertexInfo {
  const vertex = findVertex(job, id);
  if (vertex === undefined) throw handlerError(404, `No vertex with ID '${id}' exists.`);
  return vertex;
}

/** The other one. */
export function requireJobVertex(job: ExecutionGraphInfo, id: string): ExecutionVertexInfo {
  const vertex = findVertex(job, id);
  if (vertex === undefined) throw notFound(`JobVertex ${id} not found`);
  return vertex;
}

export function requireSubtask(vertex: ExecutionVertexInfo, index: number): SubtaskInfo {
  const subtask = vertex.subtasks.find((each) => each.subtask === index);
  if (subtask !== undefined) return subtask;
  throw handlerError(404, `Invalid subtask index for vertex ${vertex.id}`);
}

export function requireAttempt({ current, previous }: SubtaskInfo, number: number): AttemptInfo {
  const attempt = [current, ...previous].find((each) => each.attempt === number);
  if (attempt === undefined) throw handlerError(404, `Invalid attempt num ${number}`);
  return attempt;
}

export function attemptsOf(vertex: ExecutionVertexInfo): readonly AttemptInfo[] {
  return vertex.subtasks.map(({ current }) => current);
}
