/**
 * What state of rows costs: row tables and row logs over keys of 8 bytes in random order and 128
 * key groups, as operators on rows use them, and a snapshot that is written in slices of 5 ms while
 * rows go on coming. `node bench/micro/rows.ts [--json]`.
 */
import { HeapKeyedStateBackend } from '../../src/state/heap/heap-keyed-state-backend.ts';
import { report } from '../lib/report.ts';

const GROUPS = 128;
const KEYS = 1_000_000;
const ROWS = 4_000_000;
const WARM_UPS = 1;
const RUNS = 3;
const ROW_BYTES = 40;
const SLICE_MILLIS = 5;

/** Rows in memory, of which the first 8 bytes are the key. */
interface Input {
  readonly bytes: Uint8Array;
  readonly groups: Uint8Array;
}

function randomRows(keys: number): Input {
  const bytes = new Uint8Array(ROWS * ROW_BYTES);
  const words = new Int32Array(bytes.buffer);
  const groups = new Uint8Array(ROWS);
  let seed = 12_345;
  for (let row = 0; row < ROWS; row++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
    const key = (seed >>> 3) % keys;
    words[(row * ROW_BYTES) >> 2] = Math.imul(key, 0x9e3779b1);
    words[((row * ROW_BYTES) >> 2) + 1] = key;
    groups[row] = (Math.imul(key, 0x85ebca6b) >>> 16) % GROUPS;
  }
  return { bytes, groups };
}

function open(): HeapKeyedStateBackend {
  return HeapKeyedStateBackend.open({
    operator: 'rows',
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
  });
}

/** Passes on the first row of a key. */
function deduplicate({ bytes, groups }: Input): number {
  const table = open().registerRowTable('seen', 0);
  let distinct = 0;
  for (let row = 0; row < ROWS; row++) {
    const slots = table.of(groups[row]!);
    slots.findOrInsert(bytes, row * ROW_BYTES, row * ROW_BYTES + 8);
    if (slots.isNew) distinct += 1;
  }
  return distinct;
}

/** Adds one to the count of a key, in place. */
function count({ bytes, groups }: Input): number {
  const table = open().registerRowTable('counts', 8);
  let sum = 0;
  for (let row = 0; row < ROWS; row++) {
    const slots = table.of(groups[row]!);
    const slot = slots.findOrInsert(bytes, row * ROW_BYTES, row * ROW_BYTES + 8);
    slots.touch(slot);
    sum += slots.doubles[slots.valueAt(slot) >> 3]! += 1;
  }
  return sum;
}

/**
 * Rows come from two sides in turn; each is added to its own and meets those of the other, one in
 * the end.
 */
function join({ bytes, groups }: Input): number {
  return joinRows(bytes, groups, 0, ROWS);
}

/** The same in many small ones, whose state fits into caches. */
function smallJoins({ bytes, groups }: Input): number {
  let matches = 0;
  for (let row = 0; row < ROWS; row += 40_000) {
    matches += joinRows(bytes, groups, row, row + 40_000);
  }
  return matches;
}

function joinRows(bytes: Uint8Array, groups: Uint8Array, from: number, to: number): number {
  const backend = open();
  const sides = [backend.registerRowLog('left'), backend.registerRowLog('right')] as const;
  let matches = 0;
  for (let row = from; row < to; row++) {
    const start = row * ROW_BYTES;
    const own = sides[row & 1]!.of(groups[row]!, 0);
    const chain = own.findOrInsert(bytes, start, start + 8);
    own.append(chain, bytes, start, start + ROW_BYTES);
    const other = sides[1 - (row & 1)]!.of(groups[row]!, 0);
    const met = other.find(bytes, start, start + 8);
    for (let at = other.newest(met); at >= 0; at = other.previous(at)) {
      matches += other.endOf(at) - other.startOf(at) === ROW_BYTES ? 1 : 0;
    }
  }
  return matches;
}

/** Rows of the last 10 slices are kept, in slices of 100,000 rows. */
function slices({ bytes, groups }: Input): number {
  const log = open().registerRowLog('recent');
  for (let row = 0; row < ROWS; row++) {
    const slice = Math.floor(row / 100_000);
    if (row % 100_000 === 0) log.dropSlice(slice - 10);
    const start = row * ROW_BYTES;
    const chains = log.of(groups[row]!, slice);
    chains.append(chains.findOrInsert(bytes, start, start + 8), bytes, start, start + ROW_BYTES);
  }
  return log.slices().length;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function measure(name: string, input: Input, run: (input: Input) => number): void {
  const values: number[] = [];
  let result: number | undefined;
  for (let i = -WARM_UPS; i < RUNS; i++) {
    const start = cpuSeconds();
    const got = run(input);
    const seconds = cpuSeconds() - start;
    if (result !== undefined && got !== result) throw new Error(`${name}: ${got}, not ${result}`);
    result = got;
    if (i >= 0) values.push(ROWS / seconds);
  }
  report({ name, unit: 'records/s', better: 'higher', values });
}

/** Counts go on between the slices of a snapshot; the longest pause counts. */
function snapshot({ bytes, groups }: Input): void {
  const backend = open();
  const table = backend.registerRowTable('counts', 8);
  const update = (from: number, to: number): void => {
    for (let row = from; row < to; row++) {
      const slots = table.of(groups[row]!);
      const slot = slots.findOrInsert(bytes, row * ROW_BYTES, row * ROW_BYTES + 8);
      slots.touch(slot);
      slots.doubles[slots.valueAt(slot) >> 3]! += 1;
    }
  };
  update(0, ROWS / 2);
  let longest = 0;
  let written = 0;
  const pause = <R>(work: () => R): R => {
    const start = performance.now();
    const result = work();
    longest = Math.max(longest, performance.now() - start);
    return result;
  };
  const start = performance.now();
  const output = { write: (piece: Uint8Array) => void (written += piece.length) };
  const writer = pause(() => backend.beginSnapshot(output));
  let row = ROWS / 2;
  while (pause(() => writer.writeSlice(SLICE_MILLIS, () => performance.now())) !== 'done') {
    update(row, Math.min((row += 1000), ROWS));
  }
  const seconds = (performance.now() - start) / 1000;
  const rate = written / 1e6 / seconds;
  report({ name: 'rows-snapshot', unit: 'MB/s', better: 'higher', values: [rate] });
  report({ name: 'rows-snapshot-pause', unit: 'ms', better: 'lower', values: [longest] });
}

const many = randomRows(KEYS);
measure('rows-dedup', many, deduplicate);
measure('rows-count', many, count);
measure('rows-join', randomRows(2 * KEYS), join);
measure('rows-join-20k-keys', randomRows(20_000), smallJoins);
measure('rows-slices', many, slices);
measure('rows-count-10k-keys', randomRows(10_000), count);
snapshot(many);
