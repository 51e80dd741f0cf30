/**
 * What keyed state on the heap costs: a counter per key (set the current key, get, set) over
 * numeric and text keys in shuffled order and 128 key groups, the memory of a key, and a snapshot
 * that is written in slices of 5 ms while the counters go on. `node bench/micro/state.ts [--json]`.
 */
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { asciiText } from '../../src/base/ascii-text.ts';
import { textBufferOf } from '../../src/base/text-buffer.ts';
import { state } from '../../src/functions/state.ts';
import { RECORDS_AHEAD } from '../../src/operators/operator.ts';
import type { ValueState } from '../../src/functions/state.ts';
import { HeapKeyedStateBackend } from '../../src/state/heap/heap-keyed-state-backend.ts';
import { t } from '../../src/types/index.ts';
import { hashKey } from '../../src/types/key.ts';
import type { Key } from '../../src/types/schema.ts';
import { report } from '../lib/report.ts';

const GROUPS = 128;
const WARM_UPS = 3;
const RUNS = 7;
const UPDATES = 2_000_000;
/** A double for the key and one for the count. */
const PAYLOAD_BYTES = 16;
const SLICE_MILLIS = 5;
/** Updates between two slices. */
const BATCH = 1000;

interface Workload {
  readonly backend: HeapKeyedStateBackend;
  readonly count: number;
  readonly keyAt: (i: number) => Key;
  readonly groups: Uint8Array;
  readonly counts: ValueState<number>;
}

type Keys = (count: number) => (i: number) => Key;

function shuffled(count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  let seed = 12_345;
  for (let i = count - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
    const j = (seed >>> 0) % (i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

const numbers: Keys = (count) => {
  const order = shuffled(count);
  return (i) => order[i]!;
};

const texts: Keys = (count) => {
  const all = Array.from(shuffled(count), (i) => `user-${i}`);
  const bytes = textBufferOf(Buffer.from(all.join('')));
  const ends = new Int32Array(count + 1);
  for (const [i, text] of all.entries()) ends[i + 1] = ends[i]! + text.length;
  return (i) => asciiText(bytes, ends[i]!, ends[i + 1]! - ends[i]!);
};

function workload(count: number, keys: Keys): Workload {
  const keyAt = keys(count);
  const groups = Uint8Array.from({ length: count }, (_, i) => (hashKey(keyAt(i)) >>> 0) % GROUPS);
  const backend = HeapKeyedStateBackend.open({
    operator: 'count',
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
  });
  const counts = backend.register('count', state.value(t.float64, { initial: 0 }));
  return { backend, count, keyAt, groups, counts };
}

function update(work: Workload, from: number, updates: number): void {
  const { backend, count, keyAt, groups, counts } = work;
  let at = from % count;
  for (let i = 0; i < updates; i++) {
    backend.setCurrentKey(keyAt(at), groups[at]!);
    counts.set(counts.get() + 1);
    if (++at === count) at = 0;
  }
  backend.clearCurrentKey();
}

/** As operators do it: the entries of the records that come next are fetched together. */
function updateAhead(work: Workload, from: number, updates: number): void {
  const { backend, count, keyAt, groups, counts } = work;
  const keys = Array.from({ length: RECORDS_AHEAD }, () => 0);
  const keyGroups = new Uint16Array(RECORDS_AHEAD);
  let at = from % count;
  for (let i = 0; i < updates; i += RECORDS_AHEAD) {
    for (let j = 0; j < RECORDS_AHEAD; j++) {
      keys[j] = keyAt(at) as number;
      keyGroups[j] = groups[at]!;
      if (++at === count) at = 0;
    }
    if (backend.approaches) backend.approach(keys, keyGroups);
    for (let j = 0; j < RECORDS_AHEAD; j++) {
      backend.setCurrentKey(keys[j]!, keyGroups[j]!);
      counts.set(counts.get() + 1);
    }
  }
  backend.clearCurrentKey();
}

/** The sum of all counts is known, so that a wrong table fails the benchmark. */
function check({ backend, counts }: Workload, expected: number): void {
  let sum = 0;
  backend.forEachKey('count', () => {
    sum += counts.get();
  });
  if (sum !== expected) throw new Error(`the counts add up to ${sum}, not ${expected}`);
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function counter(name: string, count: number, keys: Keys, updateAll = update): void {
  const work = workload(count, keys);
  const updates = Math.ceil(Math.max(UPDATES, count) / RECORDS_AHEAD) * RECORDS_AHEAD;
  const values: number[] = [];
  const wall: number[] = [];
  for (let run = -WARM_UPS; run < RUNS; run++) {
    const cpu = cpuSeconds();
    const start = performance.now();
    updateAll(work, 0, updates);
    if (run < 0) continue;
    values.push(updates / (cpuSeconds() - cpu));
    wall.push((updates * 1000) / (performance.now() - start));
  }
  check(work, updates * (WARM_UPS + RUNS));
  report({ name, unit: 'records/s', better: 'higher', values, wall });
}

/** Memory of dropped arrays is given back some time after a collection. */
async function usedBytes(): Promise<number> {
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    collect();
    await setTimeout(20);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function memory(name: string, count: number, keys: Keys): Promise<void> {
  const work = workload(count, keys);
  const before = await usedBytes();
  update(work, 0, count);
  const bytes = ((await usedBytes()) - before) / count - PAYLOAD_BYTES;
  check(work, count);
  report({ name, unit: 'B', better: 'lower', values: [bytes] });
}

function snapshot(name: string, count: number, keys: Keys): void {
  const work = workload(count, keys);
  update(work, 0, count);
  const pauses: number[] = [];
  const rates: number[] = [];
  for (let run = -1; run < RUNS; run++) {
    const writer = work.backend.beginSnapshot({ write: () => undefined });
    let longest = 0;
    let busy = 0;
    for (let from = 0, done = false; !done; from += BATCH) {
      const start = performance.now();
      done = writer.writeSlice(SLICE_MILLIS, () => performance.now()) === 'done';
      const pause = performance.now() - start;
      longest = Math.max(longest, pause);
      busy += pause;
      update(work, from, BATCH);
    }
    if (run < 0) continue;
    pauses.push(longest);
    rates.push(writer.bytesWritten / 1e3 / busy);
  }
  report({ name: `${name}-slice-longest`, unit: 'ms', better: 'lower', values: pauses });
  report({ name: `${name}-rate`, unit: 'MB/s', better: 'higher', values: rates });
}

setFlagsFromString('--expose-gc');
counter('state-count-number-100k', 100_000, numbers);
counter('state-count-number-1m', 1_000_000, numbers);
counter('state-count-number-100k-ahead', 100_000, numbers, updateAhead);
counter('state-count-number-1m-ahead', 1_000_000, numbers, updateAhead);
counter('state-count-text-100k', 100_000, texts);
counter('state-count-text-1m', 1_000_000, texts);
await memory('state-bytes-number-1m', 1_000_000, numbers);
snapshot('state-snapshot-number-1m', 1_000_000, numbers);
snapshot('state-snapshot-text-1m', 1_000_000, texts);
