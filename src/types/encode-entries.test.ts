/** Many entries at once are written as one by one, and what is not for that way is left alone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from '../base/byte-writer.ts';
import { cases } from '../base/cases.test-kit.ts';
import { entriesEncoderOf } from './encode-entries.ts';
import { dynamic, t } from './index.ts';
import { writeKey } from './key-bytes.ts';
import type { Key, Schema } from './schema.ts';

interface Sample {
  readonly schema: Schema<unknown>;
  readonly values: fc.Arbitrary<unknown>;
}

const ascii = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 90 }) },
  fc.constantFrom('', 'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(4096), '\0', '\u007f'),
);
/** Longer than the way allows, or in more bytes than characters. */
const foreign = fc.constantFrom(
  'x'.repeat(4097),
  'é',
  'ÿ'.repeat(30),
  '日本',
  '\ud83d\ude00',
  'a\ud800b',
);
const double = fc.oneof(fc.double(), fc.constantFrom(-0, NaN, Infinity, -Infinity, 2 ** 53));

function samplesOf(text: fc.Arbitrary<string>): readonly Sample[] {
  const city = fc.constantFrom('Berlin', 'Oslo');
  return [
    { schema: t.string, values: text },
    { schema: t.float64, values: double },
    { schema: t.int32, values: fc.integer() },
    { schema: t.boolean, values: fc.boolean() },
    { schema: t.int64, values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
    { schema: t.enum('Berlin', 'Oslo'), values: city },
    {
      schema: t.tuple(t.string, t.int8),
      values: fc.tuple(text, fc.integer({ min: -128, max: 127 })),
    },
    { schema: t.struct({}), values: fc.constant({}) },
    {
      schema: t.struct({ constructor: t.string, at: t.timestamp, note: t.nullable(t.string) }),
      values: fc.record({
        constructor: text,
        at: fc.maxSafeInteger(),
        note: fc.oneof(text, fc.constant(null)),
      }),
    },
    {
      schema: t.struct({
        rate: t.optional(t.float32),
        price: t.decimal(12, 2),
        name: t.optional(t.nullable(t.string)),
        city: t.enum('Berlin', 'Oslo'),
        other: t.optional(t.string),
        small: t.uint16,
      }),
      values: fc.record(
        {
          rate: fc.float(),
          price: fc.integer({ min: -99_999, max: 99_999 }).map((n) => (n / 100).toFixed(2)),
          name: fc.oneof(text, fc.constant(null)),
          city,
          other: text,
          small: fc.nat(65_535),
        },
        { requiredKeys: ['price', 'city', 'small'] },
      ),
    },
  ];
}

const KEYS = {
  number: fc.oneof(fc.integer(), fc.maxSafeInteger(), double),
  text: fc.string({ unit: 'grapheme-ascii', maxLength: 30 }),
} as const;

function oneByOne(
  schema: Schema<unknown>,
  entries: readonly (readonly [Key, unknown])[],
): Uint8Array {
  const out = new ByteWriter();
  for (const [key, value] of entries) {
    writeKey(key, out);
    schema.codec.encode(value, out);
  }
  return out.copy();
}

/** What the encoder writes of all, and how much of it entry by entry since it would not. */
function together(
  kind: keyof typeof KEYS,
  schema: Schema<unknown>,
  entries: readonly (readonly [Key, unknown])[],
): { readonly bytes: Uint8Array; readonly refused: number } {
  const encode = entriesEncoderOf(kind, schema.description)!;
  const columns = { keys: entries.map(([key]) => key), values: entries.map(([, value]) => value) };
  const out = new ByteWriter(8);
  out.string('before');
  const begin = out.offset;
  let refused = 0;
  for (let from = 0; from < entries.length;) {
    const before = out.copy();
    const next = encode({ ...columns, from, end: entries.length }, out);
    if (next === from) {
      assert.deepEqual(out.copy(), before, 'nothing was written');
      writeKey(entries[from]![0], out);
      schema.codec.encode(entries[from]![1], out);
      refused += 1;
      from += 1;
    } else from = next;
  }
  return { bytes: out.copy(begin), refused };
}

describe('entriesEncoderOf', () => {
  for (const kind of ['number', 'text'] as const) {
    for (const [number, { schema, values }] of samplesOf(ascii).entries()) {
      test(`${schema.kind} ${number} by ${kind}: what key and codec write, none refused`, () => {
        const entries = fc.array(fc.tuple(KEYS[kind] as fc.Arbitrary<Key>, values), {
          maxLength: 40,
        });
        fc.assert(
          fc.property(entries, (all) => {
            const { bytes, refused } = together(kind, schema, all);
            assert.deepEqual(bytes, oneByOne(schema, all));
            assert.equal(refused, 0);
          }),
          { numRuns: cases(60, 2000) },
        );
      });
    }

    for (const [number, { schema, values }] of samplesOf(fc.oneof(ascii, foreign)).entries()) {
      test(`${schema.kind} ${number} by ${kind}: texts of all sorts, among others`, () => {
        const wellFormed = values.filter(
          (value) => !JSON.stringify(value ?? null, plain).includes('\\ud'),
        );
        const entries = fc.array(fc.tuple(KEYS[kind] as fc.Arbitrary<Key>, wellFormed), {
          maxLength: 12,
        });
        fc.assert(
          fc.property(entries, (all) => {
            assert.deepEqual(together(kind, schema, all).bytes, oneByOne(schema, all));
          }),
          { numRuns: cases(60, 2000) },
        );
      });
    }
  }

  test('what does not fit its schema is left to the codec, whatever is written before it', () => {
    const schema = t.struct({ name: t.string, age: t.int8 });
    const good = { name: 'Ada', age: 36 };
    const getter = {
      age: 1,
      at: 0,
      get name() {
        return 'x'.repeat(this.at++);
      },
    };
    for (const bad of [
      undefined,
      null,
      7,
      {},
      { name: 'Ada' },
      { name: 1, age: 1 },
      { name: '', age: 200 },
      getter,
    ]) {
      for (const kind of ['number', 'text'] as const) {
        const encode = entriesEncoderOf(kind, schema.description)!;
        const out = new ByteWriter();
        const keys = kind === 'number' ? [1, 2] : ['1', '2'];
        let next = encode({ keys, values: [good, bad], from: 0, end: 2 }, out);
        assert.ok(next < 2, JSON.stringify(bad));
        out.reset();
        next = encode({ keys, values: [bad, good], from: 0, end: 2 }, out);
        assert.equal(next, 0);
        assert.equal(out.offset, 0);
      }
    }
  });

  test('values with parts of any length of their own are left to the codec', () => {
    for (const schema of [
      t.array(t.int8),
      dynamic,
      t.struct({ tags: t.array(t.string) }),
      t.optional(t.int8),
    ]) {
      assert.equal(entriesEncoderOf('text', schema.description), undefined);
    }
  });
});

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}
