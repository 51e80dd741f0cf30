/** Puts together what a JobMaster tells of its job: ExecutionGraphInfo and JobSummary. */
import type { Configuration } from '../config/configuration.ts';
import { PipelineOptions } from '../config/options/pipeline-options.ts';
import { RestartStrategyOptions } from '../config/options/restart-strategy-options.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import type { CheckpointStatistics } from '../protocol/checkpoint-statistics.ts';
import type {
  ExecutionGraphInfo,
  ExecutionVertexInfo,
  JobSummary,
  JobType,
} from '../protocol/execution-graph-info.ts';
import type { ExecutionState } from '../protocol/job-status.ts';
import type { Accumulator } from '../protocol/slot-messages.ts';
import type { JobState } from '../scheduling/job-state.ts';
import { describeRestartStrategy, restartStrategyOf } from '../scheduling/restart-strategy.ts';
import type { JobHistory } from './job-history.ts';
import type { JobPlan } from './job-plan.ts';

export interface JobView {
  readonly jobId: string;
  /** What it is called until it is built. */
  readonly callName: string;
  readonly state: JobState;
  /** Undefined before the job is built. */
  readonly plan: JobPlan | undefined;
  readonly history: JobHistory;
  /** That of the job over that of the cluster. */
  readonly configuration: Configuration;
  /** What was submitted with the job, as long as it has no graph. */
  readonly submitted: Readonly<Record<string, string>>;
  readonly accumulators: readonly Accumulator[];
  readonly waitingFor: string | undefined;
  readonly checkpoints: CheckpointStatistics | undefined;
}

export function executionGraphInfo(view: JobView): ExecutionGraphInfo {
  const { jobId, callName, state, plan, history, configuration } = view;
  const graph = plan?.graph.jobGraph;
  return {
    ...{ jobId, name: graph?.name ?? callName, status: state.status, jobType: jobTypeOf(graph) },
    maxParallelism: configuration.get(PipelineOptions.maxParallelism),
    startTime: history.startTime,
    endTime: history.endTime,
    statusTimestamps: history.statusTimestamps,
    configuration: graph?.configuration ?? view.submitted,
    parallelism: configuration.get(PipelineOptions.parallelism),
    restartStrategy: restartStrategyText(view),
    graph,
    vertices: plan === undefined ? [] : verticesOf(plan, history),
    failures: history.failures.all,
    failuresTruncated: history.failures.truncated,
    accumulators: sumAccumulators(view.accumulators),
    restarts: history.restarts,
    waitingFor: view.waitingFor,
    checkpoints: view.checkpoints,
  };
}

export function jobSummary({ jobId, callName, state, plan, history }: JobView): JobSummary {
  const tasks: Partial<Record<ExecutionState, number>> = {};
  for (const { state: one } of state.executions) tasks[one] = (tasks[one] ?? 0) + 1;
  const graph = plan?.graph.jobGraph;
  return {
    ...{ jobId, name: graph?.name ?? callName, jobType: jobTypeOf(graph), status: state.status },
    startTime: history.startTime,
    endTime: history.endTime,
    lastModification: history.lastModification,
    tasks,
    totalTasks: state.executions.length,
  };
}

/** One value for each counter of an operator. */
export function sumAccumulators(all: readonly Accumulator[]): readonly Accumulator[] {
  const sums = new Map<string, Accumulator>();
  for (const { operator, name, value } of all) {
    const key = `${operator} ${name}`;
    sums.set(key, { operator, name, value: (sums.get(key)?.value ?? 0) + value });
  }
  return [...sums.values()];
}

function jobTypeOf(graph: JobGraph | undefined): JobType {
  return graph?.edges.some(({ exchange }) => exchange === 'blocking') ? 'BATCH' : 'STREAMING';
}

function restartStrategyText({ configuration, plan, submitted }: JobView): string {
  const own = plan?.graph.jobGraph.configuration ?? submitted;
  const { key, fallbackKeys } = RestartStrategyOptions.type;
  if (![key, ...fallbackKeys].some((each) => Object.hasOwn(own, each))) {
    return 'Cluster level default restart strategy';
  }
  return describeRestartStrategy(restartStrategyOf(configuration));
}

function verticesOf(plan: JobPlan, { attempts }: JobHistory): readonly ExecutionVertexInfo[] {
  if (attempts === undefined) return [];
  return plan.graph.jobGraph.vertices.map((vertex) => {
    const { id, name, slotSharingGroup, parallelism, maxParallelism, operators } = vertex;
    return {
      ...{ id, name, slotSharingGroup, parallelism, maxParallelism },
      operators: operators.map((operator) => ({ id: operator.id, name: operator.name })),
      subtasks: Array.from({ length: parallelism }, (_, subtask) =>
        attempts.subtask(plan.indexes.get(`${id}/${subtask}`)!),
      ),
    };
  });
}
