/**
 * What time costs in keyed state: timers (a million live ones, of keys random over 2^53; an
 * operation is a register or a pop; at random times, all the same while ahead, at the ends of
 * windows, or in heaps far from each other), sliced and namespaced counters, going through a slice,
 * and the memory of a key and of a timer. `node bench/micro/keyed-time.ts [--json]`.
 */
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { state } from '../../src/functions/state.ts';
import { HeapKeyedStateBackend } from '../../src/state/heap/heap-keyed-state-backend.ts';
import { t } from '../../src/types/index.ts';
import { hashKey } from '../../src/types/key.ts';
import type { Schema } from '../../src/types/schema.ts';
import { report } from '../lib/report.ts';

const GROUPS = 128;
const KEYS = 1_000_000;
const RUNS = 5;
/** A double for the key and one for the value, or for the time. */
const PAYLOAD_BYTES = 16;
const Window = t.struct({ start: t.float64, end: t.float64 });

/** A counter of the same numbers every time. */
class Numbers {
  #seed = 12_345;

  next(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) | 0;
    return this.#seed >>> 0;
  }

  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }
}

interface Keys {
  readonly keys: Float64Array;
  readonly groups: Uint8Array;
}

/** Random over 2^53. */
function randomKeys(): Keys {
  const numbers = new Numbers();
  const keys = Float64Array.from(
    { length: KEYS },
    () => numbers.below(2 ** 21) * 2 ** 32 + numbers.next(),
  );
  return { keys, groups: Uint8Array.from(keys, (key) => (hashKey(key) >>> 0) % GROUPS) };
}

function open(): HeapKeyedStateBackend {
  return HeapKeyedStateBackend.open({
    operator: 'count',
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
  });
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Reports operations per second; `run` returns how many it has done. */
function measure(name: string, run: () => number): void {
  const values: number[] = [];
  const wall: number[] = [];
  for (let i = -1; i < RUNS; i++) {
    const cpu = cpuSeconds();
    const start = performance.now();
    const operations = run();
    if (i < 0) continue;
    values.push(operations / (cpuSeconds() - cpu));
    wall.push((operations * 1000) / (performance.now() - start));
  }
  report({ name, unit: 'records/s', better: 'higher', values, wall });
}

async function usedBytes(): Promise<number> {
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    collect();
    await setTimeout(20);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The steady state: a timer fires, and the next one of its key is registered. */
async function timers(
  { keys, groups }: Keys,
  namespace: Schema<object> | undefined,
): Promise<void> {
  const name = namespace === undefined ? 'timers' : 'timers-window';
  const backend = open();
  const queue = backend.registerTimers<unknown>('timers', namespace);
  const numbers = new Numbers();
  const register = (at: number): void =>
    queue.register(at, namespace && { start: at - 10_000, end: at + 1 });
  const before = await usedBytes();
  for (let i = 0; i < KEYS; i++) {
    backend.setCurrentKey(keys[i]!, groups[i]!);
    register(numbers.below(600_000));
  }
  const bytes = ((await usedBytes()) - before) / KEYS;
  report({ name: `${name}-bytes`, unit: 'B', better: 'lower', values: [bytes] });
  measure(name, () => {
    for (let i = 0; i < KEYS; i++) {
      queue.pop(Infinity);
      register(queue.at + 1 + numbers.below(600_000));
    }
    return KEYS * 2;
  });
  if (queue.size !== KEYS) throw new Error(`${queue.size} timers instead of ${KEYS}`);
  const begins: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now();
    const writer = backend.beginSnapshot({ write: () => undefined });
    begins.push(performance.now() - start);
    writer.abort();
  }
  report({ name: `${name}-snapshot-begin`, unit: 'ms', better: 'lower', values: begins });
}

/** A key sets a timer at a time that `timeOf` gives, and the earliest of a million fires. */
function steadyTimers(name: string, { keys, groups }: Keys, timeOf: (n: number) => number): void {
  const backend = open();
  const queue = backend.registerTimers<undefined>('timers', undefined);
  let set = 0;
  const register = (): void => {
    backend.setCurrentKey(keys[set % KEYS]!, groups[set % KEYS]!);
    queue.register(timeOf(set), undefined);
    set += 1;
  };
  while (queue.size < KEYS) register();
  measure(name, () => {
    for (let i = 0; i < KEYS; i++) {
      register();
      queue.pop(Infinity);
    }
    return KEYS * 2;
  });
  if (queue.size !== KEYS) throw new Error(`${queue.size} timers instead of ${KEYS}`);
}

/** A key has its count in one of a few slices, and all of them at last. */
function sliced({ keys, groups }: Keys): void {
  const backend = open();
  const counts = backend.registerSliced('counts', state.value(t.float64, { initial: 0 }));
  const count = 100_000;
  measure('sliced-count-100k', () => {
    for (let i = 0; i < KEYS; i++) {
      backend.setCurrentKey(keys[i % count]!, groups[i % count]!);
      counts.setSlice(i % 3);
      counts.handle.set(counts.handle.get() + 1);
    }
    return KEYS;
  });
  measure('slice-cursor', () => {
    let sum = 0;
    let seen = 0;
    for (let round = 0; round < 10; round++) {
      for (const start of counts.slices()) {
        for (const cursor = counts.cursor(start); cursor.next();) {
          sum += (cursor.value as number) + cursor.keyGroup + (cursor.key as number);
          seen += 1;
        }
      }
    }
    if (!(sum > 0)) throw new Error('nothing seen');
    return seen;
  });
}

function namespaced({ keys, groups }: Keys): void {
  const backend = open();
  const descriptor = state.value(t.float64, { initial: 0 });
  const counts = backend.registerNamespaced('counts', descriptor, Window);
  const count = 100_000;
  measure('namespaced-count-100k', () => {
    for (let i = 0; i < KEYS; i++) {
      backend.setCurrentKey(keys[i % count]!, groups[i % count]!);
      counts.setNamespace({ start: (i % 3) * 1000, end: (i % 3) * 1000 + 1000 });
      counts.handle.set(counts.handle.get() + 1);
    }
    return KEYS;
  });
}

/** In V8's heap and in array buffers; the suite of windows measures the process. */
async function bytesPerKey({ keys, groups }: Keys): Promise<void> {
  const backend = open();
  const counts = backend.register('count', state.value(t.float64, { initial: 0 }));
  const before = await usedBytes();
  for (let i = 0; i < KEYS; i++) {
    backend.setCurrentKey(keys[i]!, groups[i]!);
    counts.set(counts.get() + 1);
  }
  const bytes = ((await usedBytes()) - before) / KEYS - PAYLOAD_BYTES;
  report({ name: 'state-bytes-wide-1m', unit: 'B', better: 'lower', values: [bytes] });
  if (backend.usage.entries !== KEYS) throw new Error(`${backend.usage.entries} keys`);
}

setFlagsFromString('--expose-gc');
const keys = randomKeys();
await bytesPerKey(keys);
await timers(keys, undefined);
await timers(keys, Window);
steadyTimers('timers-delayed', keys, (n) => n + 600_000);
steadyTimers('timers-windows', keys, (n) => Math.ceil((n + 1) / 10_000) * 10_000 + 599_999);
// Every record has a hundred windows, all of them far from the others.
steadyTimers('timers-far-apart', keys, (n) => (n % 100) * 2 ** 35 + Math.floor(n / KEYS));
sliced(keys);
namespaced(keys);
