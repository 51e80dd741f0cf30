/**
 * Where the subtasks of a job run and what each of them is told: the ExecutionGraph laid out over
 * slots, and the deployments made of it. Subtask i of every vertex of a slot sharing group runs in
 * slot i of that group, so that what can stay in one thread does.
 *
 * N1. Subtask i of all vertices of a co-location group is in one slot of the job, in every attempt.
 */
import { assert } from '../base/assert.ts';
import { createExecutionGraph } from '../graph/execution-graph.ts';
import type { ExecutionGraph, ExecutionVertex } from '../graph/execution-graph.ts';
import type { JobGraph, JobVertex, OperatorId, VertexId } from '../graph/job-graph.ts';
import { slotSharingGroups } from '../graph/slot-sharing.ts';
import { failoverRegionsOf } from '../scheduling/failover-strategy.ts';
import type { FailoverStrategy } from '../scheduling/failover-strategy.ts';
import { NO_RESOURCES, profileKey } from '../protocol/resource-profile.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { SlotRequirement } from '../protocol/resource-manager-service.ts';
import type { ProfileNeed } from '../scheduling/slot-pool.ts';
import type { SlotLocation, TaskDeployment, TaskRestore } from '../protocol/task-deployment.ts';

export interface PlannedExecution {
  readonly vertex: JobVertex;
  readonly subtask: number;
  readonly wiring: ExecutionVertex;
  /** Number of the slot within the job. */
  readonly slot: number;
}

export interface JobPlan {
  readonly graph: ExecutionGraph;
  readonly executions: readonly PlannedExecution[];
  readonly slotCount: number;
  /** The failover region of each slot. */
  readonly regionOf: readonly number[];
  /** What each slot must have; undefined: the default. */
  readonly resourceOf: readonly (ResourceProfile | undefined)[];
  /** By `${vertex}/${subtask}`. */
  readonly indexes: ReadonlyMap<string, number>;
  /** The vertex of each source operator. */
  readonly sources: ReadonlyMap<OperatorId, VertexId>;
}

/** @throws EngineError JOB_FAILOVER_INDIVIDUAL */
export function planJob(jobGraph: JobGraph, strategy: FailoverStrategy): JobPlan {
  const graph = createExecutionGraph(jobGraph);
  const firstSlots = new Map<string, number>();
  let slotCount = 0;
  const resourceOf: (ResourceProfile | undefined)[] = [];
  for (const { name, slots, resources } of slotSharingGroups(jobGraph)) {
    firstSlots.set(name, slotCount);
    slotCount += slots;
    const profile = resources && { ...NO_RESOURCES, ...resources };
    for (let i = 0; i < slots; i++) resourceOf.push(profile);
  }
  const executions = graph.vertices.flatMap(({ vertex, subtasks }) =>
    subtasks.map((wiring): PlannedExecution => {
      const { subtask } = wiring;
      return { vertex, subtask, wiring, slot: firstSlots.get(vertex.slotSharingGroup)! + subtask };
    }),
  );
  requireTogether(executions);
  const indexes = new Map(
    executions.map(({ vertex, subtask }, index) => [`${vertex.id}/${subtask}`, index]),
  );
  const sources = new Map<OperatorId, VertexId>();
  for (const vertex of jobGraph.vertices) {
    for (const { id, kind } of vertex.operators) if (kind === 'source') sources.set(id, vertex.id);
  }
  const regionOf = failoverRegionsOf(
    graph,
    strategy,
    slotCount,
    (vertex, subtask) => executions[indexes.get(`${vertex}/${subtask}`)!]!.slot,
  );
  return { graph, executions, slotCount, regionOf, resourceOf, indexes, sources };
}

/** N1. The graph was checked when it was built; here its plan is. */
function requireTogether(executions: readonly PlannedExecution[]): void {
  const slots = new Map<string, number>();
  for (const { vertex, subtask, slot } of executions) {
    for (const key of vertex.coLocationGroups ?? []) {
      const place = `${subtask} of ${key}`;
      const known = slots.get(place) ?? slot;
      assert(known === slot, `N1: subtask ${place} is in the slots ${known} and ${slot}`);
      slots.set(place, slot);
    }
  }
}

/** What the job needs, of the profiles that the pool asks for. */
export function requirementsOf(
  { executions, resourceOf }: JobPlan,
  needs: readonly ProfileNeed[],
): readonly SlotRequirement[] {
  return needs.map(({ profile, slots }) => {
    const alike = new Set(resourceOf.keys().filter((i) => profileKey(resourceOf[i]) === profile));
    const [first] = alike;
    const tasks = executions.filter(({ slot }) => alike.has(slot)).length;
    return {
      resource: first === undefined ? undefined : resourceOf[first],
      slots,
      tasks: Math.ceil(tasks / Math.max(alike.size, 1)),
    };
  });
}

export function executionIdOf({ vertex, subtask }: PlannedExecution, attempt: number): string {
  return `${vertex.id}/${subtask}/${attempt}`;
}

/** Undefined for an id that no execution of the plan can have. */
export function parseExecutionId(
  plan: JobPlan,
  executionId: string,
): { readonly index: number; readonly attempt: number } | undefined {
  const slash = executionId.lastIndexOf('/');
  const index = plan.indexes.get(executionId.slice(0, slash));
  const attempt = Number(executionId.slice(slash + 1));
  return index === undefined || !Number.isInteger(attempt) ? undefined : { index, attempt };
}

export interface DeploymentRequest {
  readonly attempt: number;
  /** Indexes of the executions to deploy. */
  readonly executions: readonly number[];
  readonly locationOf: (slot: number) => SlotLocation;
  /** From what an execution goes on; undefined: from the start. */
  readonly restoreOf: (execution: number) => TaskRestore | undefined;
}

/** By number of the slot. */
export function deploymentsOf(
  plan: JobPlan,
  request: DeploymentRequest,
): ReadonlyMap<number, readonly TaskDeployment[]> {
  const bySlot = new Map<number, TaskDeployment[]>();
  for (const index of request.executions) {
    const execution = plan.executions[index];
    assert(execution !== undefined, `no execution ${index} in the plan`);
    const tasks = bySlot.get(execution.slot) ?? [];
    bySlot.set(execution.slot, tasks);
    tasks.push(deploymentOf(plan, execution, index, request));
  }
  return bySlot;
}

function maxParallelismOf({ graph }: JobPlan, vertex: VertexId): number {
  return graph.jobGraph.vertices.find(({ id }) => id === vertex)!.maxParallelism;
}

function deploymentOf(
  plan: JobPlan,
  execution: PlannedExecution,
  index: number,
  { attempt, locationOf, restoreOf }: DeploymentRequest,
): TaskDeployment {
  const { vertex, subtask, wiring } = execution;
  const at = (vertexId: VertexId, of: number): SlotLocation =>
    locationOf(plan.executions[plan.indexes.get(`${vertexId}/${of}`)!]!.slot);
  const restore = restoreOf(index);
  const runs = restore?.kind !== 'commit';
  return {
    executionId: executionIdOf(execution, attempt),
    vertex: vertex.id,
    name: vertex.name,
    subtask,
    attempt,
    parallelism: vertex.parallelism,
    maxParallelism: vertex.maxParallelism,
    inputs: (runs ? wiring.inputs : []).map(({ edge, channels }) => ({
      edge: edge.id,
      channels: channels.map(({ channel, producer }) => ({
        channel,
        producer,
        location: at(edge.source, producer),
      })),
    })),
    outputs: (runs ? wiring.outputs : []).map(({ edge, channels }) => ({
      edge: edge.id,
      maxParallelism: maxParallelismOf(plan, edge.target),
      channels: channels.map(({ channel, consumer }) => ({
        channel,
        consumer,
        location: at(edge.target, consumer),
      })),
    })),
    restore,
  };
}
