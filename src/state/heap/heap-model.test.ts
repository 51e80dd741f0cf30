// The backend against a naive model: random operations, with snapshots that are begun, written in
// slices, aborted and restored into other ranges of key groups in between.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { state } from '../../functions/state.ts';
import type {
  ListState,
  MapState,
  ReducingState,
  StateDescriptor,
  ValueState,
} from '../../functions/state.ts';
import { t } from '../../types/index.ts';
import { canonicalKeyBytes } from '../../types/key-bytes.ts';
import { hashKey } from '../../types/key.ts';
import type { Key } from '../../types/schema.ts';
import type { SnapshotOrder, SnapshotWriter } from '../snapshot.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts';

const MAX_PARALLELISM = 6;
const groupOf = (key: Key): number => (hashKey(key) >>> 0) % MAX_PARALLELISM;
const textOf = (key: Key): string => Buffer.from(canonicalKeyBytes(key)).toString('hex');

/** What a key holds: the plain form of every kind of state. */
interface ModelEntry {
  readonly key: Key;
  number?: number;
  int?: number;
  flag?: boolean;
  big?: bigint;
  text?: string;
  sum?: number;
  list?: number[];
  map?: [string, number][];
  tuples?: [readonly [number, string], string][];
}

type Model = Map<string, ModelEntry>;

const DESCRIPTORS = {
  number: state.value(t.float64),
  int: state.value(t.int32),
  flag: state.value(t.boolean),
  big: state.value(t.int64),
  text: state.value(t.string),
  sum: state.reducing(t.float64, (a, b) => a + b),
  list: state.list(t.float64),
  map: state.map(t.string, t.float64),
  tuples: state.map(t.tuple(t.int32, t.string), t.string),
} as const satisfies Record<string, StateDescriptor>;

interface Handles {
  readonly number: ValueState<number | undefined>;
  readonly int: ValueState<number | undefined>;
  readonly flag: ValueState<boolean | undefined>;
  readonly big: ValueState<bigint | undefined>;
  readonly text: ValueState<string | undefined>;
  readonly sum: ReducingState<number>;
  readonly list: ListState<number>;
  readonly map: MapState<string, number>;
  readonly tuples: MapState<readonly [number, string], string>;
}

/** A backend beside its model. */
class Pair {
  readonly backend: HeapKeyedStateBackend;
  readonly handles: Handles;
  readonly model: Model = new Map();

  constructor(first: number, last: number) {
    this.backend = HeapKeyedStateBackend.open({
      operator: 'test',
      keyGroups: { first, last },
      maxParallelism: MAX_PARALLELISM,
    });
    this.handles = Object.fromEntries(
      Object.entries(DESCRIPTORS).map(([name, descriptor]) => [
        name,
        this.backend.register(name, descriptor as StateDescriptor),
      ]),
    ) as unknown as Handles;
  }

  at(key: Key): ModelEntry {
    this.backend.setCurrentKey(key, groupOf(key));
    let entry = this.model.get(textOf(key));
    if (entry === undefined) {
      entry = { key: Object.is(key, -0) ? 0 : key };
      this.model.set(textOf(key), entry);
    }
    return entry;
  }

  apply(key: Key, change: Change): void {
    const entry = this.at(key);
    const h = this.handles;
    switch (change.kind) {
      case 'set':
        entry.number = change.n;
        entry.int = Math.trunc(change.n) | 0;
        entry.flag = change.n > 0;
        entry.big = BigInt(Math.trunc(change.n));
        entry.text = `text of ${change.n}`;
        h.number.set(entry.number);
        h.int.set(entry.int);
        h.flag.set(entry.flag);
        h.big.set(entry.big);
        h.text.set(entry.text);
        break;
      case 'setOne':
        entry.number = change.n;
        h.number.set(change.n);
        break;
      case 'clear':
        for (const name of ['number', 'int', 'flag', 'big', 'text', 'sum'] as const) {
          delete entry[name];
          h[name].clear();
        }
        break;
      case 'add':
        entry.sum = (entry.sum ?? 0) + change.n;
        h.sum.add(change.n);
        break;
      case 'append': {
        const added = Array.from({ length: change.count }, (_, i) => change.n + i);
        if (added.length > 0) (entry.list ??= []).push(...added);
        if (added.length === 1) h.list.add(added[0]!);
        else h.list.addAll(added);
        break;
      }
      case 'update': {
        const list = Array.from({ length: change.count }, (_, i) => change.n - i);
        if (list.length > 0) entry.list = list;
        else delete entry.list;
        h.list.update(list);
        break;
      }
      case 'clearList':
        delete entry.list;
        h.list.clear();
        break;
      case 'put':
        for (let i = 0; i < change.count; i++) {
          const name = `k${(change.n + i) % 400}`;
          const known = (entry.map ??= []).find(([candidate]) => candidate === name);
          if (known !== undefined) known[1] = change.n;
          else entry.map.push([name, change.n]);
          h.map.set(name, change.n);
        }
        break;
      case 'drop':
        for (let i = 0; i < change.count; i++) {
          const name = `k${(change.n + i) % 400}`;
          entry.map = entry.map?.filter(([candidate]) => candidate !== name) ?? [];
          h.map.delete(name);
        }
        if (entry.map !== undefined && entry.map.length === 0) delete entry.map;
        break;
      case 'clearMap':
        delete entry.map;
        h.map.clear();
        break;
      case 'putTuple': {
        const tuple = [(change.n % 5) | 0, `${(change.n % 3) | 0}`] as const;
        const known = (entry.tuples ??= []).find(
          ([candidate]) => candidate[0] === tuple[0] && candidate[1] === tuple[1],
        );
        if (known !== undefined) known[1] = `${change.n}`;
        else entry.tuples.push([tuple, `${change.n}`]);
        h.tuples.set(tuple, `${change.n}`);
        break;
      }
    }
    this.checkKey(entry);
  }

  /** Of the current key. */
  checkKey(entry: ModelEntry): void {
    const h = this.handles;
    assert.ok(Object.is(h.number.get(), entry.number));
    assert.equal(h.int.get(), entry.int);
    assert.equal(h.flag.get(), entry.flag);
    assert.equal(h.big.get(), entry.big);
    assert.equal(h.text.get(), entry.text);
    assert.equal(h.sum.get(), entry.sum);
    assert.deepEqual([...h.list.values()], entry.list ?? []);
    assert.deepEqual([...h.map.entries()], entry.map ?? []);
    assert.deepEqual([...h.tuples.entries()], entry.tuples ?? []);
    assert.equal(h.list.isEmpty, entry.list === undefined);
    assert.equal(h.map.isEmpty, entry.map === undefined);
    if (entry.map !== undefined) {
      const [name, value] = entry.map[entry.map.length >> 1]!;
      assert.equal(h.map.get(name), value);
      assert.ok(h.map.has(name) && !h.map.has('nobody'));
    }
  }
}

type Change =
  | { readonly kind: 'set' | 'setOne' | 'add' | 'putTuple'; readonly n: number }
  | { readonly kind: 'clear' | 'clearList' | 'clearMap' }
  | {
      readonly kind: 'append' | 'update' | 'put' | 'drop';
      readonly n: number;
      readonly count: number;
    };

type Step =
  | {
      readonly kind: 'change';
      readonly key: number;
      readonly span: number;
      readonly change: Change;
    }
  | { readonly kind: 'begin'; readonly order: SnapshotOrder }
  | { readonly kind: 'slice'; readonly which: number; readonly steps: number }
  | { readonly kind: 'abort'; readonly which: number };

const number = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -1000, max: 1000 }) },
  { weight: 1, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) },
);
const few = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 700 }) },
);

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('set' as const), n: number }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('setOne' as const), n: number }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('add' as const), n: number }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('append' as const), n: number, count: few }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('update' as const), n: number, count: few }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clearList' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      n: fc.nat(400),
      count: few,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('drop' as const),
      n: fc.nat(400),
      count: few,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clearMap' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('putTuple' as const), n: fc.nat(100) }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      key: fc.nat(599),
      span: fc.oneof(
        { weight: 5, arbitrary: fc.constant(1) },
        { weight: 1, arbitrary: fc.integer({ min: 50, max: 500 }) },
      ),
      change,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('begin' as const),
      order: fc.constantFrom('natural' as const, 'canonical' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('slice' as const),
      which: fc.nat(2),
      steps: fc.integer({ min: 0, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(2) }) },
);

interface OpenSnapshot {
  readonly writer: SnapshotWriter;
  readonly memory: MemorySnapshot;
  readonly expected: Model;
}

/** Counts every look at it. */
function stepClock(): () => number {
  let now = 0;
  return () => now++;
}

const FAMILIES: Readonly<Record<string, (i: number) => Key>> = {
  int32: (i) => (i === 0 ? -0 : i * 7919 - 1_000_000),
  number: (i) => [i, i + 0.5, i * 2 ** 33, -i / 0 || Number.NaN, i - 2 ** 52][i % 5]!,
  string: (i) => `${'a key that is cut out of a line '.slice(0, i % 30)}${i}`,
  bigint: (i) => BigInt(i) ** BigInt(i % 30),
  tuple: (i) => [i % 10, `part ${Math.floor(i / 10)}`, [i % 2 === 0]],
  boolean: (i) => i % 2 === 0,
};

function copyOf(model: Model): Model {
  return structuredClone(model);
}

/** Removes keys without anything, which a backend does not know. */
function held(model: Model): Model {
  return new Map([...model].filter(([, entry]) => Object.keys(entry).length > 1));
}

async function restored(
  first: number,
  last: number,
  from: readonly MemorySnapshot[],
): Promise<Pair> {
  const pair = new Pair(first, last);
  await pair.backend.restore(from.map((memory) => memory.input()));
  return pair;
}

function keysOf(pair: Pair): Set<string> {
  const keys = new Set<string>();
  for (const name of Object.keys(DESCRIPTORS)) {
    const seen = new Set<string>();
    pair.backend.forEachKey(name, (key) => {
      assert.ok(!seen.has(textOf(key)), 'a key twice');
      seen.add(textOf(key));
      keys.add(textOf(key));
    });
  }
  return keys;
}

/** The pair's backend holds what `expected` has in its key groups, and nothing else. */
function checkAll(pair: Pair, expected: Model): void {
  const { first, last } = pair.backend.keyGroups;
  const mine = new Map(
    [...held(expected)].filter(([, { key }]) => groupOf(key) >= first && groupOf(key) <= last),
  );
  assert.deepEqual([...keysOf(pair)].sort(), [...mine.keys()].sort());
  for (const entry of mine.values()) {
    pair.backend.setCurrentKey(entry.key, groupOf(entry.key));
    pair.checkKey(entry);
  }
  pair.backend.clearCurrentKey();
}

async function checkSnapshot({ memory, expected }: OpenSnapshot, parts: number): Promise<void> {
  const canonical: MemorySnapshot[] = [];
  for (let part = 0; part < parts; part++) {
    const first = Math.ceil((part * MAX_PARALLELISM) / parts);
    const last = Math.ceil(((part + 1) * MAX_PARALLELISM) / parts) - 1;
    const pair = await restored(first, last, [memory]);
    checkAll(pair, expected);
    canonical.push(written(pair, 'canonical'));
  }
  // And together again.
  checkAll(await restored(0, MAX_PARALLELISM - 1, canonical), expected);
}

function written(pair: Pair, order: SnapshotOrder): MemorySnapshot {
  const memory = new MemorySnapshot('written');
  const writer = pair.backend.beginSnapshot(memory, order);
  assert.equal(
    writer.writeSlice(Infinity, () => 0),
    'done',
  );
  return memory;
}

async function run(
  keyAt: (i: number) => Key,
  steps: readonly Step[],
  parts: number,
): Promise<void> {
  const pair = new Pair(0, MAX_PARALLELISM - 1);
  const open: OpenSnapshot[] = [];
  const complete: OpenSnapshot[] = [];
  const slice = (which: number, budget: number): void => {
    const snapshot = open[which];
    if (snapshot === undefined) return;
    if (snapshot.writer.writeSlice(budget, stepClock()) !== 'done') return;
    open.splice(which, 1);
    complete.push(snapshot);
  };
  for (const step of steps) {
    switch (step.kind) {
      case 'change':
        for (let i = 0; i < step.span; i++) pair.apply(keyAt((step.key + i) % 600), step.change);
        break;
      case 'begin': {
        if (open.length === 3) break;
        const memory = new MemorySnapshot(`snapshot ${complete.length + open.length}`);
        const writer = pair.backend.beginSnapshot(memory, step.order);
        open.push({ writer, memory, expected: copyOf(pair.model) });
        break;
      }
      case 'slice':
        slice(step.which, step.steps);
        break;
      case 'abort':
        open[step.which]?.writer.abort();
        open.splice(step.which, 1);
        break;
    }
  }
  checkAll(pair, pair.model);
  while (open.length > 0) slice(0, Infinity);
  for (const snapshot of complete) await checkSnapshot(snapshot, parts);
}

describe('HeapKeyedStateBackend against a model', () => {
  for (const [family, keyAt] of Object.entries(FAMILIES)) {
    test(`keys of family ${family}: K4, K5, T1-T4, U1-U3, O1-O3`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
          fc.integer({ min: 1, max: MAX_PARALLELISM }),
          (steps, parts) => run(keyAt, steps, parts),
        ),
        { seed: 20260701, numRuns: 30, endOnFailure: false },
      );
    });
  }
});
