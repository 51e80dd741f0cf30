/**
 * Generates the parser of a struct: source text that reads a line of JSON straight from the bytes
 * of a window into an object, and answers `ODD` for whatever is malformed, unusual or does not fit.
 * Fields are first expected as they stood in lines before, and in the first lines in the order of
 * the schema with nothing between them: straight code that compares whole names. Where that does
 * not fit they are found by the length and the bytes of their names. What the schema does not know
 * is passed over, from quote to quote. In the text `b` are the bytes, `view` a DataView of them,
 * `x` the entries of the index, `t` the JsonTokens, `layouts` the JsonLayouts, `p` and `k` the
 * position and the number of its entry; `texts` and
 * `structs` are the origins that are noted, see RecordOrigins.
 */
import { quote, quoteProperty } from '../../base/generated-code.ts';
import { constant, GeneratedSource } from '../../types/generated-source.ts';
import type {
  FieldDescription,
  SchemaDescription,
  StructDescription,
} from '../../types/schema-description.ts';
import type { LayoutItem } from './json-layout.ts';
import { copiedKind, noteSource } from './json-origins.ts';

/** What the generated text takes as parameters, in this order. */
export const PARSER_PARAMETERS: readonly string[] = [
  ...['t', 'index', 'b', 'view', 'x', 'ODD', 'asciiText', 'readers', 'enums', 'texts', 'structs'],
  ...['layouts', 'powers'],
];

/** Which origins are noted: their numbers in `texts` and `structs`; undefined: it is not. */
export interface NotedOrigins {
  text(name: string): number | undefined;
  struct(kind: string): number | undefined;
}

export interface Expected {
  readonly noted: NotedOrigins;
  /** How the objects of a struct are laid out, by its number; undefined: as the schema has it. */
  layout(struct: number): readonly LayoutItem[] | undefined;
}

const NOTHING: Expected = {
  noted: { text: () => undefined, struct: () => undefined },
  layout: () => undefined,
};

export interface ParserSource {
  /** The body of a function of `PARSER_PARAMETERS` that returns `(p, k) => object | ODD`. */
  readonly text: string;
  /** Kinds that are read by way of JSON.parse, in the order of `readers`. */
  readonly parsed: readonly SchemaDescription[];
  /** Long enums, in the order of `enums`. */
  readonly enums: readonly (readonly string[])[];
}

export function parserSource(
  description: StructDescription,
  expected: Expected = NOTHING,
): ParserSource {
  const generator = new ParserGenerator(expected);
  return generator.generate(description);
}

const NEXT = 'p = t.p; k = t.k;';
const SPACES = 'while (b[p] === 32) p++;';
const FAIL = 'return ODD;';

/** Where a value is read. */
interface Reading {
  /** A statement for what is malformed or unusual. */
  readonly fail: string;
  /** A statement for what would be written otherwise than it stands there. */
  readonly other: string;
  /** An expression for the TextOrigin in which a text is noted. */
  readonly origin: string | undefined;
}

const ANYWHERE: Reading = { fail: FAIL, other: '', origin: undefined };

const INTEGER_RANGES: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['int8', [-0x80, 0x7f]],
  ['int16', [-0x8000, 0x7fff]],
  ['int32', [-0x8000_0000, 0x7fff_ffff]],
  ['uint8', [0, 0xff]],
  ['uint16', [0, 0xffff]],
  ['uint32', [0, 0xffff_ffff]],
  // 15 digits are within the range, and longer numbers are odd.
  ['integer', [-Infinity, Infinity]],
  ['timestamp', [-Infinity, Infinity]],
]);

/** Longer enums are looked up in a Map. */
const ENUM_COMPARED_MAX = 32;

class ParserGenerator {
  readonly #source = new GeneratedSource();
  readonly #expected: Expected;
  #structs = 0;
  readonly #parsed: SchemaDescription[] = [];
  readonly #enums: (readonly string[])[] = [];

  constructor(expected: Expected) {
    this.#expected = expected;
  }

  generate(description: StructDescription): ParserSource {
    const struct = this.#struct(description);
    const line = this.#source.function('line', 'p, k', () =>
      [
        SPACES,
        `if (b[p] !== 123) ${FAIL}`,
        `const v = ${struct}(p, k);`,
        `if (v === ODD) ${FAIL}`,
        `${NEXT}\n${SPACES}`,
        'if (b[p] === 13) { p++; k++; }',
        `if (b[p] !== 10) ${FAIL}`,
        't.p = p + 1; t.k = k + 1;\nreturn v;',
      ].join('\n'),
    );
    return { text: this.#source.finish(line), parsed: this.#parsed, enums: this.#enums };
  }

  /** A function that reads an object from its brace on. */
  #struct(description: StructDescription): string {
    const { fields } = description;
    const structs = fields.map(({ type }) => this.#inner(type));
    const anyOrder = this.#anyOrder(fields, structs);
    if (fields.length === 0 || fields.some(({ name }) => plainBytes(name) === undefined)) {
      return anyOrder;
    }
    const number = this.#structs++;
    return this.#source.function('s', 'p, k', () => {
      const tries = constant(`new Int32Array(1) /* ${number} */`);
      return [
        'const start = p, first = k;',
        `if (${tries}[0] >= 0) straight: {`,
        this.#straight(description, this.#itemsOf(fields, number), structs),
        `${tries}[0] = 0;\nt.p = q + 1; t.k = k;\nreturn ${literalOf(fields)};`,
        '}',
        `if (++${tries}[0] === ${TRIED_MAX}) {`,
        `${tries}[0] = ${-STRETCH};\nlayouts.learn(${number}, start, first);\n}`,
        `return ${anyOrder}(start, first);`,
      ].join('\n');
    });
  }

  /** What is expected of the objects of a struct. */
  #itemsOf(fields: readonly FieldDescription[], struct: number): readonly ExpectedItem[] {
    const learned = this.#expected.layout(struct);
    const items = learned?.map((item) => ({
      ...item,
      field: fields.findIndex(({ name }) => name === item.name),
    }));
    const known = new Set(items?.map(({ field }) => field));
    const isWhole = fields.every(({ type }, i) => type.kind === 'optional' || known.has(i));
    // Of a name twice the last counts, as it is read last.
    if (items !== undefined && isWhole) return items;
    return fields.map(({ name }, field) => ({ name, before: 0, after: 0, field }));
  }

  /** The function of the struct or array that a field holds, which is generated before it. */
  #inner(type: SchemaDescription): string {
    if (type.kind === 'optional') return this.#inner(type.of);
    if (type.kind === 'nullable') return type.of.kind === 'optional' ? '' : this.#inner(type.of);
    if (type.kind === 'struct') return this.#struct(type);
    if (type.kind === 'array' && type.of.kind !== 'optional') return this.#array(type.of);
    return '';
  }

  /**
   * Statements that read what is expected, up to the brace `q` that closes it. What is read counts
   * only there, so that it can be left at any point.
   */
  #straight(
    description: StructDescription,
    items: readonly ExpectedItem[],
    inner: readonly string[],
  ): string {
    const { fields } = description;
    const fail = 'break straight;';
    const kind = isWrittenSo(items) ? copiedKind(description) : undefined;
    const number = kind === undefined ? undefined : this.#expected.noted.struct(kind);
    const other = number === undefined ? '' : 'same = false;';
    let lead: 'first' | 'perhaps' | 'later' = 'first';
    const reads = items.map(({ name, before, after, field }) => {
      const text = `${' '.repeat(before)}"${name}":${' '.repeat(after)}`;
      const key = Buffer.from(`${lead === 'first' ? '{' : ','}${text}`);
      const isThere =
        lead === 'perhaps'
          ? `b[q] === (q === start ? 123 : 44) && ${sameBytes(key.subarray(1), '(q + 1)')}`
          : sameBytes(key, 'q');
      const type = fields[field]?.type;
      const mayLack = type === undefined || type.kind === 'optional';
      if (lead !== 'later') lead = mayLack ? 'perhaps' : 'later';
      const reading = { fail, other, origin: this.#origin(name) };
      const value = type?.kind === 'optional' ? type.of : type;
      const read =
        value === undefined
          ? `${skip(fail)}\n${other}`
          : this.#read(value, `a${field}`, reading, inner[field]!);
      const body = `p = q + ${key.length}; k += 2;\n${read}\nq = p;`;
      return mayLack ? `if (${isThere}) {\n${body}\n}` : `if (!(${isThere})) ${fail}\n${body}`;
    });
    return [
      `const ascii = index.ascii;\nlet q = p, c, e${other === '' ? '' : ', same = true'};`,
      `let ${fields.map((_field, i) => `a${i}`).join(', ')};`,
      ...reads,
      `if (b[q] !== 125) ${fail}`,
      number === undefined ? '' : noteStruct(fields, constant(`structs[${number}]`)),
    ].join('\n');
  }

  #anyOrder(fields: readonly FieldDescription[], inner: readonly string[]): string {
    return this.#source.function('o', 'p, k', () => {
      const required = fields.filter(({ type }) => type.kind !== 'optional');
      const masks = Array.from(
        { length: Math.ceil(required.length / 31) },
        (_unused, i) => `m${i}`,
      );
      const variables = [...fields.map((_field, i) => `a${i}`), 'c', 'e'];
      const full = masks.map((mask, i) => {
        const bits = Math.min(31, required.length - i * 31);
        return `if (${mask} !== ${2 ** bits - 1}) ${FAIL}`;
      });
      return [
        `const ascii = index.ascii;`,
        `let ${variables.join(', ')};`,
        masks.length === 0 ? '' : `let ${masks.map((mask) => `${mask} = 0`).join(', ')};`,
        `p++;\n${SPACES}`,
        'if (b[p] === 125) p++;\nelse for (;;) {',
        this.#field(fields, required, inner),
        `${SPACES}\nc = b[p++];\nif (c === 44) { ${SPACES} continue; }`,
        `if (c === 125) break;\n${FAIL}\n}`,
        ...full,
        `t.p = p; t.k = k;\nreturn ${literalOf(fields)};`,
      ].join('\n');
    });
  }

  /** From the quote of a name to the end of its value. */
  #field(
    fields: readonly FieldDescription[],
    required: readonly FieldDescription[],
    inner: readonly string[],
  ): string {
    const byLength = new Map<number, string[]>();
    for (const [i, { name, type }] of fields.entries()) {
      const bytes = plainBytes(name);
      // A name that stands escaped in the line is odd before it is compared.
      if (bytes === undefined) continue;
      const bit = required.findIndex((field) => field.name === name);
      const found = bit < 0 ? '' : `m${Math.floor(bit / 31)} |= ${1 << (bit % 31)};`;
      const value = type.kind === 'optional' ? type.of : type;
      const reading = { ...ANYWHERE, origin: this.#origin(name) };
      const read = this.#read(value, `a${i}`, reading, inner[i]!);
      const comparison = sameBytes(Buffer.from(`"${name}":`), 'n');
      const text = `if (${comparison}) {\n${read}\n${found}\nbreak field;\n}`;
      const others = byLength.get(bytes.length) ?? [];
      byLength.set(bytes.length, [...others, text]);
    }
    const cases = [...byLength].map(
      ([length, texts]) => `case ${length + 1}: ${texts.join('\n')}\nbreak;`,
    );
    return [
      `if (b[p] !== 34) ${FAIL}`,
      'const n = p;\ne = x[k + 1];',
      `if (b[e] !== 34 || b[e + 1] !== 58) ${FAIL}`,
      `p = e + 2; k += 2;\n${SPACES}`,
      `field: {\nswitch (e - n) {\n${cases.join('\n')}\n}`,
      `${skip(FAIL)}\n}`,
    ].join('\n');
  }

  #origin(name: string): string | undefined {
    const number = this.#expected.noted.text(name);
    return number === undefined ? undefined : constant(`texts[${number}]`);
  }

  /**
   * Statements that read a value from `p` on into the variable `a`; `inner` is the function of the
   * struct or array that it holds.
   */
  #read(description: SchemaDescription, a: string, reading: Reading, inner: string): string {
    const { fail, other } = reading;
    const range = INTEGER_RANGES.get(description.kind);
    if (range !== undefined) {
      const integer = readInteger(a, range, reading);
      if (description.kind !== 'timestamp') return integer;
      const text = `${a} = t.timestampText(p, k);\n${noNaN(a, fail)}\n${other}`;
      return `if (b[p] === 34) {\n${text}\n} else {\n${integer}\n}`;
    }
    switch (description.kind) {
      case 'string':
        return readText(a, reading);
      case 'boolean':
        return `${word('true', a)} else ${word('false', a)} else ${fail}`;
      case 'float64':
        return readFloat(a, reading);
      case 'duration':
        return `${readFloat(a, reading)}\nif (${a} - ${a} !== 0) ${fail}`;
      case 'float32':
        return `${readFloat(a, reading)}\nif (Math.fround(${a}) !== ${a}) ${fail}`;
      case 'int64':
        return call(a, 't.int64(p, k)', fail);
      case 'decimal':
        return call(a, `t.decimal(p, k, ${description.precision}, ${description.scale})`, fail);
      case 'date':
        return `${a} = t.date(p, k);\n${noNaN(a, fail)}`;
      case 'literal':
        return this.#literal(description.value, a, fail);
      case 'enum':
        return this.#enum(description.values, a, fail);
      case 'nullable':
        if (description.of.kind === 'optional') return this.#readParsed(description, a, fail);
        return `${word('null', a)} else {\n${this.#read(description.of, a, reading, inner)}\n}`;
      case 'struct':
        return `if (b[p] !== 123) ${fail}\n${call(a, `${inner}(p, k)`, fail)}`;
      case 'array':
        if (description.of.kind === 'optional') return this.#readParsed(description, a, fail);
        return `if (b[p] !== 91) ${fail}\n${call(a, `${inner}(p, k)`, fail)}`;
      default:
        return this.#readParsed(description, a, fail);
    }
  }

  #readParsed(description: SchemaDescription, a: string, fail: string): string {
    const known = this.#parsed.indexOf(description);
    if (known < 0) this.#parsed.push(description);
    const reader = known < 0 ? this.#parsed.length - 1 : known;
    return call(a, `t.parsed(p, k, readers[${reader}])`, fail);
  }

  #literal(value: string | number | boolean | null, a: string, fail: string): string {
    switch (typeof value) {
      case 'string':
        return this.#enum([value], a, fail);
      case 'number':
        return `if (t.number(p, k) !== ${value}) ${fail}\n${a} = ${value}; ${NEXT}`;
      default:
        return `${word(String(value), a)} else ${fail}`;
    }
  }

  /** Strings of the schema itself, never new ones. */
  #enum(values: readonly string[], a: string, fail: string): string {
    const head = `if (b[p] !== 34) ${fail}\ne = x[k + 1];\nif (b[e] !== 34) ${fail}`;
    const tail = 'p = e + 1; k += 2;';
    if (values.length > ENUM_COMPARED_MAX) {
      const known = this.#enums.indexOf(values);
      if (known < 0) this.#enums.push(values);
      const map = `enums[${known < 0 ? this.#enums.length - 1 : known}]`;
      const look = `${a} = ${map}.get(t.text(p + 1, e));`;
      return `${head}\n${look}\nif (${a} === undefined) ${fail}\n${tail}`;
    }
    const tests = values.flatMap((value) => {
      const bytes = plainBytes(value);
      if (bytes === undefined) return [];
      const same = `e - p === ${bytes.length + 1} && ${sameBytes(Buffer.from(`"${value}"`), 'p')}`;
      return [`if (${same}) ${a} = ${quote(value)};`];
    });
    return [head, ...tests.map((test) => `${test}\nelse`), fail, tail].join('\n');
  }

  #array(of: SchemaDescription): string {
    const inner = this.#inner(of);
    return this.#source.function('r', 'p, k', () =>
      [
        'const ascii = index.ascii;\nconst v = [];\nlet a, c, e;',
        `p++;\n${SPACES}`,
        'if (b[p] === 93) p++;\nelse for (;;) {',
        this.#read(of, 'a', ANYWHERE, inner),
        `v.push(a);\n${SPACES}\nc = b[p++];\nif (c === 44) { ${SPACES} continue; }`,
        `if (c === 93) break;\n${FAIL}\n}`,
        't.p = p; t.k = k;\nreturn v;',
      ].join('\n'),
    );
  }
}

interface ExpectedItem extends LayoutItem {
  /** Its number in the schema; -1 if it is not there. */
  readonly field: number;
}

/** Whether a writer lays it out in the same way. */
function isWrittenSo(items: readonly ExpectedItem[]): boolean {
  let last = -1;
  return items.every(({ field, before, after }) => {
    const isSo = field < 0 || field > last;
    if (field >= 0) last = field;
    return isSo && before + after === 0;
  });
}

/** After so many objects in a row with another layout the next `STRETCH` are not tried. */
const TRIED_MAX = 32;
const STRETCH = 1024;

function literalOf(fields: readonly FieldDescription[]): string {
  return `{ ${fields.map(({ name }, i) => `${quoteProperty(name)}: a${i}`).join(', ')} }`;
}

/** Statements at the brace `q` that ends a struct which began at `start` with entry `first`. */
function noteStruct(fields: readonly FieldDescription[], origin: string): string {
  const notes = fields.map(({ type }, i) => noteSource(type, origin, i, `a${i}`));
  return [
    'if (same) {',
    ...notes,
    `${origin}.start = start; ${origin}.end = q + 1;`,
    `${origin}.marks = k - first; ${origin}.isThere = true;\n}`,
  ].join('\n');
}

function call(a: string, expression: string, fail: string): string {
  return `${a} = ${expression};\nif (${a} === ODD) ${fail}\n${NEXT}`;
}

function noNaN(a: string, fail: string): string {
  return `if (${a} !== ${a}) ${fail}\n${NEXT}`;
}

/**
 * Declares where the digits start (s) and end (z), and their number (u). It is put together of
 * parts that are int32, since doubles take several times as long; of more than 18 digits it means
 * nothing.
 */
function digits(fail: string): string {
  return [
    'const s = b[p] === 45 ? p + 1 : p;',
    'let z = s + 1, d = b[s] - 48, h = d, u;',
    `if (d >>> 0 > 9) ${fail}`,
    'if (d !== 0) {',
    'const m = s + 9;',
    'while (z < m && (d = b[z] - 48) >>> 0 <= 9) { h = (h * 10 + d) | 0; z++; }',
    '}',
    'u = h;',
    'if (z === s + 9) {',
    'h = 0;',
    'while ((d = b[z] - 48) >>> 0 <= 9) { h = (Math.imul(h, 10) + d) | 0; z++; }',
    'if (z - s <= 18) u = u * powers[z - s - 9] + h;',
    '}',
  ].join('\n');
}

/**
 * What stands after the digits is checked by what comes next: a point or another digit is odd
 * there.
 */
function readInteger(
  a: string,
  [least, most]: readonly [number, number],
  { fail, other }: Reading,
): string {
  const outside = [
    ...(least === -Infinity ? [] : [`${a} < ${least}`]),
    ...(most === Infinity ? [] : [`${a} > ${most}`]),
  ];
  const check = outside.length === 0 ? '' : `\nif (${outside.join(' || ')}) ${fail}`;
  const sign = `${a} = s === p ? u : 0 - u;`;
  const minusZero = other === '' ? '' : `\nif (s !== p && u === 0) ${other}`;
  return `{\n${digits(fail)}\nif (z - s > 15) ${fail}\n${sign}${check}${minusZero}\np = z;\n}`;
}

function readFloat(a: string, { fail, other }: Reading): string {
  // 0 is equal to -0, which is written otherwise.
  const zero = other === '' ? '' : `if (u === 0) ${other}`;
  return [
    `{\n${digits(fail)}`,
    'd = b[z];',
    'if (d === 46 || (d | 32) === 101 || z - s > 15) {',
    `${a} = t.number(p, k);\n${noNaN(a, fail)}\n${other}`,
    `} else {\n${a} = s === p ? u : -u;\np = z;\n${zero}\n}\n}`,
  ].join('\n');
}

function readText(a: string, { fail, other, origin }: Reading): string {
  const note =
    origin === undefined
      ? ''
      : `${origin}.text = ${a}; ${origin}.start = p + 1; ${origin}.end = e;\n`;
  return [
    `if (b[p] !== 34) ${fail}`,
    'e = x[k + 1];',
    'if (b[e] === 34) {',
    `${a} = ascii ? asciiText(b, p + 1, e - p - 1) : t.text(p + 1, e);`,
    `${note}p = e + 1; k += 2;`,
    `} else {\n${call(a, 't.escapedText(p, k)', fail)}\n${other}\n}`,
  ].join('\n');
}

/** An `if` for true, false or null. */
function word(text: string, a: string): string {
  return `if (${sameBytes(Buffer.from(text), 'p')}) { ${a} = ${text}; p += ${text.length}; }`;
}

/** A value that nobody reads; the frequent forms in place. */
function skip(fail: string): string {
  return [
    'c = b[p];',
    'if (c === 34 && b[e = x[k + 1]] === 34) { p = e + 1; k += 2; }',
    'else if ((c - 49) >>> 0 <= 8) {',
    'const s = p;\ndo c = b[++p]; while ((c - 48) >>> 0 <= 9);',
    `if (c === 46 || (c | 32) === 101) { if (!t.skip(s, k)) ${fail} ${NEXT} }`,
    `} else { if (!t.skip(p, k)) ${fail} ${NEXT} }`,
  ].join('\n');
}

/** The bytes of a text in JSON; undefined if it can only stand there with escapes. */
function plainBytes(text: string): Buffer | undefined {
  return JSON.stringify(text) === `"${text}"` ? Buffer.from(text) : undefined;
}

/** An expression that compares the bytes from the variable `at` on, four at a time. */
function sameBytes(bytes: Buffer, at: string): string {
  if (bytes.length < 4) {
    return [...bytes].map((byte, i) => `b[${at} + ${i}] === ${byte}`).join(' && ');
  }
  const starts = Array.from({ length: bytes.length >> 2 }, (_unused, i) => 4 * i);
  if (bytes.length % 4 !== 0) starts.push(bytes.length - 4);
  return starts
    .map((start) => `view.getInt32(${at} + ${start}, true) === ${bytes.readInt32LE(start)}`)
    .join(' && ');
}
