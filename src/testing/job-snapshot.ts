/**
 * A snapshot of a whole job at a moment of rest, taken from the tasks of a harness and given to
 * those of another, at the same parallelism or another one.
 *
 * Invariants
 * N1. At rest all queues are empty, so that state is all there is to keep.
 * N2. An operator finds its state by its id, as a savepoint would.
 */
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';
import type { Timestamp } from '../base/units.ts';
import type { OperatorId } from '../graph/job-graph.ts';
import { keyGroupRange } from '../graph/key-groups.ts';
import type { KeyGroupRange } from '../state/keyed-state-backend.ts';
import { snapshotInputOf } from '../state/memory-snapshot.ts';
import type { SnapshotInput, SnapshotOutput, SnapshotWriter } from '../state/snapshot.ts';
import type { WiredOperator, WiredTask } from '../taskexecutor/slot/task-wiring.ts';
import type { DrivenState } from './driven-source.ts';
import type { FedState } from './fed-source.ts';

export interface SubtaskState {
  readonly keyed: Uint8Array | undefined;
  /** Undefined if the operator has none. */
  readonly operatorState: Uint8Array | undefined;
}

export interface OperatorSnapshot {
  /** For messages. */
  readonly name: string;
  readonly maxParallelism: number;
  /** By subtask. */
  readonly subtasks: readonly SubtaskState[];
}

/** Everything that a job needs to go on from where it was. */
export interface JobState {
  readonly takenAt: Timestamp;
  readonly operators: ReadonlyMap<OperatorId, OperatorSnapshot>;
  readonly fed: ReadonlyMap<OperatorId, readonly FedState[]>;
  readonly driven: ReadonlyMap<OperatorId, DrivenState>;
}

/** @throws EngineError API_INVALID_ARGUMENT unless the tasks are at rest (N1). */
export function requireRest(
  tasks: readonly WiredTask[],
  nameOf: (task: WiredTask) => string,
): void {
  for (const wired of tasks) {
    const { task, deployment } = wired;
    const where = `"${nameOf(wired)}" (subtask ${deployment.subtask})`;
    if (task.phase !== 'running') {
      // A source that has ended is known to have; what others did at their end cannot be repeated.
      const sourceAlone = task.source !== undefined && wired.operators.length === 1;
      if (task.phase === 'finished' && sourceAlone) continue;
      refuse(`${where} has reached its end; take snapshots before that`);
    }
    if (task.isHeld || task.runnable) {
      refuse(`${where} waits for asynchronous work; let it come to an end first`);
    }
  }
}

function refuse(reason: string): never {
  throw new EngineError('API_INVALID_ARGUMENT', { call: 'snapshot', reason });
}

/** The state of all operators of all tasks. */
export async function snapshotOperators(
  tasks: readonly WiredTask[],
): Promise<ReadonlyMap<OperatorId, OperatorSnapshot>> {
  const states = new Map<OperatorId, SubtaskState[]>();
  const operators = new Map<OperatorId, OperatorSnapshot>();
  for (const { deployment, operators: members } of tasks) {
    const { maxParallelism, subtask } = deployment;
    for (const member of members) {
      const subtasks = states.get(member.id) ?? [];
      await member.operator.prepareSnapshot?.(SNAPSHOT_ID);
      subtasks[subtask] = snapshotOf(member);
      states.set(member.id, subtasks);
      operators.set(member.id, { name: member.name, maxParallelism, subtasks });
    }
  }
  return operators;
}

/** A harness has no checkpoints that could be told apart. */
const SNAPSHOT_ID = 1;

function snapshotOf({ keyedState, operatorState }: WiredOperator): SubtaskState {
  return {
    keyed: keyedState && writtenBy((output) => keyedState.beginSnapshot(output)),
    operatorState: operatorState.isEmpty
      ? undefined
      : writtenBy((output) => operatorState.beginSnapshot(output)),
  };
}

/** Gives an operator of a fresh task, before it is opened, its part of a snapshot. */
export async function restoreState(
  { keyedState, operatorState }: WiredOperator,
  snapshot: OperatorSnapshot,
): Promise<void> {
  const { subtasks } = snapshot;
  if (keyedState !== undefined) {
    const wanted = overlapping(keyedState.keyGroups, snapshot);
    const keyed = inputsOf('keyed state', subtasks, ({ keyed: bytes }, index) =>
      wanted(index) ? bytes : undefined,
    );
    if (keyed.length > 0) await keyedState.restore(keyed.map((input) => [input]));
  }
  await operatorState.restore(inputsOf('state', subtasks, (state) => state.operatorState));
}

/** Whether a former subtask had any of these key groups. */
function overlapping(
  { first, last }: KeyGroupRange,
  { maxParallelism, subtasks }: OperatorSnapshot,
): (subtask: number) => boolean {
  return (subtask) => {
    const had = keyGroupRange(subtask, maxParallelism, subtasks.length);
    return had.first <= last && first <= had.last;
  };
}

/** The bytes of a snapshot, written at once. */
export function writtenBy(begin: (output: SnapshotOutput) => SnapshotWriter): Uint8Array {
  const out = new ByteWriter();
  const writer = begin({ write: (bytes) => out.raw(bytes) });
  while (writer.writeSlice(Number.POSITIVE_INFINITY, () => 0) !== 'done');
  return out.copy();
}

function inputsOf(
  what: string,
  subtasks: readonly SubtaskState[],
  bytesOf: (state: SubtaskState, subtask: number) => Uint8Array | undefined,
): readonly SnapshotInput[] {
  return subtasks.flatMap((state, index) => {
    const bytes = bytesOf(state, index);
    return bytes === undefined ? [] : [snapshotInputOf(`${what} of subtask ${index}`, bytes)];
  });
}
