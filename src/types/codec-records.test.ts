/**
 * Many records encoded and decoded at once are those encoded and decoded one by one, for schemas of
 * one size and others, with and without columns; bytes that end too early or are no values are
 * DATA_CORRUPT.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { encodeEach } from './encode-each.ts';
import type { Codec, RecordColumns, Schema } from './schema.ts';
import { t } from './t.ts';

/** Records with the prototype that decoded ones have. */
function plain(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<unknown> {
  return fc.record(fields, { noNullPrototype: true });
}

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const CASES: readonly { readonly schema: Schema<any>; readonly values: fc.Arbitrary<unknown> }[] = [
  {
    schema: t.struct({ key: t.float64, flag: t.boolean, at: t.optional(t.timestamp) }),
    values: plain({
      key: fc.double(),
      flag: fc.boolean(),
      at: fc.option(fc.maxSafeInteger(), { nil: undefined }),
    }),
  },
  {
    schema: t.struct({ n: t.integer, small: t.int8, side: t.enum('left', 'right') }),
    values: plain({
      n: fc.maxSafeInteger(),
      small: fc.integer({ min: -128, max: 127 }),
      side: fc.constantFrom('left', 'right'),
    }),
  },
  {
    schema: t.struct({ text: t.string, n: t.int32 }),
    values: plain({ text: fc.string({ unit: 'binary' }), n: int32 }),
  },
  { schema: t.array(t.int32), values: fc.array(int32, { maxLength: 4 }) },
  { schema: t.float64, values: fc.double() },
  { schema: t.struct({}), values: fc.constant({}) },
];

interface Written {
  readonly schema: Schema<any>;
  readonly records: readonly (readonly [value: unknown, timestamp: number, keyGroup: number])[];
  readonly timestamps: boolean;
  readonly keyGroups: boolean;
}

const written: fc.Arbitrary<Written> = fc.constantFrom(...CASES).chain(({ schema, values }) =>
  fc.record({
    schema: fc.constant(schema),
    records: fc.array(fc.tuple(values, fc.double({ noNaN: true }), fc.nat(0xffff)), {
      maxLength: 9,
    }),
    timestamps: fc.boolean(),
    keyGroups: fc.boolean(),
  }),
);

/** The batch as columns. */
function columnsOf({ records, timestamps, keyGroups }: Written): RecordColumns {
  return {
    values: records.map(([value]) => value),
    timestamps: timestamps ? Float64Array.from(records, (record) => record[1]) : undefined,
    keyGroups: keyGroups ? Uint16Array.from(records, (record) => record[2]) : undefined,
  };
}

type EncodeRecords = Codec<unknown>['encodeRecords'];

/** The generated way, and that of codecs which have no other. */
function waysOf({ codec }: Schema<any>): readonly EncodeRecords[] {
  return [
    (...all) => codec.encodeRecords(...all),
    (...all) => encodeEach((value, out) => codec.encode(value, out), ...all),
  ];
}

function bytesOf({ schema, records, timestamps, keyGroups }: Written): Uint8Array {
  const out = new ByteWriter();
  for (const [value, timestamp, keyGroup] of records) {
    if (timestamps) out.float64(timestamp);
    if (keyGroups) out.uint16(keyGroup);
    schema.codec.encode(value, out);
  }
  return out.copy();
}

function columnsFor({ records, timestamps, keyGroups }: Written): RecordColumns {
  return {
    values: Array.from({ length: records.length }),
    timestamps: timestamps ? new Float64Array(records.length) : undefined,
    keyGroups: keyGroups ? new Uint16Array(records.length) : undefined,
  };
}

it('writes the bytes of one record after another, from wherever to wherever', () => {
  fc.assert(
    fc.property(written, fc.nat(), fc.nat(), (batch, from, count) => {
      const { schema, records } = batch;
      const first = records.length === 0 ? 0 : from % records.length;
      const end = Math.min(first + count, records.length);
      const expected = bytesOf({ ...batch, records: records.slice(first, end) });
      for (const encodeRecords of waysOf(schema)) {
        const out = new ByteWriter();
        out.uint8(7);
        const range = { from: first, end, limit: Number.MAX_SAFE_INTEGER };
        assert.equal(encodeRecords(columnsOf(batch), range, out), end);
        assert.deepEqual(out.copy(1), expected);
      }
    }),
    { seed: 13, numRuns: 300 },
  );
});

it('begins no record that would go beyond the limit if it is as large as the one before', () => {
  fc.assert(
    fc.property(written, fc.nat({ max: 100 }), (batch, limit) => {
      const { schema, records } = batch;
      const sizes = records.map((record) => bytesOf({ ...batch, records: [record] }).length);
      for (const encodeRecords of waysOf(schema)) {
        const out = new ByteWriter();
        let position = 0;
        for (let next = 0; next < records.length;) {
          const range = { from: next, end: records.length, limit };
          const after = encodeRecords(columnsOf(batch), range, out);
          assert.ok(after > next, 'one always');
          for (; next < after; next += 1) position += sizes[next]!;
          assert.equal(out.offset, position);
          if (after < records.length) assert.ok(position + sizes[after - 1]! > limit);
          const before = position - sizes[after - 1]!;
          const isAlone = after === range.from + 1;
          if (!isAlone) assert.ok(before + sizes[after - 2]! <= limit);
        }
      }
    }),
    { seed: 14, numRuns: 300 },
  );
});

it('writes nothing of records of which one does not fit, and names what is wrong with it', () => {
  const schema = t.struct({ n: t.int8, flag: t.boolean });
  const varying = t.struct({ n: t.int8, text: t.string });
  const fine = { n: 1, flag: true, text: '' };
  for (const { codec } of [schema, varying]) {
    const values = [fine, fine, { ...fine, n: 200 }, fine];
    const columns = { values, timestamps: undefined, keyGroups: undefined };
    const out = new ByteWriter();
    out.uint8(7);
    const range = { from: 0, end: 4, limit: 1000 };
    const refused = { code: 'DATA_NOT_SERIALIZABLE', message: /"n"|\bn\b/ };
    assert.throws(() => codec.encodeRecords(columns, range, out), refused);
    assert.throws(() => encodeEach(codec.encode.bind(codec), columns, range, out), refused);
    assert.equal(out.offset, 1);
    assert.equal(codec.encodeRecords(columns, { ...range, end: 2 }, out), 2);
  }
});

it('gives every record in its place', () => {
  fc.assert(
    fc.property(written, (batch) => {
      const { schema, records } = batch;
      const columns = columnsFor(batch);
      const reader = new ByteReader(bytesOf(batch));
      schema.codec.decodeRecords(reader, records.length, columns);
      reader.expectEnd();
      assert.deepStrictEqual(
        columns.values,
        records.map(([value]) => value),
      );
      const { timestamps, keyGroups } = columns;
      if (timestamps !== undefined) {
        assert.deepEqual(
          [...timestamps],
          records.map((record) => record[1]),
        );
      }
      if (keyGroups !== undefined) {
        assert.deepEqual(
          [...keyGroups],
          records.map((record) => record[2]),
        );
      }
    }),
    { seed: 11, numRuns: 300 },
  );
});

it('says DATA_CORRUPT of an end that comes too early, wherever', () => {
  fc.assert(
    fc.property(written, fc.nat(), (batch, at) => {
      const bytes = bytesOf(batch);
      fc.pre(bytes.length > 0);
      const reader = new ByteReader(bytes.subarray(0, at % bytes.length));
      assert.throws(
        () => batch.schema.codec.decodeRecords(reader, batch.records.length, columnsFor(batch)),
        { code: 'DATA_CORRUPT' },
      );
    }),
    { seed: 12, numRuns: 300 },
  );
});

it('says DATA_CORRUPT of what is no value, in the last record of several', () => {
  const schema = t.struct({ n: t.integer, flag: t.boolean });
  const out = new ByteWriter();
  for (const n of [1, 2, 3]) schema.codec.encode({ n, flag: true }, out);
  const bytes = out.copy();
  bytes[bytes.length - 1] = 2;
  const columns = { values: [], timestamps: undefined, keyGroups: undefined };
  assert.throws(() => schema.codec.decodeRecords(new ByteReader(bytes), 3, columns), {
    code: 'DATA_CORRUPT',
  });
});
