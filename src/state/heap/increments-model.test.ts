// Increments of a backend with states of all kinds: random operations, with snapshots that are
// begun, whole or on an earlier one, written in slices, aborted and released in between. Beside
// each a whole one is begun: what the chain restores, at any parallelism, is what that one
// restores.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Prng } from '../../base/prng.ts';
import { minutes } from '../../base/units.ts';
import { state } from '../../functions/state.ts';
import type { ListState, MapState, ReducingState, ValueState } from '../../functions/state.ts';
import { timeline } from '../../functions/timeline-state.ts';
import type { TimelineState } from '../../functions/timeline-state.ts';
import { t } from '../../types/index.ts';
import { canonicalKeyBytes } from '../../types/key-bytes.ts';
import { hashKey } from '../../types/key.ts';
import type { Key } from '../../types/schema.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import type { SnapshotMark, SnapshotWriter } from '../snapshot.ts';
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts';

const GROUPS = 3;
const KEYS = 40;

const FAMILIES: Readonly<Record<string, (i: number) => Key>> = {
  int32: (i) => i * 7919 - 1000,
  number: (i) => [i, i + 0.5, i * 2 ** 33, i % 2 === 0 ? NaN : -Infinity, i - 2 ** 52][i % 5]!,
  string: (i) => `key ${i}`,
  bigint: (i) => BigInt(i) ** BigInt(i % 30),
  tuple: (i) => [i % 10, `part ${Math.floor(i / 10)}`],
};

const ttl = { duration: minutes(1) } as const;
const Window = t.struct({ start: t.float64, end: t.float64 });

interface Clock {
  now: number;
}

/** All kinds of states, and what may happen to them for the current key. */
function register(backend: HeapKeyedStateBackend): ((draw: Prng, group: number) => void)[] {
  const number = backend.register('number', state.value(t.float64));
  const flag = backend.register('flag', state.value(t.boolean));
  const big = backend.register('big', state.value(t.int64));
  const text = backend.register('text', state.value(t.string));
  const sum = backend.register(
    'sum',
    state.reducing(t.float64, (a, b) => a + b),
  );
  const list = backend.register('list', state.list(t.int32));
  const map = backend.register('map', state.map(t.int32, t.string));
  const line = backend.register('line', timeline(t.float64));
  const windowed = backend.registerNamespaced('windowed', state.list(t.int32), Window);
  const sliced = backend.registerSliced('sliced', state.value(t.float64));
  const slicedMap = backend.registerSliced('sliced map', state.map(t.string, t.float64));
  const timers = backend.registerTimers('timers', Window);
  const named = backend.registerTimers('named', t.string);
  const slots = backend.registerRowTable('slots', 16);
  const log = backend.registerRowLog('log');
  const live = [
    valued(backend.register('live', state.value(t.float64, { ttl })), (n) => n / 3),
    valued(backend.register('live text', state.value(t.string, { ttl })), (n) => `live ${n}`),
    listed(backend.register('live list', state.list(t.int32, { ttl }))),
    mapped(backend.register('live map', state.map(t.int32, t.string, { ttl }))),
  ];
  return [
    ...live,
    valued(number, (n) => n / 7),
    valued(flag, (n) => n % 2 === 0),
    valued(big, (n) => BigInt(n) ** 5n),
    valued(text, (n) => `value ${n}`),
    reduced(sum),
    listed(list),
    mapped(map),
    timelined(line),
    (draw) => {
      const start = draw.below(4);
      windowed.setNamespace({ start, end: 10 });
      listed(windowed.handle)(draw);
    },
    (draw) => {
      if (draw.below(30) === 0) return sliced.dropSlice(draw.below(4));
      if (draw.below(60) === 0) sliced.slices();
      sliced.setSlice(draw.below(4));
      valued(sliced.handle, (n) => n)(draw);
    },
    (draw) => {
      if (draw.below(30) === 0) return slicedMap.dropSlice(draw.below(4) / 2);
      slicedMap.setSlice(draw.below(4) / 2);
      const n = draw.below(5);
      if (draw.below(2) === 0) slicedMap.handle.set(`${n}`, n);
      else slicedMap.handle.delete(`${n}`);
    },
    (draw) => {
      const window = { start: draw.below(3), end: 5 };
      const at = draw.below(200);
      const what = draw.below(20);
      if (what === 0) while (timers.pop(at));
      else if (what < 8) timers.delete(at, window);
      else timers.register(at, window);
    },
    (draw) => {
      const at = draw.below(200);
      const what = draw.below(20);
      if (what === 0) while (named.pop(at / 3));
      else if (what < 8) named.delete(at, `n${at % 3}`);
      else named.register(at, `n${at % 3}`);
    },
    (draw, group) => {
      const units = slots.of(group);
      const key = Buffer.from(`slot ${draw.below(50)}`);
      if (draw.below(3) === 0) {
        const slot = units.find(key, 0, key.length);
        if (slot >= 0) units.remove(slot);
        return;
      }
      const slot = units.findOrInsert(key, 0, key.length);
      units.touch(slot);
      units.doubles[units.valueAt(slot) >> 3]! += draw.below(10);
    },
    (draw, group) => {
      if (draw.below(40) === 0) return log.dropSlice(draw.below(3));
      const chains = log.of(group, draw.below(3));
      const key = Buffer.from(`row ${draw.below(8)}`);
      const chain = chains.find(key, 0, key.length);
      const newest = chains.newest(chain);
      if (draw.below(3) === 0 && newest >= 0) return chains.remove(chain, newest, -1);
      const row = Buffer.alloc(draw.below(300), draw.below(255));
      chains.append(chains.findOrInsert(key, 0, key.length), row, 0, row.length);
    },
  ];
}

type Change = (draw: Prng) => void;

function valued<V>(handle: ValueState<V | undefined>, of: (n: number) => V): Change {
  return (draw) => {
    if (draw.below(3) === 0) handle.clear();
    else handle.set(of(draw.below(1000)));
  };
}

function reduced(handle: ReducingState<number>): Change {
  return (draw) => (draw.below(4) === 0 ? handle.clear() : handle.add(draw.below(10)));
}

function listed(handle: ListState<number>): Change {
  return (draw) => {
    const what = draw.below(12);
    if (what < 3) handle.clear();
    else if (what === 3) handle.update([draw.below(10)]);
    else if (what === 4) handle.addAll(Array.from({ length: 300 }, (_, i) => i));
    else handle.add(draw.below(1000));
  };
}

function mapped(handle: MapState<number, string>): Change {
  return (draw) => {
    const what = draw.below(12);
    if (what === 0) handle.clear();
    else if (what === 1) for (let i = 0; i < 300; i++) handle.set(i, 'many');
    else if (what < 5) handle.delete(draw.below(20));
    else handle.set(draw.below(20), `${draw.below(1000)}`);
  };
}

function timelined(handle: TimelineState<number>): Change {
  return (draw) => {
    const what = draw.below(10);
    if (what === 0) handle.clear();
    else if (what < 3) handle.dropFirst(draw.below(3));
    else if (what < 5) handle.put(draw.below(100), what);
    else handle.add(draw.below(100), what);
  };
}

function open(first: number, last: number, clock: Clock): HeapKeyedStateBackend {
  const keyGroups = { first, last };
  const processingTime = (): number => clock.now;
  return HeapKeyedStateBackend.open({
    operator: 'all',
    keyGroups,
    maxParallelism: GROUPS,
    processingTime,
  });
}

const groupOf = (key: Key): number => (hashKey(key) >>> 0) % GROUPS;

interface Taken {
  readonly writer: SnapshotWriter;
  readonly memory: MemorySnapshot;
  readonly wholeWriter: SnapshotWriter;
  readonly whole: MemorySnapshot;
  readonly base: Taken | undefined;
  readonly mark: SnapshotMark;
}

/** What the snapshots of one subtask were, from a whole one on. */
function chainOf(taken: Taken): MemorySnapshot[] {
  return [...(taken.base === undefined ? [] : chainOf(taken.base)), taken.memory];
}

class Subtask {
  readonly backend: HeapKeyedStateBackend;
  readonly #changes: ReturnType<typeof register>;
  readonly #keys: readonly Key[];
  readonly #draw: Prng;
  readonly #open: Taken[] = [];
  /** Complete, and neither aborted nor released. */
  readonly #bases: Taken[] = [];
  readonly complete: Taken[] = [];

  constructor(backend: HeapKeyedStateBackend, keyAt: (i: number) => Key, draw: Prng) {
    this.backend = backend;
    this.#changes = register(backend);
    const { first, last } = backend.keyGroups;
    const keys = new Map<string, Key>();
    for (let i = 0; i < KEYS; i++) {
      const key = keyAt(i);
      if (groupOf(key) < first || groupOf(key) > last) continue;
      keys.set(Buffer.from(canonicalKeyBytes(key)).toString('hex'), key);
    }
    this.#keys = [...keys.values()];
    this.#draw = draw;
  }

  change(count: number): void {
    const draw = this.#draw;
    for (let i = 0; i < count; i++) {
      const key = this.#keys[draw.below(this.#keys.length)]!;
      this.backend.setCurrentKey(key, groupOf(key));
      this.#changes[draw.below(this.#changes.length)]!(draw, groupOf(key));
    }
    this.backend.clearCurrentKey();
  }

  begin(): void {
    const draw = this.#draw;
    const base = draw.below(5) === 0 ? undefined : this.#oneOf(this.#bases);
    const memory = new MemorySnapshot('changes');
    const whole = new MemorySnapshot('whole');
    const order = draw.below(2) === 0 ? 'natural' : 'canonical';
    const writer = this.backend.beginSnapshot(memory, { order, base: base?.mark, marked: true });
    const wholeWriter = this.backend.beginSnapshot(whole);
    this.#open.push({ writer, memory, wholeWriter, whole, base, mark: writer.mark! });
  }

  slice(budget: number): void {
    const taken = this.#oneOf(this.#open);
    if (taken === undefined) return;
    let looks = 0;
    if (taken.writer.writeSlice(budget, () => looks++) !== 'done') return;
    assert.equal(
      taken.wholeWriter.writeSlice(Infinity, () => 0),
      'done',
    );
    this.#open.splice(this.#open.indexOf(taken), 1);
    this.#bases.push(taken);
    this.complete.push(taken);
  }

  abort(): void {
    const taken = this.#oneOf(this.#open);
    if (taken === undefined) return;
    taken.writer.abort();
    taken.wholeWriter.abort();
    this.#open.splice(this.#open.indexOf(taken), 1);
  }

  release(): void {
    const base = this.#oneOf(this.#bases);
    if (base === undefined) return;
    this.backend.releaseMark(base.mark);
    this.#bases.splice(this.#bases.indexOf(base), 1);
  }

  #oneOf<T>(all: readonly T[]): T | undefined {
    return all.length === 0 ? undefined : all[this.#draw.below(all.length)];
  }

  finish(): void {
    while (this.#open.length > 0) this.slice(Infinity);
    while (this.#bases.length > 0) this.release();
    const { openSnapshots, marks } = this.backend.usage;
    assert.deepEqual([openSnapshots, marks], [0, 0]);
  }
}

function canonical(backend: HeapKeyedStateBackend): Uint8Array {
  const memory = new MemorySnapshot('canonical');
  backend.beginSnapshot(memory, { order: 'canonical' }).writeSlice(Infinity, () => 0);
  return memory.bytes();
}

async function checkAt(
  parallelism: number,
  chains: readonly (readonly MemorySnapshot[])[],
  wholes: readonly MemorySnapshot[],
  clock: Clock,
): Promise<void> {
  for (let subtask = 0; subtask < parallelism; subtask++) {
    const first = Math.ceil((subtask * GROUPS) / parallelism);
    const last = Math.ceil(((subtask + 1) * GROUPS) / parallelism) - 1;
    const [changed, whole] = [open(first, last, clock), open(first, last, clock)];
    // Before or after the states are known.
    if (subtask % 2 === 0) register(changed);
    await changed.restore(chains.map((chain) => chain.map((memory) => memory.input())));
    await whole.restore(wholes.map((memory) => [memory.input()]));
    if (subtask % 2 !== 0) register(changed);
    register(whole);
    assert.deepEqual(canonical(changed), canonical(whole));
  }
}

async function run(keyAt: (i: number) => Key, seed: number): Promise<void> {
  const draw = Prng.of(seed);
  const clock = { now: 1_000_000 };
  const subtasks = [open(0, 1, clock), open(2, 2, clock)].map(
    (backend) => new Subtask(backend, keyAt, draw),
  );
  for (let step = 0; step < 60; step++) {
    const subtask = subtasks[draw.below(2)]!;
    const what = draw.below(20);
    if (what < 8) subtask.change(draw.below(60));
    else if (what < 11) subtask.begin();
    else if (what < 17) subtask.slice(draw.below(6) === 0 ? Infinity : draw.below(40));
    else if (what === 17) subtask.abort();
    else if (what === 18) subtask.release();
    else clock.now += draw.below(40_000);
  }
  for (const subtask of subtasks) subtask.begin();
  for (const subtask of subtasks) subtask.finish();
  const [left, right] = subtasks.map(({ complete }) => complete);
  for (let i = 0; i < Math.min(left!.length, 4); i++) {
    const pair = [left!.at(-1 - i)!, right![draw.below(right!.length)]!];
    await checkAt(
      1 + draw.below(GROUPS),
      pair.map(chainOf),
      pair.map(({ whole }) => whole),
      clock,
    );
  }
}

describe('increments against whole snapshots', () => {
  for (const [family, keyAt] of Object.entries(FAMILIES)) {
    test(`keys of family ${family}: K6, V3, W2, G1`, async () => {
      for (let seed = 1; seed <= 12; seed++) {
        await run(keyAt, seed).catch((error: unknown) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
      }
    });
  }
});
