import assert from 'node:assert/strict';
import { it } from 'node:test';
import { z } from 'zod';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { isEngineError } from '../base/errors.ts';
import type { StandardSchema } from './standard-schema.ts';
import { fromStandard, validatorOf } from './standard-schema.ts';
import { t } from './t.ts';

const Order = z.object({
  id: z.string().min(3),
  amount: z.number().positive(),
  items: z.array(z.object({ sku: z.string(), count: z.int() })),
});
const stored = t.struct({
  id: t.string,
  amount: t.float64,
  items: t.array(t.struct({ sku: t.string, count: t.int32 })),
});
const order = { id: 'abc', amount: 1.5, items: [{ sku: 's', count: 2 }] };

function refusal(run: () => unknown): { field: unknown; reason: unknown } {
  try {
    run();
  } catch (error) {
    assert.ok(isEngineError(error, 'DATA_MALFORMED'), String(error));
    return { field: error.parameters['field'], reason: error.parameters['reason'] };
  }
  return assert.fail('nothing was refused');
}

it('a zod schema validates what comes in, and the schema beside it stores it', () => {
  const schema = fromStandard(Order, stored);
  assert.deepStrictEqual(schema.codec.fromJson({ ...order, more: 1 }), order);
  assert.deepStrictEqual(validatorOf(schema)?.(order), order);
  assert.equal(schema.description, stored.description);
  const writer = new ByteWriter();
  schema.codec.encode(order, writer);
  assert.deepStrictEqual(schema.codec.decode(new ByteReader(writer.copy())), order);
  assert.deepStrictEqual(schema.codec.toJson(order), order);
  assert.ok(schema.codec.equals(order, { ...order }));
});

it('what zod refuses is DATA_MALFORMED with the place and the words of zod', () => {
  const schema = fromStandard(Order, stored);
  const { field, reason } = refusal(() =>
    schema.codec.fromJson({ ...order, items: [order.items[0], { sku: 's', count: 1.5 }] }),
  );
  assert.equal(field, 'record.items[1].count');
  assert.match(String(reason), /int/);
  assert.equal(refusal(() => schema.codec.fromJson({ ...order, id: 'a' })).field, 'record.id');
  assert.equal(refusal(() => schema.codec.fromJson(null)).field, 'record');
});

it('what zod accepts must fit the schema beside it', () => {
  const schema = fromStandard(z.object({ n: z.number() }), t.struct({ n: t.int32 }));
  const { field, reason } = refusal(() => schema.codec.fromJson({ n: 1.5 }));
  assert.equal(field, 'record.n');
  assert.match(String(reason), /zod accepts it, but .* not an int32/);
});

it('transforms are applied, and without a schema beside it any plain data is stored', () => {
  const schema = fromStandard(
    z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }),
  );
  const value = schema.codec.fromJson({ at: '2001-01-01T00:00:00Z' });
  assert.deepStrictEqual(value, { at: new Date('2001-01-01T00:00:00Z') });
  const writer = new ByteWriter();
  schema.codec.encode(value, writer);
  assert.deepStrictEqual(schema.codec.decode(new ByteReader(writer.copy())), value);
  assert.equal(schema.kind, 'dynamic');
});

it('validation that waits is refused', () => {
  const waits: StandardSchema<string> = {
    '~standard': {
      version: 1,
      vendor: 'slow',
      validate: (value) => Promise.resolve({ value: String(value) }),
    },
  };
  assert.throws(() => fromStandard(waits, t.string).codec.fromJson('a'), {
    code: 'USER_CODE_ASYNC',
  });
});

it('paths of segments are shown, and failures without an issue are failures', () => {
  const odd = (
    issues: readonly { message: string; path?: readonly { key: PropertyKey }[] }[],
  ): StandardSchema<string> => ({
    '~standard': { version: 1, vendor: 'odd', validate: () => ({ issues }) },
  });
  const schema = fromStandard(
    odd([{ message: 'no', path: [{ key: 'a b' }, { key: 0 }] }]),
    t.string,
  );
  assert.deepStrictEqual(
    refusal(() => schema.codec.fromJson('a')),
    { field: 'record["a b"][0]', reason: 'no' },
  );
  const silent = fromStandard(odd([]), t.string);
  assert.match(String(refusal(() => silent.codec.fromJson('a')).reason), /odd refuses it/);
});

it('other schemas have no validator', () => {
  assert.equal(validatorOf(t.string), undefined);
});
