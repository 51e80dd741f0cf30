// The fast way of writing rows is held against the sure one: the same bytes, or nothing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import { t } from '../types/index.ts';
import { CsvLineEncoder, csvRowWriter } from './csv/csv-encoder.ts';
import { csvDialect } from './csv/csv-options.ts';
import type { CsvOptions } from './csv/csv-options.ts';
import type { LineEncoder } from './format.ts';
import { JsonLineEncoder, jsonLineWriter } from './json/json-encoder.ts';
import type { JsonOptions } from './json/json.ts';
import { ODD_ROW, RowWriter } from './row-bytes.ts';
import { portableScanner, wasmScanner } from './scan-module.ts';
import { writeInteger } from './write-integer.ts';

const texts = fc.oneof(
  fc.constantFrom('', 'Apple', 'ten letter', 'eleven lett', 'é', '日本', '😀', '\ud800', 'a\ud800'),
  fc.constantFrom('a"b', 'a,b', 'a;b', "a'b", 'a\tb', 'a\nb', 'a\r', 'back\\slash', '\u0000', ' '),
  fc.string({ maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom('x'.repeat(5000), 'é'.repeat(3000), `${'y'.repeat(300)}"`, 'z'.repeat(20_000)),
);
const plainTexts = fc.stringMatching(/^[a-zA-Z:/.]{0,120}$/);
const integers = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 9, 10, 99, 100, 999, 1000, 9999, 10_000, 99_999_999, 100_000_000, 1e15),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 1_436_918_400_000),
);
const floats = fc.oneof(fc.double(), integers, fc.constantFrom(-0, NaN, Infinity, 1e21, 0.1));

/** Writes at `at` of so many bytes; the bytes before it must stay as they are. */
function written<T>(encoder: LineEncoder<T>, value: T, at: number, size: number): unknown {
  const out = Buffer.alloc(size, 0x2e);
  let end: number;
  try {
    end = encoder.encode(value, out, at);
  } catch (thrown) {
    return (thrown as Error).message;
  }
  assert.ok(out.subarray(0, at).every((byte) => byte === 0x2e));
  return end < 0 ? end : out.toString('utf8', at, end);
}

/** Both ways, with much room, and with a little more or less than is needed. */
function compare<T>(fast: LineEncoder<T>, sure: LineEncoder<T>, value: T, slack: number): void {
  const whole = written(sure, value, 0, 200_000);
  assert.deepEqual(written(fast, value, 0, 200_000), whole);
  assert.deepEqual(written(fast, value, 777, 200_000), whole);
  if (typeof whole !== 'string') return;
  const size = Math.max(777, 777 + Buffer.byteLength(whole) + slack);
  assert.deepEqual(written(fast, value, 777, size), written(sure, value, 777, size));
}

describe('rows as bytes', () => {
  test('an integer is written as String does', () => {
    const out = Buffer.alloc(40);
    const check = (value: number): void => {
      out.fill(0x2e);
      const end = writeInteger(out, 3, value);
      assert.equal(out.toString('latin1', 3, end), String(value));
      assert.equal(out[2]! + out[end]!, 2 * 0x2e);
    };
    for (let power = 1; power < 2 ** 53; power *= 10) {
      for (const factor of [1, 2, 9]) {
        for (let more = -3; more <= 3; more += 1) {
          if (!Number.isSafeInteger(power * factor + more)) continue;
          check(power * factor + more);
          check(-(power * factor + more));
        }
      }
    }
    for (let high = 1; high < 90_071_992; high = Math.ceil(high * 1.01)) {
      check(high * 100_000_000 - 1);
      check(high * 100_000_000);
    }
    fc.assert(fc.property(integers, check), { numRuns: cases(2000, 100_000) });
  });

  const Nested = t.struct({
    id: t.integer,
    small: t.optional(t.int8),
    name: t.nullable(t.string),
    'a "name" \\ é': t.optional(t.float64),
    at: t.timestamp,
    big: t.int64,
    done: t.boolean,
    tags: t.array(t.string),
    points: t.array(t.struct({ x: t.optional(t.float64), y: t.optional(t.int32) })),
    rows: t.optional(t.array(t.array(t.integer))),
    inner: t.struct({ note: t.optional(t.nullable(t.string)), amount: t.decimal(12, 2) }),
    status: t.enum('open', 'half "open"'),
    day: t.optional(t.date),
    wait: t.duration,
    ratio: t.float32,
  });
  const nested = (text: fc.Arbitrary<string>) =>
    fc.record({
      id: integers,
      small: fc.option(fc.integer({ min: -128, max: 130 }), { nil: undefined }),
      name: fc.option(text),
      'a "name" \\ é': fc.option(floats, { nil: undefined }),
      at: integers,
      big: fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n }), fc.constant(5n)),
      done: fc.boolean(),
      tags: fc.array(text, { maxLength: 3 }),
      points: fc.array(
        fc.record({ x: fc.double({ noNaN: true }), y: fc.integer() }, { requiredKeys: [] }),
        { maxLength: 3 },
      ),
      rows: fc.option(fc.array(fc.array(integers, { maxLength: 4 }), { maxLength: 3 }), {
        nil: undefined,
      }),
      inner: fc.record(
        { note: fc.option(text), amount: fc.constantFrom('1.50', '-0.01', '7.00') },
        { requiredKeys: ['amount'] },
      ),
      status: fc.constantFrom('open', 'half "open"', 'shut'),
      day: fc.option(fc.constantFrom(0, 12_345), { nil: undefined }),
      wait: fc.constantFrom(0, 1.5, Infinity, -0),
      ratio: fc.constantFrom(0, 0.5, NaN, -0, 0.1),
    });

  for (const [name, options] of Object.entries({
    texts: {},
    numbers: { int64: 'number', decimal: 'number', timestamp: 'iso' },
  } satisfies Record<string, JsonOptions>)) {
    test(`JE1: a line of JSON is the same whichever way it is written: ${name}`, () => {
      const lines = jsonLineWriter(Nested.description, options);
      const fast = new JsonLineEncoder(Nested, options, lines);
      const sure = new JsonLineEncoder(Nested, options, undefined);
      const slack = fc.integer({ min: -3, max: 400 });
      fc.assert(
        fc.property(fc.oneof(nested(texts), nested(plainTexts)), slack, (value, more) =>
          compare(fast, sure, value as never, more),
        ),
        { numRuns: cases(300) },
      );
    });
  }

  const Row = t.struct({
    id: t.integer,
    name: t.string,
    price: t.float64,
    note: t.optional(t.string),
    count: t.nullable(t.uint8),
    big: t.optional(t.int64),
    done: t.boolean,
    status: t.nullable(t.enum('open', 'a,b')),
    at: t.timestamp,
    'odd "name"': t.int32,
  });
  const row = (text: fc.Arbitrary<string>) =>
    fc.record({
      id: integers,
      name: text,
      price: floats,
      note: fc.option(text, { nil: undefined }),
      count: fc.option(fc.integer({ min: 0, max: 256 })),
      big: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n }), { nil: undefined }),
      done: fc.boolean(),
      status: fc.constantFrom('open', 'a,b', null),
      at: integers,
      'odd "name"': fc.integer(),
    });
  const dialects: Readonly<Record<string, CsvOptions>> = {
    'comma and double quote': {},
    'tab without quotes': { delimiter: '\t', quote: false, timestamp: 'millis' },
    'colon and single quote': { delimiter: ':', quote: "'" },
    'other columns': { header: false, columns: ['x', 'note', 'id', 'at', 'y'] },
    'one column': { header: false, columns: ['note'] },
  };
  for (const [name, options] of Object.entries(dialects)) {
    test(`CE1: a row of CSV is the same whichever way it is written: ${name}`, () => {
      const dialect = csvDialect(options);
      const fast = new CsvLineEncoder(Row, dialect, csvRowWriter(Row, dialect));
      const sure = new CsvLineEncoder(Row, dialect, undefined);
      const slack = fc.integer({ min: -3, max: 400 });
      fc.assert(
        fc.property(fc.oneof(row(texts), row(plainTexts)), slack, (value, more) =>
          compare(fast, sure, value as never, more),
        ),
        { numRuns: cases(300) },
      );
    });
  }

  test('plain records take the fast way, and where most are odd they are not tried for a while', () => {
    const Bid = t.struct({ id: t.integer, url: t.string, extra: t.nullable(t.string) });
    const writer = jsonLineWriter(Bid.description, {})!;
    const out = Buffer.alloc(1000);
    const plain = { id: 7, url: 'https://www.example.com/a/b?c=1', extra: 'é' };
    const odd = { ...plain, url: 'https://www.example.com/"a"' };
    const line = '{"id":7,"url":"https://www.example.com/a/b?c=1","extra":"é"}\n';
    for (let i = 0; i < 1000; i += 1) {
      const end = writer.write(plain, out, 100);
      assert.equal(out.toString('utf8', 100, end), line);
      assert.equal(writer.write(odd, out, 100), ODD_ROW);
    }
    // The last one was odd.
    for (let i = 1; i < 64; i += 1) assert.equal(writer.write(odd, out, 100), ODD_ROW);
    for (let i = 0; i < 1024; i += 1) assert.equal(writer.write(plain, out, 100), ODD_ROW);
    assert.equal(writer.write(plain, out, 100), 100 + Buffer.byteLength(line));
  });

  test('RB3: a mark in a text is found, with WebAssembly and without', () => {
    for (const scanner of [wasmScanner(2)!, portableScanner(2)]) {
      const writer = new RowWriter(
        { marks: [0x22, 0x2c], fixed: 8 },
        (target) => (value, out, at) => {
          const end = target.text(at, value as string);
          if (end < 0) return ODD_ROW;
          out[end] = 0x0a;
          return target.row(at, end + 1, 1);
        },
        scanner,
      );
      const out = Buffer.alloc(4096, '",\n');
      for (let length = 0; length < 200; length += 1) {
        const text = 'x'.repeat(length);
        assert.equal(writer.write(text, out, 5), 6 + length);
        for (const mark of ['"', ',', '\n', '\u0001']) {
          for (const at of [0, length >> 1, length]) {
            const marked = text.slice(0, at) + mark + text.slice(at);
            assert.equal(writer.write(marked, out, 5), ODD_ROW);
            assert.equal(writer.write(text, out, 5), 6 + length);
          }
        }
      }
    }
  });
});
