/**
 * Generates the encoder of a description. A value that does not fit ends in `refuse()`, which
 * throws a mark; what is wrong, and where, is found out afterwards by `problemOf`, so that the fast
 * path carries no paths. In the text `w` is the ByteWriter.
 */
import { quote, quoteField } from '../base/generated-code.ts';
import { fixedKind } from './fixed-kinds.ts';
import { GeneratedSource } from './generated-source.ts';
import type { Layout, Part } from './layout.ts';
import { layoutOf, minimumBytes } from './layout.ts';
import type { ArmDescription, SchemaDescription, StructDescription } from './schema-description.ts';

/** The body of a function of the codec helpers that returns `(value, w) => void`. */
export function encodeSource(description: SchemaDescription): string {
  const source = new GeneratedSource();
  const root = source.function('e', 'x, w', () => write(source, description, 'x'));
  return source.finish(root);
}

/** The same of `(records, range, w) => number`, see `Codec.encodeRecords`. */
export function encodeRecordsSource(description: SchemaDescription): string {
  const source = new GeneratedSource();
  const size = fixedStructSize(description);
  const root = source.function(
    'e',
    '{ values, timestamps, keyGroups }, { from, end, limit }, w',
    () => (size === undefined ? writeEach(source, description) : writeAll(description, size)),
  );
  return source.finish(root);
}

/**
 * The bytes of a struct of fixed parts only. Undefined where records have strings, or anything else
 * whose length is known only when it is there.
 */
export function fixedStructSize(description: SchemaDescription): number | undefined {
  if (description.kind !== 'struct') return undefined;
  const { strings, others, headBytes } = layoutOf(fieldTypes(description.fields));
  return strings.length + others.length > 0 || headBytes === 0 ? undefined : headBytes;
}

function writeEach(source: GeneratedSource, description: SchemaDescription): string {
  return [
    'for (let i = from; i < end;) {',
    'const before = w.position - w.start;',
    'if (timestamps !== undefined) w.float64(timestamps[i]);',
    'if (keyGroups !== undefined) w.uint16(keyGroups[i]);',
    'const x = values[i++];',
    write(source, description, 'x'),
    'const after = w.position - w.start;',
    'if (after + after - before > limit) return i;',
    '}',
    'return end;',
  ].join('\n');
}

/** How many fit is known beforehand, and there is room for all of them. */
function writeAll(description: SchemaDescription, size: number): string {
  const { fields } = description as StructDescription;
  const layout = layoutOf(fieldTypes(fields));
  return [
    'const before = (timestamps === undefined ? 0 : 8) + (keyGroups === undefined ? 0 : 2);',
    `const each = before + ${size};`,
    'const fit = Math.floor((limit - (w.position - w.start)) / each);',
    'const stop = Math.min(end, from + Math.max(fit, 1));',
    'w.ensure((stop - from) * each);',
    'const b = w.bytes, view = w.view;',
    'let p = w.position;',
    'for (let i = from; i < stop; i++) {',
    'const v = values[i];',
    `if (typeof v !== 'object' || v === null) refuse();`,
    ...layout.parts.map(
      ({ index }) => `const a${index} = ${quoteField('v', fields[index]!.name)};`,
    ),
    ...layout.parts.flatMap((part) => checkPart(part)),
    'if (timestamps !== undefined) { view.setFloat64(p, timestamps[i], true); p += 8; }',
    'if (keyGroups !== undefined) { view.setUint16(p, keyGroups[i], true); p += 2; }',
    ...storeHead(layout),
    `p += ${size};`,
    '}',
    'w.position = p;',
    'return stop;',
  ].join('\n');
}

/** Statements that write the variable `x`, of any type. */
function write(source: GeneratedSource, description: SchemaDescription, x: string): string {
  const fixed = fixedKind(description);
  if (fixed !== undefined) return writeFixed(source, description, x);
  switch (description.kind) {
    case 'string':
      return `if (typeof ${x} !== 'string') refuse();\nw.string(${x});`;
    case 'bytes':
      return `if (!(${x} instanceof Uint8Array)) refuse();\nw.lengthPrefixed(${x});`;
    case 'optional':
      return writeWrapped(source, description.of, x, 'undefined');
    case 'nullable':
      return writeWrapped(source, description.of, x, 'null');
    case 'json':
      return `encodeJson(${x}, w);`;
    case 'any':
    case 'dynamic':
      return `encodeDynamic(${x}, w);`;
    default:
      return `${composite(source, description)}(${x}, w);`;
  }
}

function writeFixed(source: GeneratedSource, description: SchemaDescription, x: string): string {
  const fixed = fixedKind(description)!;
  const stored = fixed.prepare === undefined ? x : source.name('s');
  return [
    fixed.prepare === undefined ? '' : `const ${stored} = ${fixed.prepare(x)};`,
    `if (${fixed.bad(stored)}) refuse();`,
    `w.ensure(${fixed.size});`,
    `{ const b = w.bytes, view = w.view; ${fixed.store(stored, 'w.position')}; }`,
    `w.position += ${fixed.size};`,
  ].join('\n');
}

function writeWrapped(
  source: GeneratedSource,
  of: SchemaDescription,
  x: string,
  empty: string,
): string {
  return `if (${x} === ${empty}) w.uint8(0);\nelse {\nw.uint8(1);\n${write(source, of, x)}\n}`;
}

function composite(source: GeneratedSource, description: SchemaDescription): string {
  return source.function('e', 'v, w', () => {
    switch (description.kind) {
      case 'struct':
        return (
          `if (typeof v !== 'object' || v === null) refuse();\n` +
          writeParts(source, fieldTypes(description.fields), (i) =>
            quoteField('v', description.fields[i]!.name),
          )
        );
      case 'tuple':
        return (
          `if (!Array.isArray(v) || v.length !== ${description.items.length}) refuse();\n` +
          writeParts(source, description.items, (i) => `v[${i}]`)
        );
      case 'array':
        return writeArray(source, description.of);
      case 'map':
        return writeMap(source, description.key, description.value);
      case 'union':
        return writeArms(source, description.arms, description.discriminator, 'v');
      case 'oneOf':
        return writeArms(source, description.arms, 'side', `v["value"]`);
      default:
        throw new Error(`no composite: ${description.kind}`);
    }
  });
}

export function fieldTypes(
  fields: readonly { readonly type: SchemaDescription }[],
): readonly SchemaDescription[] {
  return fields.map(({ type }) => type);
}

function writeArms(
  source: GeneratedSource,
  arms: readonly ArmDescription[],
  discriminator: string,
  value: string,
): string {
  const tag = arms.length <= 256 ? 'uint8' : 'uint16';
  const cases = arms.map(({ name, type }, i) => {
    const x = source.name('x');
    const head = `case ${quote(name)}: {\nw.${tag}(${i});\nconst ${x} = ${value};`;
    return `${head}\n${write(source, type, x)}\nbreak;\n}`;
  });
  return [
    `if (typeof v !== 'object' || v === null) refuse();`,
    `switch (v[${quote(discriminator)}]) {`,
    ...cases,
    'default: refuse();\n}',
  ].join('\n');
}

/** A byte of padding keeps elements of no size from being counted without end by damaged data. */
export function padding(description: SchemaDescription): number {
  return minimumBytes(description) === 0 ? 1 : 0;
}

function writeArray(source: GeneratedSource, of: SchemaDescription): string {
  const fixed = fixedKind(of);
  const head = `if (!Array.isArray(v)) refuse();\nconst n = v.length;\nw.varint(n);`;
  if (fixed !== undefined && fixed.size > 0 && fixed.prepare === undefined) {
    return [
      head,
      `w.ensure(n * ${fixed.size});`,
      'const b = w.bytes, view = w.view;',
      'let p = w.position;',
      `for (let i = 0; i < n; i++, p += ${fixed.size}) {`,
      `const x = v[i];\nif (${fixed.bad('x')}) refuse();\n${fixed.store('x', 'p')};\n}`,
      'w.position = p;',
    ].join('\n');
  }
  // A hole would come back as undefined.
  const holes = of.kind === 'optional' ? 'if (x === undefined && !(i in v)) refuse();' : '';
  const pad = padding(of) === 1 ? 'w.uint8(0);' : '';
  const body = `const x = v[i];\n${holes}\n${pad}\n${write(source, of, 'x')}`;
  return `${head}\nfor (let i = 0; i < n; i++) {\n${body}\n}`;
}

function writeMap(
  source: GeneratedSource,
  key: SchemaDescription,
  value: SchemaDescription,
): string {
  const pad = minimumBytes(key) + minimumBytes(value) === 0 ? 'w.uint8(0);' : '';
  return [
    `if (!(v instanceof Map)) refuse();`,
    'w.varint(v.size);',
    'for (const [k, x] of v) {',
    pad,
    `{\n${write(source, key, 'k')}\n}`,
    `{\n${write(source, value, 'x')}\n}`,
    '}',
  ].join('\n');
}

/** The parts of `v` by `layoutOf`; `access` gives the expression of a part. */
function writeParts(
  source: GeneratedSource,
  types: readonly SchemaDescription[],
  access: (index: number) => string,
): string {
  const layout = layoutOf(types);
  const lines = layout.parts.map(({ index }) => `const a${index} = ${access(index)};`);
  for (const part of layout.parts) lines.push(...checkPart(part));
  if (layout.headBytes > 0) lines.push(...writeHead(layout));
  if (layout.strings.length > 0) lines.push(...writeStrings(layout.strings));
  for (const part of layout.others) {
    const { index, type, wrappers } = part;
    const statements = write(source, type, `a${index}`);
    lines.push(
      wrappers.length === 0 ? `{\n${statements}\n}` : `if (h${index}) {\n${statements}\n}`,
    );
  }
  return lines.join('\n');
}

/**
 * `h` says whether a wrapped part is present, `s` is what is stored of a fixed one; what does not
 * fit ends in the statement `refused`.
 */
export function checkPart(part: Part, refused: string = 'refuse();'): string[] {
  const { index, wrappers, type, fixed } = part;
  const a = `a${index}`;
  const lines: string[] = [];
  if (wrappers.length > 0) {
    const present = wrappers.map(({ empty }) => `${a} !== ${empty}`).join(' && ');
    lines.push(`const h${index} = ${present};`);
  }
  const guard = wrappers.length > 0 ? `h${index} && ` : '';
  if (fixed !== undefined) {
    const s = fixed.prepare === undefined ? a : `s${index}`;
    if (fixed.prepare !== undefined) {
      const prepared = fixed.prepare(a);
      lines.push(`const ${s} = ${guard === '' ? prepared : `h${index} ? ${prepared} : 0`};`);
    }
    lines.push(`if (${guard}(${fixed.bad(s)})) ${refused}`);
  } else if (type.kind === 'string') {
    lines.push(`if (${guard}typeof ${a} !== 'string') ${refused}`);
  }
  return lines;
}

function writeHead(layout: Layout): string[] {
  const { headBytes } = layout;
  return [
    `if (w.position + ${headBytes} > w.limit) w.ensure(${headBytes});`,
    `{\nconst b = w.bytes, view = w.view, p = w.position;`,
    ...storeHead(layout),
    `w.position = p + ${headBytes};\n}`,
  ];
}

/** Stores presence bits and fixed parts at `p`, where there is room. */
export function storeHead({ fixed, parts, maskBytes }: Layout): string[] {
  const lines: string[] = [];
  for (let byte = 0; byte < maskBytes; byte++)
    lines.push(`b[p + ${byte}] = ${maskByte(parts, byte)};`);
  for (const part of fixed) {
    const { index, at, wrappers } = part;
    const kind = part.fixed!;
    const stored = kind.prepare === undefined ? `a${index}` : `s${index}`;
    const store = `${kind.store(stored, `p + ${at}`)};`;
    if (wrappers.length === 0) lines.push(store);
    else lines.push(`if (h${index}) ${store}\nelse { ${zeros(at, kind.size)} }`);
  }
  return lines;
}

/** Absent parts are zeros, so that equal values are equal bytes. */
function zeros(at: number, size: number): string {
  const lines: string[] = [];
  for (let i = 0; i < size;) {
    const left = size - i;
    if (left >= 8) lines.push(`view.setFloat64(p + ${at + i}, 0, true);`);
    else if (left >= 4) lines.push(`view.setInt32(p + ${at + i}, 0, true);`);
    else lines.push(`b[p + ${at + i}] = 0;`);
    i += left >= 8 ? 8 : left >= 4 ? 4 : 1;
  }
  return lines.join(' ');
}

function maskByte(parts: readonly Part[], byte: number): string {
  const bits = parts.flatMap(({ index, wrappers }) =>
    wrappers
      .filter(({ bit }) => bit >> 3 === byte)
      .map(({ bit, empty }) => {
        // An inner wrapper's value is there only if the outer one's is.
        const outer = wrappers
          .filter((other) => other.bit < bit)
          .map((other) => `a${index} !== ${other.empty}`);
        const present = [...outer, `a${index} !== ${empty}`].join(' && ');
        return `(${present} ? ${1 << (bit & 7)} : 0)`;
      }),
  );
  return bits.join(' | ');
}

/** Stores the header of a text that is ASCII at `p`. */
export function asciiHeader({ index }: Part): string {
  const store = 'if (n < 64) b[p++] = n << 1; else p = varintAt(b, p, n * 2);';
  return `{ const n = a${index}.length; ${store} }`;
}

/**
 * Headers, then texts. The fast way assumes ASCII, writes headers that say so and stores the texts
 * in one pass; one string of anything else, or too little room for the worst case, goes the slow
 * way.
 */
function writeStrings(strings: readonly Part[]): string[] {
  const guard = ({ index, wrappers }: Part): string =>
    wrappers.length > 0 ? `if (h${index}) ` : '';
  const lengths = strings.map(({ index, wrappers }) =>
    wrappers.length > 0 ? `(h${index} ? a${index}.length : 0)` : `a${index}.length`,
  );
  const headers = strings.map((part) => `${guard(part)}${asciiHeader(part)}`);
  const texts = strings.map(
    (part) =>
      `${guard(part)}{ if (!w.ascii(a${part.index}, p)) break slow; p += a${part.index}.length; }`,
  );
  return [
    'fast: {\nslow: {',
    `let p = w.position;`,
    `if (p + ${strings.length * 5} + 3 * (${lengths.join(' + ')}) > w.limit) break slow;`,
    `const b = w.bytes;`,
    ...headers,
    ...texts,
    'w.position = p;\nbreak fast;\n}',
    ...strings.map((part) => `${guard(part)}w.stringHeader(a${part.index});`),
    ...strings.map((part) => `${guard(part)}w.stringBody(a${part.index});`),
    '}',
  ];
}
