/**
 * Generates the parser of a struct: source text that reads a line of JSON straight from the bytes
 * of a window into an object, and answers `ODD` for whatever is malformed, unusual or does not fit.
 * Fields are found by the length and the bytes of their names; what the schema does not know is
 * passed over, from quote to quote. In the text `b` are the bytes, `view` a DataView of them, `x`
 * the entries of the index, `t` the JsonTokens, `p` and `k` the position and the number of its
 * entry.
 */
import { quote, quoteProperty } from '../../base/generated-code.ts';
import { GeneratedSource } from '../../types/generated-source.ts';
import type {
  FieldDescription,
  SchemaDescription,
  StructDescription,
} from '../../types/schema-description.ts';

/** What the generated text takes as parameters, in this order. */
export const PARSER_PARAMETERS: readonly string[] = [
  ...['t', 'index', 'b', 'view', 'x', 'ODD', 'asciiText', 'readers', 'enums'],
];

export interface ParserSource {
  /** The body of a function of `PARSER_PARAMETERS` that returns `(p, k) => object | ODD`. */
  readonly text: string;
  /** Kinds that are read by way of JSON.parse, in the order of `readers`. */
  readonly parsed: readonly SchemaDescription[];
  /** Long enums, in the order of `enums`. */
  readonly enums: readonly (readonly string[])[];
}

export function parserSource(description: StructDescription): ParserSource {
  const generator = new ParserGenerator();
  return generator.generate(description);
}

const NEXT = 'p = t.p; k = t.k;';
const SPACES = 'while (b[p] === 32) p++;';
const FAIL = 'return ODD;';

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
  readonly #parsed: SchemaDescription[] = [];
  readonly #enums: (readonly string[])[] = [];

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
  #struct({ fields }: StructDescription): string {
    return this.#source.function('s', 'p, k', () => {
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
      const properties = fields.map(({ name }, i) => `${quoteProperty(name)}: a${i}`);
      return [
        `const ascii = index.ascii;`,
        `let ${variables.join(', ')};`,
        masks.length === 0 ? '' : `let ${masks.map((mask) => `${mask} = 0`).join(', ')};`,
        `p++;\n${SPACES}`,
        'if (b[p] === 125) p++;\nelse for (;;) {',
        this.#field(fields, required),
        `${SPACES}\nc = b[p++];\nif (c === 44) { ${SPACES} continue; }`,
        `if (c === 125) break;\n${FAIL}\n}`,
        ...full,
        `t.p = p; t.k = k;\nreturn { ${properties.join(', ')} };`,
      ].join('\n');
    });
  }

  /** From the quote of a name to the end of its value. */
  #field(fields: readonly FieldDescription[], required: readonly FieldDescription[]): string {
    const byLength = new Map<number, string[]>();
    for (const [i, { name, type }] of fields.entries()) {
      const bytes = plainBytes(name);
      // A name that stands escaped in the line is odd before it is compared.
      if (bytes === undefined) continue;
      const bit = required.findIndex((field) => field.name === name);
      const found = bit < 0 ? '' : `m${Math.floor(bit / 31)} |= ${1 << (bit % 31)};`;
      const inner = type.kind === 'optional' ? type.of : type;
      const comparison = sameBytes(Buffer.from(`"${name}":`), 'n');
      const text = `if (${comparison}) {\n${this.#read(inner, `a${i}`)}\n${found}\nbreak field;\n}`;
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
      `${SKIP}\n}`,
    ].join('\n');
  }

  /** Statements that read a value from `p` on into the variable `a`. */
  #read(description: SchemaDescription, a: string): string {
    const range = INTEGER_RANGES.get(description.kind);
    if (range !== undefined) {
      const integer = readInteger(a, range);
      if (description.kind !== 'timestamp') return integer;
      const text = `${a} = t.timestampText(p, k);\n${noNaN(a)}`;
      return `if (b[p] === 34) {\n${text}\n} else {\n${integer}\n}`;
    }
    switch (description.kind) {
      case 'string':
        return readText(a);
      case 'boolean':
        return `${word('true', a)} else ${word('false', a)} else ${FAIL}`;
      case 'float64':
        return readFloat(a);
      case 'duration':
        return `${readFloat(a)}\nif (${a} - ${a} !== 0) ${FAIL}`;
      case 'float32':
        return `${readFloat(a)}\nif (Math.fround(${a}) !== ${a}) ${FAIL}`;
      case 'int64':
        return call(a, 't.int64(p, k)');
      case 'decimal':
        return call(a, `t.decimal(p, k, ${description.precision}, ${description.scale})`);
      case 'date':
        return `${a} = t.date(p, k);\n${noNaN(a)}`;
      case 'literal':
        return this.#literal(description.value, a);
      case 'enum':
        return this.#enum(description.values, a);
      case 'nullable':
        if (description.of.kind === 'optional') return this.#readParsed(description, a);
        return `${word('null', a)} else {\n${this.#read(description.of, a)}\n}`;
      case 'struct':
        return `if (b[p] !== 123) ${FAIL}\n${call(a, `${this.#struct(description)}(p, k)`)}`;
      case 'array':
        if (description.of.kind === 'optional') return this.#readParsed(description, a);
        return `if (b[p] !== 91) ${FAIL}\n${call(a, `${this.#array(description.of)}(p, k)`)}`;
      default:
        return this.#readParsed(description, a);
    }
  }

  #readParsed(description: SchemaDescription, a: string): string {
    this.#parsed.push(description);
    return call(a, `t.parsed(p, k, readers[${this.#parsed.length - 1}])`);
  }

  #literal(value: string | number | boolean | null, a: string): string {
    switch (typeof value) {
      case 'string':
        return this.#enum([value], a);
      case 'number':
        return `if (t.number(p, k) !== ${value}) ${FAIL}\n${a} = ${value}; ${NEXT}`;
      default:
        return `${word(String(value), a)} else ${FAIL}`;
    }
  }

  /** Strings of the schema itself, never new ones. */
  #enum(values: readonly string[], a: string): string {
    const head = `if (b[p] !== 34) ${FAIL}\ne = x[k + 1];\nif (b[e] !== 34) ${FAIL}`;
    const tail = 'p = e + 1; k += 2;';
    if (values.length > ENUM_COMPARED_MAX) {
      this.#enums.push(values);
      const look = `${a} = enums[${this.#enums.length - 1}].get(t.text(p + 1, e));`;
      return `${head}\n${look}\nif (${a} === undefined) ${FAIL}\n${tail}`;
    }
    const tests = values.flatMap((value) => {
      const bytes = plainBytes(value);
      if (bytes === undefined) return [];
      const same = `e - p === ${bytes.length + 1} && ${sameBytes(Buffer.from(`"${value}"`), 'p')}`;
      return [`if (${same}) ${a} = ${quote(value)};`];
    });
    return [head, ...tests.map((test) => `${test}\nelse`), FAIL, tail].join('\n');
  }

  #array(of: SchemaDescription): string {
    return this.#source.function('r', 'p, k', () =>
      [
        'const ascii = index.ascii;\nconst v = [];\nlet a, c, e;',
        `p++;\n${SPACES}`,
        'if (b[p] === 93) p++;\nelse for (;;) {',
        this.#read(of, 'a'),
        `v.push(a);\n${SPACES}\nc = b[p++];\nif (c === 44) { ${SPACES} continue; }`,
        `if (c === 93) break;\n${FAIL}\n}`,
        't.p = p; t.k = k;\nreturn v;',
      ].join('\n'),
    );
  }
}

function call(a: string, expression: string): string {
  return `${a} = ${expression};\nif (${a} === ODD) ${FAIL}\n${NEXT}`;
}

function noNaN(a: string): string {
  return `if (${a} !== ${a}) ${FAIL}\n${NEXT}`;
}

/** Declares where the digits start (s) and end (q), and their number (u). */
const DIGITS = [
  'const s = b[p] === 45 ? p + 1 : p;',
  'let q = s + 1, d = b[s] - 48, u = d;',
  `if (d >>> 0 > 9) ${FAIL}`,
  'if (d !== 0) while ((d = b[q] - 48) >>> 0 <= 9) { u = u * 10 + d; q++; }',
].join('\n');

/**
 * What stands after the digits is checked by what comes next: a point or another digit is odd
 * there.
 */
function readInteger(a: string, [least, most]: readonly [number, number]): string {
  const outside = [
    ...(least === -Infinity ? [] : [`${a} < ${least}`]),
    ...(most === Infinity ? [] : [`${a} > ${most}`]),
  ];
  const check = outside.length === 0 ? '' : `\nif (${outside.join(' || ')}) ${FAIL}`;
  const sign = `${a} = s === p ? u : 0 - u;`;
  return `{\n${DIGITS}\nif (q - s > 15) ${FAIL}\n${sign}${check}\np = q;\n}`;
}

function readFloat(a: string): string {
  return [
    `{\n${DIGITS}`,
    'd = b[q];',
    'if (d === 46 || (d | 32) === 101 || q - s > 15) {',
    `${a} = t.number(p, k);\n${noNaN(a)}`,
    `} else {\n${a} = s === p ? u : -u;\np = q;\n}\n}`,
  ].join('\n');
}

function readText(a: string): string {
  return [
    `if (b[p] !== 34) ${FAIL}`,
    'e = x[k + 1];',
    'if (b[e] === 34) {',
    `${a} = ascii ? asciiText(b, p + 1, e - p - 1) : t.text(p + 1, e);`,
    'p = e + 1; k += 2;',
    `} else {\n${call(a, 't.escapedText(p, k)')}\n}`,
  ].join('\n');
}

/** An `if` for true, false or null. */
function word(text: string, a: string): string {
  return `if (${sameBytes(Buffer.from(text), 'p')}) { ${a} = ${text}; p += ${text.length}; }`;
}

/** A value that nobody reads; the frequent forms in place. */
const SKIP = [
  'c = b[p];',
  'if (c === 34 && b[e = x[k + 1]] === 34) { p = e + 1; k += 2; }',
  'else if ((c - 49) >>> 0 <= 8) {',
  'const s = p;\ndo c = b[++p]; while ((c - 48) >>> 0 <= 9);',
  `if (c === 46 || (c | 32) === 101) { if (!t.skip(s, k)) ${FAIL} ${NEXT} }`,
  `} else { if (!t.skip(p, k)) ${FAIL} ${NEXT} }`,
].join('\n');

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
