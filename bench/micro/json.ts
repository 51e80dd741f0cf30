/**
 * What the parsers of lines do alone, without the engine: bids of 278 bytes in JSON, of which two
 * fields or all are used, beside JSON.parse of each line; the same fields from CSV; how fast lines
 * are written; and how fast lines that were read are written again.
 * `node bench/micro/json.ts [--json]`.
 */
import { readFileSync } from 'node:fs';
import type { LineFormat } from '../../src/formats/index.ts';
import { csv, json } from '../../src/formats/index.ts';
import { RecordOrigins } from '../../src/functions/record-origins.ts';
import type { Infer } from '../../src/types/index.ts';
import { t } from '../../src/types/index.ts';
import { bidsFile, priceOf } from '../core/bids.ts';
import { report } from '../lib/report.ts';

const RECORDS = 50_000;
const RUNS = 7;
const RUN_MILLIS = 250;
/** As a file connector reads. */
const BLOCK_BYTES = 1 << 18;

const TwoFields = t.struct({ auction: t.integer, price: t.integer });
const Bid = t.struct({
  auction: t.integer,
  bidder: t.integer,
  price: t.integer,
  channel: t.string,
  url: t.string,
  dateTime: t.timestamp,
  extra: t.string,
});

/** Runs `pass`, which does `RECORDS` records, for a while; the results are per second of CPU. */
function measure(name: string, pass: () => void): void {
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
    values.push((RECORDS * passes) / ((user + system) / 1e6));
    wall.push((RECORDS * passes) / seconds);
  }
  report({ name, unit: 'records/s', better: 'higher', values, wall });
}

const EXPECTED = Array.from({ length: RECORDS }, (_unused, i) => priceOf(i)).reduce(
  (a, b) => a + b,
);

function expectSum(sum: number): void {
  if (sum !== EXPECTED) throw new Error(`prices add up to ${sum}, must be ${EXPECTED}`);
}

function measureDecoding<T extends { readonly price: number }>(
  name: string,
  format: LineFormat<T>,
  input: Buffer,
): void {
  const from = format.skipsFirstLine ? input.indexOf('\n') + 1 : 0;
  const header = input.subarray(0, from);
  let sum = 0;
  const handler = {
    record(bid: T): boolean {
      sum += bid.price;
      return true;
    },
    malformed(): boolean {
      throw new Error('a bid is malformed');
    },
  };
  measure(name, () => {
    const decoder = format.createDecoder(header);
    sum = 0;
    for (let at = from; at < input.length;) {
      const end = Math.min(input.length, at + BLOCK_BYTES);
      at = decoder.decode(input, at, end, end === input.length, handler);
    }
    expectSum(sum);
  });
}

function measureEncoding<T>(name: string, format: LineFormat<T>, values: readonly T[]): void {
  const out = Buffer.alloc(BLOCK_BYTES);
  const encoder = format.createEncoder();
  measure(name, () => {
    let at = 0;
    for (const value of values) {
      let end = encoder.encode(value, out, at);
      if (end < 0) end = encoder.encode(value, out, 0);
      at = end;
    }
  });
}

/** Records that are read and written again, as they are or with another price. */
function measurePassing(
  name: string,
  origins: RecordOrigins | undefined,
  change: (bid: Infer<typeof Bid>) => Infer<typeof Bid>,
): void {
  const out = Buffer.alloc(BLOCK_BYTES);
  const encoder = json(Bid).createEncoder(origins);
  const decoder = json(Bid).createDecoder(undefined, origins);
  let used = 0;
  const handler = {
    record(bid: Infer<typeof Bid>): boolean {
      const changed = change(bid);
      let end = encoder.encode(changed, out, used);
      if (end < 0) end = encoder.encode(changed, out, 0);
      used = end;
      return true;
    },
    malformed(): boolean {
      throw new Error('a bid is malformed');
    },
  };
  measure(name, () => {
    for (let at = 0; at < lines.length;) {
      const end = Math.min(lines.length, at + BLOCK_BYTES);
      at = decoder.decode(lines, at, end, end === lines.length, handler);
    }
  });
}

const lines = readFileSync(await bidsFile(RECORDS));
const bids = lines
  .toString('latin1')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));
const names = Object.keys(Bid.fields);
const rows = Buffer.from(
  [names, ...bids.map((bid) => names.map((name) => bid[name]))].map((row) => row.join()).join('\n'),
);

measureDecoding('json-parse-two-fields', json(TwoFields), lines);
measureDecoding('json-parse-all-fields', json(Bid), lines);
measure('json-parse-by-JSON.parse', () => {
  let sum = 0;
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf(0x0a, at);
    sum += (JSON.parse(lines.toString('utf8', at, end)) as { price: number }).price;
    at = end + 1;
  }
  expectSum(sum);
});
measureDecoding('csv-parse-two-fields', csv(TwoFields), rows);
measureDecoding('csv-parse-all-fields', csv(Bid), rows);
measureEncoding('json-write', json(Bid), bids);
measureEncoding('csv-write', csv(Bid), bids);
measurePassing('json-pass-encoded', undefined, (bid) => bid);
measurePassing('json-pass-copied', new RecordOrigins(), (bid) => bid);
measurePassing('json-change-encoded', undefined, (bid) => ({ ...bid, price: bid.price + 1 }));
measurePassing('json-change-copied', new RecordOrigins(), (bid) => ({
  ...bid,
  price: bid.price + 1,
}));
