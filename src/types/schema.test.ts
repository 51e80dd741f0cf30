import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import v8 from 'node:v8';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { isEngineError } from '../base/errors.ts';
import { compile } from '../base/generated-code.ts';
import { decimal } from './decimal.ts';
import { projectionOf } from './projection.ts';
import type { Schema } from './schema.ts';
import { schemaOf } from './schema-of.ts';
import { dynamic, t } from './t.ts';

function encoded(schema: Schema<unknown>, value: unknown): Uint8Array {
  const writer = new ByteWriter(0);
  schema.codec.encode(value, writer);
  return writer.copy();
}

function decoded(schema: Schema<unknown>, bytes: Uint8Array): unknown {
  const reader = new ByteReader(bytes);
  const value = schema.codec.decode(reader);
  reader.expectEnd();
  return value;
}

describe('structs', () => {
  const Order = t.struct({
    id: t.string,
    amount: t.float64,
    note: t.optional(t.string),
    __proto__x: t.int32,
  });
  const haveSameMap = (): ((left: unknown, right: unknown) => boolean) => {
    v8.setFlagsFromString('--allow-natives-syntax');
    return compile('test', ['left', 'right'], 'return %HaveSameMap(left, right);');
  };

  it('have one hidden class, decoded, read from JSON and projected', () => {
    const same = haveSameMap();
    const value = { note: 'n', amount: 1.5, id: 'a', __proto__x: 1 };
    const one = decoded(Order, encoded(Order, value));
    const { note: _, ...without } = value;
    assert.ok(same(one, decoded(Order, encoded(Order, { ...value, id: 'b' }))));
    assert.ok(same(one, decoded(Order, encoded(Order, without))));
    assert.ok(same(one, Order.codec.fromJson(value)));
    assert.ok(same(one, projectionOf(Order)!(value)));
    assert.deepStrictEqual(Object.keys(one as object), Object.keys(Order.fields));
  });

  it('take a missing optional field for undefined and drop fields that are not theirs', () => {
    const value = { id: 'a', amount: 1, __proto__x: 1, more: 2 };
    const back = decoded(Order, encoded(Order, value));
    assert.deepStrictEqual(back, { id: 'a', amount: 1, note: undefined, __proto__x: 1 });
    assert.ok(Order.codec.equals(value, back));
    assert.deepStrictEqual(Order.codec.fromJson({ ...value, note: undefined }), back);
    assert.throws(() => Order.codec.fromJson({ ...value, note: null }), { code: 'DATA_MALFORMED' });
  });

  it('say where a value does not fit', () => {
    const schema = t.struct({
      orders: t.array(t.struct({ 'unit price': t.decimal(8, 2), kind: t.enum('new', 'paid') })),
    });
    const refused: [unknown, string, RegExp][] = [
      [
        { orders: [{ 'unit price': '1.5', kind: 'new' }] },
        'record.orders[0]["unit price"]',
        /the text "1.5", not a decimal of 8 digits, 2 after/,
      ],
      [
        { orders: [{ 'unit price': '1.50', kind: 'old' }] },
        'record.orders[0].kind',
        /"old", not one of "new", "paid"/,
      ],
      [{ orders: { length: 0 } }, 'record.orders', /an object, not an array/],
      [null, 'record', /null, not an object/],
    ];
    for (const [value, field, reason] of refused) {
      assert.throws(
        () => encoded(schema, value),
        (error: unknown) =>
          isEngineError(error, 'DATA_NOT_SERIALIZABLE') &&
          error.parameters['field'] === field &&
          reason.test(String(error.parameters['reason'])),
      );
    }
  });

  it('may have names with backslashes', () => {
    const schema = t.struct({ '\\': t.int8, 'a\\n': t.string, '\n': t.string, '\\"': t.any });
    const value = { '\\': 1, 'a\\n': 'x', '\n': 'y', '\\"': { '\\': 1, '\\n': 2 } };
    assert.deepStrictEqual(decoded(schema, encoded(schema, value)), value);
    assert.deepStrictEqual(schema.codec.fromJson(schema.codec.toJson(value)), value);
  });

  it('a field that every object inherits is missing unless the object has it', () => {
    const schema = t.struct({
      constructor: t.optional(t.string),
      toString: t.optional(t.string),
      ['__proto__']: t.optional(t.int32),
      id: t.int32,
    });
    const value = { id: 1 };
    const back = decoded(schema, encoded(schema, value)) as Record<string, unknown>;
    assert.deepEqual(
      Object.entries(back).filter(([, each]) => each !== undefined),
      [['id', 1]],
    );
    assert.ok(schema.codec.equals(value, { id: 1 }));
    assert.ok(!schema.codec.equals(value, { id: 1, toString: 'x' }));
    const named = decoded(schema, encoded(schema, { id: 1, toString: 'x' }));
    assert.equal((named as { toString: unknown }).toString, 'x');
  });

  it('are not fooled by names of the prototype', () => {
    const schema = t.struct({ toString: t.optional(t.string), ['__proto__']: t.nullable(t.int32) });
    const value = Object.fromEntries([
      ['toString', 'x'],
      ['__proto__', 7],
    ]);
    const back = decoded(schema, encoded(schema, value)) as object;
    assert.deepStrictEqual(back, value);
    assert.equal(Object.getPrototypeOf(back), Object.prototype);
    assert.deepStrictEqual(schema.codec.fromJson(JSON.parse('{"__proto__": 7}')), {
      toString: undefined,
      ...JSON.parse('{"__proto__": 7}'),
    });
  });
});

describe('schemas', () => {
  it('are refused when they make no sense', () => {
    const bad: (() => unknown)[] = [
      () => t.decimal(0, 0),
      () => t.decimal(39, 2),
      () => t.decimal(4, 5),
      () => t.decimal(4, 1.5),
      () => t.enum(...([] as unknown as [string])),
      () => t.enum('a', 'a'),
      () => t.literal(NaN),
      () => t.optional(t.optional(t.string)),
      () => t.nullable(t.nullable(t.string)),
      () => t.map(t.array(t.string) as unknown as Schema<string>, t.string),
      () => t.union('kind', {}),
      () => t.union('kind', { a: t.struct({ kind: t.string }) }),
      () => t.oneOf({}),
      () => schemaOf({ kind: 'nothing' } as never),
    ];
    for (const make of bad) assert.throws(make, { code: 'DATA_INVALID_SCHEMA' });
  });

  it('are immutable, descriptions too', () => {
    const schema = t.struct({ a: t.array(t.string) });
    assert.throws(() => ((schema.description as { kind: string }).kind = 'x'), TypeError);
    assert.throws(() => ((schema.fields as { a: unknown }).a = 1), TypeError);
  });

  it('may be wide: hundreds of fields, arms and values', () => {
    const kinds = [t.string, t.optional(t.int32), t.nullable(t.string), t.float64, t.array(t.int8)];
    const names = Array.from({ length: 300 }, (_, i) => `f${i}`);
    const Wide = t.struct(
      Object.fromEntries(names.map((name, i) => [name, kinds[i % kinds.length]!])),
    );
    const values = ['text'.repeat(30), 7, null, -0, [1, 2]];
    const value = Object.fromEntries(names.map((name, i) => [name, values[i % values.length]]));
    assert.deepStrictEqual(decoded(Wide, encoded(Wide, value)), value);
    const Names = t.enum(...(names as [string]));
    const Arms = t.oneOf(Object.fromEntries(names.map((name) => [name, t.literal(name)])));
    for (const name of names) {
      assert.equal(decoded(Names, encoded(Names, name)), name);
      const arm = { side: name, value: name };
      assert.deepStrictEqual(decoded(Arms, encoded(Arms, arm)), arm);
    }
    assert.throws(() => decoded(Names, new Uint8Array([44, 1])), { code: 'DATA_CORRUPT' });
    assert.throws(() => decoded(Arms, new Uint8Array([44, 1])), { code: 'DATA_CORRUPT' });
  });

  it('take long texts of every width', () => {
    for (const length of [63, 64, 8191, 8192, 100_000, 1_100_000]) {
      for (const unit of ['x', '\u00e9', '\u20ac', '\u{1f600}', 'x\ud800']) {
        const text = unit.repeat(length);
        const schema = t.struct({ a: t.string, b: t.int8, c: t.string });
        const value = { a: text, b: 1, c: text.slice(1) };
        assert.ok(schema.codec.equals(decoded(schema, encoded(schema, value)), value));
        assert.equal(decoded(dynamic, encoded(dynamic, text)), text);
      }
    }
  });

  it('have golden bytes, so that old snapshots stay readable', () => {
    const schema = t.struct({
      id: t.string,
      n: t.int32,
      ok: t.optional(t.boolean),
      at: t.timestamp,
      note: t.nullable(t.string),
      tags: t.array(t.string),
      price: t.decimal(10, 2),
      one: t.oneOf({ a: t.int64 }),
      any: t.any,
    });
    const bytes = encoded(schema, {
      id: 'abc',
      n: -2,
      ok: undefined,
      at: 1e12,
      note: 'ü',
      tags: ['x'],
      price: decimal('12.5', 2),
      one: { side: 'a', value: 7n },
      any: { k: [1, -1.5, null] },
    });
    assert.equal(
      Buffer.from(bytes).toString('hex'),
      '02feffffff00000000a2941a6d4200000000008893400605616263c3bc0102780007000000000000000c15b0290f0301026b0b038105000000000000f8bf01',
    );
  });
});

describe('values without a schema', () => {
  it('are refused when they are not plain data, with their place', () => {
    class Money {
      amount = 1;
    }
    const cycle: Record<string, unknown> = {};
    cycle['self'] = [cycle];
    const refused: [unknown, string, RegExp][] = [
      [{ a: [new Money()] }, 'record.a[0]', /an instance of Money/],
      [{ a: () => 1 }, 'record.a', /a function/],
      [[Symbol('s')], 'record[0]', /a symbol/],
      [new Map([['k', new Money()]]), 'record.values()', /Money/],
      [Object.create({ inherited: 1 }), 'record', /prototype of its own/],
      // oxlint-disable-next-line no-sparse-arrays
      [{ list: [1, , 2] }, 'record.list[1]', /a hole/],
      [cycle, 'record.self[0]', /contains itself/],
      [new Float64Array(2), 'record', /Float64Array/],
      [new (class extends Map {})(), 'record', /not plain data/],
      [Object(1), 'record', /Number/],
      [new Error('e'), 'record', /Error/],
    ];
    for (const [value, field, reason] of refused) {
      assert.throws(
        () => encoded(dynamic, value),
        (error: unknown) => {
          assert.ok(isEngineError(error, 'DATA_NOT_SERIALIZABLE'), String(error));
          assert.equal(error.parameters['field'], field);
          assert.match(String(error.parameters['reason']), reason);
          return true;
        },
      );
    }
  });

  it('take the same bytes whether their shape is new or has been seen often', () => {
    const value = (n: number): unknown => ({ seen: n, often: 'x', nested: { deep: [n] } });
    const first = encoded(dynamic, value(5));
    for (let i = 0; i < 200; i++)
      assert.deepStrictEqual(decoded(dynamic, encoded(dynamic, value(i))), value(i));
    assert.deepStrictEqual(encoded(dynamic, value(5)), first);
  });

  it('of more shapes than are remembered are right all the same', () => {
    const writer = new ByteWriter();
    writer.beginFrame();
    const values = Array.from({ length: 6000 }, (_, i) => ({ [`k${i % 3000}`]: i, b: { c: i } }));
    for (const value of values) dynamic.codec.encode(value, writer);
    const reader = new ByteReader(writer.copy());
    reader.beginFrame();
    for (const value of values) assert.deepStrictEqual(dynamic.codec.decode(reader), value);
  });
});
