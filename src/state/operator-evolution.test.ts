// Lists and broadcast state that were stored with one schema and are read with a later one: random
// pairs of schemas of which one can go on as the other, at any parallelism, with the program's word
// before or after the restore. What cannot go on is in operator-state.test.ts and state-evolution.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import { state } from '../functions/state.ts';
import { t } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { MemorySnapshot } from './memory-snapshot.ts';
import { OperatorStateBackend } from './operator-state.ts';
import type { SnapshotInput } from './snapshot.ts';

/** A schema, a later one, and what values of the first are in it, told without the engine. */
interface Pair {
  readonly stored: Schema<any>;
  readonly declared: Schema<any>;
  readonly values: fc.Arbitrary<any>;
  readonly now: (value: any) => unknown;
}

const same = (value: unknown): unknown => value;
const small = fc.integer({ min: -100, max: 100 });
const texts = fc.string({ maxLength: 5 });

const LEAVES: readonly Pair[] = [
  { stored: t.int8, declared: t.int32, values: small, now: same },
  { stored: t.int32, declared: t.float64, values: small, now: same },
  { stored: t.int32, declared: t.int64, values: small, now: (n) => BigInt(n) },
  { stored: t.string, declared: t.string, values: texts, now: same },
  { stored: t.string, declared: t.nullable(t.string), values: texts, now: same },
  {
    stored: t.enum('a', 'b'),
    declared: t.enum('b', 'c', 'a'),
    values: fc.constantFrom('a', 'b'),
    now: same,
  },
];

function arrayOf({ stored, declared, values, now }: Pair): Pair {
  return {
    stored: t.array(stored),
    declared: t.array(declared),
    values: fc.array(values, { maxLength: 4 }),
    now: (list: readonly unknown[]) => list.map(now),
  };
}

type Fate = 'kept' | 'renamed' | 'removed' | 'added';

function structOf(fields: readonly (readonly [Fate, Pair])[]): Pair {
  const stored: Record<string, Schema<any>> = {};
  const declared: Record<string, any> = {};
  const values: Record<string, fc.Arbitrary<unknown>> = {};
  const nows: ((value: any, into: Record<string, unknown>) => void)[] = [];
  for (const [at, [fate, pair]] of fields.entries()) {
    const name = `f${at}`;
    if (fate === 'added') {
      declared[name] = t.field(t.string, { default: name });
      nows.push((_value, into) => void (into[name] = name));
      continue;
    }
    stored[name] = pair.stored;
    values[name] = pair.values;
    if (fate === 'removed') continue;
    const later = fate === 'renamed' ? `now${at}` : name;
    declared[later] = fate === 'renamed' ? t.field(pair.declared, { alias: name }) : pair.declared;
    nows.push((value, into) => void (into[later] = pair.now(value[name])));
  }
  // A struct has a field at least.
  stored['last'] = t.int32;
  values['last'] = small;
  declared['last'] = t.float64;
  return {
    stored: t.struct(stored),
    declared: t.struct(declared),
    values: fc.record(values),
    now(value) {
      const into: Record<string, unknown> = {};
      for (const each of nows) each(value, into);
      return { ...into, last: value.last };
    },
  };
}

const fate = fc.constantFrom<Fate>('kept', 'renamed', 'removed', 'added');
const { pairs } = fc.letrec<{ pairs: Pair; leaf: Pair; list: Pair; struct: Pair }>((tie) => ({
  pairs: fc.oneof({ depthSize: 'small' }, tie('leaf'), tie('list'), tie('struct')),
  leaf: fc.constantFrom(...LEAVES),
  list: tie('pairs').map(arrayOf),
  struct: fc.array(fc.tuple(fate, tie('pairs')), { maxLength: 4 }).map(structOf),
}));

/** Keys of a map, all of which stay different. */
const keys = fc.constantFrom(...LEAVES.slice(0, 4));

interface Run {
  readonly before: number;
  readonly after: number;
  /** Whether the program says what it keeps before the restore. */
  readonly first: boolean;
}

const run: fc.Arbitrary<Run> = fc.record({
  before: fc.integer({ min: 1, max: 4 }),
  after: fc.integer({ min: 1, max: 4 }),
  first: fc.boolean(),
});

function backendOf(subtask: number, parallelism: number): OperatorStateBackend {
  return new OperatorStateBackend({ operator: 'match', subtask, parallelism });
}

function snapshotOf(backend: OperatorStateBackend): SnapshotInput {
  const memory = new MemorySnapshot('s');
  const writer = backend.beginSnapshot(memory);
  while (writer.writeSlice(0, () => 0) !== 'done');
  return memory.input();
}

/** The state of a subtask as the later program has it. */
async function restored<H>(
  { first, after }: Run,
  subtask: number,
  snapshots: readonly SnapshotInput[],
  declare: (backend: OperatorStateBackend) => H,
): Promise<H> {
  const backend = backendOf(subtask, after);
  if (first) declare(backend);
  await backend.restore(snapshots);
  const handle = declare(backend);
  // What it is now is what it is stored as from now on.
  const again = backendOf(0, 1);
  if (after === 1) {
    declare(again);
    await again.restore([snapshotOf(backend)]);
  }
  return handle;
}

const NUMBER = { seed: 6, numRuns: cases(80, 5000) };

describe('operator state whose schema has changed', () => {
  for (const kind of ['split', 'union'] as const) {
    test(`every element of a ${kind} list goes on once, as what it is now`, async () => {
      const property = fc.asyncProperty(pairs, run, fc.gen(), async (pair, how, gen) => {
        const parts = Array.from({ length: how.before }, () =>
          gen(() => fc.array(pair.values, { maxLength: 5 })),
        );
        const snapshots = parts.map((part, subtask) => {
          const backend = backendOf(subtask, how.before);
          backend[kind]('list', pair.stored).update(part);
          return snapshotOf(backend);
        });
        const expected = parts.flat().map(pair.now);
        const found: unknown[] = [];
        for (let subtask = 0; subtask < how.after; subtask++) {
          const list = await restored(how, subtask, snapshots, (backend) =>
            backend[kind]('list', pair.declared),
          );
          if (kind === 'union') assert.deepEqual(list.values(), expected);
          found.push(...list.values());
        }
        if (kind === 'split') assert.deepEqual(found, expected);
      });
      await fc.assert(property, NUMBER);
    });
  }

  test('a broadcast map goes on with the keys and values that it has now, in its order', async () => {
    const property = fc.asyncProperty(pairs, keys, run, fc.gen(), async (pair, key, how, gen) => {
      const entries = new Map(
        gen(() => fc.array(fc.tuple(key.values, pair.values), { maxLength: 8 })),
      );
      const snapshots = Array.from({ length: how.before }, (_, subtask) => {
        const backend = backendOf(subtask, how.before);
        const map = backend.broadcast(state.broadcast('map', key.stored, pair.stored));
        for (const [k, value] of entries) map.set(k, value);
        return snapshotOf(backend);
      });
      const expected = [...entries].map(([k, value]) => [key.now(k), pair.now(value)]);
      for (let subtask = 0; subtask < how.after; subtask++) {
        const map = await restored(how, subtask, snapshots, (backend) =>
          backend.broadcast(state.broadcast('map', key.declared, pair.declared)),
        );
        assert.deepEqual([...map.entries()], expected);
        for (const [k, value] of expected) assert.deepEqual(map.get(k), value);
      }
    });
    await fc.assert(property, NUMBER);
  });

  test('a migration takes every element', async () => {
    const property = fc.asyncProperty(fc.array(small), run, async (numbers, how) => {
      const snapshots = Array.from({ length: how.before }, (_, subtask) => {
        const backend = backendOf(subtask, how.before);
        backend.split('list', t.string).update(numbers.map((n) => `${n + subtask}`));
        return snapshotOf(backend);
      });
      const migrations = [state.migration(t.string, (text: string) => ({ n: Number(text) }))];
      const found: unknown[] = [];
      for (let subtask = 0; subtask < how.after; subtask++) {
        const list = await restored(how, subtask, snapshots, (backend) =>
          backend.split('list', t.struct({ n: t.int32 }), migrations),
        );
        found.push(...list.values());
      }
      const all = snapshots.flatMap((_, subtask) => numbers.map((n) => ({ n: n + subtask })));
      assert.deepEqual(found, all);
    });
    await fc.assert(property, NUMBER);
  });
});
