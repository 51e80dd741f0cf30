// What operators have become that cannot take the state of their uid, and what they may let lie.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Timestamp } from '../src/base/units.ts';
import { state } from '../src/functions/state.ts';
import type { ChainedOperator, JobGraph, TakenStates } from '../src/graph/job-graph.ts';
import type { OperatorSnapshot, StateHandle } from '../src/protocol/checkpoint.ts';
import { HeapKeyedStateBackend } from '../src/state/heap/heap-keyed-state-backend.ts';
import { MemorySnapshot } from '../src/state/memory-snapshot.ts';
import { OperatorStateBackend } from '../src/state/operator-state.ts';
import type { SnapshotOutput, SnapshotWriter } from '../src/state/snapshot.ts';
import type { CheckpointMetadata } from '../src/storage/checkpoint-metadata.ts';
import { t } from '../src/types/index.ts';
import { StateAssignment } from '../src/checkpoint/state-assignment.ts';
import { unclaimedState } from '../src/checkpoint/unclaimed-state.ts';

const ALL: TakenStates = { keyed: true, lists: true, committables: true, enumerator: true };
const NONE: TakenStates = { keyed: false, lists: false, committables: false, enumerator: false };

function inline(begin: (output: SnapshotOutput) => SnapshotWriter): StateHandle {
  const memory = new MemorySnapshot('s');
  const writer = begin(memory);
  while (writer.writeSlice(0, () => 0) !== 'done');
  return { kind: 'inline', bytes: memory.bytes() };
}

function keyed(count: number): OperatorSnapshot['keyed'] {
  const keyGroups = { first: 0, last: 3 };
  const backend = HeapKeyedStateBackend.open({ operator: 'a', keyGroups, maxParallelism: 4 });
  const total = backend.register('total', state.value(t.int32));
  backend.register('never used', state.value(t.int32));
  for (let key = 0; key < count; key++) {
    backend.setCurrentKey(key, key % 4);
    total.set(key);
  }
  const handle = inline((output) => backend.beginSnapshot(output, { order: 'natural' }));
  return { firstKeyGroup: 0, lastKeyGroup: 3, parts: [handle] };
}

function lists(name: string): StateHandle {
  const backend = new OperatorStateBackend({ operator: 'a', subtask: 0, parallelism: 1 });
  backend.union(name, t.int32).add(1);
  return inline((output) => backend.beginSnapshot(output));
}

const NOTHING: OperatorSnapshot = {
  ...{ operator: 'a', keyed: undefined, operatorState: undefined, committables: [] },
};
const PREPARED = [{ checkpointId: 7, committables: [new Uint8Array([1])] }];

function taken(kept: Partial<OperatorSnapshot>, enumerator?: Uint8Array): CheckpointMetadata {
  return {
    ...{ jobId: 'j', jobName: 'job', checkpointId: 7, triggeredAt: 0 as Timestamp },
    ...{ purpose: 'checkpoint', format: undefined, fingerprint: 'f', blob: new Uint8Array(0) },
    operators: [
      {
        ...{ operator: 'a', uid: 'sums', name: 'process', parallelism: 1, maxParallelism: 4 },
        ...{ subtasks: [{ ...NOTHING, ...kept }], enumerator },
        ...{ committable: t.bytes.description, enumeratorSchema: t.bytes.description },
        keyedBy: undefined,
      },
    ],
    vertices: [],
    edges: [],
  };
}

function graph(takes: TakenStates, maxParallelism = 4): JobGraph {
  const operator: ChainedOperator = {
    ...{ id: 'a', name: 'double', uid: 'sums', kind: 'map', stateful: false },
    ...{ chainedOutputs: [], output: undefined },
    states: { keyed: [], key: undefined, operator: [], takes, declaredAt: undefined },
  };
  const slot = { parallelism: 1, maxParallelism, slotSharingGroup: 'default' };
  return {
    ...{ version: 1, name: 'job', fingerprint: 'f', edges: [], parameters: {}, configuration: {} },
    vertices: [{ id: 'a', name: 'double', ...slot, operators: [operator] }],
  };
}

const unclaimed = (takes: TakenStates, metadata: CheckpointMetadata) =>
  unclaimedState(graph(takes), metadata, undefined as never);

const FULL = { keyed: keyed(3), operatorState: lists('seen'), committables: PREPARED };

test('all that an operator cannot take any more is named', async () => {
  const was = '"process" (uid sums), which is the map "double" now';
  const { operators, hasCommittables } = await unclaimed(NONE, taken(FULL, new Uint8Array(1)));
  assert.deepEqual(operators, [
    `${was} (keyed state "total", operator state "seen", ` +
      'what it has prepared to commit, what its enumerator keeps)',
  ]);
  assert.equal(hasCommittables, true);
  const keys = await unclaimed({ ...ALL, keyed: false }, taken(FULL));
  assert.deepEqual(keys, { operators: [`${was} (keyed state "total")`], hasCommittables: false });
});

test('who takes it is not named, though it declares none of it', async () => {
  assert.deepEqual((await unclaimed(ALL, taken(FULL, new Uint8Array(1)))).operators, []);
});

test('what holds nothing is not named, nor what nobody has declared', async () => {
  const kept = { keyed: keyed(0), operatorState: lists('watermark') };
  assert.deepEqual((await unclaimed(NONE, taken(kept))).operators, []);
});

test('A4: what cannot be taken goes to nobody, and its key groups are nobody’s matter', () => {
  const metadata = taken(FULL, new Uint8Array(1));
  const now = graph(NONE, 8);
  const assignment = new StateAssignment(metadata, now, true);
  const [restored] = assignment.restoreOf(now.vertices[0]!, 0).operators;
  const { keyed: keys, operatorState, committables } = restored!;
  assert.deepEqual({ keys, operatorState, committables }, EMPTY);
  assert.deepEqual(assignment.sources(), []);
  const same = graph(ALL);
  const [whole] = new StateAssignment(metadata, same, true).restoreOf(
    same.vertices[0]!,
    0,
  ).operators;
  assert.equal(whole!.keyed.length, 1);
  assert.deepEqual(whole!.committables, PREPARED);
});

const EMPTY = { keys: [], operatorState: [], committables: [] };
