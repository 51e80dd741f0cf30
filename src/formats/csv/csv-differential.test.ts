import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Prng } from '../../base/prng.ts';
import { t } from '../../types/index.ts';
import type { StructDescription } from '../../types/schema-description.ts';
import { decodeAll } from '../format.test-kit.ts';
import { same } from '../json/json-oracle.test-kit.ts';
import { NO_ROW, rowOracle } from './csv-oracle.test-kit.ts';
import type { CsvOptions } from './csv-options.ts';
import { csv } from './csv.ts';

/** Rows for each dialect. */
const ROWS = 60_000;
const BLOCK_ROWS = 500;
/** Pairs of rows that are cut at every byte, for each dialect. */
const CUT_ROWS = 30;

const Row = t.struct({
  id: t.int32,
  name: t.string,
  price: t.float64,
  note: t.optional(t.string),
  count: t.nullable(t.uint8),
  total: t.integer,
  big: t.optional(t.int64),
  done: t.boolean,
  status: t.nullable(t.enum('open', 'Paid', '')),
  at: t.timestamp,
});

/** In another order than the fields, with columns that nobody reads. */
const COLUMNS = [
  'at',
  'x',
  'name',
  'id',
  'note',
  'y',
  'price',
  'done',
  'count',
  'total',
  'big',
  'status',
];

const DIALECTS: Readonly<Record<string, CsvOptions>> = {
  'comma and double quote': {},
  'tab without quotes': { delimiter: '\t', quote: false },
  'semicolon and single quote': { delimiter: ';', quote: "'" },
};

const CELLS: Readonly<Record<string, readonly string[]>> = {
  at: ['1700000000000', '2001-01-31T12:00:00.250Z', '-5', '2001-02-30T00:00:00.000Z'],
  name: ['', 'Google', 'a text that is longer than twenty-four bytes', 'é', '日本', 'a b', '12'],
  id: ['0', '-1', '2147483647', '2147483648', '007', '+5', '1.0', '12'],
  note: ['', '', 'x', '""', '😀'],
  price: ['1.5', '-0', '0.30000000000000004', '1e3', '.5', '5.', '-89.23450472', 'NaN', '1e400'],
  done: ['true', 'false', 'TRUE', 'True', 'yes'],
  count: ['', '0', '255', '256', '7'],
  total: ['9007199254740991', '9007199254740992', '123456789012345', '0', '5'],
  big: ['', '9223372036854775807', '-9223372036854775808', '9223372036854775808', '+1'],
  status: ['', 'open', 'Paid', 'shut'],
};

const PIECES = [
  ...[
    '"',
    "'",
    ',',
    ';',
    '\t',
    '\r',
    '\n',
    '\r\n',
    '""',
    '","',
    "';'",
    '0',
    '1',
    '-',
    '.',
    ' ',
    'a',
  ],
  ...['\u0000', '\u0001', 'é', '\ufeff', 'e5', '+'],
].map((text) => Buffer.from(text));
const BROKEN = [[0x80], [0xc3], [0xff], [0xed, 0xa0, 0x80]].map((bytes) => Buffer.from(bytes));

class Rows {
  readonly #random: Prng;
  readonly #delimiter: string;
  readonly #quote: string;

  constructor(random: Prng, { delimiter = ',', quote = '"' }: CsvOptions) {
    this.#random = random;
    this.#delimiter = delimiter;
    this.#quote = quote === false ? '' : quote;
  }

  block(count: number): Buffer {
    const parts = Array.from({ length: count }, () => [
      this.#mutated(this.#row()),
      Buffer.from(this.#random.chance(0.2) ? '\r\n' : '\n'),
    ]);
    return Buffer.concat(parts.flat());
  }

  #row(): Buffer {
    const random = this.#random;
    const quote = this.#quote;
    const cells = COLUMNS.map((column) => {
      const texts = CELLS[column] ?? ['', 'ignored', 'a "word"'.replaceAll('"', quote + quote)];
      // The first ones fit.
      const text = random.chance(0.9)
        ? texts[random.below(Math.min(3, texts.length))]!
        : random.pick(texts);
      if (random.chance(0.8)) return text.replaceAll(quote, '');
      const inner = random.chance(0.3) ? `${text}${this.#delimiter}${quote}${quote}` : text;
      return `${quote}${inner}${quote}`;
    });
    return Buffer.from(cells.join(this.#delimiter));
  }

  #mutated(row: Buffer): Buffer {
    const random = this.#random;
    if (random.chance(0.4)) return row;
    const at = random.below(row.length + 1);
    const piece = random.pick(random.chance(0.05) ? BROKEN : PIECES);
    const rest = row.subarray(at + random.below(2));
    return Buffer.concat([row.subarray(0, at), random.chance(0.7) ? piece : EMPTY, rest]);
  }
}

const EMPTY = Buffer.alloc(0);

describe('csv: mutated rows are what RFC 4180 makes of them', () => {
  for (const [name, options] of Object.entries(DIALECTS)) {
    test(name, () => {
      const random = Prng.of(4180).fork(name);
      const rows = new Rows(random.fork('rows'), options);
      const format = csv(Row, options);
      const { delimiter = ',', quote = '"' } = options;
      const quoteText = quote === false ? undefined : quote;
      const description = Row.description as StructDescription;
      const oracle = rowOracle(description, COLUMNS, delimiter, quoteText);
      const header = Buffer.from(COLUMNS.join(delimiter));
      let records = 0;
      for (let done = 0; done < ROWS; done += BLOCK_ROWS) {
        const block = rows.block(BLOCK_ROWS);
        const cuts = Array.from({ length: random.below(3) }, () => random.below(block.length));
        const feeding = { header, cuts: cuts.toSorted((a, b) => a - b) };
        const outcomes = decodeAll(format, block, feeding);
        let next = 0;
        for (const [i, line] of block.toString('latin1').split('\n').slice(0, -1).entries()) {
          const row = Buffer.from(line.replace(/\r$/, ''), 'latin1');
          const expected = oracle(row);
          if (expected === undefined) continue;
          const outcome = outcomes[next++];
          const shown = (): string => `row ${i + 1}: ${JSON.stringify(row.toString())}`;
          if (outcome?.line !== i + 1) assert.fail(`${shown()} has no outcome`);
          if (expected === NO_ROW) {
            if ('record' in outcome) assert.fail(`${shown()} was accepted`);
          } else {
            if ('problem' in outcome) assert.fail(`${shown()}: ${outcome.problem.reason}`);
            if (!same(outcome.record, expected))
              assert.deepEqual(outcome.record, expected, shown());
            records++;
          }
        }
        assert.equal(next, outcomes.length);
      }
      assert.ok(records > ROWS * 0.1 && records < ROWS * 0.8, `${records} of ${ROWS}`);
    });
  }
});

describe('csv: a row comes out the same wherever it is cut', () => {
  for (const [name, options] of Object.entries(DIALECTS)) {
    for (const multiline of options.quote === false ? [false] : [false, true]) {
      test(`${name}${multiline ? ', multiline' : ''}`, () => {
        const rows = new Rows(Prng.of(3).fork(name), options);
        const format = csv(Row, { ...options, multiline });
        const header = Buffer.from(COLUMNS.join(options.delimiter ?? ','));
        for (let i = 0; i < CUT_ROWS; i++) {
          const block = rows.block(2);
          const whole = decodeAll(format, block, { header });
          for (let cut = 0; cut < block.length; cut++) {
            const outcomes = decodeAll(format, block, { header, cuts: [cut], stopAfter: 1 });
            assert.ok(same(outcomes, whole), `cut at ${cut}`);
          }
        }
      });
    }
  }
});
