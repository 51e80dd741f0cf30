import assert from 'node:assert/strict';
import { test } from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import fc from 'fast-check';
import { isEngineError } from '../../base/errors.ts';
import { textBufferOf } from '../../base/text-buffer.ts';
import { fromStandard } from '../../types/standard-schema.ts';
import { t } from '../../types/index.ts';
import type { Schema } from '../../types/index.ts';
import { z } from 'zod';
import { bytesOf, decodeAll, encodeAll, problems, records } from '../format.test-kit.ts';
import { ByteIndex, INDEX_PAGES } from '../byte-index.ts';
import { portableScanner } from '../scan-module.ts';
import { ODD } from '../window-decoder.ts';
import { json } from './json.ts';
import { JsonParser } from './json-parser.ts';

const Flight = t.struct({
  date: t.string,
  delay: t.int32,
  distance: t.float64,
  origin: t.optional(t.string),
});

function decoded<T>(schema: Schema<T>, ...lines: string[]): T[] {
  return records(decodeAll(json(schema), bytesOf(lines.join('\n'))));
}

function refused(schema: Schema<unknown>, line: string): string {
  const found = problems(decodeAll(json(schema), bytesOf(line)));
  assert.equal(found.length, 1, line);
  return found[0]!;
}

test('json: records, blank lines, line ends', () => {
  const input =
    '{"date":"a","delay":66,"distance":1.5}\r\n \t\r\n\n{ "delay" : -5 , "date":"é\\n", "x":[1,{"y":null}],"distance":1e3,"origin":"HNL"}  \n';
  const outcomes = decodeAll(json(Flight), bytesOf(input));
  assert.deepEqual(records(outcomes), [
    { date: 'a', delay: 66, distance: 1.5, origin: undefined },
    { date: 'é\n', delay: -5, distance: 1000, origin: 'HNL' },
  ]);
  assert.deepEqual(
    outcomes.map(({ line, start }) => [line, start]),
    [
      [1, 0],
      [4, 45],
    ],
  );
});

test('json: the usual forms of a line take the generated parser, with and without WebAssembly', () => {
  const schema = t.struct({
    id: t.int32,
    name: t.string,
    price: t.float64,
    at: t.timestamp,
    tags: t.array(t.string),
    inner: t.optional(t.struct({ ok: t.boolean, kind: t.enum('a', 'b') })),
    note: t.nullable(t.string),
    big: t.optional(t.int64),
    sum: t.optional(t.decimal(10, 2)),
    day: t.optional(t.date),
    more: t.optional(t.json),
  });
  const lines = [
    '{"id":1,"name":"a","price":1.5,"at":1700000000000,"tags":[],"note":null}',
    '{"id": 1, "name": "x\\u00e9\\n", "price": 0.30000000000000004, "at": "2001-01-31T12:00:00Z", "tags": ["a", "b"], "note": "é"}',
    '  {"zzz":{"a":[1,2,{"b":"\\""}]},"id":-1,"name":"","price":-0,"at":0,"tags":["é"],"note":"","inner":{"kind":"b","ok":true,"x":1e5}}\r',
    '{"id":1,"name":"a","price":1,"at":1,"tags":[],"note":null,"big":9223372036854775807,"sum":12.5,"day":"2001-01-31","more":{"a":[1]}}',
  ];
  const bytes = textBufferOf(bytesOf(lines.map((line) => `${line}\n`).join('')));
  const { description } = schema;
  assert.ok(description.kind === 'struct');
  const portable = new ByteIndex([0x22, 0x5c], portableScanner(INDEX_PAGES));
  for (const parser of [new JsonParser(description), new JsonParser(description, portable)]) {
    parser.index.load(bytes, 0, bytes.length);
    let { p, k } = parser.place;
    for (const line of lines) {
      const value = parser.line(p, k);
      assert.notEqual(value, ODD, line);
      assert.deepEqual([value], decoded(schema, line));
      ({ p, k } = parser.place);
    }
    assert.equal(p, bytes.length);
  }
});

test('json: JL2: a layout that comes again and again is learned, three times at most', () => {
  const schema = t.struct({
    id: t.int32,
    at: t.struct({ x: t.float64 }),
    note: t.optional(t.string),
  });
  const { description } = schema;
  assert.ok(description.kind === 'struct');
  const parser = new JsonParser(description);
  const layouts = [
    (i: number) => `{"at": {"x": ${i}, "y": 1}, "more": [{"id": 0}], "id": ${i}}`,
    (i: number) => `{"note":"é","id":${i},"at":{"z":"","x":${i}}}`,
    (i: number) => `{  "id":${i},"at":{"x":${i}},"note":"é"}`,
    ...Array.from(
      { length: 5 },
      (_, n) => (i: number) => `{"id":0,"n${n}":null,"at":{"m${n}":2,"x":${i}},"id":${i}}`,
    ),
  ];
  const known = [parser.line];
  for (const layout of layouts) {
    for (let window = 0; window < 30; window += 1) {
      const lines = Array.from({ length: 100 }, (_, i) => layout(i));
      const bytes = textBufferOf(bytesOf(lines.map((line) => `${line}\n`).join('')));
      parser.index.load(bytes, 0, bytes.length);
      const { line } = parser;
      if (!known.includes(line)) known.push(line);
      let [p, k] = [0, 0];
      const values = lines.map(() => {
        const value = line(p, k);
        ({ p, k } = parser.place);
        return value;
      });
      if (window % 5 === 0) assert.deepEqual(values, decoded(schema, ...lines));
    }
  }
  // Three of each struct, not always in the same windows.
  assert.ok(known.length >= 4 && known.length <= 7, String(known.length));
  const names = Array.from({ length: 500 }, (_, i) => `"n${i}":${i}`).join();
  const lines: readonly (readonly [string, number | undefined])[] = [
    ['{"id":1,"id":2,"at":{"x":1}}', 2],
    [`{${names},"id":2,"at":{"x":1}}`, 2],
    ['{"at":{"x":1}}', undefined],
    ['{"id":1,"at":{"x":1} ', undefined],
    ['{"id":1', undefined],
  ];
  for (const [line, id] of lines) {
    const outcomes = decodeAll(json(schema), bytesOf(Array(3000).fill(line).join('\n')));
    assert.equal(outcomes.length, 3000);
    for (const outcome of outcomes) {
      assert.equal('record' in outcome, id !== undefined, line);
      if ('record' in outcome) assert.equal(outcome.record.id, id);
    }
  }
});

test('json: a problem has its place, what was found, what was expected, and the fix', () => {
  const line = (text: string): string => refused(Flight, text);
  assert.equal(
    line('{"date":"é","delay":"12","distance":1}'),
    '1:21: delay: it is the text "12", not an int32',
  );
  assert.equal(line('{"date":"a","distance":1}'), '1:1: delay: it is missing');
  assert.equal(
    line('{"date":"a","delay":2147483648,"distance":1}'),
    '1:21: delay: it is the number 2147483648, not an int32',
  );
  assert.equal(
    line('{"date":"a","delay":1.5,"distance":1}'),
    '1:21: delay: it is the number 1.5, not an int32',
  );
  assert.equal(line('{"date":null,"delay":1,"distance":1}'), '1:9: date: it is null, not a string');
  assert.equal(line('[1]'), '1:1: it is an array of 1, not an object');
  assert.equal(
    line('{"date":"a","delay":01,"distance":1}'),
    '1:21: delay: there is "01", not a number in the form of JSON',
  );
  assert.equal(line('{"date":"a"'), '1:12: date: there is the end of the line, not a comma or }');
  assert.equal(
    line('{"date":"a","delay":1,}'),
    '1:23: delay: there is "}", not a field name in double quotes',
  );
  assert.equal(
    line('{"date":"a}'),
    '1:12: date: there is the end of the line, not a closing quote',
  );
  assert.equal(line("{'date':1}"), `1:2: there is "'date'", not a field name in double quotes`);
  assert.equal(line('{} {}'), '1:4: there is "{", not the end of the line');
  assert.equal(line('{"a":tru}'), '1:6: a: there is "tru", not a value');
  assert.equal(
    line('{"a":"\u0001"}'),
    '1:7: a: there is "\\u0001", not a control character to be escaped',
  );
  const nested = t.struct({ items: t.array(t.struct({ 'a b': t.int32 })) });
  assert.equal(
    refused(nested, '{"items":[{"a b":1},{"a b":"x"}]}'),
    '1:28: items[1]["a b"]: it is the text "x", not an int32',
  );
  const fix = (text: string): string | undefined => {
    const [outcome] = decodeAll(json(Flight), bytesOf(text));
    return outcome !== undefined && 'problem' in outcome ? outcome.problem.fix : undefined;
  };
  assert.match(fix('{"date":"a","delay":1}')!, /t\.optional/);
  assert.match(fix('{"date":null,"delay":1,"distance":1}')!, /t\.nullable/);
  assert.match(fix('{"date":"a","delay":"1","distance":1}')!, /without quotes|t\.string/);
  assert.match(fix('\ufeff{"date":"a"}')!, /byte order mark/);
  assert.match(fix('[{"date":"a"},')!, /one JSON object a line/);
});

test('json: int64, decimals and timestamps are exact in every form they are read from', () => {
  const schema = t.struct({ n: t.int64, d: t.decimal(20, 2), at: t.timestamp });
  assert.deepEqual(
    decoded(
      schema,
      '{"n":9007199254740993,"d":123456789012345678.25,"at":"2001-01-31T12:00:00.5+01:00"}',
      '{"n":"-9223372036854775808","d":"1.5","at":980938800500}',
      // Duplicates with escaped names take the other way.
      '{"n":1,"\\u006e":9007199254740993,"d":1.2345e2,"at":1}',
    ),
    [
      { n: 9007199254740993n, d: '123456789012345678.25', at: 980938800500 },
      { n: -9223372036854775808n, d: '1.50', at: 980938800500 },
      { n: 9007199254740993n, d: '123.45', at: 1 },
    ],
  );
  assert.equal(
    refused(schema, '{"n":9223372036854775808,"d":1,"at":1}'),
    '1:6: n: it is the number 9223372036854775808, not a whole number of 64 bits',
  );
  assert.match(
    refused(schema, '{"n":1,"d":0.001,"at":1}'),
    /1:12: d: it is the number 0.001, not a decimal/,
  );
  assert.match(
    refused(schema, '{"n":1,"d":1,"at":"2001-01-31T12:00:00"}'),
    /1:19: at: .* with its zone/,
  );
  const pairs = t.struct({ byId: t.map(t.int64, t.int64) });
  assert.deepEqual(decoded(pairs, '{"byId":[[9007199254740993,9007199254740995]]}'), [
    { byId: new Map([[9007199254740993n, 9007199254740995n]]) },
  ]);
});

test('json: depth is no limit, in fields that are skipped', () => {
  const deep = '['.repeat(5000) + ']'.repeat(5000);
  assert.deepEqual(decoded(t.struct({ a: t.int64 }), `{"x":${deep},"a":9007199254740993}`), [
    { a: 9007199254740993n },
  ]);
  const open = `{"x":${'['.repeat(5000)},"a":1}`;
  assert.match(refused(t.struct({ a: t.int32 }), open), /not a value/);
});

test('json: lines longer than a window, and windows full of short lines', () => {
  const schema = t.struct({ a: t.string, b: t.int32 });
  const long = 'x'.repeat(100_000);
  const lines = Array.from(
    { length: 20_000 },
    (_unused, b) => `{"a":"${'y'.repeat(b % 50)}","b":${b}}`,
  );
  lines.splice(10_000, 0, `{"a":"${long}","b":-1}`);
  const found = decoded(schema, ...lines);
  assert.equal(found.length, 20_001);
  assert.deepEqual(found[10_000], { a: long, b: -1 });
  assert.ok(found.every(({ b }, i) => b === (i < 10_000 ? i : i === 10_000 ? -1 : i - 1)));
});

test('json: records of one schema have one hidden class', () => {
  v8.setFlagsFromString('--allow-natives-syntax');
  const sameMap = vm.runInThisContext('(a, b) => %HaveSameMap(a, b)') as (
    a: unknown,
    b: unknown,
  ) => boolean;
  const [first, second, third] = decoded(
    Flight,
    '{"date":"a","delay":66,"distance":1.5}',
    '{"origin":"HNL","distance":2.5,"delay":1,"date":"é","date":"b"}',
    '{"\\u0064ate":"a","delay":66,"distance":1.5}',
  );
  assert.ok(sameMap(first, second));
  // The one way makes objects of the same text as the other.
  assert.deepEqual(Object.keys(third!), Object.keys(first!));
  assert.equal(Object.getPrototypeOf(first), Object.prototype);
});

test('json: a validation of Standard Schema sees every line as JSON.parse gives it', () => {
  const schema = fromStandard(
    z.object({ id: z.string().min(3), n: z.number().transform((n) => n * 2) }),
    t.struct({ id: t.string, n: t.float64 }),
  );
  assert.deepEqual(decoded(schema, '{"id":"abc","n":2,"x":1}'), [{ id: 'abc', n: 4 }]);
  assert.match(refused(schema, '{"n":1,"id":"ab"}'), /^1:13: id: /);
});

test('json: schemas other than structs', () => {
  assert.deepEqual(decoded(t.array(t.int32), '[1,2]', '[]'), [[1, 2], []]);
  assert.deepEqual(decoded(t.int64, '9007199254740993', '"5"'), [9007199254740993n, 5n]);
  assert.deepEqual(
    decoded(
      t.union('k', { a: t.struct({ x: t.int32 }), b: t.struct({}) }),
      '{"k":"b"}',
      '{"x":1,"k":"a"}',
    ),
    [{ k: 'b' }, { k: 'a', x: 1 }],
  );
});

test('json: a handler that decodes with the format that calls it is a mistake, BI2', () => {
  const format = json(Flight);
  const input = bytesOf('{"date":"a","delay":1,"distance":1}\n');
  const inner = { record: () => true, malformed: () => true };
  const outer = {
    ...inner,
    record: () => format.createDecoder().decode(input, 0, input.length, true, inner) > 0,
  };
  assert.throws(() => format.createDecoder().decode(input, 0, input.length, true, outer), /BI2/);
  assert.deepEqual(decodeAll(format, input).length, 1);
});

const Everything = t.struct({
  text: t.string,
  int: t.int32,
  big: t.int64,
  float: t.float64,
  amount: t.decimal(12, 2),
  at: t.timestamp,
  day: t.date,
  raw: t.bytes,
  list: t.array(t.nullable(t.string)),
  map: t.map(t.string, t.int64),
  maybe: t.optional(t.boolean),
  ['__proto__']: t.optional(t.string),
});

const everything = fc.record(
  {
    text: fc.string({ unit: 'binary' }),
    int: fc.integer(),
    big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    float: fc.double(),
    amount: fc
      .integer({ min: -(10 ** 9), max: 10 ** 9 })
      .map((n) => (n / 100).toFixed(2).replace(/^-(0\.00)$/, '$1')),
    at: fc.integer({ min: -(10 ** 15), max: 10 ** 15 }),
    day: fc.integer({ min: -3_000_000, max: 3_000_000 }),
    raw: fc.uint8Array(),
    list: fc.array(fc.option(fc.string({ unit: 'binary' }))),
    map: fc
      .array(fc.tuple(fc.string(), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })))
      .map((entries) => new Map(entries)),
    maybe: fc.option(fc.boolean(), { nil: undefined }),
    ['__proto__']: fc.option(fc.string(), { nil: undefined }),
  },
  { noNullPrototype: true },
);

test('json: what is written comes back, in all forms that can be chosen', () => {
  for (const options of [{}, { int64: 'number', decimal: 'number', timestamp: 'iso' }] as const) {
    const format = json(Everything, options);
    fc.assert(
      fc.property(fc.array(everything, { maxLength: 5 }), (values) => {
        const written = encodeAll(format, values as never);
        assert.deepEqual(records(decodeAll(format, written)), values);
      }),
      { seed: 2, numRuns: 300 },
    );
  }
});

test('json: what is written is JSON.stringify of the JSON form', () => {
  fc.assert(
    fc.property(everything, (value) => {
      const expected = `${JSON.stringify(Everything.codec.toJson(value))}\n`;
      assert.equal(encodeAll(json(Everything), [value as never]).toString(), expected);
    }),
    { seed: 3, numRuns: 300 },
  );
  const values = [
    {
      text: 'a"\n\ud800é',
      int: 1,
      big: 5n,
      float: -0,
      amount: '-1.50',
      at: 0,
      day: 0,
      raw: new Uint8Array([1]),
      list: [null],
      map: new Map([['a', 1n]]),
      ['__proto__']: undefined,
    },
  ];
  assert.equal(
    encodeAll(
      json(Everything, { int64: 'number', decimal: 'number', timestamp: 'iso' }),
      values as never,
    ).toString(),
    '{"text":"a\\"\\n\\ud800é","int":1,"big":5,"float":"-0","amount":-1.50,"at":"1970-01-01T00:00:00.000Z","day":"1970-01-01","raw":"AQ==","list":[null],"map":{"a":1}}\n',
  );
});

test('json: a value that does not fit is not written', () => {
  assert.throws(
    () => encodeAll(json(Flight), [{ date: 'a', delay: 1.5, distance: 1 }]),
    (error) =>
      isEngineError(error, 'DATA_NOT_WRITABLE') &&
      /record\.delay: it is the number 1\.5/.test(error.message),
  );
});
