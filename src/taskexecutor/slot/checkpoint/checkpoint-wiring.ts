/**
 * Puts the checkpoints of a task together with its gate, writers and operators, and says how it is
 * brought back from one.
 */
import type { Clock, Log } from '../../../env/env.ts';
import type { CompiledJob, JobEdge, JobVertex } from '../../../graph/job-graph.ts';
import type { EdgeParallelism } from '../../../network/in-flight.ts';
import type { InputGate } from '../../../network/input-gate.ts';
import { isOvertakable } from '../../../network/record-writer.ts';
import type { RecordWriter } from '../../../network/record-writer.ts';
import type { OperatorChain } from '../../../operators/operator-chain.ts';
import type { SinkWiring } from '../../../operators/sink-operator.ts';
import type { StateRestore } from '../../../protocol/checkpoint.ts';
import type { TaskDeployment } from '../../../protocol/task-deployment.ts';
import { commitPrepared } from '../commit-prepared.ts';
import type { BackgroundWork } from './background-work.ts';
import type { InFlightKeys } from './in-flight-keys.ts';
import type { StatefulOperator } from './operator-states.ts';
import { restoreInputs, restoreOperators, restoreOutputs, StateFiles } from './restore-states.ts';
import type { SnapshotStorage } from './snapshot-streams.ts';
import { TaskCheckpoints } from './task-checkpoints.ts';
import type { CheckpointAnswer } from './task-checkpoints.ts';

/** How a slot takes part in checkpoints. */
export interface SlotCheckpoints {
  readonly storage: SnapshotStorage;
  readonly incremental: boolean;
  readonly background: BackgroundWork;
  answer(message: CheckpointAnswer): void;
}

export interface CheckpointedTask {
  readonly job: CompiledJob;
  readonly vertex: JobVertex;
  readonly deployment: TaskDeployment;
  readonly clock: Clock;
  readonly log: Log;
  readonly chain: OperatorChain;
  readonly gate: InputGate | undefined;
  /** By their edges. */
  readonly writers: ReadonlyMap<string, RecordWriter>;
  readonly operators: readonly StatefulOperator[];
  bytesIn(): number;
  sinkWiring(operator: string): SinkWiring;
}

/** What a later attempt must know of an edge on which barriers may overtake; else undefined. */
export function overtakableEdge(job: CompiledJob, edge: JobEdge): EdgeParallelism | undefined {
  if (!isOvertakable(job.edges.get(edge.id)!.partitioner)) return undefined;
  return parallelismOf(job, edge);
}

export function taskCheckpoints(task: CheckpointedTask, slot: SlotCheckpoints): TaskCheckpoints {
  const { deployment, job, vertex, chain, gate, writers, operators, clock } = task;
  return new TaskCheckpoints({
    executionId: deployment.executionId,
    name: `"${vertex.name}" (subtask ${deployment.subtask})`,
    ...{ subtask: deployment.subtask, chain, gate, operators, clock },
    inputs: deployment.inputs.flatMap(({ edge, channels }) =>
      channels.map(({ producer }) => ({ edge, producer })),
    ),
    outputs: deployment.outputs.map(({ edge, channels }) => ({
      edge,
      writer: writers.get(edge)!,
      consumers: channels.map(({ consumer }) => consumer),
      overtakable: overtakableEdge(job, edgeOf(job, edge)),
    })),
    hadFinished: hadFinished(deployment),
    ...{ streams: slot.storage, incremental: slot.incremental, background: slot.background },
    bytesIn: () => task.bytesIn(),
    answer: (message) => slot.answer(message),
  });
}

/** Whether the task had read all its input. */
export function hadFinished({ restore }: TaskDeployment): boolean {
  return restore?.kind === 'state' && restore.finished;
}

/**
 * Before the operators of the task are opened. Of one that had read all its input they are not
 * opened: what its sinks had prepared is committed, and that is all.
 */
export async function restoreTask(
  task: CheckpointedTask,
  restore: StateRestore,
  storage: SnapshotStorage,
): Promise<void> {
  if (restore.finished) {
    const { job, deployment, log } = task;
    const wiringOf = (operator: string): SinkWiring => task.sinkWiring(operator);
    return commitPrepared({ job, deployment, log, wiringOf, sinks: restore.operators });
  }
  const files = new StateFiles(storage);
  try {
    await restoreOperators(task.operators, restore, files);
    await restoreFlight(task, restore, files);
  } finally {
    await files.close();
  }
}

async function restoreFlight(
  { job, deployment, gate, writers }: CheckpointedTask,
  restore: StateRestore,
  files: StateFiles,
): Promise<void> {
  const codecOf = (edge: string): CompiledCodec => job.edges.get(edge)!.schema.codec;
  let place = 0;
  const inputs = deployment.inputs.map(({ edge: id, channels }) => {
    const edge = edgeOf(job, id);
    const first = place;
    place += channels.length;
    return {
      ...{ edge: id, codec: codecOf(id), parallelism: parallelismOf(job, edge) },
      input: edge.targetInput,
      keys: keysOf(job, edge, restore, deployment.maxParallelism),
      placeOf: (producer: number) => {
        const index = channels.findIndex((channel) => channel.producer === producer);
        return index === -1 ? undefined : first + index;
      },
    };
  });
  const elements = await restoreInputs(restore.inputs, inputs, deployment, files);
  gate?.restore(elements);
  const outputs = deployment.outputs.map(({ edge: id, channels, maxParallelism }) => ({
    ...{ edge: id, codec: codecOf(id), parallelism: parallelismOf(job, edgeOf(job, id)) },
    keys: keysOf(job, edgeOf(job, id), restore, maxParallelism),
    writer: writers.get(id)!,
    channelOf: (consumer: number) => {
      const index = channels.findIndex((channel) => channel.consumer === consumer);
      return index === -1 ? undefined : index;
    },
  }));
  await restoreOutputs(restore.outputs, outputs, files);
}

type CompiledCodec = import('../../../types/schema.ts').Codec<unknown>;

function parallelismOf({ graph }: CompiledJob, { source, target }: JobEdge): EdgeParallelism {
  const of = (vertex: string): number =>
    graph.vertices.find(({ id }) => id === vertex)!.parallelism;
  return { producer: of(source), consumer: of(target) };
}

/** @param maxParallelism as the master has it, who takes over that of the checkpoint */
function keysOf(
  { graph, edges }: CompiledJob,
  { id, source, target }: JobEdge,
  { checkpointId }: StateRestore,
  maxParallelism: number,
): InFlightKeys | undefined {
  const { partitioner } = edges.get(id)!;
  if (partitioner.kind !== 'hash') return undefined;
  const nameOf = (of: string): string => graph.vertices.find((each) => each.id === of)!.name;
  const names = { source: nameOf(source), target: nameOf(target) };
  return { selector: partitioner.key, maxParallelism, ...names, checkpointId };
}

function edgeOf({ graph }: CompiledJob, id: string): JobEdge {
  return graph.edges.find((edge) => edge.id === id)!;
}
