// Parameters: every kind from text and from values, what is refused, and that what is stored in the
// graph gives the same values again on a worker.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestamp } from '../base/units.ts';
import { t } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { failure } from './compile.test-kit.ts';
import { param, resolveParameters } from './parameters.ts';

function read(schema: Schema<unknown>, given: unknown): unknown {
  return resolveParameters('job', { p: schema }, { p: given }).values['p'];
}

test('texts as people type them', () => {
  const cases: readonly (readonly [Schema<unknown>, string, unknown])[] = [
    [t.string, '12', '12'],
    [t.string, '', ''],
    [t.int32, '-12', -12],
    [t.int64, '9007199254740993', 9007199254740993n],
    [t.float64, '1.5e3', 1500],
    [t.boolean, 'True', true],
    [t.timestamp, '2001-01-31T12:00:00Z', Date.UTC(2001, 0, 31, 12)],
    [t.timestamp, '2001-01-31', Date.UTC(2001, 0, 31)],
    [t.timestamp, '1000', 1000],
    [t.duration, '10 s', 10_000],
    [t.enum('a', 'b'), 'b', 'b'],
    [t.literal('x'), 'x', 'x'],
    [t.literal(3), '3', 3],
    [t.optional(t.int32), '7', 7],
    [t.nullable(t.int32), 'null', null],
    [t.array(t.string), '["a","b"]', ['a', 'b']],
    [t.struct({ a: t.int32, b: t.optional(t.string) }), '{"a":1}', { a: 1, b: undefined }],
  ];
  for (const [schema, text, value] of cases) {
    assert.deepEqual({ ...(read(schema, text) as object) }, { ...(value as object) }, text);
    if (typeof value !== 'object') assert.equal(read(schema, text), value, text);
  }
});

test('texts that do not fit are refused with what would', () => {
  const cases: readonly (readonly [Schema<unknown>, string, string])[] = [
    [t.int32, 'ten', 'int32'],
    [t.int32, '3000000000', 'int32'],
    [t.int32, '1.5', 'int32'],
    [t.boolean, 'yes', 'boolean'],
    [t.timestamp, '2001-01-31T12:00', 'timestamp'],
    [t.timestamp, 'yesterday', 'timestamp'],
    [t.enum('a', 'b'), 'c', '"a" | "b"'],
    [t.array(t.int32), '[1,', 'int32[]'],
    [t.array(t.int32), '["a"]', 'int32[]'],
    [t.struct({ a: t.int32 }), '{}', '{ a: int32 }'],
  ];
  for (const [schema, text, expected] of cases) {
    const error = failure('CONFIG_INVALID_PARAMETER', () => read(schema, text));
    assert.match(error.message, /^The parameter "p" of job "job" cannot be /);
    assert.ok(error.message.endsWith(`it must be ${expected}.`), error.message);
    assert.ok(error.message.includes(JSON.stringify(text)), error.message);
  }
});

test('values of a program', () => {
  assert.equal(read(t.int32, 5), 5);
  assert.equal(read(t.int64, 5n), 5n);
  assert.equal(read(t.timestamp, timestamp(5)), 5);
  assert.deepEqual(read(t.bytes, new Uint8Array([1, 2])), new Uint8Array([1, 2]));
  assert.deepEqual(read(t.map(t.string, t.int32), new Map([['a', 1]])), new Map([['a', 1]]));
  failure('CONFIG_INVALID_PARAMETER', () => read(t.int32, true));
  failure('CONFIG_INVALID_PARAMETER', () => read(t.int32, 5n));
  failure('CONFIG_INVALID_PARAMETER', () => read(t.string, 5));
});

test('what is stored in the graph gives the same values again', () => {
  const spec = {
    day: t.timestamp,
    big: t.int64,
    raw: t.bytes,
    of: t.map(t.string, t.int64),
    out: param(t.string, 'out'),
    most: t.optional(t.int32),
    list: t.array(t.float64),
  };
  const given = {
    day: '2001-01-31',
    big: 2n ** 60n,
    raw: new Uint8Array([0, 255]),
    of: new Map([['a', 1n]]),
    list: '[1, 2.5]',
  };
  const first = resolveParameters('job', spec, given);
  const stored = JSON.parse(JSON.stringify(first.json)) as Readonly<Record<string, unknown>>;
  const second = resolveParameters('job', spec, stored);
  assert.deepEqual(second, first);
  assert.equal(first.values['out'], 'out');
  assert.equal('most' in stored, false);
});

test('unknown and missing parameters are named', () => {
  const spec = { flights: t.string, airports: t.string, out: param(t.string, 'out') };
  const unknown = failure('CONFIG_UNKNOWN_PARAMETER', () =>
    resolveParameters('job', spec, { fligths: 'x' }),
  );
  assert.match(unknown.message, /no parameter "fligths"\. Did you mean "flights"\?/);
  assert.equal(unknown.fix, 'It has flights, airports, out.');
  const missing = failure('CONFIG_MISSING_PARAMETER', () => resolveParameters('job', spec, {}));
  assert.match(missing.message, /needs "flights", "airports", which got no value/);
  assert.equal(missing.fix, 'Add --param flights=VALUE.');
  const none = failure('CONFIG_UNKNOWN_PARAMETER', () =>
    resolveParameters('job', {}, { constructor: 'x' }),
  );
  assert.equal(none.fix, 'It has no parameters.');
});

test('a default that does not fit is refused as any value', () => {
  const spec = { n: param(t.int32, 1.5) };
  failure('CONFIG_INVALID_PARAMETER', () => resolveParameters('job', spec, {}));
});
