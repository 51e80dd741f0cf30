// The batches of a write-ahead sink are plain data of their schema, however they were put together.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { schemaOf, t } from '../../types/index.ts';
import type { Schema } from '../../types/schema.ts';
import { BatchRecords, batchSchemaOf } from './write-ahead-batch.ts';

const RECORDS: readonly (readonly [Schema<unknown>, readonly unknown[]])[] = [
  [t.integer, [0, -1, 2 ** 53 - 1]],
  [t.string, ['', 'ü', 'long '.repeat(100)]],
  [t.optional(t.int32), [undefined, 5]],
  [
    t.struct({ a: t.optional(t.string), b: t.array(t.float64) }),
    [
      { a: undefined, b: [] },
      { a: 'x', b: [1] },
    ],
  ],
  // Of no size.
  [t.struct({}), [{}, {}, {}]],
  [t.literal('on'), ['on', 'on']],
  [t.decimal(10, 2), ['1.20', '-3.00']],
];

for (const [record, values] of RECORDS) {
  describe(`records of ${JSON.stringify(record.description)}`, () => {
    const batch = batchSchemaOf(record);
    const gathered = (): ReturnType<BatchRecords<unknown>['take']> => {
      const records = new BatchRecords(record);
      values.forEach((value) => records.add(value));
      return records.take('job/op/0/1');
    };

    test('B1: have the bytes of the plain batch, and come back by the description alone', () => {
      const out = new ByteWriter();
      batch.codec.encode(gathered(), out);
      const plain = new ByteWriter();
      batch.codec.encode({ id: 'job/op/0/1', records: values }, plain);
      assert.deepEqual(out.copy(), plain.copy());
      const reader = new ByteReader(out.copy());
      const back = schemaOf(batch.description).codec.decode(reader);
      reader.expectEnd();
      assert.deepEqual(back, { id: 'job/op/0/1', records: values });
    });

    test('B1: are there as records too, for whoever encodes them otherwise', () => {
      assert.deepEqual(gathered().records, values);
    });
  });
}

test('what was taken is not taken again', () => {
  const records = new BatchRecords(t.int32);
  records.add(1);
  assert.deepEqual(records.take('a').records, [1]);
  assert.ok(records.isEmpty);
  assert.equal(records.bytes, 0);
  records.add(2);
  assert.deepEqual(records.take('b').records, [2]);
});
