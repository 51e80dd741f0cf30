/**
 * The core suite: rates of whole jobs, per second of CPU of all threads from start to end of the
 * process, and what it takes to start a small one. Each job's result is held against a closed form.
 */
import type { Benchmark } from '../lib/benchmark.ts';
import { bidsFolder, priceOf } from './bids.ts';
import { rate, type Expected } from './rate.ts';
import { wordCountCold, wordCountRss, wordCountStart } from './word-count.ts';

/** Long enough that the start, some 0.2 s of CPU, hardly counts. */
const CHAIN_RECORDS = 400_000_000;
const KEYED_RECORDS = 40_000_000;
const KEYS = 100_000;
const BIDS = 2_000_000;
/** How often the bids are read. */
const READINGS = 3;

export const coreBenchmarks: readonly Benchmark[] = [
  chain(CHAIN_RECORDS),
  keyedSum(KEYED_RECORDS, KEYS),
  jsonFields('json-two-fields', BIDS, READINGS),
  jsonFields('json-all-fields', BIDS, READINGS),
  wordCountStart,
  wordCountCold,
  wordCountRss,
];

export function chain(records: number): Benchmark {
  return rate({
    name: 'chain',
    records,
    parameters: async () => ({ records }),
    expected: () => chainExpected(records),
  });
}

export function keyedSum(records: number, keys: number): Benchmark {
  return rate({
    name: 'keyed-sum',
    records,
    parameters: async () => ({ records, keys }),
    expected: () => keyedSumExpected(records, keys),
  });
}

/** Of `bids` lines, read `readings` times. */
export function jsonFields(
  name: 'json-two-fields' | 'json-all-fields',
  bids: number,
  readings: number,
): Benchmark {
  return rate({
    name,
    records: bids * readings,
    parameters: async () => ({ bids: await bidsFolder(bids, readings) }),
    expected: () => bidsExpected(bids, readings),
  });
}

/** Of 2..records+1 without the multiples of three. */
function chainExpected(records: number): Expected {
  const last = BigInt(records) + 1n;
  const threes = last / 3n;
  const all = (last * (last + 1n)) / 2n - 1n;
  return {
    records: records - Number(threes),
    checksum: all - (3n * threes * (threes + 1n)) / 2n,
  };
}

/** Every round meets each key once, and its sums are the number of the round. */
function keyedSumExpected(records: number, keys: number): Expected {
  const rounds = BigInt(Math.floor(records / keys));
  const rest = BigInt(records % keys);
  const checksum = (BigInt(keys) * rounds * (rounds + 1n)) / 2n + rest * (rounds + 1n);
  return { records, checksum };
}

function bidsExpected(bids: number, readings: number): Expected {
  let checksum = 0;
  for (let i = 0; i < bids; i += 1) checksum += priceOf(i);
  return { records: bids * readings, checksum: BigInt(checksum * readings) };
}
