import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cases } from '../../base/cases.test-kit.ts';
import { Prng } from '../../base/prng.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/index.ts';
import type { LineFormat } from '../format.ts';
import type { Feeding } from '../format.test-kit.ts';
import { decodeAll } from '../format.test-kit.ts';
import { JsonLines, NUMBERS } from './json-mutations.test-kit.ts';
import { NO_RECORD, oracleOf, same } from './json-oracle.test-kit.ts';
import { json } from './json.ts';

/** Lines in all; a million in the long run. */
const LINES = cases(150_000, 1_000_000);
const BLOCK_LINES = 500;
/** Pairs of lines that are cut at every byte, for each schema. */
const CUT_LINES = 15;

const SCHEMAS: Readonly<Record<string, Schema<unknown>>> = {
  'two fields of many': t.struct({ auction: t.integer, price: t.float64 }),
  'plain kinds': t.struct({
    id: t.string,
    small: t.int8,
    count: t.optional(t.int32),
    unsigned: t.nullable(t.uint32),
    ratio: t.float64,
    single: t.optional(t.float32),
    wait: t.optional(t.duration),
    done: t.boolean,
    status: t.enum('open', 'paid', 'Google', 'é'),
    type: t.optional(t.literal('order')),
    version: t.optional(t.literal(1)),
  }),
  texts: t.struct({
    a: t.string,
    b: t.nullable(t.string),
    n: t.integer,
    é: t.optional(t.string),
    c: t.optional(t.nullable(t.string)),
    d: t.string,
  }),
  'nested kinds': t.struct({
    name: t.string,
    at: t.struct({ x: t.float64, y: t.optional(t.nullable(t.int32)), tags: t.array(t.string) }),
    points: t.array(t.struct({ x: t.int16, label: t.nullable(t.string) })),
    rows: t.optional(t.array(t.array(t.float64))),
    more: t.optional(t.map(t.string, t.uint8)),
    shape: t.optional(t.union('kind', { circle: t.struct({ r: t.float64 }), none: t.struct({}) })),
    pair: t.optional(t.tuple(t.string, t.boolean)),
    rest: t.optional(t.json),
  }),
  'exact kinds': t.struct({
    id: t.int64,
    amount: t.decimal(12, 2),
    large: t.optional(t.decimal(38, 10)),
    whole: t.optional(t.decimal(20, 0)),
    at: t.optional(t.timestamp),
    day: t.nullable(t.date),
    ids: t.optional(t.array(t.int64)),
    byName: t.optional(t.map(t.string, t.int64)),
  }),
  'hostile names': t.struct({
    ['__proto__']: t.optional(t.int32),
    constructor: t.optional(t.string),
    '': t.optional(t.boolean),
    'a"b': t.optional(t.int32),
    'line\nend\ttab\u0001': t.optional(t.int32),
    'back\\slash': t.optional(t.int32),
    '12': t.optional(t.float64),
    é: t.optional(t.string),
    日本語のテキスト: t.optional(t.json),
    '\ud800': t.optional(t.int32),
    true: t.nullable(t.int32),
    a: t.int32,
  }),
};

/** Lines of the block as the format cuts them. */
function linesOf(block: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < block.length;) {
    const found = block.indexOf(0x0a, at);
    const stop = found < 0 ? block.length : found;
    const end = stop > at && block[stop - 1] === 0x0d ? stop - 1 : stop;
    lines.push(block.subarray(at, end));
    at = stop + 1;
  }
  return lines;
}

/** @returns how many lines were records. */
function compare(
  format: LineFormat<unknown>,
  oracle: (line: Uint8Array) => unknown,
  block: Buffer,
  feeding: Feeding,
): number {
  const outcomes = decodeAll(format, block, feeding);
  let next = 0;
  let records = 0;
  for (const [i, line] of linesOf(block).entries()) {
    const expected = oracle(line);
    if (expected === undefined) continue;
    const outcome = outcomes[next++];
    const shown = (): string => `line ${i + 1}: ${JSON.stringify(line.toString('latin1'))}`;
    if (outcome?.line !== i + 1) assert.fail(`${shown()} has no outcome`);
    if (expected === NO_RECORD) {
      if ('record' in outcome) assert.fail(`${shown()} was accepted`);
      assert.equal(outcome.text, line.toString('latin1'));
    } else {
      records++;
      if ('problem' in outcome) assert.fail(`${shown()} was refused: ${outcome.problem.reason}`);
      if (!same(outcome.record, expected)) assert.deepEqual(outcome.record, expected, shown());
    }
  }
  assert.equal(next, outcomes.length);
  return records;
}

// Stacks of a million refusals would take most of the time.
Error.stackTraceLimit = 0;

describe('json: mutated lines are what JSON.parse makes of them', () => {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    test(name, () => {
      const random = Prng.of(2001).fork(name);
      const lines = new JsonLines(random.fork('lines'), schema.description);
      const format = json(schema);
      const oracle = oracleOf(schema);
      const count = LINES / Object.keys(SCHEMAS).length;
      let records = 0;
      for (let done = 0; done < count; done += BLOCK_LINES) {
        const block = lines.block(BLOCK_LINES);
        const cuts = Array.from({ length: random.below(4) }, () => random.below(block.length));
        const stopAfter = random.chance(0.1) ? random.between(1, 5) : Infinity;
        records += compare(format, oracle, block, {
          cuts: cuts.toSorted((a, b) => a - b),
          stopAfter,
        });
      }
      // A generator that makes only refused lines, or only records, would prove nothing.
      assert.ok(records > count * 0.2 && records < count * 0.8, `${records} of ${count}`);
    });
  }
});

const MAPS = ['more', 'byName'];

/** How objects are laid out in a stretch of lines. */
class Style {
  readonly #random: Prng;
  readonly #ranks = new Map<string, number>();
  readonly #spaces: readonly [string, string];
  readonly #extra: readonly string[];

  constructor(random: Prng) {
    this.#random = random;
    this.#spaces = [random.pick(['', '', ' ', '  ']), random.pick(['', '', ' '])];
    this.#extra = random.shuffle(['x', 'y', 'é', 'a longer name']).slice(random.below(4));
  }

  /** `isMap`: any other name means something. */
  text(value: unknown, isMap: boolean = false): string {
    if (Array.isArray(value)) return `[${value.map((item) => this.text(item)).join(',')}]`;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    const members = new Map(
      Object.entries(value).map(([name, each]) => [name, this.text(each, MAPS.includes(name))]),
    );
    for (const name of this.#extra) {
      if (!isMap && !members.has(name) && this.#random.chance(0.9)) {
        members.set(name, this.#random.pick(['1', '"a"', '[{}]', 'null', '-0.5e1', '"\\""']));
      }
    }
    const [before, after] = this.#spaces;
    const order = [...members].toSorted(([one], [other]) => this.#rank(one) - this.#rank(other));
    const texts = order.map(([name, each]) => `${before}${JSON.stringify(name)}:${after}${each}`);
    return `{${texts.join(',')}}`;
  }

  #rank(name: string): number {
    const rank = this.#ranks.get(name) ?? this.#random.uint32();
    this.#ranks.set(name, rank);
    return rank;
  }
}

describe('json: lines laid out alike are what JSON.parse makes of them', () => {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    test(`JL1: ${name}`, () => {
      const random = Prng.of(77).fork(name);
      const lines = new JsonLines(random.fork('lines'), schema.description);
      const oracle = oracleOf(schema);
      let records = 0;
      let count = 0;
      for (let round = 0; round < cases(3, 200); round++) {
        const format = json(schema);
        for (let stretch = 0; stretch < 3; stretch++) {
          const style = new Style(random.fork(`${round}/${stretch}`));
          for (let block = 0; block < 4; block++) {
            const texts = linesOf(lines.block(250)).flatMap((line) => {
              const isRecord = typeof oracle(line) === 'object';
              if (!isRecord) return random.chance(0.2) ? [line.toString('latin1')] : [];
              const text = Buffer.from(style.text(JSON.parse(line.toString())));
              const broken = random.chance(0.1) ? lines.mutated(text) : text;
              return [broken.toString('latin1')];
            });
            count += texts.length;
            records += compare(format, oracle, Buffer.from(`${texts.join('\n')}\n`, 'latin1'), {});
          }
        }
      }
      assert.ok(records > count * 0.3, `${records} of ${count}`);
    });
  }
});

const NUMERIC: Readonly<Record<string, Schema<unknown>>> = {
  ...{ int8: t.int8, int16: t.int16, int32: t.int32, uint8: t.uint8, uint16: t.uint16 },
  ...{ uint32: t.uint32, integer: t.integer, int64: t.int64, float32: t.float32 },
  ...{ float64: t.float64, duration: t.duration, timestamp: t.timestamp, json: t.json },
  ...{ decimal: t.decimal(12, 2), whole: t.decimal(38, 0), literal: t.literal(1) },
};

/** Numbers of up to 21 digits: the first, the last and one in between of each length. */
const LENGTHS: readonly string[] = Array.from({ length: 21 }, (_, i) => [
  ...[`1${'0'.repeat(i)}`, '9'.repeat(i + 1), '123456789012345678901'.slice(0, i + 1)],
]).flatMap((numbers) => [...numbers, ...numbers.map((number) => `-${number}`)]);

describe('json: every number, as every kind', () => {
  for (const [kind, schema] of Object.entries(NUMERIC)) {
    test(kind, () => {
      const struct = t.struct({ x: schema });
      const lines = [...NUMBERS, ...LENGTHS].flatMap((number) => [
        `{"x":${number}}`,
        `{"x":"${number}"}`,
        `{"y":${number},"x":1}`,
        `{"x": ${number} ,"x":1}`,
      ]);
      const block = Buffer.from(`${lines.join('\n')}\n`);
      const records = compare(json(struct), oracleOf(struct), block, {});
      assert.ok(records > 10, String(records));
    });
  }
});

describe('json: a line comes out the same wherever it is cut', () => {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    test(name, () => {
      const format = json(schema);
      const lines = new JsonLines(Prng.of(7).fork(name), schema.description);
      for (let i = 0; i < CUT_LINES; i++) {
        const block = lines.block(2);
        const whole = decodeAll(format, block);
        for (let cut = 0; cut < block.length; cut++) {
          assert.ok(same(decodeAll(format, block, { cuts: [cut] }), whole), `cut at ${cut}`);
        }
      }
    });
  }
});
