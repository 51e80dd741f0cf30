/**
 * The kinds whose values take a fixed number of bytes, as pieces of source text for the generator:
 * how a value is checked, stored and loaded. In generated code `b` is the memory, `view` a DataView
 * over it, and the helpers are those of `CODEC_HELPERS`.
 */
import { quote } from '../base/generated-code.ts';
import { constant } from './generated-source.ts';
import type { SchemaDescription } from './schema-description.ts';

/** Expressions are source text; `x` a checked variable, `at` an index, `raw` what `load` gave. */
export interface FixedKind {
  readonly size: number;
  /** What is checked and stored instead of the value itself, where they differ. */
  readonly prepare?: (x: string) => string;
  /** True when the (prepared) value does not fit. */
  readonly bad: (x: string) => string;
  readonly store: (x: string, at: string) => string;
  readonly load: (at: string) => string;
  /** True when no value is stored like that; undefined where every bit pattern is a value. */
  readonly badRaw?: (raw: string) => string;
  /** The value of a raw one, where they differ. */
  readonly finish?: (raw: string) => string;
  /** True when two values that fit are stored alike. */
  readonly same: (x: string, y: string) => string;
}

/** Undefined for kinds of variable length. */
export function fixedKind(description: SchemaDescription): FixedKind | undefined {
  switch (description.kind) {
    case 'decimal':
      return decimalKind(description.precision, description.scale);
    case 'enum':
      return enumKind(description.values);
    case 'literal':
      return literalKind(description.value);
    default:
      return PRIMITIVES[description.kind];
  }
}

/** A literal takes no bytes at all. */
function literalSource(value: string | number | boolean | null): string {
  return typeof value === 'string' ? quote(value) : String(value);
}

const equal = (x: string, y: string): string => `${x} === ${y}`;
/** -0 is another value than 0, and NaN is NaN. */
const identical = (x: string, y: string): string => `Object.is(${x}, ${y})`;

function small(size: number, type: string, check: (x: string) => string): FixedKind {
  return {
    size,
    bad: (x) => `typeof ${x} !== 'number' || ${check(x)} !== ${x}`,
    store: (x, at) => `view.set${type}(${at}, ${x}, true)`,
    load: (at) => `view.get${type}(${at}, true)`,
    same: equal,
  };
}

/** Whole numbers in eight bytes as a double: the fastest form there is. */
const whole: FixedKind = {
  size: 8,
  bad: (x) => `!Number.isSafeInteger(${x})`,
  // + 0 makes 0 of -0.
  store: (x, at) => `view.setFloat64(${at}, ${x} + 0, true)`,
  load: (at) => `view.getFloat64(${at}, true)`,
  badRaw: (raw) => `!Number.isSafeInteger(${raw})`,
  same: equal,
};

/**
 * Stores every NaN as the same bits. Two calls, because V8 would make an object of a number that is
 * chosen between two: 9 ns.
 */
function oneNaN(set: string, x: string, at: string): string {
  return `(${x} === ${x} ? view.${set}(${at}, ${x}, true) : view.${set}(${at}, NaN, true))`;
}

const float64: FixedKind = {
  size: 8,
  bad: (x) => `typeof ${x} !== 'number'`,
  store: (x, at) => oneNaN('setFloat64', x, at),
  load: (at) => `view.getFloat64(${at}, true)`,
  same: identical,
};

const PRIMITIVES: Readonly<Record<string, FixedKind | undefined>> = {
  boolean: {
    size: 1,
    bad: (x) => `typeof ${x} !== 'boolean'`,
    store: (x, at) => `b[${at}] = ${x} ? 1 : 0`,
    load: (at) => `b[${at}]`,
    badRaw: (raw) => `${raw} > 1`,
    finish: (raw) => `${raw} === 1`,
    same: equal,
  },
  int8: small(1, 'Int8', (x) => `((${x} << 24) >> 24)`),
  int16: small(2, 'Int16', (x) => `((${x} << 16) >> 16)`),
  int32: small(4, 'Int32', (x) => `(${x} | 0)`),
  uint8: small(1, 'Uint8', (x) => `(${x} & 255)`),
  uint16: small(2, 'Uint16', (x) => `(${x} & 65535)`),
  uint32: small(4, 'Uint32', (x) => `(${x} >>> 0)`),
  integer: whole,
  timestamp: whole,
  date: {
    ...small(4, 'Int32', (x) => `(${x} | 0)`),
    bad: (x) => `!isCalendarDate(${x})`,
    badRaw: (raw) => `!isCalendarDate(${raw})`,
  },
  int64: {
    size: 8,
    bad: (x) => `typeof ${x} !== 'bigint' || BigInt.asIntN(64, ${x}) !== ${x}`,
    store: (x, at) => `view.setBigInt64(${at}, ${x}, true)`,
    load: (at) => `view.getBigInt64(${at}, true)`,
    same: equal,
  },
  float32: {
    size: 4,
    bad: (x) => `typeof ${x} !== 'number' || (Math.fround(${x}) !== ${x} && ${x} === ${x})`,
    store: (x, at) => oneNaN('setFloat32', x, at),
    load: (at) => `view.getFloat32(${at}, true)`,
    same: identical,
  },
  float64,
  duration: {
    ...float64,
    bad: (x) => `!Number.isFinite(${x})`,
    badRaw: (raw) => `!Number.isFinite(${raw})`,
  },
};

function decimalKind(precision: number, scale: number): FixedKind {
  if (precision <= 15) {
    return {
      size: 8,
      prepare: (x) => `decimalNumber(${x}, ${precision}, ${scale})`,
      bad: (x) => `${x} !== ${x}`,
      store: (x, at) => `view.setFloat64(${at}, ${x}, true)`,
      load: (at) => `view.getFloat64(${at}, true)`,
      badRaw: (raw) => `!Number.isSafeInteger(${raw}) || Math.abs(${raw}) >= 1e${precision}`,
      finish: (raw) => `decimalOfNumber(${raw}, ${scale})`,
      same: equal,
    };
  }
  const limit = 10n ** BigInt(precision);
  const wide = precision > 18;
  return {
    size: wide ? 16 : 8,
    prepare: (x) => `decimalDigits(${x}, ${precision}, ${scale})`,
    bad: (x) => `${x} === undefined`,
    store: (x, at) =>
      wide
        ? `(view.setBigInt64(${at}, BigInt.asIntN(64, ${x}), true), ` +
          `view.setBigInt64(${at} + 8, ${x} >> 64n, true))`
        : `view.setBigInt64(${at}, ${x}, true)`,
    load: (at) =>
      wide
        ? `((view.getBigInt64(${at} + 8, true) << 64n) | view.getBigUint64(${at}, true))`
        : `view.getBigInt64(${at}, true)`,
    badRaw: (raw) => `${raw} >= ${limit}n || ${raw} <= -${limit}n`,
    finish: (raw) => `fromUnscaled(${raw}, ${scale})`,
    same: equal,
  };
}

function enumKind(values: readonly string[]): FixedKind {
  const list = `[${values.map(quote).join()}]`;
  const type = values.length <= 256 ? 'Uint8' : 'Uint16';
  // Few values are compared one after another, many are looked up.
  const few = values.length <= 8;
  const chain = (x: string): string =>
    values.map((value, i) => `${x} === ${quote(value)} ? ${i} : `).join('') + '-1';
  return {
    size: type === 'Uint8' ? 1 : 2,
    prepare: (x) => (few ? `(${chain(x)})` : `indexOf(${constant(`indexes(${list})`)}, ${x})`),
    bad: (x) => `${x} < 0`,
    store: (x, at) => `view.set${type}(${at}, ${x}, true)`,
    load: (at) => `view.get${type}(${at}, true)`,
    badRaw: (raw) => `${raw} >= ${values.length}`,
    finish: (raw) => `${constant(list)}[${raw}]`,
    same: equal,
  };
}

function literalKind(value: string | number | boolean | null): FixedKind {
  const literal = literalSource(value);
  return {
    size: 0,
    bad: (x) => `${x} !== ${literal}`,
    store: () => '0',
    load: () => '0',
    finish: () => literal,
    same: () => 'true',
  };
}
