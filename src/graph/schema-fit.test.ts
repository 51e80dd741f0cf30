// Which schemas may feed which, what is said of those that may not; the families of key schemas.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dynamic, t } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { keyFamilyOfSchema } from '../types/key-schema.ts';
import { schemaMismatch } from './schema-fit.ts';

const Line = t.struct({ id: t.string, n: t.int32 });

test('what fits, and what does not with the field named', () => {
  const cases: readonly (readonly [Schema<unknown>, Schema<unknown>, string | undefined])[] = [
    [t.int32, t.float64, undefined],
    [t.timestamp, t.float64, undefined],
    [t.enum('a'), t.string, undefined],
    [t.int64, t.float64, 'it is given int64 where it takes float64'],
    [t.string, t.boolean, 'it is given string where it takes boolean'],
    [dynamic, Line, undefined],
    [Line, t.any, undefined],
    [Line, t.struct({ n: t.float64 }), undefined],
    [Line, t.struct({ n: t.string }), 'it is given int32 where it takes string at n'],
    [Line, t.struct({ m: t.int32 }), 'the field m that it takes is not in what it is given'],
    [Line, t.struct({ m: t.optional(t.int32) }), undefined],
    [Line, t.struct({ n: t.optional(t.int32) }), undefined],
    [t.struct({ n: t.optional(t.int32) }), t.struct({ n: t.int32 }), undefined],
    [t.array(Line), t.array(t.struct({ id: t.string })), undefined],
    [
      t.struct({ lines: t.array(Line) }),
      t.struct({ lines: t.array(t.struct({ id: t.bytes })) }),
      'it is given string where it takes bytes at lines[].id',
    ],
    [Line, t.string, 'it is given struct where it takes string'],
  ];
  for (const [from, to, expected] of cases) {
    assert.equal(schemaMismatch(from.description, to.description), expected);
  }
});

test('families of keys', () => {
  const cases: readonly (readonly [Schema<unknown>, string | undefined])[] = [
    [t.string, 'string'],
    [t.enum('a', 'b'), 'string'],
    [t.literal(5), 'number'],
    [t.integer, 'number'],
    [t.timestamp, 'number'],
    [t.date, 'number'],
    [t.int64, 'bigint'],
    [t.boolean, 'boolean'],
    [t.tuple(t.string, t.int32), 'tuple'],
    [t.array(t.string), 'tuple'],
    [t.tuple(t.string, Line), undefined],
    [Line, undefined],
    [t.optional(t.string), undefined],
    [t.literal(null), undefined],
    [t.bytes, undefined],
  ];
  for (const [schema, family] of cases) {
    assert.equal(keyFamilyOfSchema(schema.description), family, schema.kind);
  }
});
