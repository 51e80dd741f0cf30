// Sliced and namespaced state against a naive model: random operations, with snapshots that are
// begun, written in slices, aborted and restored into other ranges of key groups in between.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { state } from '../../functions/state.ts';
import type { ListState, MapState, StateDescriptor, ValueState } from '../../functions/state.ts';
import { t } from '../../types/index.ts';
import { canonicalKeyBytes } from '../../types/key-bytes.ts';
import { hashKey } from '../../types/key.ts';
import type { Key, Schema } from '../../types/schema.ts';
import type { SlicedState } from '../keyed-state-backend.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import type { SnapshotOrder, SnapshotWriter } from '../snapshot.ts';
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts';

const MAX_PARALLELISM = 3;
const KEYS = 60;
const SCOPES = 5;
const groupOf = (key: Key): number => (hashKey(key) >>> 0) % MAX_PARALLELISM;
const textOf = (key: Key): string => Buffer.from(canonicalKeyBytes(key)).toString('hex');

const FAMILIES: Readonly<Record<string, (i: number) => Key>> = {
  int32: (i) => (i === 0 ? -0 : i * 7919 - 1000),
  number: (i) => [i, i + 0.5, i * 2 ** 33, i % 2 === 0 ? NaN : -Infinity, i - 2 ** 52][i % 5]!,
  string: (i) => `${'a key cut out of a line '.slice(0, i % 24)}${i}`,
  tuple: (i) => [i % 10, `part ${Math.floor(i / 10)}`, [i % 2 === 0]],
};

const DESCRIPTORS = {
  number: state.value(t.float64),
  text: state.value(t.string),
  list: state.list(t.float64),
  map: state.map(t.string, t.float64),
} as const satisfies Record<string, StateDescriptor>;
type Name = keyof typeof DESCRIPTORS;
const NAMES = Object.keys(DESCRIPTORS) as Name[];

/** The plain forms of what is held. */
interface Held {
  number?: number;
  text?: string;
  list?: number[];
  map?: [string, number][];
}

interface Handles {
  readonly number: ValueState<number | undefined>;
  readonly text: ValueState<string | undefined>;
  readonly list: ListState<number>;
  readonly map: MapState<string, number>;
}

/** How a kind of scope is registered and made current. */
interface Scoped {
  readonly handles: Handles;
  enter(scope: number): void;
  readonly sliced: readonly SlicedState<unknown>[];
}

type Scoping = (backend: HeapKeyedStateBackend) => Scoped;

/** The nth scope of a kind. */
const sliceOf = (n: number): number => [0, 10_000, -5000, 2 ** 40, 0.5][n]!;

function namespaced<N>(schema: Schema<N>, nth: (n: number) => N): Scoping {
  return (backend) => {
    const states = NAMES.map((name) =>
      backend.registerNamespaced(name, DESCRIPTORS[name] as StateDescriptor, schema),
    );
    return {
      handles: Object.fromEntries(NAMES.map((n, i) => [n, states[i]!.handle])) as never,
      enter: (scope) => states.forEach((s) => s.setNamespace(nth(scope))),
      sliced: [],
    };
  };
}

const SCOPINGS: Readonly<Record<string, Scoping>> = {
  windows: namespaced(t.struct({ start: t.float64, end: t.float64 }), (n) =>
    n === 0 ? { start: -Infinity, end: Infinity } : { start: n % 3, end: 10 - n },
  ),
  numbers: namespaced(t.float64, (n) => [-0, NaN, 2 ** 60, 0.5, 7][n]!),
  texts: namespaced(t.string, (n) => `window ${n}`),
  structs: namespaced(t.struct({ name: t.string, open: t.boolean, n: t.int64 }), (n) => ({
    name: `w${n % 2}`,
    open: n < 2,
    n: BigInt(n),
  })),
  slices: (backend) => {
    const sliced = NAMES.map((name) =>
      backend.registerSliced(name, DESCRIPTORS[name] as StateDescriptor),
    );
    return {
      handles: Object.fromEntries(NAMES.map((n, i) => [n, sliced[i]!.handle])) as never,
      enter: (scope) => sliced.forEach((s) => s.setSlice(sliceOf(scope))),
      sliced,
    };
  },
};

/** By scope and text of the key. */
type Model = Map<string, { readonly key: Key; readonly scope: number; readonly held: Held }>;

type Change = 'set' | 'add' | 'clear';

class Pair {
  readonly backend: HeapKeyedStateBackend;
  readonly scoped: Scoped;
  readonly model: Model = new Map();
  readonly keyAt: (i: number) => Key;

  constructor(scoping: Scoping, backend: HeapKeyedStateBackend, keyAt: (i: number) => Key) {
    this.backend = backend;
    this.scoped = scoping(backend);
    this.keyAt = keyAt;
  }

  change(
    key: Key,
    scope: number,
    { kind, n }: { readonly kind: Change; readonly n: number },
  ): void {
    this.enter(key, scope);
    const { handles } = this.scoped;
    const held = this.#held(key, scope);
    if (kind === 'clear') {
      for (const name of NAMES) handles[name].clear();
      for (const name of NAMES) delete held[name];
    } else if (kind === 'set') {
      handles.number.set((held.number = n / 4));
      handles.text.set((held.text = `text ${n}`));
      handles.list.update((held.list = [n]));
    } else {
      (held.list ??= []).push(n);
      handles.list.add(n);
      const name = `k${n % 3}`;
      held.map = [...(held.map ?? [])];
      const known = held.map.find(([candidate]) => candidate === name);
      if (known === undefined) held.map.push([name, n]);
      else held.map[held.map.indexOf(known)] = [name, n];
      handles.map.set(name, n);
    }
    this.check(key, scope);
  }

  drop(scope: number): void {
    for (const sliced of this.scoped.sliced) sliced.dropSlice(sliceOf(scope));
    for (const [text, entry] of this.model) if (entry.scope === scope) this.model.delete(text);
  }

  enter(key: Key, scope: number): void {
    this.backend.setCurrentKey(key, groupOf(key));
    this.scoped.enter(scope);
  }

  check(key: Key, scope: number): void {
    const { number, text, list, map } = this.scoped.handles;
    const held = this.model.get(`${scope} ${textOf(key)}`)?.held ?? {};
    assert.equal(number.get(), held.number);
    assert.equal(text.get(), held.text);
    assert.deepEqual([...list.values()], held.list ?? []);
    assert.deepEqual([...map.entries()], held.map ?? []);
  }

  /** Every key in every scope, and what tells of all of them. */
  checkAll(): void {
    const { first, last } = this.backend.keyGroups;
    for (let i = 0; i < KEYS; i++) {
      const key = this.keyAt(i);
      if (groupOf(key) < first || groupOf(key) > last) continue;
      for (let scope = 0; scope < SCOPES; scope++) {
        this.enter(key, scope);
        this.check(key, scope);
      }
    }
    const entries = [...this.model.values()];
    let count = 0;
    for (const name of NAMES) {
      const mine = entries.filter(({ held }) => held[name] !== undefined);
      count += mine.length;
      const wanted = new Set(mine.map(({ key }) => textOf(key)));
      const seen: string[] = [];
      this.backend.forEachKey(name, (key) => seen.push(textOf(key)));
      assert.deepEqual(seen.sort(), [...wanted].sort());
    }
    assert.equal(this.backend.usage.entries, count);
    this.scoped.sliced.forEach((sliced, i) => this.#checkSlices(sliced, NAMES[i]!));
  }

  #checkSlices(sliced: SlicedState<unknown>, name: Name): void {
    const mine = [...this.model.values()].filter(({ held }) => held[name] !== undefined);
    const starts = [...new Set(mine.map(({ scope }) => sliceOf(scope)))].sort((a, b) => a - b);
    assert.deepEqual(sliced.slices(), starts);
    for (const start of [...starts, 77]) {
      const seen = new Map<string, unknown>();
      for (const cursor = sliced.cursor(start); cursor.next();) {
        assert.equal(cursor.keyGroup, groupOf(cursor.key));
        assert.ok(!seen.has(textOf(cursor.key)), 'a key twice');
        seen.set(textOf(cursor.key), plain(cursor.value));
      }
      const wanted = mine.filter(({ scope }) => sliceOf(scope) === start);
      assert.equal(seen.size, wanted.length);
      for (const { key, held } of wanted) assert.deepEqual(seen.get(textOf(key)), held[name]);
    }
  }

  #held(key: Key, scope: number): Held {
    const text = `${scope} ${textOf(key)}`;
    const known = this.model.get(text);
    if (known !== undefined) return known.held;
    const held: Held = {};
    this.model.set(text, { key, scope, held });
    return held;
  }
}

/** Of what a cursor shows. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('entries' in value) return [...(value as { entries(): Iterable<unknown> }).entries()];
  return [...(value as Iterable<unknown>)];
}

type Step =
  | {
      readonly kind: 'change';
      readonly key: number;
      readonly span: number;
      readonly scope: number;
      readonly change: { readonly kind: Change; readonly n: number };
    }
  | { readonly kind: 'drop'; readonly scope: number }
  | { readonly kind: 'begin'; readonly order: SnapshotOrder }
  | { readonly kind: 'slice'; readonly which: number; readonly steps: number }
  | { readonly kind: 'abort' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      key: fc.nat(KEYS - 1),
      span: fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 1, max: 10 }) },
        { weight: 2, arbitrary: fc.constant(KEYS) },
      ),
      scope: fc.nat(SCOPES - 1),
      change: fc.record({
        kind: fc.constantFrom('set' as const, 'add' as const, 'add' as const, 'clear' as const),
        n: fc.nat(100),
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('drop' as const), scope: fc.nat(SCOPES - 1) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('begin' as const),
      order: fc.constantFrom('natural' as const, 'canonical' as const),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('slice' as const),
      which: fc.nat(2),
      steps: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'abort' as const }) },
);

interface OpenSnapshot {
  readonly writer: SnapshotWriter;
  readonly memory: MemorySnapshot;
  readonly expected: Model;
}

function stepClock(): () => number {
  let now = 0;
  return () => now++;
}

function open(first: number, last: number): HeapKeyedStateBackend {
  return HeapKeyedStateBackend.open({
    operator: 'test',
    keyGroups: { first, last },
    maxParallelism: MAX_PARALLELISM,
  });
}

interface Run {
  readonly scoping: Scoping;
  readonly keyAt: (i: number) => Key;
  readonly steps: readonly Step[];
  readonly parts: number;
}

async function restored(run: Run, part: number, from: readonly MemorySnapshot[]): Promise<Pair> {
  const { parts, scoping, keyAt } = run;
  const first = Math.ceil((part * MAX_PARALLELISM) / parts);
  const last = Math.ceil(((part + 1) * MAX_PARALLELISM) / parts) - 1;
  const backend = open(first, last);
  await backend.restore(from.map((memory) => [memory.input()]));
  return new Pair(scoping, backend, keyAt);
}

function expect(pair: Pair, expected: Model): void {
  const { first, last } = pair.backend.keyGroups;
  for (const [text, entry] of structuredClone(expected)) {
    const group = groupOf(entry.key);
    if (group >= first && group <= last) pair.model.set(text, entry);
  }
  pair.checkAll();
}

async function checkSnapshot(run: Run, { memory, expected }: OpenSnapshot): Promise<void> {
  const again: MemorySnapshot[] = [];
  for (let part = 0; part < run.parts; part++) {
    const pair = await restored(run, part, [memory]);
    const written = new MemorySnapshot('written');
    const writer = pair.backend.beginSnapshot(written, {
      order: part % 2 === 0 ? 'canonical' : 'natural',
    });
    writer.writeSlice(Infinity, () => 0);
    again.push(written);
    expect(pair, expected);
  }
  expect(await restored({ ...run, parts: 1 }, 0, again), expected);
}

async function check(run: Run): Promise<void> {
  const pair = new Pair(run.scoping, open(0, MAX_PARALLELISM - 1), run.keyAt);
  const begun: OpenSnapshot[] = [];
  const complete: OpenSnapshot[] = [];
  const slice = (which: number, budget: number): void => {
    const snapshot = begun[which];
    if (snapshot?.writer.writeSlice(budget, stepClock()) !== 'done') return;
    begun.splice(which, 1);
    complete.push(snapshot);
  };
  for (const step of run.steps) {
    switch (step.kind) {
      case 'change':
        for (let i = 0; i < step.span; i++)
          pair.change(
            run.keyAt((step.key + i) % KEYS),
            (step.scope + (i % 2)) % SCOPES,
            step.change,
          );
        break;
      case 'drop':
        if (pair.scoped.sliced.length > 0) pair.drop(step.scope);
        break;
      case 'begin': {
        if (begun.length === 3) break;
        const memory = new MemorySnapshot('s');
        const writer = pair.backend.beginSnapshot(memory, { order: step.order });
        begun.push({ writer, memory, expected: structuredClone(pair.model) });
        break;
      }
      case 'slice':
        slice(step.which, step.steps);
        break;
      case 'abort':
        begun.shift()?.writer.abort();
        break;
    }
  }
  pair.checkAll();
  while (begun.length > 0) slice(0, Infinity);
  for (const snapshot of complete.slice(0, 3)) await checkSnapshot(run, snapshot);
}

describe('scoped state against a model', () => {
  for (const [kind, scoping] of Object.entries(SCOPINGS)) {
    for (const [family, keyAt] of Object.entries(FAMILIES)) {
      test(`${kind}, keys of family ${family}: L1, L2, N1-N3, W1-W4, U1-U3`, async () => {
        await fc.assert(
          fc.asyncProperty(
            fc.record({
              steps: fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }),
              parts: fc.integer({ min: 1, max: MAX_PARALLELISM }),
            }),
            (input) => check({ scoping, keyAt, ...input }),
          ),
          { seed: 20260703, numRuns: 8 },
        );
      });
    }
  }
});
