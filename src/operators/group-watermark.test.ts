/** How far an operator has come, over restores at the same and at another parallelism. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OperatorStateBackend } from '../state/operator-state.ts';
import { MemorySnapshot } from '../state/memory-snapshot.ts';
import type { SnapshotInput } from '../state/snapshot.ts';
import { GroupWatermark } from './group-watermark.ts';
import type { OperatorContext } from './operator.ts';

const GROUPS = 8;

interface Subtask {
  readonly state: OperatorStateBackend;
  readonly reached: GroupWatermark;
}

/** Subtasks that share the key groups evenly. */
function subtasks(parallelism: number): Subtask[] {
  return Array.from({ length: parallelism }, (_, subtask) => {
    const state = new OperatorStateBackend({ operator: 'op', subtask, parallelism });
    const first = (subtask * GROUPS) / parallelism;
    const last = ((subtask + 1) * GROUPS) / parallelism - 1;
    const keyedState = { keyGroups: { first, last } };
    const context = { operatorState: state, keyedState } as unknown as OperatorContext;
    return { state, reached: new GroupWatermark(context) };
  });
}

function snapshots(of: readonly Subtask[]): SnapshotInput[] {
  return of.map(({ state }, subtask) => {
    const memory = new MemorySnapshot(`subtask ${subtask}`);
    const writer = state.beginSnapshot(memory);
    while (writer.writeSlice(5, () => 0) !== 'done');
    return memory.input();
  });
}

async function restored(from: readonly Subtask[], parallelism: number): Promise<Subtask[]> {
  const made = subtasks(parallelism);
  for (const { state } of made) await state.restore(snapshots(from));
  return made;
}

describe('how far an operator has come', () => {
  it('S1: begins before all time and never goes back', () => {
    const [{ reached }] = subtasks(1) as [Subtask];
    assert.equal(reached.value, -Infinity);
    reached.advance(5);
    reached.advance(3);
    assert.equal(reached.value, 5);
    assert.equal(reached.of(3), 5);
    assert.equal(reached.isUneven, false);
  });

  it('S1: is what the same subtask had reached', async () => {
    const before = subtasks(2);
    before[0]!.reached.advance(10);
    before[1]!.reached.advance(20);
    const after = await restored(before, 2);
    assert.deepEqual(
      after.map(({ reached }) => [reached.value, reached.isUneven]),
      [
        [10, false],
        [20, false],
      ],
    );
  });

  it('S2: with fewer subtasks each group keeps its own', async () => {
    const before = subtasks(2);
    before[0]!.reached.advance(10);
    before[1]!.reached.advance(20);
    const [{ reached }] = (await restored(before, 1)) as [Subtask];
    assert.equal(reached.value, 10);
    assert.equal(reached.isUneven, true);
    assert.equal(reached.of(0), 10);
    assert.equal(reached.of(7), 20);
    reached.advance(15);
    assert.equal(reached.of(0), 15);
    assert.equal(reached.of(7), 20);
    assert.equal(reached.restoredOf(7), 20);
    reached.settle();
    assert.equal(reached.isUneven, true);
    reached.advance(20);
    reached.settle();
    assert.equal(reached.isUneven, false);
    assert.equal(reached.restoredOf(7), -Infinity);
  });

  it('S2, S3: is right after two restores in a row', async () => {
    const before = subtasks(4);
    before.forEach(({ reached }, index) => reached.advance(index * 10));
    const between = await restored(before, 1);
    assert.equal(between[0]!.reached.value, 0);
    const after = await restored(between, 2);
    assert.deepEqual(
      after.map(({ reached }) => reached.value),
      [0, 20],
    );
    assert.equal(after[0]!.reached.of(3), 10);
    assert.equal(after[1]!.reached.of(7), 30);
  });

  it('S3: a subtask that has seen nothing holds the others back', async () => {
    const before = subtasks(2);
    before[0]!.reached.advance(10);
    assert.equal(before[1]!.reached.value, -Infinity);
    const [{ reached }] = (await restored(before, 1)) as [Subtask];
    assert.equal(reached.value, -Infinity);
    assert.equal(reached.of(0), 10);
  });
});
