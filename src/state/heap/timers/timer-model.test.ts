// Queues of timers against a naive model: random operations, with snapshots that are begun, written
// in slices, aborted and restored into other ranges of key groups in between.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { t } from '../../../types/index.ts';
import { canonicalKeyBytes } from '../../../types/key-bytes.ts';
import { hashKey } from '../../../types/key.ts';
import type { Key, Schema } from '../../../types/schema.ts';
import type { TimerQueue } from '../../keyed-state-backend.ts';
import { MemorySnapshot } from '../../memory-snapshot.ts';
import type { SnapshotOrder, SnapshotWriter } from '../../snapshot.ts';
import { HeapKeyedStateBackend } from '../heap-keyed-state-backend.ts';

const MAX_PARALLELISM = 3;
const groupOf = (key: Key): number => (hashKey(key) >>> 0) % MAX_PARALLELISM;
const textOf = (key: Key): string => Buffer.from(canonicalKeyBytes(key)).toString('hex');

interface ModelTimer {
  readonly key: Key;
  readonly at: number;
  readonly namespace: unknown;
}

/** By the text of key, time and namespace. */
type Model = Map<string, ModelTimer>;

interface Namespaces {
  readonly schema: Schema<unknown> | undefined;
  readonly nth: (n: number) => unknown;
}

const NAMESPACES: Readonly<Record<string, Namespaces>> = {
  none: { schema: undefined, nth: () => undefined },
  window: {
    schema: t.struct({ start: t.timestamp, end: t.timestamp }),
    nth: (n) => ({ start: n === 0 ? -Infinity : n, end: n + 1 }),
  },
  number: { schema: t.float64, nth: (n) => [-0, NaN, 2 ** 60, 0.5, n][n % 5] },
  text: { schema: t.string, nth: (n) => `window ${n % 4}` },
  mixed: {
    schema: t.struct({ end: t.timestamp, name: t.string, open: t.boolean }),
    nth: (n) => ({ end: n, name: `of a name that is not short ${n % 2}`, open: n % 2 === 0 }),
  },
};

const FAMILIES: Readonly<Record<string, (i: number) => Key>> = {
  int32: (i) => (i === 0 ? -0 : i * 7919 - 1000),
  number: (i) => [i, i + 0.5, i * 2 ** 33, i % 2 === 0 ? NaN : -Infinity, i - 2 ** 52][i % 5]!,
  string: (i) => `${'a key cut out of a line '.slice(0, i % 24)}${i}`,
  bigint: (i) => BigInt(i) ** BigInt(i % 30),
  tuple: (i) => [i % 10, `part ${Math.floor(i / 10)}`, [i % 2 === 0]],
  boolean: (i) => i % 2 === 0,
};

const timeOf = (n: number): number => [n, n * 1000, n * 2 ** 34 - 2 ** 40, -n][n % 4]!;

function identity({ key, at, namespace }: ModelTimer): string {
  const parts =
    typeof namespace === 'object' ? (Object.values(namespace!) as Key[]) : [namespace as Key];
  return textOf([key, at, ...(namespace === undefined ? [] : parts)]);
}

function open(first: number, last: number): HeapKeyedStateBackend {
  return HeapKeyedStateBackend.open({
    operator: 'test',
    keyGroups: { first, last },
    maxParallelism: MAX_PARALLELISM,
  });
}

/** A queue beside its model. */
class Pair {
  readonly backend: HeapKeyedStateBackend;
  readonly timers: TimerQueue<unknown>;
  readonly model: Model = new Map();

  constructor(schema: Schema<unknown> | undefined, backend: HeapKeyedStateBackend) {
    this.backend = backend;
    this.timers = backend.registerTimers('timers', schema);
  }

  register(timer: ModelTimer): void {
    this.backend.setCurrentKey(timer.key, groupOf(timer.key));
    this.timers.register(timer.at, timer.namespace);
    this.model.set(identity(timer), timer);
  }

  delete(timer: ModelTimer): void {
    this.backend.setCurrentKey(timer.key, groupOf(timer.key));
    this.timers.delete(timer.at, timer.namespace);
    this.model.delete(identity(timer));
  }

  /** Pops up to `count` timers. */
  pop(limit: number, count: number): void {
    const times = [...this.model.values()].map(({ at }) => at).sort((a, b) => a - b);
    for (let i = 0; i < count; i++) {
      const least = times[i] ?? Infinity;
      assert.equal(this.timers.next, least);
      const due = i < times.length && least <= limit;
      assert.equal(this.timers.pop(limit), due);
      if (!due) return;
      const { at, namespace } = this.timers;
      const key = this.backend.currentKey!;
      assert.equal(at, least);
      const popped = identity({ key, at, namespace });
      assert.ok(this.model.delete(popped), 'a timer that is not there, or under another identity');
      if (i === 0) this.checkKey(key);
    }
  }

  /** Of one key, as the queue tells them. */
  checkKey(key: Key): void {
    this.backend.setCurrentKey(key, groupOf(key));
    const mine = [...this.model.values()].filter((timer) => textOf(timer.key) === textOf(key));
    const told = this.timers.timersOfCurrentKey();
    assert.deepEqual(
      told.map(({ at }) => at),
      mine.map(({ at }) => at).sort((a, b) => a - b),
    );
    assert.deepEqual(
      told.map((timer) => identity({ key, ...timer })).sort(),
      mine.map(identity).sort(),
    );
  }

  checkTop(): void {
    assert.equal(this.timers.size, this.model.size);
    assert.equal(this.backend.usage.entries, this.model.size);
    assert.equal(this.timers.next, this.#least());
  }

  #least(): number {
    let least = Infinity;
    for (const { at } of this.model.values()) least = Math.min(least, at);
    return least;
  }
}

type Step =
  | {
      readonly kind: 'register' | 'delete';
      readonly key: number;
      readonly span: number;
      readonly at: number;
      readonly namespace: number;
    }
  | { readonly kind: 'pop'; readonly limit: number; readonly count: number }
  | { readonly kind: 'begin'; readonly order: SnapshotOrder }
  | { readonly kind: 'slice'; readonly steps: number }
  | { readonly kind: 'abort' };

const change = fc.record({
  kind: fc.constantFrom('register' as const, 'register' as const, 'delete' as const),
  key: fc.nat(40),
  span: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 10 }) },
    { weight: 1, arbitrary: fc.constant(150) },
  ),
  at: fc.nat(30),
  namespace: fc.nat(6),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: change },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('pop' as const),
      limit: fc.oneof(fc.nat(30).map(timeOf), fc.constant(Infinity)),
      count: fc.nat(60),
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
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('slice' as const), steps: fc.nat(4) }),
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

/** The backend holds what `expected` has in its key groups, and pops it in order. */
function checkAll(
  schema: Schema<unknown> | undefined,
  backend: HeapKeyedStateBackend,
  expected: Model,
): void {
  const { first, last } = backend.keyGroups;
  const pair = new Pair(schema, backend);
  for (const [text, timer] of expected) {
    const group = groupOf(timer.key);
    if (group >= first && group <= last) pair.model.set(text, timer);
  }
  pair.checkTop();
  const keys = new Set<string>();
  backend.forEachKey('timers', (key) => {
    assert.ok(!keys.has(textOf(key)), 'a key twice');
    keys.add(textOf(key));
  });
  const wanted = new Set([...pair.model.values()].map(({ key }) => textOf(key)));
  assert.deepEqual([...keys].sort(), [...wanted].sort());
  for (const { key } of [...pair.model.values()].slice(0, 3)) pair.checkKey(key);
  pair.pop(Infinity, Infinity);
  assert.equal(pair.timers.size, 0);
}

function written(backend: HeapKeyedStateBackend, order: SnapshotOrder): MemorySnapshot {
  const memory = new MemorySnapshot('written');
  backend.beginSnapshot(memory, { order }).writeSlice(Infinity, () => 0);
  return memory;
}

async function restored(
  first: number,
  last: number,
  from: readonly MemorySnapshot[],
): Promise<HeapKeyedStateBackend> {
  const backend = open(first, last);
  await backend.restore(from.map((memory) => [memory.input()]));
  return backend;
}

async function checkSnapshot(
  schema: Schema<unknown> | undefined,
  { memory, expected }: OpenSnapshot,
  parts: number,
): Promise<void> {
  const again: MemorySnapshot[] = [];
  for (let part = 0; part < parts; part++) {
    const first = Math.ceil((part * MAX_PARALLELISM) / parts);
    const last = Math.ceil(((part + 1) * MAX_PARALLELISM) / parts) - 1;
    const backend = await restored(first, last, [memory]);
    // Of a queue that nobody has registered.
    again.push(written(backend, part % 2 === 0 ? 'canonical' : 'natural'));
    checkAll(schema, backend, expected);
  }
  checkAll(schema, await restored(0, MAX_PARALLELISM - 1, again), expected);
}

interface Run {
  readonly steps: readonly Step[];
  readonly parts: number;
}

async function run(
  keyAt: (i: number) => Key,
  { schema, nth }: Namespaces,
  { steps, parts }: Run,
): Promise<void> {
  const pair = new Pair(schema, open(0, MAX_PARALLELISM - 1));
  const begun: OpenSnapshot[] = [];
  const complete: OpenSnapshot[] = [];
  const slice = (budget: number): void => {
    if (begun[0]?.writer.writeSlice(budget, stepClock()) === 'done') complete.push(begun.shift()!);
  };
  for (const step of steps) {
    pair.checkTop();
    switch (step.kind) {
      case 'register':
      case 'delete':
        for (let i = 0; i < step.span; i++) {
          const [key, at] = [keyAt((step.key + i) % 47), timeOf(step.at + (i % 13))];
          pair[step.kind]({ key, at, namespace: nth(step.namespace + (i % 3)) });
        }
        break;
      case 'pop':
        pair.pop(step.limit, step.count);
        break;
      case 'begin': {
        if (begun.length === 2) break;
        const memory = new MemorySnapshot('s');
        const writer = pair.backend.beginSnapshot(memory, { order: step.order });
        begun.push({ writer, memory, expected: new Map(pair.model) });
        break;
      }
      case 'slice':
        slice(step.steps);
        break;
      case 'abort':
        begun.shift()?.writer.abort();
        break;
    }
  }
  while (begun.length > 0) slice(Infinity);
  for (const snapshot of complete) await checkSnapshot(schema, snapshot, parts);
  checkAll(schema, pair.backend, new Map(pair.model));
}

describe('timers against a model', () => {
  for (const [family, keyAt] of Object.entries(FAMILIES)) {
    for (const [kind, namespaces] of Object.entries(NAMESPACES)) {
      test(`keys of family ${family}, namespace ${kind}: J, O, P, Q, R, S`, async () => {
        await fc.assert(
          fc.asyncProperty(
            fc.record({
              steps: fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }),
              parts: fc.integer({ min: 1, max: MAX_PARALLELISM }),
            }),
            (input) => run(keyAt, namespaces, input),
          ),
          { seed: 20260702, numRuns: 6 },
        );
      });
    }
  }
});
