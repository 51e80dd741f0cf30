/**
 * Generates what puts a record together as a line of JSON, byte by byte: source text of straight
 * code over the fields of the schema. It answers `ODD` for whatever does not fit or is unusual; the
 * writer of `json-writer-source.ts` then says what becomes of it. In the text `b` are the bytes
 * that are written to, and `d` their view, `r` is the RowTarget, `p` is where the next byte goes,
 * and `q` counts those that mean something.
 */
import { quoteField } from '../../base/generated-code.ts';
import type { SchemaDescription, StructDescription } from '../../types/schema-description.ts';
import { FIXED_MAX } from '../row-bytes.ts';
import { fitsSource } from '../value-check.ts';
import { INTEGER_BYTES_MAX } from '../write-integer.ts';
import type { JsonOptions } from './json.ts';

/** What the generated text takes as parameters, in this order. */
export const LINE_PARAMETERS: readonly string[] = ['r', 'ODD', 'integer', 'others'];

export interface LineSource {
  /** The body of a function of `LINE_PARAMETERS` that returns a `WriteRow`. */
  readonly text: string;
  /** Kinds that are converted by a call, in the order of `others`. */
  readonly others: readonly SchemaDescription[];
  /** Bytes that constants and numbers of a line take at most. */
  readonly fixed: number;
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
): LineSource | undefined {
  const generator = new LineGenerator(options);
  return generator.generate(description);
}

class LineGenerator {
  readonly #options: JsonOptions;
  readonly #others: SchemaDescription[] = [];
  /** Bytes that constants and numbers take at most. */
  #fixed = 1;
  #names = 0;
  #isPossible = true;

  constructor(options: JsonOptions) {
    this.#options = options;
  }

  generate(description: SchemaDescription): LineSource | undefined {
    const body = this.#write(description, 'v');
    if (!this.#isPossible || this.#fixed > FIXED_MAX) return undefined;
    const end = 'b[p++] = 10;\nreturn r.row(at, p, q + 1);';
    const begin = 'return (v, b, at) => {\nconst d = r.view;\nlet p = at, q = 0;';
    const text = `${begin}\n${body}\n${end}\n};`;
    return { text, others: this.#others, fixed: this.#fixed };
  }

  /** Statements that write the value of the variable `x`. */
  #write(description: SchemaDescription, x: string): string {
    switch (description.kind) {
      case 'struct':
        return this.#struct(description, x);
      case 'array':
        return this.#array(description.of, x);
      case 'nullable':
        if (description.of.kind === 'optional') return this.#impossible();
        return [
          `if (${x} === null) {\n${this.#constant('null')}`,
          `} else {\n${this.#write(description.of, x)}\n}`,
        ].join('\n');
      default:
        return this.#plain(description, x);
    }
  }

  #plain(description: SchemaDescription, x: string): string {
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
        return `${check}\n${this.#text(x)}`;
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

  #struct({ fields }: StructDescription, x: string): string {
    let comma: 'none' | 'perhaps' | 'always' = 'none';
    const writes = fields.map(({ name, type }) => {
      const field = this.#name('x');
      const load = `const ${field} = ${quoteField(x, name)};`;
      const optional = type.kind === 'optional';
      const key = `${JSON.stringify(name)}:`;
      const before = comma;
      if (comma !== 'always') comma = optional ? 'perhaps' : 'always';
      const start =
        before === 'perhaps'
          ? `if (b[p - 1] !== 123) {\n${this.#constant(',')}\n}\n${this.#constant(key)}`
          : this.#constant(before === 'none' ? key : `,${key}`);
      const write = `${start}\n${this.#write(optional ? type.of : type, field)}`;
      return `${load}\n${optional ? `if (${field} !== undefined) {\n${write}\n}` : write}`;
    });
    return [
      `if (typeof ${x} !== 'object' || ${x} === null) ${FAIL}`,
      this.#constant('{'),
      ...writes,
      this.#constant('}'),
    ].join('\n');
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
