// What is copied from where it was read is what the sure way writes, whatever a function has done
// to the records in between, and whatever stands in the lines.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cases } from '../../base/cases.test-kit.ts';
import { Prng } from '../../base/prng.ts';
import { textBufferOf } from '../../base/text-buffer.ts';
import { RecordOrigins } from '../../functions/record-origins.ts';
import { t } from '../../types/index.ts';
import type { Schema } from '../../types/index.ts';
import { decodeAll } from '../format.test-kit.ts';
import { JsonLineEncoder } from './json-encoder.ts';
import { JsonLines, NUMBERS } from './json-mutations.test-kit.ts';
import { json } from './json.ts';
import type { JsonOptions } from './json.ts';

type Row = Record<string, unknown>;

const Plain = t.struct({
  id: t.integer,
  small: t.int8,
  at: t.timestamp,
  ratio: t.float64,
  name: t.string,
  status: t.enum('open', 'é'),
  done: t.boolean,
});
const Gaps = t.struct({
  note: t.optional(t.string),
  count: t.optional(t.uint32),
  text: t.nullable(t.string),
  sum: t.nullable(t.float64),
  flag: t.optional(t.boolean),
  state: t.nullable(t.enum('a', 'b')),
  é: t.optional(t.timestamp),
  maybe: t.optional(t.nullable(t.int32)),
});
const Whole = t.struct({
  note: t.optional(t.string),
  text: t.nullable(t.string),
  sum: t.optional(t.float64),
  flag: t.optional(t.boolean),
});
const Nested = t.struct({
  name: t.string,
  first: Plain,
  second: t.optional(Plain),
  gaps: t.array(Whole),
  inner: t.nullable(t.struct({ name: t.string, deep: t.struct({ name: t.string, id: t.int32 }) })),
  big: t.optional(t.int64),
  tags: t.array(t.string),
});

/** What is read, and what is written of it. */
const PAIRS: Readonly<Record<string, readonly [Schema<unknown>, Schema<unknown>, JsonOptions]>> = {
  'the same fields': [Plain, Plain, {}],
  'times as text': [Plain, Plain, { timestamp: 'iso' }],
  'optional fields': [Gaps, Gaps, {}],
  'optional fields that can be copied': [Whole, Whole, {}],
  'fewer fields, of other kinds': [
    Plain,
    t.struct({ name: t.nullable(t.string), ratio: t.float64, id: t.float64, done: t.boolean }),
    {},
  ],
  'structs in structs': [Nested, Nested, {}],
  'hostile names': [
    t.struct({ ['__proto__']: t.string, 'a"b': t.string, constructor: t.integer, '': t.string }),
    t.struct({ ['__proto__']: t.string, 'a"b': t.string, constructor: t.integer, '': t.string }),
    {},
  ],
};

/** Functions between a source and a sink. */
const CHANGES: readonly ((row: Row, random: Prng, before: Row) => Row)[] = [
  (row) => row,
  (row) => structuredClone(row),
  (row) => Object.assign(structuredClone(row), { more: 1 }),
  (_row, _random, before) => before,
  (row, random, before) => {
    const name = random.pick(Object.keys(row));
    return { ...row, [name]: before[name] };
  },
  (row, random) => {
    const name = random.pick(Object.keys(row));
    return { ...row, [name]: random.pick(VALUES) };
  },
  (row, random) => {
    changeInside(row, random);
    return row;
  },
];

const VALUES = [0, -0, 1, -1, 0.5, NaN, '', 'a', 'a"b', 'é', true, false, null, undefined, 'open'];

/** In place, and at any depth. */
function changeInside(row: Row, random: Prng): void {
  const name = random.pick(Object.keys(row));
  const value = row[name];
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    changeInside(value as Row, random);
  } else if (typeof value === 'number') row[name] = random.pick([value + 1, -value, -0]);
  else if (typeof value === 'string') row[name] = random.pick([`${value}x`, 'open', `${value} "`]);
  else row[name] = random.pick(VALUES);
}

/** The bytes, or what was thrown. */
function outcomeOf(encode: (out: Uint8Array) => number): string {
  const out = Buffer.alloc(8192, 0x2e);
  try {
    return out.toString('utf8', 0, encode(out));
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

/** Lines as most programs write them, so that they can be copied. */
function usual(schema: Schema<unknown>, lines: Buffer): Buffer {
  const encoder = new JsonLineEncoder(schema, {}, undefined);
  const out = Buffer.alloc(8192);
  const parts = decodeAll(json(schema), lines).flatMap((outcome) => {
    if (!('record' in outcome)) return [];
    return [Buffer.from(out.subarray(0, encoder.encode(outcome.record, out, 0)))];
  });
  return Buffer.concat(parts);
}

describe('json: what was read and is written again', () => {
  for (const [name, [read, write, options]] of Object.entries(PAIRS)) {
    test(`RO1, RO2: it is what the sure way writes: ${name}`, () => {
      const random = Prng.of(33).fork(name);
      const lines = new JsonLines(random.fork('lines'), read.description);
      const origins = new RecordOrigins();
      const encoder = json(write, options).createEncoder(origins);
      const sure = new JsonLineEncoder(write, options, undefined);
      const format = json(read);
      let written = 0;
      for (let block = 0; block < cases(60, 2000); block += 1) {
        const mutated = lines.block(50);
        const input = random.chance(0.7) ? usual(read, mutated) : mutated;
        const decoder = format.createDecoder(undefined, origins);
        let before: Row | undefined;
        const bytes = textBufferOf(input);
        decoder.decode(bytes, 0, bytes.length, true, {
          record(row) {
            const change = random.pick(CHANGES);
            const kept = structuredClone(row as Row);
            const given = change(row as Row, random, before ?? kept);
            before = kept;
            const expected = outcomeOf((out) => sure.encode(given, out, 0));
            const at = random.below(3);
            const found = outcomeOf((out) => {
              const end = encoder.encode(given, out, at);
              out.copyWithin(0, at, end);
              return end - at;
            });
            assert.equal(found, expected);
            written += 1;
            return true;
          },
          malformed: () => true,
        });
      }
      assert.ok(written > 300, String(written));
    });
  }

  test('RO2: values of any form are written as the sure way does', () => {
    const forms: readonly (readonly [Schema<unknown>, readonly string[]])[] = [
      ...[t.integer, t.float64, t.timestamp, t.int8, t.uint32].map(
        (schema) => [schema, NUMBERS] as const,
      ),
      [t.timestamp, ['"2001-01-31T12:00:00Z"', '"2001-01-31T12:00:00.250+01:00"', '980942400000']],
      [
        t.string,
        ['"a"', '"\\u0041"', '"\\/"', '"/"', '"é"', '"\\u00e9"', '"\\n"', '"\\""', '"\u007f"'],
      ],
      [t.nullable(t.string), ['null', '"\\u0061"', '"null"', '""']],
    ];
    for (const [schema, values] of forms) {
      const struct = t.struct({ x: schema, y: t.optional(schema), z: t.string });
      const origins = new RecordOrigins();
      const encoder = json(struct).createEncoder(origins);
      const sure = new JsonLineEncoder(struct, {}, undefined);
      const lines = values.flatMap((x) => [`{"x":${x},"z":""}\n`, `{"x":${x},"y":${x},"z":""}\n`]);
      let records = 0;
      const bytes = textBufferOf(Buffer.from(lines.join('')));
      json(struct)
        .createDecoder(undefined, origins)
        .decode(bytes, 0, bytes.length, true, {
          record(row) {
            for (const value of [row, { ...row, x: -(row.x as number) }]) {
              const expected = outcomeOf((out) => sure.encode(value, out, 0));
              assert.equal(
                outcomeOf((out) => encoder.encode(value, out, 0)),
                expected,
              );
            }
            records += 1;
            return true;
          },
          malformed: () => true,
        });
      assert.ok(records >= 6, String(records));
    }
  });
});

/** Writes records while `line` is the last that was read; the bytes of its texts are spoilt. */
function writtenOver(line: string, row: Row): string {
  const schema = t.struct({ id: t.integer, name: t.string, ok: t.boolean });
  const origins = new RecordOrigins();
  const encoder = json(schema).createEncoder(origins);
  const bytes = textBufferOf(Buffer.from(`${line}\n`));
  let out = '';
  json(schema)
    .createDecoder(undefined, origins)
    .decode(bytes, 0, bytes.length, true, {
      record() {
        // Claims are refused to other bytes, so that these are the ones that are copied.
        const origin = origins.wantText('json', 'name');
        origin.bytes!.fill(0x23, origin.start, origin.end);
        out = outcomeOf((target) => encoder.encode(row as never, target, 0));
        return true;
      },
      malformed: (problem) => assert.fail(problem.reason),
    });
  return out;
}

describe('json: origins', () => {
  const line = '{"id":7,"name":"Anna","ok":true}';

  test('a struct with the same fields is copied, and texts of the same field', () => {
    assert.equal(
      writtenOver(line, { id: 7, name: 'Anna', ok: true }),
      '{"id":7,"name":"####","ok":true}\n',
    );
    assert.equal(
      writtenOver(line, { id: 8, name: 'Anna', ok: true }),
      '{"id":8,"name":"####","ok":true}\n',
    );
    assert.equal(
      writtenOver(line, { id: 7, name: 'Anne', ok: true }),
      '{"id":7,"name":"Anne","ok":true}\n',
    );
    // Not in the order of the schema: only the text is.
    assert.equal(
      writtenOver('{"name":"Anna","id":7,"ok":true}', { id: 7, name: 'Anna', ok: true }),
      '{"id":7,"name":"####","ok":true}\n',
    );
  });

  test('RO3: what was noted is forgotten before its bytes are others, and belongs to one parser', () => {
    const schema = t.struct({ name: t.string });
    const origins = new RecordOrigins();
    json(schema).createEncoder(origins);
    const text = origins.wantText('json', 'name');
    const format = json(schema);
    const read = (content: string): void => {
      const bytes = textBufferOf(Buffer.from(content));
      format.createDecoder(undefined, origins).decode(bytes, 0, bytes.length, true, {
        record: () => true,
        malformed: () => true,
      });
    };
    read('{"name":"Anna"}\n');
    assert.equal(text.text, 'Anna');
    read('[]\n');
    assert.equal(text.text, undefined);
    assert.equal(origins.claimText('json', 'name', textBufferOf(Buffer.alloc(1))), undefined);
    assert.equal(origins.claimText('json', 'name', text.bytes!), text);
  });

  test('RO4: what nobody wants is not noted, nor what is wanted of another form', () => {
    const origins = new RecordOrigins();
    const bytes = textBufferOf(Buffer.alloc(1));
    assert.equal(origins.isWanted, false);
    assert.equal(origins.claimText('json', 'name', bytes), undefined);
    origins.wantText('json', 'name');
    assert.equal(origins.isWanted, true);
    assert.equal(origins.claimText('csv', 'name', bytes), undefined);
    assert.equal(origins.claimStruct('json', 'name', bytes), undefined);
  });
});
