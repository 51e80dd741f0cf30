/**
 * Lines of JSON for a schema, well-formed and not: made from a seed, then broken byte by byte by
 * what breaks parsers (quotes, escapes, signs, digits, control characters, bytes that are no UTF-8,
 * pieces of other lines, fields twice).
 */
import type { Prng } from '../../base/prng.ts';
import type { SchemaDescription } from '../../types/schema-description.ts';

const TEXTS = [
  '',
  'a',
  'Google',
  'channel-1234',
  'https://example.com/item.htm?query=1&channel_id=835822648',
  'é',
  '日本語のテキスト',
  '😀 and a text that is longer than twenty-four bytes',
  'a"b',
  'back\\slash',
  'at the end\\',
  '\\',
  '"',
  'both\\"',
  'line\nend\ttab\u0001',
  '\ud800',
  '\u2028',
  'x'.repeat(130),
  '12',
  'true',
  '__proto__',
] as const;

/** As text, of which some are none. */
export const NUMBERS: readonly string[] = [
  ...['0', '-0', '1', '-1', '12', '255', '256', '-128', '32768', '2147483647', '2147483648'],
  ...['-2147483648', '4294967295', '999999999999999', '1000000000000000', '9007199254740991'],
  ...['9007199254740992', '9007199254740993', '9223372036854775807', '-9223372036854775808'],
  ...['9223372036854775808', '123456789012345678901234567890', '0.1', '-0.0', '1.5', '12.50'],
  ...['0.30000000000000004', '123456789.123456789', '1e3', '1E+3', '1e-7', '1.5e22', '1e23'],
  ...['5e-324', '2e-324', '1.7976931348623157e308', '1e309', '0.000001', '100.0', '00', '01'],
  ...['1.', '.5', '+1', '-', '1e', '0x10', '1_000', 'NaN', 'Infinity', '1700000000000'],
  ...['8.5', '3.4028234663852886e38', '0.10000000149011612', '1e-100', '123456789012345.67'],
  ...['-9007199254740991', '-9007199254740992', '99999999999999999', '-0e5', '127', '128'],
  ...['-129', '-32768', '-32769', '65535', '65536', '-2147483649', '4294967296', '1.0e0', '0.0'],
];

const LONG = ['9223372036854775807', '-9223372036854775808', '9007199254740993', '0'] as const;

const FLOATS = [
  ...['0', '-0', '-0.0', '1e3', '1E+3', '1e-7', '1.5e22', '1e23', '5e-324', '2e-324', '0.1'],
  ...['0.30000000000000004', '1.7976931348623157e308', '123456789.123456789', '9007199254740993'],
] as const;

const TIMES = [
  ...['2001-01-31T12:00:00Z', '2001-01-31T12:00:00.250Z', '2001-01-31 12:00+01:00'],
  ...['2001-02-29T00:00:00Z', '2000-02-29T23:59:59.999999999-23:59', '0000-01-01T00:00:00Z'],
  ...['9999-12-31T23:59:59.999Z', '2001-01-31T24:00:00Z', '2001-01-31T12:00:00', '2001-01-31'],
  ...['2001-13-01T00:00:00Z', '2001-01-31t12:00:00z', '2001-01-31T12:00:60Z', '1969-12-31'],
] as const;

const SPACES = ['', '', '', '', ' ', '  ', '\t', ' \r'];

export class JsonLines {
  readonly #random: Prng;
  readonly #description: SchemaDescription;
  readonly #pool: Buffer[] = [];

  constructor(random: Prng, description: SchemaDescription) {
    this.#random = random;
    this.#description = description;
    for (let i = 0; i < POOL; i++) this.#pool.push(this.#line());
  }

  /** About `count` lines, most of them broken; some have line ends inside. */
  block(count: number): Buffer {
    const parts: Buffer[] = [];
    const random = this.#random;
    for (let i = 0; i < count; i++) {
      const base = random.pick(this.#pool);
      let line = base;
      for (let n = random.pick(MUTATIONS); n > 0; n--) line = this.mutated(line);
      parts.push(line, random.chance(0.1) ? CR_LF : LF);
    }
    for (let i = 0; i < FRESH; i++) this.#pool[random.below(POOL)] = this.#line();
    return Buffer.concat(parts);
  }

  /** A line without mutations; its values need not fit. */
  #line(): Buffer {
    const compact = this.#random.chance(0.7);
    const text = this.#value(this.#description, compact, 0);
    return Buffer.from(`${this.#space(compact)}${text}${this.#space(compact)}`);
  }

  #space(compact: boolean): string {
    return compact ? '' : this.#random.pick(SPACES);
  }

  #text(text: string): string {
    const quoted = JSON.stringify(text);
    if (!this.#random.chance(0.03)) return quoted;
    return quoted.replace(/[a-z]/, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
  }

  #object(members: readonly (readonly [string, string])[], compact: boolean): string {
    const all = members.map(([name, value]) => {
      const colon = `${this.#space(compact)}:${compact ? '' : this.#random.pick(SPACES)}`;
      return `${this.#space(compact)}${this.#text(name)}${colon}${value}${this.#space(compact)}`;
    });
    return `{${all.join(',')}}`;
  }

  /** Mostly a value of the kind. */
  #value(d: SchemaDescription, compact: boolean, depth: number): string {
    const random = this.#random;
    if (depth > 0 && random.chance(0.01)) return this.#any(compact, depth);
    switch (d.kind) {
      case 'string':
        return this.#text(random.pick(TEXTS));
      case 'boolean':
        return random.pick(['true', 'false']);
      case 'literal':
        return JSON.stringify(d.value);
      case 'enum':
        return this.#text(random.pick(d.values));
      case 'decimal':
      case 'timestamp':
      case 'date':
      case 'int64':
      case 'int8':
      case 'int16':
      case 'int32':
      case 'uint8':
      case 'uint16':
      case 'uint32':
      case 'integer':
      case 'float32':
      case 'float64':
      case 'duration':
        return random.chance(0.95) ? this.#fitting(d) : random.pick(NUMBERS);
      case 'optional':
        return this.#value(d.of, compact, depth);
      case 'nullable':
        return random.chance(0.3) ? 'null' : this.#value(d.of, compact, depth);
      case 'array':
        return `[${this.#list(random.below(4), () => this.#value(d.of, compact, depth + 1))}]`;
      case 'tuple':
        return `[${d.items.map((item) => this.#value(item, compact, depth + 1)).join(',')}]`;
      case 'map':
        return this.#object(
          Array.from({ length: random.below(4) }, () => [
            random.pick(TEXTS),
            this.#value(d.value, compact, depth + 1),
          ]),
          compact,
        );
      case 'struct':
        return this.#struct(d.fields, [], compact, depth);
      case 'union': {
        const arm = random.pick(d.arms);
        return this.#struct(arm.type.fields, [[d.discriminator, `"${arm.name}"`]], compact, depth);
      }
      case 'json':
        return this.#any(compact, depth);
      default:
        throw new Error(`no lines are made of ${d.kind}`);
    }
  }

  /** A value that fits, as text. */
  #fitting(d: SchemaDescription): string {
    const random = this.#random;
    const digits = (count: number): string =>
      String(random.below(10 ** random.between(1, Math.min(count, 9))));
    const sign = random.chance(0.3) ? '-' : '';
    switch (d.kind) {
      case 'decimal': {
        const fraction = d.scale > 0 ? `.${digits(d.scale)}` : '';
        const text = `${sign}${digits(Math.min(9, d.precision - d.scale))}${fraction}`;
        return random.chance(0.5) ? `"${text}"` : text;
      }
      case 'timestamp':
        return random.chance(0.7) ? `"${random.pick(TIMES.slice(0, 3))}"` : `${sign}${digits(9)}`;
      case 'date':
        return random.pick(['"2001-01-31"', '"1969-12-31"', '"2000-02-29"', '"+012001-03-01"']);
      case 'int64': {
        const text = random.pick([
          `${sign}${digits(9)}`,
          `${sign}${digits(9)}${digits(9)}`,
          ...LONG,
        ]);
        return random.chance(0.3) ? `"${text}"` : text.replace(/^(-?)0+(?=\d)/, '$1');
      }
      case 'float64':
      case 'duration':
        return random.chance(0.5) ? `${sign}${digits(9)}.${digits(9)}` : random.pick(FLOATS);
      case 'float32':
        return `${sign}${random.below(1000)}${random.pick(['', '.5', '.25', 'e2'])}`;
      case 'int16':
      case 'int32':
      case 'integer':
        return `${sign}${digits(d.kind === 'int16' ? 4 : 9)}`;
      case 'int8':
        return `${sign}${random.below(129)}`;
      default:
        return digits(d.kind === 'uint8' ? 2 : d.kind === 'uint16' ? 4 : 9);
    }
  }

  #struct(
    fields: readonly { readonly name: string; readonly type: SchemaDescription }[],
    first: readonly (readonly [string, string])[],
    compact: boolean,
    depth: number,
  ): string {
    const random = this.#random;
    const members = [...first];
    for (const { name, type } of fields) {
      if (type.kind === 'optional' && random.chance(0.3)) continue;
      if (random.chance(0.005)) continue;
      const value = this.#value(type.kind === 'optional' ? type.of : type, compact, depth + 1);
      members.push([name, value]);
      if (random.chance(0.05)) members.push([name, this.#value(type, compact, depth + 1)]);
    }
    for (let n = random.below(3); n > 0; n--) {
      members.push([random.pick(TEXTS), this.#any(compact, depth + 1)]);
    }
    return this.#object(random.chance(0.3) ? random.shuffle(members) : members, compact);
  }

  #any(compact: boolean, depth: number): string {
    const random = this.#random;
    switch (random.below(depth > 5 ? 3 : 5)) {
      case 0:
        return this.#text(random.pick(TEXTS));
      case 1:
        return random.pick(NUMBERS);
      case 2:
        return random.pick(['true', 'false', 'null']);
      case 3:
        return `[${this.#list(random.below(4), () => this.#any(compact, depth + 1))}]`;
      default:
        return this.#object(
          Array.from({ length: random.below(3) }, () => [
            random.pick(TEXTS),
            this.#any(compact, depth + 1),
          ]),
          compact,
        );
    }
  }

  #list(count: number, item: () => string): string {
    return Array.from({ length: count }, item).join(',');
  }

  /** Broken in one place, or not at all. */
  mutated(line: Buffer): Buffer {
    const random = this.#random;
    const at = random.below(line.length + 1);
    const piece = random.pick(PIECES);
    switch (random.below(6)) {
      case 0: {
        const copy = Buffer.from(line);
        if (at < copy.length) copy[at] = piece[0]!;
        return copy;
      }
      case 1:
        return Buffer.concat([line.subarray(0, at), piece, line.subarray(at)]);
      case 2:
        return Buffer.concat([line.subarray(0, at), line.subarray(at + 1 + random.below(3))]);
      case 3: {
        const end = Math.min(line.length, at + random.below(12));
        return Buffer.concat([line.subarray(0, end), line.subarray(at)]);
      }
      case 4: {
        const other = random.pick(this.#pool);
        const from = random.below(other.length + 1);
        const part = other.subarray(from, from + random.below(20));
        return Buffer.concat([line.subarray(0, at), part, line.subarray(at)]);
      }
      default:
        return random.chance(0.2) ? line.subarray(0, at) : line;
    }
  }
}

/** Lines that mutations are made of, and how many of them are made anew for every block. */
const POOL = 300;
const FRESH = 40;
/** How many a line gets. */
const MUTATIONS = [0, 1, 1, 2] as const;
const LF = Buffer.from('\n');
const CR_LF = Buffer.from('\r\n');

/** What is put into lines or over their bytes. */
const PIECES: readonly Buffer[] = [
  ...['"', '\\', '{', '}', '[', ']', ',', ':', '-', '+', '.', 'e', 'E', '0', '1', '9', ' ', '\t'],
  ...['\r', '\n', '\u0000', '\u0001', '\u001f', '\u007f', 'a', '/', '\\u', '\\u0041', '\\"', '\\n'],
  ...[
    '\\x',
    'null',
    'true',
    '""',
    '{}',
    '[]',
    '00',
    '1.0',
    'é',
    '\ufeff',
    '\u2028',
    '"__proto__":1,',
  ],
  ...['"a":1,', '1e5', '[[[[', ']]]]', '//', "'"],
]
  .map((text) => Buffer.from(text))
  .concat([
    ...[[0x80], [0xc3], [0xe2, 0x82], [0xf0, 0x9f], [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80]].map(
      (bytes) => Buffer.from(bytes),
    ),
  ]);
