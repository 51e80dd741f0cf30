/**
 * What it costs to encode, decode and hash: a bid of some 160 bytes by its schema and without one,
 * beside v8.serialize and JSON, and the key hash. `node bench/micro/codec.ts [--json]`.
 */
import v8 from 'node:v8';
import { ByteReader } from '../../src/base/byte-reader.ts';
import { ByteWriter } from '../../src/base/byte-writer.ts';
import { hashKey } from '../../src/types/key.ts';
import type { Key, Schema } from '../../src/types/schema.ts';
import { dynamic, t } from '../../src/types/t.ts';
import { report } from '../lib/report.ts';

const RECORDS = 1024;
const RUNS = 7;
const RUN_MILLIS = 150;

const Bid = t.struct({
  auction: t.integer,
  bidder: t.integer,
  price: t.integer,
  channel: t.string,
  url: t.string,
  at: t.timestamp,
  extra: t.string,
});

/** Flat strings, as they come from a decoder or parser. */
function flat(text: string): string {
  return Buffer.from(text).toString('latin1');
}

const CHANNELS = ['Google', 'Facebook', 'Baidu', 'Apple'];
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const bids = Array.from({ length: RECORDS }, (_, i) => ({
  auction: 1000 + ((i * 7) % 5000),
  bidder: 1000 + ((i * 13) % 9000),
  price: 100 + i * 37,
  channel: flat(CHANNELS[i % 4]!),
  url: flat(`https://www.nexmark.com/item.htm?query=1&channel_id=${i * 7919}`.padEnd(62, 'x')),
  at: 1_700_000_000_000 + i,
  extra: flat(LETTERS.slice(i % 10).padEnd(60, '-')),
}));

/** Runs `pass`, which does `count` operations, for a while; the results are per second of CPU. */
function measure(name: string, count: number, pass: () => void): void {
  const values: number[] = [];
  const wall: number[] = [];
  for (let run = -2; run < RUNS; run += 1) {
    let passes = 0;
    const cpu = process.cpuUsage();
    const start = performance.now();
    while (performance.now() - start < RUN_MILLIS) {
      pass();
      passes += 1;
    }
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    if (run < 0) continue;
    values.push((count * passes) / ((user + system) / 1e6));
    wall.push((count * passes) / seconds);
  }
  report({ name, unit: 'records/s', better: 'higher', values, wall });
}

/** Throws unless the sum of the prices is what it must be. */
function expectSum(sum: number): void {
  const expected = 100 * RECORDS + (37 * RECORDS * (RECORDS - 1)) / 2;
  if (sum !== expected) throw new Error(`decoded prices add up to ${sum}, must be ${expected}`);
}

function measureCodec(name: string, schema: Schema<any>, frame: boolean): void {
  const { codec } = schema;
  const writer = new ByteWriter(1 << 20);
  measure(`${name}-encode`, RECORDS, () => {
    writer.reset();
    if (frame) writer.beginFrame();
    for (let i = 0; i < RECORDS; i += 1) codec.encode(bids[i], writer);
  });
  const bytes = writer.copy();
  const reader = new ByteReader(bytes);
  measure(`${name}-decode`, RECORDS, () => {
    reader.wrap(bytes);
    if (frame) reader.beginFrame();
    let sum = 0;
    for (let i = 0; i < RECORDS; i += 1) sum += codec.decode(reader).price;
    expectSum(sum);
  });
  report({ name: `${name}-size`, unit: 'B', better: 'lower', values: [bytes.length / RECORDS] });
}

function measureOthers(): void {
  measure('v8-serialize', RECORDS, () => {
    for (const bid of bids) v8.serialize(bid);
  });
  const serialized = bids.map((bid) => v8.serialize(bid));
  measure('v8-deserialize', RECORDS, () => {
    let sum = 0;
    for (const bytes of serialized) sum += v8.deserialize(bytes).price;
    expectSum(sum);
  });
  measure('json-stringify', RECORDS, () => {
    for (const bid of bids) JSON.stringify(bid);
  });
  const texts = bids.map((bid) => JSON.stringify(bid));
  measure('json-parse', RECORDS, () => {
    let sum = 0;
    for (const text of texts) sum += JSON.parse(text).price;
    expectSum(sum);
  });
}

function measureHash(name: string, keyOf: (index: number) => Key): void {
  const keys = Array.from({ length: RECORDS }, (_, i) => keyOf(i));
  const expected = keys.reduce<number>((sum, key) => sum ^ hashKey(key), 0);
  measure(name, RECORDS, () => {
    let sum = 0;
    for (let i = 0; i < RECORDS; i += 1) sum ^= hashKey(keys[i]!);
    if (sum !== expected) throw new Error('a key has two hashes');
  });
}

measureCodec('bid-struct', Bid, false);
measureCodec('bid-dynamic-frame', dynamic, true);
measureCodec('bid-dynamic-alone', dynamic, false);
measureOthers();
measureHash('hash-int', (i) => i * 97);
measureHash('hash-safe-integer', (i) => 1e12 + i);
measureHash('hash-string-8', (i) => flat(`usr-${1000 + i}`));
measureHash('hash-string-20', (i) => flat(`user-abcdefghij-${1000 + i}`));
measureHash('hash-pair', (i) => [flat(`user-${i}`), i]);
