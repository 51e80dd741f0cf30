// The backend against a naive model: random operations, with snapshots that are begun, written in
// slices, aborted and restored into other ranges of key groups in between.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { meanOf } from '../../functions/aggregates.ts';
import { state } from '../../functions/state.ts';
import type {
  AggregatingState,
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

const MAX_PARALLELISM = 3;
const KEYS = 700;
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
  mean?: number[];
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
  mean: state.aggregating(meanOf((n: number) => n)),
  list: state.list(t.float64),
  map: state.map(t.string, t.float64),
  tuples: state.map(t.tuple(t.int32, t.string), t.string),
} as const satisfies Record<string, StateDescriptor>;

type StateName = keyof typeof DESCRIPTORS;
const ALL = Object.keys(DESCRIPTORS) as StateName[];

/** Those of the states that a run has. */
interface Handles {
  readonly number?: ValueState<number | undefined>;
  readonly int?: ValueState<number | undefined>;
  readonly flag?: ValueState<boolean | undefined>;
  readonly big?: ValueState<bigint | undefined>;
  readonly text?: ValueState<string | undefined>;
  readonly sum?: ReducingState<number>;
  readonly mean?: AggregatingState<number, number>;
  readonly list?: ListState<number>;
  readonly map?: MapState<string, number>;
  readonly tuples?: MapState<readonly [number, string], string>;
}

/** A backend beside its model. */
class Pair {
  readonly backend: HeapKeyedStateBackend;
  readonly handles: Handles;
  readonly model: Model = new Map();
  readonly names: readonly StateName[];

  constructor(names: readonly StateName[], first: number, last: number) {
    this.names = names;
    this.backend = HeapKeyedStateBackend.open({
      operator: 'test',
      keyGroups: { first, last },
      maxParallelism: MAX_PARALLELISM,
    });
    this.handles = Object.fromEntries(
      names.map((name) => [
        name,
        this.backend.register(name, DESCRIPTORS[name] as StateDescriptor),
      ]),
    ) as Handles;
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
    this.#changeValues(entry, change);
    if (this.handles.list !== undefined) changeList(entry, this.handles.list, change);
    if (this.handles.map !== undefined) changeMap(entry, this.handles.map, change);
    if (this.handles.tuples !== undefined) changeTuples(entry, this.handles.tuples, change);
    this.checkKey(entry);
  }

  #changeValues(entry: ModelEntry, change: Change): void {
    const h = this.handles;
    const values: ModelEntry = valuesOf(entry.key, change);
    for (const name of ['number', 'int', 'flag', 'big', 'text'] as const) {
      if (h[name] === undefined) continue;
      if (change.kind === 'set') {
        entry[name] = values[name] as never;
        h[name].set(values[name] as never);
      } else if (change.kind === 'clear') {
        delete entry[name];
        h[name].clear();
      }
    }
    this.#changeMean(entry, change);
    if (h.sum === undefined) return;
    if (change.kind === 'set') {
      entry.sum = (entry.sum ?? 0) + change.n;
      h.sum.add(change.n);
    } else if (change.kind === 'clear') {
      delete entry.sum;
      h.sum.clear();
    }
  }

  #changeMean(entry: ModelEntry, change: Change): void {
    const { mean } = this.handles;
    if (mean === undefined) return;
    if (change.kind === 'set') {
      (entry.mean ??= []).push(change.n);
      mean.add(change.n);
    } else if (change.kind === 'clear') {
      delete entry.mean;
      mean.clear();
    }
  }

  /** Of the current key. */
  checkKey(entry: ModelEntry): void {
    const h = this.handles;
    for (const name of ['number', 'int', 'flag', 'big', 'text', 'sum'] as const) {
      if (h[name] !== undefined) assert.ok(Object.is(h[name].get(), entry[name]), name);
    }
    if (h.mean !== undefined) assert.equal(h.mean.get(), meanOfAll(entry.mean));
    if (h.list !== undefined) {
      assert.deepEqual([...h.list.values()], entry.list ?? []);
      assert.equal(h.list.isEmpty, entry.list === undefined);
    }
    if (h.map !== undefined) {
      assert.deepEqual([...h.map.entries()], entry.map ?? []);
      assert.equal(h.map.isEmpty, entry.map === undefined);
    }
    if (h.tuples !== undefined) assert.deepEqual([...h.tuples.entries()], entry.tuples ?? []);
  }
}

function meanOfAll(values: readonly number[] | undefined): number | undefined {
  return values && values.reduce((sum, value) => sum + value, 0) / values.length;
}

function valuesOf(key: Key, change: Change): ModelEntry {
  const n = 'n' in change ? change.n : 0;
  return {
    key,
    number: n / 4,
    int: Math.trunc(n) | 0,
    flag: n > 0,
    big: BigInt(Math.trunc(n)) * 10n ** 9n,
    text: `text of ${n}`,
  };
}

function changeList(entry: ModelEntry, list: ListState<number>, change: Change): void {
  if (change.kind === 'clear') {
    delete entry.list;
    list.clear();
  } else if (change.kind === 'grow' || change.kind === 'set') {
    const added = Array.from({ length: change.count }, (_, i) => change.n + i);
    if (added.length > 0) (entry.list ??= []).push(...added);
    if (added.length === 1) list.add(added[0]!);
    else list.addAll(added);
  } else {
    const replaced = Array.from({ length: change.count }, (_, i) => change.n - i);
    if (replaced.length > 0) entry.list = replaced;
    else delete entry.list;
    list.update(replaced);
  }
}

function changeMap(entry: ModelEntry, map: MapState<string, number>, change: Change): void {
  if (change.kind === 'clear') {
    delete entry.map;
    return map.clear();
  }
  for (let i = 0; i < change.count; i++) {
    // Few names, so that they meet again; beyond them maps longer than a part of a snapshot.
    const step = change.kind === 'shrink' ? 3 : 1;
    const name: string = `k${(change.n + i * step) % (change.count > 3 ? 400 : 7)}`;
    if (change.kind === 'shrink') {
      entry.map = entry.map?.filter(([candidate]) => candidate !== name) ?? [];
      map.delete(name);
      assert.ok(!map.has(name) && map.get(name) === undefined);
    } else {
      const known = (entry.map ??= []).find(([candidate]) => candidate === name);
      if (known !== undefined) known[1] = change.n;
      else entry.map.push([name, change.n]);
      map.set(name, change.n);
      assert.ok(map.has(name) && map.get(name) === change.n);
    }
  }
  if (entry.map !== undefined && entry.map.length === 0) delete entry.map;
}

type Pairs = MapState<readonly [number, string], string>;

function changeTuples(entry: ModelEntry, tuples: Pairs, change: Change): void {
  if (change.kind === 'clear') {
    delete entry.tuples;
    return tuples.clear();
  }
  const tuple = [change.n % 5, `${change.n % 3}`] as const;
  const others = entry.tuples?.filter(([[a, b]]) => a !== tuple[0] || b !== tuple[1]) ?? [];
  if (change.kind === 'shrink') {
    if (others.length > 0) entry.tuples = others;
    else delete entry.tuples;
    return tuples.delete(tuple);
  }
  const known = entry.tuples?.find(([[a, b]]) => a === tuple[0] && b === tuple[1]);
  if (known !== undefined) known[1] = `${change.n}`;
  else (entry.tuples ??= []).push([tuple, `${change.n}`]);
  tuples.set(tuple, `${change.n}`);
}

/**
 * What is done to a key, in its own way by every state: `clear` everything, else add, put or
 * remove.
 */
type Change =
  | { readonly kind: 'set' | 'grow' | 'shrink'; readonly n: number; readonly count: number }
  | { readonly kind: 'clear' };

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

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('set' as const, 'set' as const, 'grow' as const, 'shrink' as const),
      n: fc.nat(1000),
      count: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 3 }) },
        { weight: 1, arbitrary: fc.integer({ min: 260, max: 700 }) },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      key: fc.nat(KEYS - 1),
      span: fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 1, max: 20 }) },
        { weight: 1, arbitrary: fc.constant(KEYS) },
      ),
      change,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('begin' as const),
      order: fc.constantFrom('natural' as const, 'canonical' as const),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('slice' as const),
      which: fc.nat(2),
      steps: fc.integer({ min: 0, max: 4 }),
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

const FAMILIES: Readonly<
  Record<string, { readonly keyAt: (i: number) => Key; readonly runs: number }>
> = {
  int32: { keyAt: (i) => (i === 0 ? -0 : i * 7919 - 1_000_000), runs: 60 },
  number: {
    keyAt: (i) => [i, i + 0.5, i * 2 ** 33, i % 2 === 0 ? NaN : -Infinity, i - 2 ** 52][i % 5]!,
    runs: 40,
  },
  string: { keyAt: (i) => `${'a key cut out of a line '.slice(0, i % 24)}${i}`, runs: 60 },
  bigint: { keyAt: (i) => BigInt(i) ** BigInt(i % 30), runs: 10 },
  tuple: { keyAt: (i) => [i % 10, `part ${Math.floor(i / 10)}`, [i % 2 === 0]], runs: 10 },
  boolean: { keyAt: (i) => i % 2 === 0, runs: 5 },
};

function copyOf(model: Model): Model {
  return structuredClone(model);
}

/** Removes keys without anything, which a backend does not know. */
function held(model: Model): Model {
  return new Map([...model].filter(([, entry]) => Object.keys(entry).length > 1));
}

async function restored(
  names: readonly StateName[],
  first: number,
  last: number,
  from: readonly MemorySnapshot[],
): Promise<Pair> {
  const pair = new Pair(names, first, last);
  await pair.backend.restore(from.map((memory) => [memory.input()]));
  return pair;
}

function keysOf(pair: Pair): Set<string> {
  const keys = new Set<string>();
  for (const name of pair.names) {
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

async function checkSnapshot(
  names: readonly StateName[],
  { memory, expected }: OpenSnapshot,
  parts: number,
): Promise<void> {
  const canonical: MemorySnapshot[] = [];
  for (let part = 0; part < parts; part++) {
    const first = Math.ceil((part * MAX_PARALLELISM) / parts);
    const last = Math.ceil(((part + 1) * MAX_PARALLELISM) / parts) - 1;
    const pair = await restored(names, first, last, [memory]);
    checkAll(pair, expected);
    canonical.push(written(pair, 'canonical'));
  }
  // And together again.
  checkAll(await restored(names, 0, MAX_PARALLELISM - 1, canonical), expected);
}

function written(pair: Pair, order: SnapshotOrder): MemorySnapshot {
  const memory = new MemorySnapshot('written');
  const writer = pair.backend.beginSnapshot(memory, { order });
  assert.equal(
    writer.writeSlice(Infinity, () => 0),
    'done',
  );
  return memory;
}

/** Long lists and maps for a few keys only. */
function spanMax(change: Change): number {
  return 'count' in change && change.count > 3 ? 2 : KEYS;
}

interface Run {
  readonly names: readonly StateName[];
  readonly steps: readonly Step[];
  /** Into how many ranges of key groups snapshots are restored. */
  readonly parts: number;
}

async function run(keyAt: (i: number) => Key, { names, steps, parts }: Run): Promise<void> {
  const pair = new Pair(names, 0, MAX_PARALLELISM - 1);
  const open: OpenSnapshot[] = [];
  const complete: OpenSnapshot[] = [];
  const slice = (which: number, budget: number): void => {
    const snapshot = open[which];
    if (snapshot === undefined) return;
    if (snapshot.writer.writeSlice(budget, stepClock()) !== 'done') return;
    open.splice(which, 1);
    complete.push(snapshot);
  };
  for (let i = 0; i < KEYS; i++) pair.apply(keyAt(i), { kind: 'set', n: i, count: i % 3 });
  for (const step of steps) {
    switch (step.kind) {
      case 'change':
        // Long lists and maps for a few keys only.
        for (let i = 0; i < Math.min(step.span, spanMax(step.change)); i++)
          pair.apply(keyAt((step.key + i) % KEYS), step.change);
        break;
      case 'begin': {
        if (open.length === 3) break;
        const memory = new MemorySnapshot(`snapshot ${complete.length + open.length}`);
        const writer = pair.backend.beginSnapshot(memory, { order: step.order });
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
  for (const snapshot of complete) await checkSnapshot(names, snapshot, parts);
}

describe('HeapKeyedStateBackend against a model', () => {
  for (const [family, { keyAt, runs }] of Object.entries(FAMILIES)) {
    test(`keys of family ${family}: K4, K5, T1-T4, U1-U3, O1-O3`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.record({
            names: fc.subarray(ALL, { minLength: 1, maxLength: 2 }),
            steps: fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }),
            parts: fc.integer({ min: 1, max: MAX_PARALLELISM }),
          }),
          (input) => run(keyAt, input),
        ),
        { seed: 20260701, numRuns: runs },
      );
    });
  }
});
