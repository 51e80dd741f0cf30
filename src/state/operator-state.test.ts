import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../base/errors.ts';
import { state } from '../functions/state.ts';
import { t } from '../types/index.ts';
import { MemorySnapshot } from './memory-snapshot.ts';
import { OperatorStateBackend } from './operator-state.ts';
import type { UnionState } from './operator-state.ts';
import type { SnapshotInput } from './snapshot.ts';

const RULES = state.broadcast('rules', t.string, t.struct({ limit: t.int32 }));

function backendOf(subtask: number, parallelism: number): OperatorStateBackend {
  return new OperatorStateBackend({ operator: 'match', subtask, parallelism });
}

function snapshotOf(backend: OperatorStateBackend): SnapshotInput {
  const memory = new MemorySnapshot('s');
  const writer = backend.beginSnapshot(memory);
  while (writer.writeSlice(0, () => 0) !== 'done');
  return memory.input();
}

describe('broadcast state', () => {
  test('is the same on all subtasks after any change of the parallelism, order included', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.record({ key: fc.nat(600).map(String), limit: fc.option(fc.nat(1000)) }), {
          maxLength: 1500,
          size: 'max',
        }),
        async (before, after, changes) => {
          const model = new Map<string, { limit: number }>();
          const snapshots = Array.from({ length: before }, (_, subtask) => {
            const backend = backendOf(subtask, before);
            const rules = backend.broadcast(RULES);
            for (const { key, limit } of changes) {
              if (limit === null) rules.delete(key);
              else rules.set(key, { limit });
            }
            return snapshotOf(backend);
          });
          for (const { key, limit } of changes) {
            if (limit === null) model.delete(key);
            else model.set(key, { limit });
          }
          for (let subtask = 0; subtask < after; subtask++) {
            const backend = backendOf(subtask, after);
            await backend.restore(snapshots);
            const rules = backend.broadcast(RULES);
            assert.deepEqual([...rules.entries()], [...model]);
            assert.equal(rules.size, model.size);
            for (const [key, value] of model) assert.deepEqual(rules.get(key), value);
          }
        },
      ),
      { seed: 7, numRuns: 40 },
    );
  });

  test('Q1: a snapshot shows the moment of its beginning', async () => {
    const backend = backendOf(0, 1);
    const rules = backend.broadcast(RULES);
    for (let i = 0; i < 1000; i++) rules.set(`${i}`, { limit: i });
    const memory = new MemorySnapshot('s');
    const writer = backend.beginSnapshot(memory);
    writer.writeSlice(0, () => 0);
    for (let i = 0; i < 1000; i += 2) rules.set(`${i}`, { limit: -1 });
    for (let i = 1; i < 1000; i += 2) rules.delete(`${i}`);
    rules.set('new', { limit: 0 });
    while (writer.writeSlice(0, () => 0) !== 'done');
    const again = backendOf(0, 1);
    await again.restore([memory.input()]);
    assert.deepEqual(
      [...again.broadcast(RULES).entries()],
      Array.from({ length: 1000 }, (_, i) => [`${i}`, { limit: i }]),
    );
  });

  test('a value of another type is refused', () => {
    const rules = backendOf(0, 1).broadcast(RULES);
    assert.throws(
      () => rules.set(1 as never, { limit: 1 }),
      (error) => isEngineError(error, 'STATE_VALUE_INVALID'),
    );
    assert.equal(rules.size, 0);
  });
});

describe('split state', () => {
  test('Q3: every element goes to exactly one subtask, in order; none moves without need', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.string(), { maxLength: 8 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 8 }),
        async (parts, after) => {
          const snapshots = parts.map((part, subtask) => {
            const backend = backendOf(subtask, parts.length);
            backend.split('splits', t.string).update(part);
            return snapshotOf(backend);
          });
          const dealt: (readonly string[])[] = [];
          for (let subtask = 0; subtask < after; subtask++) {
            const backend = backendOf(subtask, after);
            await backend.restore(snapshots.toReversed());
            dealt.push(backend.split('splits', t.string).values());
          }
          assert.deepEqual(dealt.flat(), parts.flat());
          if (after === parts.length) assert.deepEqual(dealt, parts);
          const sizes = dealt.map(({ length }) => length);
          if (after !== parts.length) assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
        },
      ),
      { seed: 7, numRuns: 60 },
    );
  });

  // What was dealt to subtasks that had finished was lost: they are not opened again.
  test('Q3: at the same parallelism nothing goes to a subtask that had finished', async () => {
    const snapshots = [0, 2].map((subtask) => {
      const backend = backendOf(subtask, 4);
      backend.split('splits', t.string).update([`${subtask}`, `${subtask} too`]);
      backend.union('reached', t.string).update([`${subtask}`]);
      return snapshotOf(backend);
    });
    const dealt = [['0', '0 too'], [], ['2', '2 too'], []];
    for (const [subtask, own] of dealt.entries()) {
      const backend = backendOf(subtask, 4);
      await backend.restore(snapshots, 2);
      assert.deepEqual(backend.split('splits', t.string).values(), own);
      assert.deepEqual(backend.union('reached', t.string).values(), ['0', '2']);
    }
    const fewer = [0, 1].map((subtask) => backendOf(subtask, 2));
    for (const backend of fewer) await backend.restore(snapshots, 2);
    const again = fewer.flatMap((backend) => backend.split('splits', t.string).values());
    assert.deepEqual(again, ['0', '0 too', '2', '2 too']);
  });

  test('what is added, and put into a snapshot that is open, stays apart', async () => {
    const backend = backendOf(0, 1);
    const splits = backend.split('splits', t.string);
    splits.add('a');
    const seen = splits.values();
    const memory = new MemorySnapshot('s');
    const writer = backend.beginSnapshot(memory);
    splits.addAll(['b', 'c']);
    assert.deepEqual(seen, ['a']);
    assert.deepEqual(splits.values(), ['a', 'b', 'c']);
    splits.clear();
    while (writer.writeSlice(0, () => 0) !== 'done');
    const again = backendOf(0, 1);
    await again.restore([memory.input()]);
    assert.deepEqual(again.split('splits', t.string).values(), ['a']);
    assert.deepEqual(splits.values(), []);
  });

  test('a value of another type is refused, and nothing of its list is added', () => {
    const splits = backendOf(0, 1).split('splits', t.string);
    for (const change of [
      () => splits.add(1 as never),
      () => splits.addAll(['a', 1 as never]),
      () => splits.update(['a', 1 as never]),
    ]) {
      assert.throws(change, (error) => isEngineError(error, 'STATE_VALUE_INVALID'));
    }
    assert.deepEqual(splits.values(), []);
  });

  test('a missing or a doubled snapshot of a subtask is refused', async () => {
    const snapshots = [0, 1, 2].map((subtask) => {
      const backend = backendOf(subtask, 3);
      backend.split('splits', t.string).update([`${subtask}`]);
      return snapshotOf(backend);
    });
    for (const given of [snapshots.slice(1), [...snapshots, snapshots[0]!], [snapshots[0]!]]) {
      await assert.rejects(backendOf(0, 2).restore(given), (error) =>
        isEngineError(error, 'STATE_SNAPSHOT_MISMATCH'),
      );
    }
  });

  test('another type or kind under the same name is refused; unclaimed state is kept', async () => {
    const backend = backendOf(0, 1);
    backend.split('splits', t.string).update(['a']);
    const between = backendOf(0, 1);
    await between.restore([snapshotOf(backend)]);
    assert.throws(
      () => between.split('splits', t.int32),
      (error) => isEngineError(error, 'STATE_NOT_EVOLVABLE'),
    );
    const again = backendOf(0, 1);
    await again.restore([snapshotOf(between)]);
    assert.deepEqual(again.split('splits', t.string).values(), ['a']);
  });
});

describe('union state', () => {
  const parts = fc.array(fc.array(fc.string(), { maxLength: 8 }), { minLength: 1, maxLength: 6 });

  function unionOf(backend: OperatorStateBackend): UnionState<string> {
    return backend.union('reached', t.string);
  }

  test('every subtask sees all, knows its own where it can; nothing multiplies (Q3)', async () => {
    await fc.assert(
      fc.asyncProperty(parts, fc.integer({ min: 1, max: 8 }), fc.boolean(), async (...drawn) => {
        const [before, after, registerFirst] = drawn;
        const snapshots = before.map((part, subtask) => {
          const backend = backendOf(subtask, before.length);
          unionOf(backend).update(part);
          return snapshotOf(backend);
        });
        const written: SnapshotInput[] = [];
        for (let subtask = 0; subtask < after; subtask++) {
          const backend = backendOf(subtask, after);
          if (registerFirst) unionOf(backend);
          await backend.restore(snapshots.toReversed());
          const union = unionOf(backend);
          const own = after === before.length ? before[subtask] : undefined;
          assert.deepEqual(union.restored(), { own, all: before.flat() });
          assert.deepEqual(union.values(), before.flat());
          union.add(`new ${subtask}`);
          assert.deepEqual(union.values(), [...before.flat(), `new ${subtask}`]);
          written.push(snapshotOf(backend));
          union.update(['mine']);
          assert.deepEqual(union.values(), ['mine']);
          assert.deepEqual(union.restored(), { own, all: before.flat() });
        }
        const last = backendOf(0, 1);
        await last.restore(written);
        const added = written.map((_, subtask) => `new ${subtask}`);
        assert.deepEqual(
          unionOf(last).values().toSorted(),
          [...before.flat(), ...added].toSorted(),
        );
      }),
      { seed: 7, numRuns: 60 },
    );
  });

  test('without a restore, or with one that does not know it, there is no part', async () => {
    assert.deepEqual(unionOf(backendOf(0, 1)).restored(), { own: undefined, all: [] });
    const other = backendOf(0, 1);
    other.split('splits', t.string).update(['a']);
    const backend = backendOf(0, 1);
    await backend.restore([snapshotOf(other)]);
    assert.deepEqual(unionOf(backend).restored(), { own: undefined, all: [] });
  });

  test('a part that was empty is known, and is not that of another', async () => {
    const snapshots = [0, 1].map((subtask) => {
      const backend = backendOf(subtask, 2);
      unionOf(backend).update(subtask === 0 ? ['a'] : []);
      return snapshotOf(backend);
    });
    const backend = backendOf(1, 2);
    await backend.restore(snapshots);
    assert.deepEqual(unionOf(backend).restored(), { own: [], all: ['a'] });
  });

  test('Q2: lists and broadcast state of one name are two states', async () => {
    const backend = backendOf(0, 1);
    backend.union('rules', t.string).update(['a']);
    backend.broadcast(RULES).set('b', { limit: 1 });
    const again = backendOf(0, 1);
    await again.restore([snapshotOf(backend)]);
    assert.deepEqual(again.union('rules', t.string).values(), ['a']);
    assert.deepEqual([...again.broadcast(RULES).entries()], [['b', { limit: 1 }]]);
  });

  test('split state does not become union state', async () => {
    const backend = backendOf(0, 1);
    backend.split('reached', t.string).update(['a']);
    const after = backendOf(0, 1);
    unionOf(after);
    await assert.rejects(after.restore([snapshotOf(backend)]), (error) =>
      isEngineError(error, 'STATE_NOT_EVOLVABLE'),
    );
  });
});
