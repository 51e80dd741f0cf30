/**
 * Generates what puts a record together as a line of JSON, byte by byte: source text of straight
 * code over the fields of the schema. It answers `ODD` for whatever does not fit or is unusual; the
 * writer of `json-writer-source.ts` then says what becomes of it. In the text `b` are the bytes
 * that are written to, and `d` their view, `r` is the RowTarget, `p` is where the next byte goes,
 * and `q` counts those that mean something. What was read just before, in the same bytes as it is
 * to be written, is copied: `texts` and `structs` are its origins, see RecordOrigins.
 */
import { quoteField } from '../../base/generated-code.ts';
import type { RecordOrigins, StructOrigin, TextOrigin } from '../../functions/record-origins.ts';
import type {
  FieldDescription,
  SchemaDescription,
  StructDescription,
} from '../../types/schema-description.ts';
import { FIXED_MAX } from '../row-bytes.ts';
import { fitsSource } from '../value-check.ts';
import { INTEGER_BYTES_MAX } from '../write-integer.ts';
import { JSON_FORM, sameSource, writtenKind } from './json-origins.ts';
import type { JsonOptions } from './json.ts';

/** What the generated text takes as parameters, in this order. */
export const LINE_PARAMETERS: readonly string[] = [
  ...['r', 'ODD', 'integer', 'others', 'texts', 'structs'],
];

export interface LineSource {
  /** The body of a function of `LINE_PARAMETERS` that returns a `WriteRow`. */
  readonly text: string;
  /** Kinds that are converted by a call, in the order of `others`. */
  readonly others: readonly SchemaDescription[];
  /** Bytes that constants and numbers of a line take at most. */
  readonly fixed: number;
  /** What is copied where it is known, in the order of `texts` and `structs`. */
  readonly texts: readonly TextOrigin[];
  readonly structs: readonly StructOrigin[];
}

const FAIL = 'return ODD;';
/** Digits, sign, point and exponent of a double. */
const NUMBER_BYTES_MAX = 26;
/** Bytes that are written behind a constant. */
const PAST_MAX = 3;
/** Kinds whose JSON form is a text or a number, beside those that are written directly. */
const OTHERS: ReadonlySet<string> = new Set([
  ...['float32', 'duration', 'date', 'decimal', 'bytes', 'enum', 'literal'],
]);

/** Undefined for schemas that it would not be faster for. */
export function lineSource(
  description: SchemaDescription,
  options: JsonOptions,
  origins?: RecordOrigins,
): LineSource | undefined {
  const generator = new LineGenerator(options, origins);
  return generator.generate(description);
}

class LineGenerator {
  readonly #options: JsonOptions;
  readonly #origins: RecordOrigins | undefined;
  readonly #others: SchemaDescription[] = [];
  readonly #texts: TextOrigin[] = [];
  readonly #structs: StructOrigin[] = [];
  /** Bytes that constants and numbers take at most. */
  #fixed = 1;
  #names = 0;
  #isPossible = true;

  constructor(options: JsonOptions, origins: RecordOrigins | undefined) {
    this.#options = options;
    this.#origins = origins;
  }

  generate(description: SchemaDescription): LineSource | undefined {
    const body = this.#write(description, 'v');
    if (!this.#isPossible || this.#fixed > FIXED_MAX) return undefined;
    const end = 'b[p++] = 10;\nreturn r.row(at, p, q + 1);';
    const begin = 'return (v, b, at) => {\nconst d = r.view;\nlet p = at, q = 0;';
    const noted = [
      ...this.#texts.map((_origin, i) => `const T${i} = texts[${i}];`),
      ...this.#structs.map((_origin, i) => `const S${i} = structs[${i}];`),
    ];
    const text = `${noted.join('\n')}\n${begin}\n${body}\n${end}\n};`;
    const [others, texts, structs] = [this.#others, this.#texts, this.#structs];
    return { text, others, fixed: this.#fixed, texts, structs };
  }

  /** Statements that write the value of the variable `x`, which is that of a field `name`. */
  #write(description: SchemaDescription, x: string, name?: string): string {
    switch (description.kind) {
      case 'struct':
        return this.#struct(description, x);
      case 'array':
        return this.#array(description.of, x);
      case 'nullable':
        if (description.of.kind === 'optional') return this.#impossible();
        return [
          `if (${x} === null) {\n${this.#constant('null')}`,
          `} else {\n${this.#write(description.of, x, name)}\n}`,
        ].join('\n');
      default:
        return this.#plain(description, x, name);
    }
  }

  #plain(description: SchemaDescription, x: string, name: string | undefined): string {
    const fits = fitsSource(description, x);
    const check = `if (!(${fits})) ${FAIL}`;
    switch (description.kind) {
      case 'int8':
      case 'int16':
      case 'int32':
      case 'uint8':
      case 'uint16':
      case 'uint32':
      case 'integer':
        return `${check}\n${this.#integer(x)}`;
      case 'timestamp':
        return this.#options.timestamp === 'iso'
          ? this.#other(description, x)
          : `${check}\n${this.#integer(x)}`;
      case 'float64':
        return `${check}\n${this.#float(x)}`;
      case 'boolean':
        return [
          `if (${x} === true) {\n${this.#constant('true')}`,
          `} else if (${x} === false) {\n${this.#constant('false')}\n} else ${FAIL}`,
        ].join('\n');
      case 'string':
        return this.#copied(`${check}\n${this.#text(x)}`, x, name);
      case 'int64':
        return this.#options.int64 === 'number'
          ? `${check}\n${this.#digits(`String(${x})`)}`
          : `${check}\n${this.#text(`String(${x})`)}`;
      default:
        return OTHERS.has(description.kind) ? this.#other(description, x) : this.#impossible();
    }
  }

  #impossible(): string {
    this.#isPossible = false;
    return '';
  }

  #integer(x: string): string {
    this.#fixed += INTEGER_BYTES_MAX;
    return `p = integer(b, p, ${x});`;
  }

  /** NaN, infinities and -0 are texts. */
  #float(x: string): string {
    const number = this.#digits(`String(${x})`);
    return [
      `if (${x} - ${x} !== 0 || (${x} === 0 && 1 / ${x} < 0)) ${FAIL}`,
      `if (Number.isSafeInteger(${x})) {\n${this.#integer(x)}\n} else {\n${number}\n}`,
    ].join('\n');
  }

  /** `text` is an expression for a number as JSON has it. */
  #digits(text: string): string {
    this.#fixed += NUMBER_BYTES_MAX;
    return `p = r.text(p, ${text});\nif (p < 0) ${FAIL}`;
  }

  #text(x: string): string {
    this.#fixed += 2;
    return `b[p++] = 34;\np = r.text(p, ${x});\nif (p < 0) ${FAIL}\nb[p++] = 34; q += 2;`;
  }

  /** `write`, unless the text is the one that was read last for a field of this name. */
  #copied(write: string, x: string, name: string | undefined): string {
    if (this.#origins === undefined || name === undefined) return write;
    const origin = `T${this.#texts.push(this.#origins.wantText(JSON_FORM, name)) - 1}`;
    const copy = `b[p++] = 34;\np = r.copied(p, ${origin});\nif (p < 0) ${FAIL}`;
    return `if (${x} === ${origin}.text) {\n${copy}\nb[p++] = 34; q += 2;\n} else {\n${write}\n}`;
  }

  #other(description: SchemaDescription, x: string): string {
    this.#others.push(description);
    const form = this.#name('o');
    return [
      `const ${form} = others[${this.#others.length - 1}](${x});`,
      `if (typeof ${form} === 'string') {\n${this.#text(form)}\n} else {`,
      `if (typeof ${form} !== 'number') ${FAIL}`,
      `${this.#digits(`String(${form})`)}\n}`,
    ].join('\n');
  }

  #struct(description: StructDescription, x: string): string {
    const { fields } = description;
    const names = fields.map(() => this.#name('x'));
    const loads = fields.map(({ name }, i) => `const ${names[i]} = ${quoteField(x, name)};`);
    const writes = [this.#constant('{'), ...this.#members(fields, names), this.#constant('}')];
    return [
      `if (typeof ${x} !== 'object' || ${x} === null) ${FAIL}`,
      ...loads,
      this.#copiedStruct(writes.join('\n'), description, names),
    ].join('\n');
  }

  #members(fields: readonly FieldDescription[], names: readonly string[]): string[] {
    let comma: 'none' | 'perhaps' | 'always' = 'none';
    return fields.map(({ name, type }, i) => {
      const field = names[i]!;
      const optional = type.kind === 'optional';
      const key = `${JSON.stringify(name)}:`;
      const before = comma;
      if (comma !== 'always') comma = optional ? 'perhaps' : 'always';
      const start =
        before === 'perhaps'
          ? `if (b[p - 1] !== 123) {\n${this.#constant(',')}\n}\n${this.#constant(key)}`
          : this.#constant(before === 'none' ? key : `,${key}`);
      const write = `${start}\n${this.#write(optional ? type.of : type, field, name)}`;
      return optional ? `if (${field} !== undefined) {\n${write}\n}` : write;
    });
  }

  /** `write`, unless the fields are those of the struct that was read last. */
  #copiedStruct(write: string, description: StructDescription, names: readonly string[]): string {
    const kind = writtenKind(description, this.#options);
    if (this.#origins === undefined || kind === undefined) return write;
    const wanted = this.#origins.wantStruct(JSON_FORM, kind, names.length);
    const origin = `S${this.#structs.push(wanted) - 1}`;
    const same = description.fields.map(({ type }, i) => sameSource(type, origin, i, names[i]!));
    const copy = `p = r.copied(p, ${origin});\nif (p < 0) ${FAIL}\nq += ${origin}.marks;`;
    return `if (${[`${origin}.isThere`, ...same].join(' && ')}) {\n${copy}\n} else {\n${write}\n}`;
  }

  #array(of: SchemaDescription, x: string): string {
    if (of.kind === 'optional') return this.#impossible();
    const [i, item] = [this.#name('i'), this.#name('x')];
    return [
      `if (!Array.isArray(${x})) ${FAIL}`,
      this.#constant('['),
      `for (let ${i} = 0; ${i} < ${x}.length; ${i}++) {`,
      `if (p > r.limit) ${FAIL}`,
      `if (${i} > 0) {\n${this.#constant(',')}\n}`,
      `const ${item} = ${x}[${i}];\n${this.#write(of, item)}\n}`,
      this.#constant(']'),
    ].join('\n');
  }

  /** Statements that write a text of the line's structure. */
  #constant(text: string): string {
    const bytes = [...Buffer.from(text)];
    this.#fixed += bytes.length + PAST_MAX;
    const marks = bytes.filter((byte) => byte === 0x22 || byte === 0x5c).length;
    const counts = marks === 0 ? '' : ` q += ${marks};`;
    return `${storesOf(bytes)}\np += ${bytes.length};${counts}`;
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }
}

/** Four at a time; of the last four, those behind the constant are written again by what comes. */
function storesOf(bytes: readonly number[]): string {
  if (bytes.length < 3) return bytes.map((byte, i) => `b[p + ${i}] = ${byte};`).join(' ');
  const stores: string[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    const word = Buffer.from([...bytes.slice(i, i + 4), 0, 0, 0]).readInt32LE();
    stores.push(`d.setInt32(p + ${i}, ${word}, true);`);
  }
  return stores.join(' ');
}
