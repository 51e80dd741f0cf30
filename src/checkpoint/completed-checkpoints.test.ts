// Which complete checkpoints are kept, and what of their files goes when; the names of rules are
// those of completed-checkpoints.ts and shared-files.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import type { Timestamp } from '../base/units.ts';
import type { StateHandle } from '../protocol/checkpoint.ts';
import { CompletedCheckpoints } from './completed-checkpoints.ts';
import type { CompletedCheckpoint, Discards } from './completed-checkpoints.ts';

function shared(uri: string): StateHandle {
  return { kind: 'file', uri, size: 1, shared: true };
}

function completed(
  checkpointId: number,
  files: readonly string[] = [],
  {
    purpose = 'checkpoint',
    isOurs = true,
  }: {
    readonly purpose?: 'checkpoint' | 'savepoint';
    readonly isOurs?: boolean;
  } = {},
): CompletedCheckpoint {
  const snapshot = {
    ...{ operator: 'o', operatorState: undefined, committables: [] },
    keyed: { firstKeyGroup: 0, lastKeyGroup: 127, parts: files.map(shared) },
  };
  const operator = {
    ...{ operator: 'o', uid: undefined, name: 'o', parallelism: 1, maxParallelism: 128 },
    ...{ subtasks: [snapshot], committable: undefined, enumerator: undefined },
    ...{ enumeratorSchema: undefined, keyedBy: undefined },
  };
  return {
    metadata: {
      ...{ jobId: 'j', jobName: 'job', checkpointId, triggeredAt: 0 as Timestamp, purpose },
      ...{ format: undefined, fingerprint: 'f', operators: [operator], vertices: [], edges: [] },
      blob: new Uint8Array(0),
    },
    location: `chk-${checkpointId}`,
    metadataBytes: 100,
    isOurs,
  };
}

function idsOf(checkpoints: readonly CompletedCheckpoint[]): number[] {
  return checkpoints.map(({ metadata }) => metadata.checkpointId);
}

function urisOf({ handles }: Discards): string[] {
  return handles.map((handle) => (handle.kind === 'file' ? handle.uri : '')).toSorted();
}

/** Nothing is to be deleted, and these are referred to. */
function nothing(...inUse: readonly string[]): Discards {
  return { checkpoints: [], handles: [], inUse: new Set(inUse) };
}

const NOBODY = Number.POSITIVE_INFINITY;

test('K1: as many are kept as are wanted, and a file goes with the last that refers to it', () => {
  const store = new CompletedCheckpoints(2);
  store.add(completed(1, ['a', 'b']));
  store.add(completed(2, ['b', 'c']));
  assert.deepEqual(store.discardable(NOBODY), nothing('a', 'b', 'c'));
  store.add(completed(3, ['c', 'd']));
  assert.deepEqual(idsOf(store.kept), [2, 3]);
  const discards = store.discardable(NOBODY);
  assert.deepEqual(idsOf(discards.checkpoints), [1]);
  assert.deepEqual(urisOf(discards), ['a']);
  assert.deepEqual([...discards.inUse], ['b', 'c', 'd']);
  const last = store.discardAll();
  assert.deepEqual(idsOf(last.checkpoints), [2, 3]);
  assert.deepEqual(urisOf(last), ['b', 'c', 'd']);
  assert.equal(store.latest, undefined);
});

test('K2: what a checkpoint under way may build upon stays until that has ended', () => {
  const store = new CompletedCheckpoints(1);
  store.add(completed(1, ['a']));
  store.add(completed(2, ['b']));
  assert.deepEqual(store.discardable(1), nothing('a', 'b'));
  assert.deepEqual(urisOf(store.discardable(2)), ['a']);
});

test('K1: a savepoint that stopped the job is kept while it is the newest, and never deleted', () => {
  const store = new CompletedCheckpoints(1);
  store.add(completed(1));
  store.add(completed(2, [], { purpose: 'savepoint', isOurs: false }));
  assert.deepEqual(idsOf(store.kept), [1, 2]);
  assert.equal(store.latest!.metadata.checkpointId, 2);
  store.add(completed(3));
  assert.deepEqual(idsOf(store.kept), [3]);
  assert.deepEqual(idsOf(store.discardable(NOBODY).checkpoints), [1]);
});

test("K3, F2: files of others are nobody's to delete, whoever refers to them later", () => {
  const store = new CompletedCheckpoints(1);
  store.add(completed(1, ['theirs'], { isOurs: false }));
  store.add(completed(2, ['theirs', 'ours']));
  store.add(completed(3, ['ours']));
  const discards = store.discardable(NOBODY);
  assert.deepEqual(idsOf(discards.checkpoints), [2]);
  assert.deepEqual(urisOf(discards), []);
  assert.deepEqual(store.unused([shared('theirs'), shared('lost')]), [shared('lost')]);
  assert.deepEqual(urisOf(store.discardAll()), ['ours']);
});

test("K3: another's checkpoint is not gone on from when there is a newer one", () => {
  const store = new CompletedCheckpoints(3);
  store.add(completed(1, [], { isOurs: false }));
  store.add(completed(2));
  store.add(completed(3));
  assert.deepEqual(idsOf(store.kept), [2, 3]);
  assert.deepEqual(store.discardable(NOBODY).checkpoints, []);
});

test('F1: every file is given back once, and not while a kept checkpoint refers to it', () => {
  const step = fc.record({
    files: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 4 }),
    needed: fc.nat({ max: 12 }),
  });
  const property = fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
    const store = new CompletedCheckpoints(2);
    const live = new Map<number, readonly string[]>();
    const gone = new Set<string>();
    const take = (discards: Discards): void => {
      for (const id of idsOf(discards.checkpoints)) live.delete(id);
      const used = new Set([...live.values()].flat());
      for (const uri of urisOf(discards)) {
        assert.ok(!used.has(uri), `${uri} is in use`);
        assert.ok(!gone.has(uri), `${uri} went twice`);
        gone.add(uri);
      }
    };
    for (const [index, { files, needed }] of steps.entries()) {
      const id = index + 1;
      // Nobody refers to what is gone: names are drawn.
      const names = files.filter((file) => !gone.has(file));
      live.set(id, names);
      store.add(completed(id, names));
      take(store.discardable(needed));
      for (const kept of idsOf(store.kept)) assert.ok(live.has(kept));
    }
    take(store.discardAll());
    assert.equal(live.size, 0);
  });
  fc.assert(property, { numRuns: cases(300), seed: 8 });
});
