/**
 * Decoders and what they do with bytes that nobody has encoded: they give a value that can be
 * encoded and comes back equal, or say DATA_CORRUPT; they take memory by the length of the bytes,
 * and no prototype is ever changed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { isEngineError } from '../base/errors.ts';
import { DYNAMIC_DEPTH_MAX } from './dynamic-codec.ts';
import { t } from './index.ts';
import type { Schema } from './index.ts';

const Inner = t.struct({ id: t.int64, tags: t.array(t.string), at: t.optional(t.timestamp) });
const SCHEMAS: Readonly<Record<string, Schema<any>>> = {
  dynamic: t.any,
  struct: t.struct({ a: t.string, b: t.integer, c: t.optional(t.string), d: t.array(Inner) }),
  map: t.map(t.string, t.array(t.float64)),
  tuple: t.tuple(t.boolean, t.bytes, t.nullable(t.int32)),
};

const VALUES: Readonly<Record<string, fc.Arbitrary<any>>> = {
  dynamic: fc.anything({ withMap: true, withSet: true, withDate: true, withBigInt: true }),
  struct: fc.record({
    a: fc.string({ unit: 'binary' }),
    b: fc.maxSafeInteger(),
    c: fc.option(fc.string(), { nil: undefined }),
    d: fc.array(
      fc.record({
        id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        tags: fc.array(fc.string(), { maxLength: 4 }),
        at: fc.constant(undefined),
      }),
      { maxLength: 4 },
    ),
  }),
  map: fc
    .array(fc.tuple(fc.string(), fc.array(fc.double(), { maxLength: 4 })), { maxLength: 5 })
    .map((entries) => new Map(entries)),
  tuple: fc.tuple(
    fc.boolean(),
    fc.uint8Array({ maxLength: 20 }),
    fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  ),
};

/** Changes of bytes: a byte set, a part left out or doubled, an end cut off or added. */
const changes = fc.array(
  fc.tuple(
    fc.constantFrom('set', 'cut', 'double', 'drop', 'add'),
    fc.nat(4000),
    fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, 11, 12, 14, 15, 16, 17),
  ),
  { minLength: 1, maxLength: 4 },
);

function changed(bytes: Uint8Array, [how, place, byte]: readonly [string, number, number]) {
  const at = bytes.length === 0 ? 0 : place % bytes.length;
  const end = Math.min(bytes.length, at + 1 + (byte & 7));
  switch (how) {
    case 'set':
      return bytes.length === 0 ? bytes : bytes.with(at, byte);
    case 'cut':
      return bytes.subarray(0, at);
    case 'double':
      return Uint8Array.of(...bytes.subarray(0, end), ...bytes.subarray(at));
    case 'drop':
      return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(end));
    default:
      return Uint8Array.of(...bytes, byte, byte);
  }
}

function encode(schema: Schema<unknown>, value: unknown): Uint8Array | undefined {
  const out = new ByteWriter();
  try {
    schema.codec.encode(value, out);
  } catch (error) {
    assert.ok(isEngineError(error, 'DATA_NOT_SERIALIZABLE'), String(error));
    return undefined;
  }
  return out.copy();
}

/** The value, or undefined for bytes that are refused. */
function decode(
  schema: Schema<unknown>,
  bytes: Uint8Array,
): { readonly value: unknown } | undefined {
  const input = new ByteReader(bytes);
  try {
    const value = schema.codec.decode(input);
    input.expectEnd();
    return { value };
  } catch (error) {
    assert.ok(isEngineError(error, 'DATA_CORRUPT'), String(error));
    return undefined;
  }
}

function check(schema: Schema<unknown>, bytes: Uint8Array): boolean {
  const decoded = decode(schema, bytes);
  assert.equal(Object.keys(Object.prototype).length, 0);
  if (decoded === undefined) return false;
  const again = encode(schema, decoded.value);
  assert.ok(again !== undefined, 'what was decoded can be encoded');
  const second = decode(schema, again);
  assert.ok(second !== undefined && schema.codec.equals(decoded.value, second.value));
  return true;
}

describe('bytes that were changed give a value or DATA_CORRUPT', () => {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    test(name, () => {
      let refused = 0;
      fc.assert(
        fc.property(VALUES[name]!, changes, (value, all) => {
          const bytes = encode(schema, value);
          if (bytes === undefined) return;
          if (!check(schema, all.reduce(changed, bytes))) refused += 1;
        }),
        { seed: 11, numRuns: cases(500) },
      );
      assert.ok(refused > 100, `${refused} refused`);
    });
  }

  test('and so do bytes that never were any', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const schema of Object.values(SCHEMAS)) check(schema, bytes);
      }),
      { seed: 12, numRuns: cases(500) },
    );
  });
});

test('a length that cannot be allocates nothing', () => {
  const before = process.memoryUsage().arrayBuffers;
  // Counts and lengths of up to 2^53 in the place of every one there is.
  for (const tag of [6, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18]) {
    for (const length of [
      [0xff, 0xff, 0xff, 0xff, 0x0f],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
    ]) {
      const bytes = Uint8Array.of(tag, ...length, 0, 0, 0, 0);
      assert.equal(decode(t.any, bytes), undefined, `tag ${tag}`);
    }
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024);
});

test('values deeper than the limit are refused, not a stack that overflows', () => {
  const nested = (depth: number): Uint8Array =>
    Uint8Array.from({ length: depth * 2 + 1 }, (_, i) =>
      i === depth * 2 ? 1 : i % 2 === 0 ? 11 : 1,
    );
  assert.ok(decode(t.any, nested(DYNAMIC_DEPTH_MAX)) !== undefined);
  assert.equal(decode(t.any, nested(DYNAMIC_DEPTH_MAX + 1)), undefined);
  assert.equal(decode(t.any, nested(100_000)), undefined);
});

test('a key of the name __proto__ is a key, also after its decoder was generated', () => {
  const value = JSON.parse('{"__proto__": {"polluted": 1}, "a": 2}') as object;
  const bytes = encode(t.any, value)!;
  for (let i = 0; i < 100; i++) {
    const decoded = decode(t.any, bytes)!.value as object;
    assert.equal(Object.getPrototypeOf(decoded), Object.prototype);
    assert.deepEqual(Object.keys(decoded), ['__proto__', 'a']);
    assert.equal((decoded as Readonly<Record<string, unknown>>)['polluted'], undefined);
  }
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, i]));
  const large = JSON.parse(JSON.stringify(many).replace('"k7"', '"__proto__"')) as object;
  const decoded = decode(t.any, encode(t.any, large)!)!.value as object;
  assert.equal(Object.getPrototypeOf(decoded), Object.prototype);
  assert.equal(({} as Readonly<Record<string, unknown>>)['polluted'], undefined);
});
