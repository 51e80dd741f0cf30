import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { isEngineError } from '../../base/errors.ts';
import type { Schema } from '../../types/index.ts';
import { t } from '../../types/index.ts';
import { fromStandard } from '../../types/standard-schema.ts';
import { bytesOf, decodeAll, encodeAll, problems, records } from '../format.test-kit.ts';
import type { CsvOptions } from './csv-options.ts';
import { csv } from './csv.ts';

const Airport = t.struct({
  iata: t.string,
  latitude: t.float64,
  city: t.optional(t.string),
  runways: t.nullable(t.int32),
});

function file<T>(
  schema: Schema<T>,
  text: string,
  options: CsvOptions = {},
): ReturnType<typeof decodeAll<T>> {
  const at = options.header === false ? 0 : text.indexOf('\n') + 1;
  return decodeAll(csv(schema, options), bytesOf(text.slice(at)), {
    header: bytesOf(text.slice(0, at)),
  });
}

function refused(text: string, options: CsvOptions = {}): string {
  const header = options.header === false ? '' : 'iata,latitude,city,runways\n';
  const found = problems(file(Airport, header + text, options));
  assert.equal(found.length, 1);
  return found[0]!;
}

test('csv: columns are found by their names, in any order, others are ignored', () => {
  const rows = [
    '\ufeffcity,x,runways,"iata",latitude\r',
    'Bay Springs,?,1,00M,31.95376472\r',
    '"Livingston, TX","a ""b""",,00R,-95.01792778',
    '',
    ',,007,"","1e2"',
    '"",,+7,é,.5',
  ];
  assert.deepEqual(records(file(Airport, rows.join('\n'))), [
    { iata: '00M', latitude: 31.95376472, city: 'Bay Springs', runways: 1 },
    { iata: '00R', latitude: -95.01792778, city: 'Livingston, TX', runways: null },
    { iata: '', latitude: 100, city: undefined, runways: 7 },
    { iata: 'é', latitude: 0.5, city: '', runways: 7 },
  ]);
});

test('csv: without a header, columns are the fields or those of the option', () => {
  assert.deepEqual(records(file(Airport, 'a,1,b,2\n', { header: false })), [
    { iata: 'a', latitude: 1, city: 'b', runways: 2 },
  ]);
  const columns = ['x', 'runways', 'city', 'latitude', 'iata'];
  assert.deepEqual(
    records(file(Airport, '?;2;b;1;a', { header: false, columns, delimiter: ';' })),
    [{ iata: 'a', latitude: 1, city: 'b', runways: 2 }],
  );
});

test('csv: all kinds that a cell can hold', () => {
  const schema = t.struct({
    ok: t.boolean,
    small: t.int8,
    big: t.int64,
    single: t.float32,
    at: t.timestamp,
    day: t.date,
    amount: t.decimal(10, 2),
    raw: t.bytes,
    state: t.enum('open', 'paid'),
    one: t.literal(1),
    wait: t.duration,
  });
  const header = 'ok,small,big,single,at,day,amount,raw,state,one,wait';
  const rows = [
    'true,-128,9223372036854775807,0.5,2001-01-31T12:00:00Z,2001-01-31,12.5,AQ==,open,1,1.5',
    'FALSE,127,-1,1e2,980942400000,+012001-01-31,-1.5e1,,paid,1,0',
  ];
  assert.deepEqual(records(file(schema, [header, ...rows].join('\n'))), [
    {
      ...{ ok: true, small: -128, big: 9223372036854775807n, single: 0.5, at: 980942400000 },
      ...{
        day: 11353,
        amount: '12.50',
        raw: new Uint8Array([1]),
        state: 'open',
        one: 1,
        wait: 1.5,
      },
    },
    {
      ...{ ok: false, small: 127, big: -1n, single: 100, at: 980942400000 },
      ...{
        day: 3_663_778,
        amount: '-15.00',
        raw: new Uint8Array(),
        state: 'paid',
        one: 1,
        wait: 0,
      },
    },
  ]);
});

test('csv: a problem has its place, what was found, what was expected', () => {
  assert.equal(refused('é,x1,c,1\n'), '1:3: latitude: it is the text "x1", not a float64');
  assert.equal(refused('a,,c,1\n'), '1:3: latitude: it is empty, not a float64');
  assert.equal(refused('a,1 ,c,1\n'), '1:3: latitude: it is the text "1 ", not a float64');
  assert.equal(refused('a,1,c,1.5\n'), '1:7: runways: it is the text "1.5", not an int32');
  assert.equal(
    refused('a,1,c,3000000000\n'),
    '1:7: runways: it is the text "3000000000", not an int32',
  );
  assert.equal(refused('a,1,c\n'), '1:5: it has 3 cells, but the header has 4 columns');
  assert.equal(refused('a,1,c,1,\n'), '1:7: it has 5 cells, but the header has 4 columns');
  assert.equal(
    refused('a,1\n', { header: false }),
    '1:3: it has 2 cells, but the schema has 4 columns',
  );
  assert.equal(
    refused('\na,1,"c,1\n'),
    '2:5: the quote that opens here is not closed on this line',
  );
  assert.equal(
    refused('a,1,c"d",1\n'),
    '1:6: there is a quote inside a cell that does not begin with one',
  );
  assert.equal(refused('a,1,"c"d,1\n'), '1:8: there is text after the closing quote of a cell');
  const [open] = file(Airport, 'iata,latitude,city,runways\na,1,"c,1\n');
  assert.ok(open !== undefined && 'problem' in open);
  assert.match(open.problem.fix!, /multiline: true/);
});

test('csv: a row that is not UTF-8 is malformed, also in columns that nobody reads', () => {
  const header = bytesOf('iata,latitude,city,runways,x');
  const input = Buffer.from('a,1,c,1,\xe9\nb,1,c,1,x\n', 'latin1');
  const outcomes = decodeAll(csv(Airport), input, { header });
  assert.deepEqual(problems(outcomes), ['1:9: the byte 0xe9 is not part of UTF-8 text']);
  assert.equal(outcomes.length, 2);
});

test('csv: line ends in quoted cells need the option, which makes a file unsplittable', () => {
  assert.equal(csv(Airport).splittable, true);
  const multiline = csv(Airport, { multiline: true });
  assert.equal(multiline.splittable, false);
  const input = 'iata,latitude,city,runways\n"a\r\n""b""\n",1,c,1\r\nb,2,"\n",2';
  const outcomes = file(Airport, input, { multiline: true });
  assert.deepEqual(records(outcomes), [
    { iata: 'a\r\n"b"\n', latitude: 1, city: 'c', runways: 1 },
    { iata: 'b', latitude: 2, city: '\n', runways: 2 },
  ]);
  assert.deepEqual(
    outcomes.map(({ line }) => line),
    [1, 4],
  );
  assert.deepEqual(
    problems(file(Airport, 'iata,latitude,city,runways\n"a,1', { multiline: true })),
    ['1:1: the quote that opens here is not closed'],
  );
});

test('csv: a header that does not fit says what it has', () => {
  const header = (text: string) => () => csv(Airport).createDecoder(bytesOf(text));
  assert.throws(header('iata,lattitude,city,runways\n'), (error) => {
    assert.ok(isEngineError(error, 'DATA_BAD_HEADER'));
    assert.match(error.message, /no column "latitude", but "iata", "lattitude", "city", "runways"/);
    assert.match(error.fix!, /Did you mean "lattitude"\?/);
    return true;
  });
  assert.throws(header('iata,latitude,city,runways,iata'), /column "iata" twice/);
  assert.throws(header('iata,"latitude'), /quotes do not match/);
  assert.throws(() => csv(Airport).createDecoder(Buffer.from([0xff])), /not UTF-8/);
  assert.throws(() => csv(Airport).createDecoder(), /given that header/);
});

test('csv: options and schemas that make no sense are refused at once', () => {
  const refusals: [() => unknown, RegExp][] = [
    [() => csv(t.array(t.string)), /t\.struct, not array/],
    [() => csv(t.struct({})), /no fields/],
    [() => csv(t.struct({ a: t.array(t.string) })), /"a" is array/],
    [() => csv(t.struct({ a: t.optional(t.nullable(t.string)) })), /"a" is optional/],
    [() => csv(Airport, { delimiter: ',,' }), /delimiter is one ASCII character/],
    [() => csv(Airport, { delimiter: '5' }), /delimiter is one ASCII character/],
    [() => csv(Airport, { delimiter: '"' }), /same character/],
    [() => csv(Airport, { columns: ['a'] }), /without a header/],
    [() => csv(Airport, { header: false, columns: ['iata'] }), /"latitude" of the schema/],
    [() => csv(Airport, { multiline: true, quote: false }), /needs quotes/],
  ];
  for (const [make, message] of refusals) {
    assert.throws(
      make,
      (error) => isEngineError(error, 'API_INVALID_ARGUMENT') && message.test(error.message),
    );
  }
});

test('csv: a validation of Standard Schema sees every record', () => {
  const schema = fromStandard(
    z.object({ id: z.string().min(3), n: z.number() }),
    t.struct({ id: t.string, n: t.float64 }),
  );
  const outcomes = file(schema, 'id,n\nabc,1\nab,2\n');
  assert.deepEqual(outcomes[0], { line: 1, start: 0, record: { id: 'abc', n: 1 } });
  assert.match(problems(outcomes)[0]!, /^2:1: id: /);
});

test('csv: rows are written by RFC 4180, with quotes where they are needed', () => {
  const schema = t.struct({
    ...{ origin: t.string, 'a,b': t.optional(t.string), day: t.date, mean: t.decimal(12, 2) },
    ...{ at: t.timestamp, big: t.nullable(t.int64), x: t.float64 },
  });
  const row = { origin: 'D "TW"', 'a,b': '', day: 11323, mean: '66.00', at: 0, big: -5n, x: -0 };
  const other = { origin: '', day: 0, mean: '-1.50', at: 1, big: null, x: 1e21 };
  assert.equal(
    encodeAll(csv(schema), [row, other] as never).toString(),
    'origin,"a,b",day,mean,at,big,x\n' +
      '"D ""TW""","",2001-01-01,66.00,1970-01-01T00:00:00.000Z,-5,-0\n' +
      ',,1970-01-01,-1.50,1970-01-01T00:00:00.001Z,,1e+21\n',
  );
  const tabs = csv(schema, { delimiter: '\t', quote: false, header: false, timestamp: 'millis' });
  assert.equal(
    encodeAll(tabs, [{ ...row, 'a,b': undefined }] as never).toString(),
    'D "TW"\t\t2001-01-01\t66.00\t0\t-5\t-0\n',
  );
  assert.equal(tabs.extension, 'tsv');
  assert.throws(
    () => encodeAll(tabs, [{ ...row, origin: 'a\tb' }] as never),
    (error) =>
      isEngineError(error, 'DATA_NOT_WRITABLE') && /at origin: without quotes/.test(error.message),
  );
  assert.throws(
    () => encodeAll(csv(schema), [{ ...row, origin: 5 }] as never),
    (error) =>
      isEngineError(error, 'DATA_NOT_WRITABLE') &&
      /record\.origin: it is the number 5/.test(error.message),
  );
});

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '"', ',', '\n', 'a\r', '\r\n', '; x'),
);

test('csv: what is written comes back', () => {
  const schema = t.struct({
    ...{ a: t.string, b: t.optional(t.string), c: t.nullable(t.float64), d: t.boolean },
    ...{ e: t.int64, f: t.timestamp, g: t.bytes, h: t.nullable(t.bytes) },
    i: t.optional(t.enum('', 'x')),
  });
  const record = fc.record(
    {
      ...{
        a: text,
        b: fc.option(text, { nil: undefined }),
        c: fc.option(fc.double()),
        d: fc.boolean(),
      },
      e: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      f: fc.integer({ min: -(10 ** 15), max: 10 ** 15 }),
      g: fc.uint8Array(),
      h: fc.option(fc.uint8Array({ maxLength: 2 })),
      i: fc.constantFrom('', 'x', undefined),
    },
    { noNullPrototype: true },
  );
  const dialects: CsvOptions[] = [
    { multiline: true },
    { multiline: true, header: false, delimiter: ';', quote: "'", timestamp: 'millis' },
  ];
  for (const options of dialects) {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 6 }), (values) => {
        const format = csv(schema, options);
        const written = encodeAll(format, values as never);
        const at = options.header === false ? 0 : written.indexOf(0x0a) + 1;
        const header = written.subarray(0, at);
        assert.deepEqual(records(decodeAll(format, written.subarray(at), { header })), values);
      }),
      { seed: 4, numRuns: 300 },
    );
  }
});

test('csv: a file of one column, whose empty rows are in quotes', () => {
  const schema = t.struct({ a: t.optional(t.string) });
  const strings = t.struct({ a: t.string });
  assert.equal(encodeAll(csv(strings), [{ a: '' }, { a: 'x' }]).toString(), 'a\n""\nx\n');
  assert.deepEqual(records(file(strings, 'a\n""\n\nx\n')), [{ a: '' }, { a: 'x' }]);
  assert.throws(
    () => encodeAll(csv(schema), [{}]),
    (error) => isEngineError(error, 'DATA_NOT_WRITABLE') && /an empty line/.test(error.message),
  );
  assert.deepEqual(records(file(schema, 'a\r\n""\r\n\r\nx\r\n')), [{ a: '' }, { a: 'x' }]);
});
