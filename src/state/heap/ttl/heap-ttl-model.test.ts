// States with a time-to-live against a naive model: random operations, a clock that jumps,
// snapshots that are written while things change and expire, and restores with another declaration
// or none.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { milliseconds } from '../../../base/units.ts';
import type { StateTtl } from '../../../functions/state-ttl.ts';
import { state } from '../../../functions/state.ts';
import type {
  AggregatingState,
  ListState,
  MapState,
  ReducingState,
  StateDescriptor,
  ValueState,
} from '../../../functions/state.ts';
import { meanOf } from '../../../functions/aggregates.ts';
import { t } from '../../../types/index.ts';
import { hashKey } from '../../../types/key.ts';
import type { Key } from '../../../types/schema.ts';
import { MemorySnapshot } from '../../memory-snapshot.ts';
import type { SnapshotWriter } from '../../snapshot.ts';
import { HeapKeyedStateBackend } from '../heap-keyed-state-backend.ts';

const GROUPS = 3;
const groupOf = (key: Key): number => (hashKey(key) >>> 0) % GROUPS;
const mean = meanOf((n: number) => n);

interface Stamped<V> {
  readonly v: V;
  at: number;
}

/** What a key holds. */
interface Held {
  number?: Stamped<number> | undefined;
  text?: Stamped<string> | undefined;
  sum?: Stamped<number> | undefined;
  mean?: Stamped<{ readonly sum: number; readonly count: number }> | undefined;
  list: Stamped<number>[];
  map: Map<string, Stamped<number>>;
}
type Single = 'number' | 'text' | 'sum' | 'mean';

interface Handles {
  readonly number: ValueState<number | undefined>;
  readonly text: ValueState<string | undefined>;
  readonly sum: ReducingState<number>;
  readonly mean: AggregatingState<number, number>;
  readonly list: ListState<number>;
  readonly map: MapState<string, number>;
}

class Clock {
  /** What it shows. */
  shown = 1000;
  #latest = -Infinity;

  /** The time that counts: the latest that somebody has seen (L1). */
  get now(): number {
    this.#latest = Math.max(this.#latest, this.shown);
    return this.#latest;
  }

  move(by: number): void {
    this.shown += by;
  }
}

/** A backend beside its model. */
class Pair {
  readonly backend: HeapKeyedStateBackend;
  readonly model: Map<Key, Held>;
  readonly clock: Clock;
  readonly ttl: StateTtl | undefined;
  #handles: Handles | undefined;

  constructor(clock: Clock, ttl: StateTtl | undefined, model = new Map<Key, Held>()) {
    this.clock = clock;
    this.ttl = ttl;
    this.model = model;
    this.backend = HeapKeyedStateBackend.open({
      operator: 'test',
      keyGroups: { first: 0, last: GROUPS - 1 },
      maxParallelism: GROUPS,
      processingTime: () => clock.shown,
    });
  }

  get handles(): Handles {
    return (this.#handles ??= Object.fromEntries(
      Object.entries(descriptors(this.ttl)).map(([name, descriptor]) => [
        name,
        this.backend.register(name, descriptor as StateDescriptor),
      ]),
    ) as unknown as Handles);
  }

  at(key: Key): Held {
    this.backend.setCurrentKey(key, groupOf(key));
    let held = this.model.get(key);
    if (held === undefined) this.model.set(key, (held = { list: [], map: new Map() }));
    return held;
  }

  get #cutoff(): number {
    return this.ttl === undefined ? -Infinity : this.clock.now - this.ttl.duration;
  }

  get #shows(): boolean {
    return this.ttl?.visibility === 'return-expired-if-not-cleaned-up';
  }

  get #stampsReads(): boolean {
    return this.ttl?.update === 'on-read-and-write';
  }

  apply(key: Key, { kind, n }: Change): void {
    const held = this.at(key);
    const { now } = this.clock;
    const h = this.handles;
    const name = `k${n % 20}`;
    switch (kind) {
      case 'write': {
        held.number = { v: n, at: now };
        h.number.set(n);
        held.text = { v: `text ${n}`, at: now };
        h.text.set(`text ${n}`);
        held.list.push({ v: n, at: now });
        h.list.add(n);
        // What has expired comes anew, and thus last.
        if ((held.map.get(name)?.at ?? now) <= this.#cutoff) held.map.delete(name);
        held.map.set(name, { v: n, at: now });
        h.map.set(name, n);
        const sum = this.#single(held, 'sum') as number | undefined;
        held.sum = { v: (sum ?? 0) + n, at: now };
        h.sum.add(n);
        const accumulator = this.#single(held, 'mean') as { sum: number; count: number };
        held.mean = { v: mean.add(accumulator ?? mean.create(), n), at: now };
        h.mean.add(n);
        break;
      }
      case 'read':
        this.check(held, n);
        break;
      case 'remove':
        held.map.delete(name);
        h.map.delete(name);
        if (n % 3 === 0) {
          held.number = undefined;
          h.number.clear();
          held.list = [{ v: n, at: now }];
          h.list.update([n]);
        }
        break;
    }
  }

  /** Reads everything of the current key on both sides, in one of the possible ways. */
  check(held: Held, n: number): void {
    const h = this.handles;
    for (const name of ['number', 'text', 'sum'] as const) {
      assert.equal(h[name].get(), this.#single(held, name), name);
    }
    const accumulator = this.#single(held, 'mean') as { sum: number; count: number } | undefined;
    assert.equal(h.mean.get(), accumulator && mean.result(accumulator), 'mean');
    assert.equal(h.list.isEmpty, this.#shown(held.list).length === 0, 'list.isEmpty');
    assert.deepEqual([...h.list.values()], this.#readList(held), 'list');
    const name = `k${n % 20}`;
    assert.equal(h.map.isEmpty, this.#shown([...held.map.values()]).length === 0, 'map.isEmpty');
    if (n % 2 === 0) assert.equal(h.map.get(name), this.#readEntry(held, name), 'map.get');
    else assert.equal(h.map.has(name), this.#readEntry(held, name) !== undefined, 'map.has');
    if (n % 3 === 0) assert.deepEqual([...h.map.entries()], this.#readMap(held), 'map.entries');
    else if (n % 3 === 1)
      assert.deepEqual(
        [...h.map.keys()],
        this.#readMap(held).map(([k]) => k),
      );
    else
      assert.deepEqual(
        [...h.map.values()],
        this.#readMap(held).map(([, v]) => v),
      );
  }

  #shown<V>(stamped: readonly Stamped<V>[]): readonly Stamped<V>[] {
    return this.#shows ? stamped : stamped.filter(({ at }) => at > this.#cutoff);
  }

  #single(held: Held, name: Single): unknown {
    const stamped = held[name];
    if (stamped === undefined) return undefined;
    if (stamped.at <= this.#cutoff) {
      held[name] = undefined;
      return this.#shows ? stamped.v : undefined;
    }
    if (this.#stampsReads) stamped.at = this.clock.now;
    return stamped.v;
  }

  #readList(held: Held): number[] {
    const values = this.#shown(held.list).map(({ v }) => v);
    const live = held.list.filter(({ at }) => at > this.#cutoff);
    if (this.#stampsReads) held.list = live.map(({ v }) => ({ v, at: this.clock.now }));
    else if (!this.#shows || live.length === 0) held.list = live;
    return values;
  }

  #readEntry(held: Held, name: string): number | undefined {
    const entry = held.map.get(name);
    if (entry === undefined) return undefined;
    if (entry.at <= this.#cutoff) {
      held.map.delete(name);
      return this.#shows ? entry.v : undefined;
    }
    if (this.#stampsReads) entry.at = this.clock.now;
    return entry.v;
  }

  #readMap(held: Held): [string, number][] {
    const shown = [...held.map].filter(([, { at }]) => this.#shows || at > this.#cutoff);
    for (const [name, entry] of held.map) {
      if (entry.at <= this.#cutoff) held.map.delete(name);
      else if (this.#stampsReads) entry.at = this.clock.now;
    }
    return shown.map(([name, { v }]) => [name, v]);
  }

  /** The model as a snapshot of now holds it. */
  snapshotModel(): Map<Key, Held> {
    const copy = structuredClone(this.model);
    if (this.ttl === undefined) return copy;
    if (this.ttl.cleanup !== undefined && this.ttl.cleanup !== false) {
      if (this.ttl.cleanup.inSnapshots === false) return copy;
    } else if (this.ttl.cleanup === false) return copy;
    for (const held of copy.values()) {
      for (const name of ['number', 'text', 'sum', 'mean'] as const) {
        if (held[name] !== undefined && held[name].at <= this.#cutoff) held[name] = undefined;
      }
      held.list = held.list.filter(({ at }) => at > this.#cutoff);
      for (const [name, { at }] of held.map) if (at <= this.#cutoff) held.map.delete(name);
    }
    return copy;
  }

  checkAll(): void {
    for (const [key, held] of this.model) {
      this.at(key);
      this.check(held, 3);
    }
    this.backend.clearCurrentKey();
  }
}

function descriptors(ttl: StateTtl | undefined): Record<keyof Handles, unknown> {
  return {
    number: state.value(t.float64, { ttl }),
    text: state.value(t.string, { ttl }),
    sum: state.reducing(t.float64, (a, b) => a + b, { ttl }),
    mean: state.aggregating(mean, { ttl }),
    list: state.list(t.float64, { ttl }),
    map: state.map(t.string, t.float64, { ttl }),
  };
}

interface Change {
  readonly kind: 'write' | 'read' | 'remove';
  readonly n: number;
}

type Step =
  | {
      readonly kind: 'change';
      readonly key: number;
      readonly span: number;
      readonly change: Change;
    }
  | { readonly kind: 'time'; readonly by: number }
  | { readonly kind: 'begin' }
  | { readonly kind: 'slice'; readonly steps: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      key: fc.nat(39),
      span: fc.integer({ min: 1, max: 12 }),
      change: fc.record({
        kind: fc.constantFrom(
          'write' as const,
          'write' as const,
          'read' as const,
          'remove' as const,
        ),
        n: fc.nat(100),
      }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('time' as const), by: fc.nat(60) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('time' as const),
      by: fc.integer({ min: -300, max: 150 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'begin' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('slice' as const),
      steps: fc.integer({ min: 0, max: 3 }),
    }),
  },
);

/** Where expired things can be seen nothing may clean them up, or it matters how far that came. */
const declared: fc.Arbitrary<StateTtl> = fc.oneof(
  fc.record({
    duration: fc.constantFrom(milliseconds(100), milliseconds(150)),
    update: fc.constantFrom('on-create-and-write' as const, 'on-read-and-write' as const),
    cleanup: fc.constantFrom(
      undefined,
      false as const,
      { incremental: { keys: 2, everyRecord: true } },
      { incremental: { keys: 50 } },
      { incremental: false as const, inSnapshots: false },
    ),
  }),
  fc.record({
    duration: fc.constant(milliseconds(120)),
    update: fc.constantFrom(undefined, 'on-read-and-write' as const),
    visibility: fc.constant('return-expired-if-not-cleaned-up' as const),
    cleanup: fc.constantFrom(false as const, { incremental: false as const }),
  }),
);

const FAMILIES: Readonly<Record<string, (i: number) => Key>> = {
  int32: (i) => i * 7919,
  number: (i) => (i % 2 === 0 ? i + 0.5 : i * 2 ** 33),
  string: (i) => `a key of some length ${i}`,
  tuple: (i) => [i % 4, `part ${i}`],
};

interface Run {
  readonly ttl: StateTtl;
  /** Of the program that restores. */
  readonly later: StateTtl | undefined;
  readonly steps: readonly Step[];
  readonly registerFirst: boolean;
}

class Runner {
  readonly pair: Pair;
  readonly #open: { writer: SnapshotWriter; memory: MemorySnapshot; model: Map<Key, Held> }[] = [];
  readonly complete: { memory: MemorySnapshot; model: Map<Key, Held> }[] = [];

  constructor(pair: Pair) {
    this.pair = pair;
  }

  begin(): void {
    const memory = new MemorySnapshot('a snapshot');
    const model = this.pair.snapshotModel();
    this.#open.push({ writer: this.pair.backend.beginSnapshot(memory), memory, model });
  }

  slice(steps: number): void {
    let now = 0;
    const first = this.#open[0];
    if (first === undefined || first.writer.writeSlice(steps, () => now++) !== 'done') return;
    this.complete.push(this.#open.shift()!);
  }

  finish(): void {
    while (this.#open.length > 0) this.slice(1000);
  }
}

async function run(
  keyAt: (i: number) => Key,
  { ttl, later, steps, registerFirst }: Run,
): Promise<void> {
  const clock = new Clock();
  const keys = Array.from({ length: 40 }, (_, i) => keyAt(i));
  const runner = new Runner(new Pair(clock, ttl));
  const { pair } = runner;
  for (const step of steps) {
    switch (step.kind) {
      case 'change':
        for (let i = 0; i < step.span; i++) {
          pair.apply(keys[(step.key + i) % keys.length]!, step.change);
        }
        break;
      case 'time':
        clock.move(step.by);
        break;
      case 'begin':
        runner.begin();
        break;
      case 'slice':
        runner.slice(step.steps);
        break;
    }
  }
  runner.begin();
  runner.finish();
  pair.checkAll();
  for (const { memory, model } of runner.complete) {
    const after = new Clock();
    after.move(clock.shown - after.shown);
    const restored = new Pair(after, later, model);
    if (registerFirst) assert.ok(restored.handles);
    await restored.backend.restore([[memory.input()]]);
    restored.checkAll();
    after.move(70);
    restored.checkAll();
  }
}

describe('time-to-live against a model', () => {
  for (const [family, keyAt] of Object.entries(FAMILIES)) {
    test(`keys of family ${family}: T5, L1, L2, S1, S2, O4, H2`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.record({
            ttl: declared,
            later: fc.option(declared, { nil: undefined }),
            steps: fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }),
            registerFirst: fc.boolean(),
          }),
          (input) => run(keyAt, input),
        ),
        { seed: 20260702, numRuns: 150, endOnFailure: true },
      );
    });
  }
});
