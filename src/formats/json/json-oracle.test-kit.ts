/**
 * What lines of JSON mean, said a second time and simply: JSON.parse, then a look at every field.
 * Shares no code with what it judges, except for kinds that are read by way of `codec.fromJson`.
 */
import type { SchemaDescription } from '../../types/schema-description.ts';
import type { Schema } from '../../types/schema.ts';

/** For lines that are no record. */
export const NO_RECORD: unique symbol = Symbol('no record');

class NoRecord extends Error {}

function no(): never {
  throw new NoRecord();
}

/** A number with the text it was made of. */
class Sourced {
  readonly value: number;
  readonly source: string;

  constructor(value: number, source: string) {
    this.value = value;
    this.source = source;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Gives the record of a line; undefined if it is blank, NO_RECORD if it is malformed. */
export function oracleOf({ description }: Schema<unknown>): (line: Uint8Array) => unknown {
  const exact = EXACT.test(JSON.stringify(description));
  const parse = exact
    ? (text: string): unknown => JSON.parse(text, sourced as never)
    : (text: string): unknown => JSON.parse(text);
  return (line) => {
    let text: string;
    try {
      text = utf8.decode(line);
    } catch {
      return NO_RECORD;
    }
    if (/^[ \t\r]*$/.test(text)) return undefined;
    try {
      const value = parse(text);
      const right = ESCAPED_NAME.test(text) ? new SmallParser(text, exact).value() : value;
      return read(description, right);
    } catch (thrown) {
      if (thrown instanceof NoRecord || thrown instanceof SyntaxError) return NO_RECORD;
      throw thrown;
    }
  };
}

function sourced(_key: string, value: unknown, context: { readonly source: string }): unknown {
  return typeof value === 'number' ? new Sourced(value, context.source) : value;
}

/** May match more. */
const ESCAPED_NAME = /\\.(?:[^"\\]|\\.)*"[ \t\n\r]*:/;

/**
 * For texts that JSON.parse accepts, but whose names it may mistake (see `parse-json.ts`): one
 * character after the other.
 */
class SmallParser {
  readonly #text: string;
  readonly #exact: boolean;
  #at = 0;

  constructor(text: string, exact: boolean) {
    this.#text = text;
    this.#exact = exact;
  }

  value(): unknown {
    const c = this.#peek();
    if (c === '{') {
      const members = this.#members('}', () => {
        const name = this.#string();
        this.#peek();
        this.#at++;
        return [name, this.value()] as const;
      });
      return Object.fromEntries(members);
    }
    if (c === '[') return this.#members(']', () => this.value());
    if (c === '"') return this.#string();
    const start = this.#at;
    while (/[-+.\w]/.test(this.#text[this.#at] ?? '')) this.#at++;
    const token = this.#text.slice(start, this.#at);
    const value: unknown = JSON.parse(token);
    return this.#exact && typeof value === 'number' ? new Sourced(value, token) : value;
  }

  #peek(): string {
    while (/\s/.test(this.#text[this.#at]!)) this.#at++;
    return this.#text[this.#at]!;
  }

  #members<T>(close: string, member: () => T): T[] {
    const members: T[] = [];
    this.#at++;
    while (this.#peek() !== close) {
      if (this.#text[this.#at] === ',') this.#at++;
      this.#peek();
      members.push(member());
    }
    this.#at++;
    return members;
  }

  #string(): string {
    const start = this.#at++;
    while (this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    return JSON.parse(this.#text.slice(start, ++this.#at)) as string;
  }
}

/** Kinds for which the text of a number counts; without them JSON.parse is faster. */
const EXACT = /"(?:int64|decimal)"/;

function isNumber(json: unknown): json is number | Sourced {
  return typeof json === 'number' || json instanceof Sourced;
}

function valueOf(json: number | Sourced): number {
  return typeof json === 'number' ? json : json.value;
}

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  int16: [-32_768, 32_767],
  int32: [-2_147_483_648, 2_147_483_647],
  uint8: [0, 255],
  uint16: [0, 65_535],
  uint32: [0, 4_294_967_295],
  integer: [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

const SPECIAL: ReadonlyMap<unknown, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
]);

function read(d: SchemaDescription, json: unknown): unknown {
  switch (d.kind) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'integer': {
      const [least, most] = RANGES[d.kind]!;
      const value = isNumber(json) ? valueOf(json) : no();
      return Number.isInteger(value) && value >= least && value <= most ? value + 0 : no();
    }
    case 'float32':
    case 'float64':
    case 'duration': {
      const value = isNumber(json) ? valueOf(json) : SPECIAL.get(json);
      if (value === undefined) no();
      if (d.kind === 'float32' && !Object.is(Math.fround(value), value)) no();
      return d.kind === 'duration' && !Number.isFinite(value) ? no() : value;
    }
    case 'string':
      return typeof json === 'string' ? json : no();
    case 'boolean':
      return typeof json === 'boolean' ? json : no();
    case 'literal': {
      const value = isNumber(json) ? valueOf(json) : json;
      return value === d.value ? d.value : no();
    }
    case 'enum':
      return d.values.includes(json as string) ? json : no();
    case 'int64':
      return int64(json);
    case 'decimal':
      return decimal(json, d.precision, d.scale);
    case 'timestamp':
      return timestamp(json);
    case 'date':
      return date(json);
    case 'nullable':
      return json === null ? null : read(d.of, json);
    case 'array':
      return Array.isArray(json) ? json.map((item) => read(d.of, item)) : no();
    case 'tuple':
      if (!Array.isArray(json) || json.length !== d.items.length) no();
      return d.items.map((item, i) => read(item, json[i]));
    case 'map': {
      const pairs = Array.isArray(json) ? json : isObject(json) ? Object.entries(json) : no();
      if (!pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) no();
      const map = new Map(pairs.map(([k, v]) => [read(d.key, k), read(d.value, v)]));
      return map.size === pairs.length ? map : no();
    }
    case 'struct':
      return isObject(json) ? struct(d.fields, json, []) : no();
    case 'union': {
      if (!isObject(json)) no();
      const arm = d.arms.find(({ name }) => name === json[d.discriminator]);
      return arm === undefined
        ? no()
        : struct(arm.type.fields, json, [[d.discriminator, arm.name]]);
    }
    case 'json':
      return plain(json);
    default:
      throw new Error(`the oracle does not know ${d.kind}`);
  }
}

function isObject(json: unknown): json is Record<string, unknown> {
  return (
    typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof Sourced)
  );
}

function struct(
  fields: readonly { readonly name: string; readonly type: SchemaDescription }[],
  json: Record<string, unknown>,
  first: readonly [string, unknown][],
): unknown {
  const entries = fields.map(({ name, type }): [string, unknown] => {
    const there = Object.hasOwn(json, name);
    if (type.kind === 'optional') return [name, there ? read(type.of, json[name]) : undefined];
    return [name, there ? read(type, json[name]) : no()];
  });
  return Object.fromEntries([...first, ...entries]);
}

function plain(json: unknown): unknown {
  if (isNumber(json)) return Number.isFinite(valueOf(json)) ? valueOf(json) : no();
  if (Array.isArray(json)) return json.map(plain);
  if (!isObject(json)) return json;
  return Object.fromEntries(Object.entries(json).map(([k, v]) => [k, plain(v)]));
}

function int64(json: unknown): bigint {
  let digits = json;
  if (json instanceof Sourced) {
    if (/[.eE]/.test(json.source))
      return Number.isSafeInteger(json.value) ? BigInt(json.value) : no();
    digits = json.source;
  } else if (typeof json !== 'string' || json.length > 21) no();
  if (!/^-?\d+$/.test(digits as string)) no();
  const value = BigInt(digits as string);
  return value >= -(2n ** 63n) && value < 2n ** 63n ? value : no();
}

/** By whole numbers of 10^-scale. */
function decimal(json: unknown, precision: number, scale: number): string {
  const match =
    json instanceof Sourced
      ? /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(json.source)
      : typeof json === 'string'
        ? /^([+-]?)(\d+)(?:\.(\d+))?()$/.exec(json)
        : null;
  if (match === null) no();
  const [, sign, whole, fraction = '', exponent = ''] = match;
  if (Math.abs(Number(exponent)) > 100) no();
  const shift = Number(exponent) - fraction.length + scale;
  let units = BigInt(whole! + fraction);
  if (shift >= 0) units *= 10n ** BigInt(shift);
  else if (units % 10n ** BigInt(-shift) === 0n) units /= 10n ** BigInt(-shift);
  else no();
  if (units >= 10n ** BigInt(precision)) no();
  const text = String(units).padStart(scale + 1, '0');
  const point = scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`;
  return sign === '-' && units !== 0n ? `-${point}` : point;
}

/** Throws for what is none. */
export function timestamp(json: unknown): number {
  if (isNumber(json)) return Number.isSafeInteger(valueOf(json)) ? valueOf(json) + 0 : no();
  if (typeof json !== 'string') no();
  const form =
    /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(json);
  if (form === null || (form[4] !== undefined && form[3] === undefined)) no();
  const [, day, minutes, seconds = ':00', fraction = '', zone] = form;
  const local = `${day}T${minutes}${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
  const at = Date.parse(local);
  // Date.parse takes days beyond the end of a month and the hour 24.
  if (Number.isNaN(at) || new Date(at).toISOString() !== local) no();
  if (/^[zZ]$/.test(zone!)) return at;
  const [hours, rest] = zone!.slice(1).split(':').map(Number);
  if (hours! > 23 || rest! > 59) no();
  return at - (zone!.startsWith('-') ? -1 : 1) * (hours! * 60 + rest!) * 60_000;
}

function date(json: unknown): number {
  if (typeof json !== 'string' || !/^(?:\d{4}|[+-]\d{6})-\d\d-\d\d$/.test(json)) no();
  const at = Date.parse(`${json}T00:00:00.000Z`);
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, -14) !== json) no();
  return at / 86_400_000;
}

/** Equal to the bit, in the order of fields and entries, and of plain objects. */
export function same(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return Object.is(left, right);
  }
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  if (left instanceof Map) {
    return same([...left].flat(), [...(right as Map<unknown, unknown>)].flat());
  }
  const names = Object.keys(left);
  const others = Object.keys(right);
  return (
    names.length === others.length &&
    names.every(
      (name, i) =>
        name === others[i] &&
        same((left as Record<string, unknown>)[name], (right as Record<string, unknown>)[name]),
    )
  );
}
