import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decimal } from './decimal.ts';
import { bareDescription, evolutionOf } from './evolution.ts';
import { schemaOf } from './schema-of.ts';
import type { Schema } from './schema.ts';
import { t } from './t.ts';

const numbers = {
  ...{ int8: t.int8, int16: t.int16, int32: t.int32, uint8: t.uint8, uint16: t.uint16 },
  ...{ uint32: t.uint32, integer: t.integer, int64: t.int64 },
  ...{ float32: t.float32, float64: t.float64 },
} as const;

/** The least and the greatest, and one that is hard to keep. */
const SAMPLES: Readonly<Record<keyof typeof numbers, readonly (number | bigint)[]>> = {
  int8: [-128, 127],
  int16: [-32_768, 32_767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
  uint16: [0, 65_535],
  uint32: [0, 2 ** 32 - 1],
  integer: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  float32: [Math.fround(0.1), 3.4028234663852886e38],
  float64: [0.1, Number.MAX_VALUE],
};

/** What a value becomes; fails if the later schema cannot hold it. */
function evolve(stored: Schema<unknown>, declared: Schema<unknown>, value: unknown): unknown {
  const evolution = evolutionOf(stored.description, declared.description, 'value');
  assert.equal(evolution.kind, 'possible', JSON.stringify(evolution));
  const now = evolution.convert === undefined ? value : evolution.convert(value);
  assert.deepEqual(declared.codec.fromJson(declared.codec.toJson(now)), now);
  return now;
}

function refusal(stored: Schema<unknown>, declared: Schema<unknown>): string {
  const evolution = evolutionOf(stored.description, declared.description, 'value');
  assert.equal(evolution.kind, 'refused');
  const { field, reason, fix } = evolution.refusal;
  assert.ok(fix.length > 10);
  return `${field}: ${reason}`;
}

describe('evolution of schemas', () => {
  test('numbers get wider exactly where every value fits', () => {
    for (const [from, stored] of Object.entries(numbers)) {
      for (const [to, declared] of Object.entries(numbers)) {
        const samples = SAMPLES[from as keyof typeof numbers];
        const { kind } = evolutionOf(stored.description, declared.description, 'value');
        const fits = samples.every((sample) => {
          const value =
            to === 'int64' && typeof sample === 'number' && Number.isInteger(sample)
              ? BigInt(sample)
              : sample;
          try {
            declared.codec.fromJson(declared.codec.toJson(value));
            return typeof value === (to === 'int64' ? 'bigint' : 'number');
          } catch {
            return false;
          }
        });
        const whole = !from.startsWith('float') || to.startsWith('float');
        assert.equal(kind === 'possible', fits && whole, `${from} to ${to}`);
        if (kind === 'refused') continue;
        for (const sample of samples) {
          assert.equal(Number(evolve(stored, declared, sample)), Number(sample));
        }
      }
    }
  });

  test('fields come with a default or optional, go, and are renamed by alias', () => {
    const stored = t.struct({ user: t.string, count: t.int32, gone: t.boolean });
    const declared = t.struct({
      note: t.optional(t.string),
      currency: t.field(t.string, { default: 'EUR' }),
      customer: t.field(t.string, { alias: ['buyer', 'user'] }),
      count: t.int64,
    });
    assert.deepEqual(evolve(stored, declared, { user: 'a', count: 5, gone: true }), {
      note: undefined,
      currency: 'EUR',
      customer: 'a',
      count: 5n,
    });
    assert.match(refusal(stored, t.struct({ ...stored.fields, more: t.int32 })), /^value\.more: /);
    // The former name is a field of its own again: it is not the former name of the other.
    const both = t.struct({ user: t.string, customer: t.field(t.string, { alias: 'user' }) });
    assert.match(refusal(stored, both), /^value\.customer: what is stored does not have it/);
  });

  test('an optional field that must be there now has a default', () => {
    const stored = t.struct({ n: t.optional(t.int32) });
    const declared = t.struct({ n: t.field(t.float64, { default: 7 }) });
    assert.deepEqual(evolve(stored, declared, {}), { n: 7 });
    assert.deepEqual(evolve(stored, declared, { n: 1 }), { n: 1 });
    assert.match(refusal(stored, t.struct({ n: t.int32 })), /value\.n: it was optional/);
    assert.equal(evolve(t.string, t.nullable(t.string), 'a'), 'a');
    assert.match(refusal(t.nullable(t.string), t.string), /was nullable, and is string/);
  });

  test('what is inside of other schemas changes like what is alone', () => {
    const old = t.struct({ a: t.int32 });
    const now = t.struct({ b: t.field(t.int64, { alias: 'a' }) });
    assert.deepEqual(evolve(t.array(old), t.array(now), [{ a: 1 }]), [{ b: 1n }]);
    assert.deepEqual(evolve(t.nullable(old), t.nullable(now), null), null);
    assert.deepEqual(evolve(t.tuple(t.string, old), t.tuple(t.string, now), ['x', { a: 2 }]), [
      'x',
      { b: 2n },
    ]);
    assert.deepEqual(
      evolve(t.map(t.int32, old), t.map(t.int64, now), new Map([[1, { a: 2 }]])),
      new Map([[1n, { b: 2n }]]),
    );
    assert.deepEqual(
      evolve(t.union('kind', { x: old }), t.union('kind', { y: old, x: now }), { kind: 'x', a: 3 }),
      { kind: 'x', b: 3n },
    );
    assert.deepEqual(
      evolve(t.oneOf({ x: old }), t.oneOf({ x: now }), { side: 'x', value: { a: 3 } }),
      {
        side: 'x',
        value: { b: 3n },
      },
    );
    assert.match(refusal(t.array(old), t.array(old.fields.a)), /^value\[\]: it was struct/);
  });

  test('enums and unions grow and do not shrink; decimals keep all digits', () => {
    assert.equal(evolve(t.enum('a', 'b'), t.enum('c', 'b', 'a'), 'b'), 'b');
    assert.equal(evolve(t.enum('a', 'b'), t.string, 'b'), 'b');
    assert.match(refusal(t.enum('a', 'b'), t.enum('a')), /"b" of the enum is gone/);
    const x = t.struct({});
    assert.match(refusal(t.union('k', { x, y: x }), t.union('k', { y: x })), /"x" of the union/);
    assert.match(refusal(t.union('k', { x }), t.union('kind', { x })), /told apart by k/);
    assert.equal(evolve(t.decimal(5, 2), t.decimal(9, 4), decimal('1.5', 2)), '1.5000');
    assert.match(refusal(t.decimal(5, 2), t.decimal(5, 3)), /decimal of 5 digits/);
    assert.match(refusal(t.literal('a'), t.literal('b')), /it was "a", and is "b"/);
    assert.equal(evolve(t.literal('a'), t.enum('a', 'b'), 'a'), 'a');
  });

  test('t.field says nothing of values, goes with the description, and is checked', () => {
    const evolving = t.struct({ a: t.field(t.int32, { default: 1, alias: 'b' }) });
    const plain = t.struct({ a: t.int32 });
    assert.deepEqual(bareDescription(evolving.description), plain.description);
    assert.deepEqual(schemaOf(evolving.description).description, evolving.description);
    assert.deepEqual(bareDescription(t.array(evolving).description), t.array(plain).description);
    assert.deepEqual(t.struct({ ...evolving.fields }).description, evolving.description);
    const inner = t.field(t.struct({ x: t.int32 }), { default: { x: 5 } });
    assert.deepEqual(Object.keys(inner.fields), ['x']);
    assert.throws(() => t.field(t.int32, { default: 0.5 }), /DATA|0\.5/);
    assert.throws(() => t.field(t.int32, {}), /default, an alias/);
    assert.throws(() => t.field(t.int32, { alias: ['a', 'a'] }), /twice/);
  });
});
