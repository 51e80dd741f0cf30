/**
 * Brings back what the operators of a task kept at a checkpoint, before they are opened, and what
 * was in flight to and from the task.
 *
 * Invariants
 * R1. A file that cannot be read fails the task: nothing starts empty that was not.
 * R2. Records in flight reach the subtask that owns their key group now; each is given to one.
 * R3. What an operator cannot take is not dropped: whoever deploys the task decides on that.
 */
import { EngineError } from '../../../base/errors.ts';
import { keyGroupRange } from '../../../graph/key-groups.ts';
import type { Batch } from '../../../network/batch.ts';
import { ObjectBatch, RowBatch } from '../../../network/batch.ts';
import { decodeInFlight } from '../../../network/in-flight.ts';
import type { EdgeParallelism, RestoredInFlight } from '../../../network/in-flight.ts';
import type { RestoredElement } from '../../../network/input-gate.ts';
import type { RecordWriter } from '../../../network/record-writer.ts';
import { SinkOperator } from '../../../operators/sink-operator.ts';
import type {
  ChannelState,
  KeyedStateHandle,
  OperatorRestore,
  StateHandle,
  StateRestore,
} from '../../../protocol/checkpoint.ts';
import { snapshotInputOf } from '../../../state/memory-snapshot.ts';
import type { SnapshotInput } from '../../../state/snapshot.ts';
import type { Codec } from '../../../types/schema.ts';
import { requireSameKeys } from './in-flight-keys.ts';
import type { InFlightKeys } from './in-flight-keys.ts';
import type { StatefulOperator } from './operator-states.ts';
import type { SnapshotFile, SnapshotStorage } from './snapshot-streams.ts';

/** An edge that ends at the task, or begins there. */
interface RestoredEdge {
  readonly edge: string;
  readonly codec: Codec<unknown>;
  /** Undefined: nothing is dealt out by key. */
  readonly keys: InFlightKeys | undefined;
  /** As it is now. */
  readonly parallelism: EdgeParallelism;
}

export interface RestoredInputEdge extends RestoredEdge {
  readonly input: 0 | 1;
  /** The place in the gate of the channel from that producer. */
  placeOf(producer: number): number | undefined;
}

export interface RestoredOutputEdge extends RestoredEdge {
  readonly writer: RecordWriter;
  /** The channel to that consumer. */
  channelOf(consumer: number): number | undefined;
}

export class StateFiles {
  readonly #storage: SnapshotStorage;
  readonly #open: SnapshotFile[] = [];

  constructor(storage: SnapshotStorage) {
    this.#storage = storage;
  }

  async input(handle: StateHandle, name: string): Promise<SnapshotInput> {
    if (handle.kind === 'inline') return snapshotInputOf(name, handle.bytes);
    const file = await this.#storage.openFile(handle);
    this.#open.push(file);
    if (file.size !== handle.size) {
      throw new EngineError('STATE_SNAPSHOT_CORRUPT', {
        source: handle.uri,
        reason: `it has ${file.size} bytes, and ${handle.size} were written`,
      });
    }
    return file;
  }

  async bytes(handle: StateHandle): Promise<Uint8Array> {
    if (handle.kind === 'inline') return handle.bytes;
    const input = await this.input(handle, handle.uri);
    return input.read(0, input.size);
  }

  async close(): Promise<void> {
    for (const file of this.#open.splice(0)) await file.close();
  }
}

/** Before the operators are opened. */
export async function restoreOperators(
  operators: readonly StatefulOperator[],
  restore: StateRestore,
  files: StateFiles,
): Promise<void> {
  for (const operator of operators) {
    const restored = restore.operators.find((each) => each.operator === operator.id);
    if (restored !== undefined) {
      await restoreOperator(operator, restored, restore, files);
    }
  }
}

async function restoreOperator(
  { keyedState, operatorState, operator: instance }: StatefulOperator,
  restored: OperatorRestore,
  { checkpointId, isClaimed }: Pick<StateRestore, 'checkpointId' | 'isClaimed'>,
  files: StateFiles,
): Promise<void> {
  const { keyed, operatorState: lists, operator, committables, committable } = restored;
  const isSink = instance instanceof SinkOperator;
  const commits = isSink && instance.hasCommitter;
  if (committables.length > 0 && !commits) throw notTaken(operator, 'it commits nothing');
  if (isSink) {
    instance.restoreCommittables({ checkpointId, isClaimed, committables, committable });
  }
  if (keyed.length > 0) {
    if (keyedState === undefined) throw notTaken(operator, 'it has no keys');
    const chains: SnapshotInput[][] = [];
    for (const handle of keyed) chains.push(await keyedInputs(handle, operator, files));
    await keyedState.restore(chains);
  }
  const inputs: SnapshotInput[] = [];
  for (const { subtask, handle } of lists) {
    inputs.push(await files.input(handle, `the lists of subtask ${subtask} of ${operator}`));
  }
  // Who had finished has no lists left.
  await operatorState.restore(inputs, restored.formerParallelism - inputs.length);
}

/** R3 */
function notTaken(operator: string, reason: string): EngineError {
  const source = `what was kept of operator ${operator}`;
  return new EngineError('STATE_SNAPSHOT_MISMATCH', { source, reason });
}

/** A full snapshot and what has changed after it, oldest first. */
async function keyedInputs(
  { parts, firstKeyGroup, lastKeyGroup }: KeyedStateHandle,
  operator: string,
  files: StateFiles,
): Promise<SnapshotInput[]> {
  const inputs: SnapshotInput[] = [];
  for (const part of parts) {
    const name = `key groups ${firstKeyGroup} to ${lastKeyGroup} of ${operator}`;
    inputs.push(await files.input(part, name));
  }
  return inputs;
}

/** What is to be read before anything of the channels. */
export async function restoreInputs(
  channels: readonly ChannelState[],
  edges: readonly RestoredInputEdge[],
  own: { readonly subtask: number; readonly maxParallelism: number },
  files: StateFiles,
): Promise<RestoredElement[]> {
  const elements: RestoredElement[] = [];
  for (const channel of channels) {
    const edge = edgeOf(edges, channel);
    const { input, parallelism } = edge;
    const data = await decode(channel, edge, files);
    const isSame = sameParallelism(data.parallelism, parallelism);
    const place = isSame ? edge.placeOf(channel.producer) : undefined;
    const range = keyGroupRange(own.subtask, own.maxParallelism, parallelism.consumer);
    const isMoved = edge.keys !== undefined && data.parallelism.consumer !== parallelism.consumer;
    for (const element of data.elements) {
      if (element.kind === 'watermark') {
        // Of another parallelism it speaks for channels that are not there any more.
        if (place !== undefined) elements.push({ input, place, element });
        continue;
      }
      const batch = isMoved ? ofKeyGroups(element, range) : element;
      if (batch.size > 0) elements.push({ input, place, element: batch });
    }
  }
  return elements;
}

/** R2 */
function ofKeyGroups(
  batch: Batch,
  { first, last }: { readonly first: number; readonly last: number },
): Batch {
  const isOwn = (index: number): boolean => {
    const group = batch.keyGroups![index]!;
    return group >= first && group <= last;
  };
  if (batch.kind === 'rows') {
    const rows = new RowBatch();
    for (let i = 0; i < batch.size; i += 1) {
      if (isOwn(i)) rows.copyRow(batch, i, batch.keyGroups![i]!);
    }
    return rows;
  }
  const objects = new ObjectBatch();
  for (let i = 0; i < batch.size; i += 1) {
    if (isOwn(i)) objects.appendKeyed(batch.values[i], batch.timestampAt(i), batch.keyGroups![i]!);
  }
  return objects;
}

/** Emits what had not left the task, before its operators are opened. */
export async function restoreOutputs(
  channels: readonly ChannelState[],
  edges: readonly RestoredOutputEdge[],
  files: StateFiles,
): Promise<void> {
  for (const channel of channels) {
    const edge = edgeOf(edges, channel);
    const data = await decode(channel, edge, files);
    const isSame = sameParallelism(data.parallelism, edge.parallelism);
    const to = isSame ? edge.channelOf(channel.consumer) : undefined;
    for (const element of data.elements) edge.writer.restored(element, to);
  }
}

async function decode(
  { handle, producer, consumer }: ChannelState,
  { edge, codec, keys }: RestoredEdge,
  files: StateFiles,
): Promise<RestoredInFlight> {
  const source =
    handle.kind === 'file' ? handle.uri : `channel ${producer} to ${consumer} of edge ${edge}`;
  const data = decodeInFlight(await files.bytes(handle), codec, source);
  if (keys === undefined) return data;
  for (const element of data.elements) {
    // Rows say nothing of a function.
    if (element.kind === 'objects') requireSameKeys(element, keys);
  }
  return data;
}

function edgeOf<E extends RestoredEdge>(edges: readonly E[], { edge: id }: ChannelState): E {
  const edge = edges.find((each) => each.edge === id);
  if (edge !== undefined) return edge;
  throw new EngineError('STATE_SNAPSHOT_MISMATCH', {
    source: `the data in flight on edge ${id}`,
    reason: 'the job has no such edge any more',
  });
}

function sameParallelism(before: EdgeParallelism, now: EdgeParallelism): boolean {
  return before.producer === now.producer && before.consumer === now.consumer;
}
