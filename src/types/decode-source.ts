/**
 * Generates the decoder of a description. Every read is preceded by a check against the end of the
 * range, nothing is allocated by an unchecked number, and a value that could not have been encoded
 * is DATA_CORRUPT. Objects come from one literal in the order of the fields, so that all records of
 * a struct have one hidden class. In the text `r` is the ByteReader.
 */
import { quote, quoteProperty } from '../base/generated-code.ts';
import { fieldTypes, fixedStructSize, padding } from './encode-source.ts';
import { fixedKind } from './fixed-kinds.ts';
import type { FixedKind } from './fixed-kinds.ts';
import { GeneratedSource } from './generated-source.ts';
import type { Layout, Part } from './layout.ts';
import { layoutOf, minimumBytes } from './layout.ts';
import type { ArmDescription, SchemaDescription, StructDescription } from './schema-description.ts';

/** The body of a function of the codec helpers that returns `(r) => value`. */
export function decodeSource(description: SchemaDescription): string {
  const source = new GeneratedSource();
  const root = source.function('d', 'r', () => `${read(source, description, 'x')}\nreturn x;`);
  return source.finish(root);
}

/**
 * The same for `(r, n, values, timestamps, keyGroups) => void`, see `Codec.decodeRecords`. Records
 * of one size are checked against the end once, all together.
 */
export function decodeRecordsSource(description: SchemaDescription): string {
  const source = new GeneratedSource();
  const size = fixedStructSize(description);
  const body = size === undefined ? readEach(source, description) : readAll(description, size);
  const root = source.function('d', 'r, n, values, timestamps, keyGroups', () => body);
  return source.finish(root);
}

function readEach(source: GeneratedSource, description: SchemaDescription): string {
  return [
    'for (let i = 0; i < n; i++) {',
    'if (timestamps !== undefined) timestamps[i] = r.float64();',
    'if (keyGroups !== undefined) keyGroups[i] = r.uint16();',
    read(source, description, 'x'),
    'values[i] = x;\n}',
  ].join('\n');
}

function readAll(description: SchemaDescription, size: number): string {
  const { fields } = description as StructDescription;
  const properties = fields.map(({ name }, i) => `${quoteProperty(name)}: a${i}`);
  return [
    'const b = r.bytes, view = r.view;',
    'let p = r.position;',
    'const before = (timestamps === undefined ? 0 : 8) + (keyGroups === undefined ? 0 : 2);',
    `if (p + n * (before + ${size}) > r.end) r.need(n * (before + ${size}));`,
    'for (let i = 0; i < n; i++) {',
    'if (timestamps !== undefined) { timestamps[i] = view.getFloat64(p, true); p += 8; }',
    'if (keyGroups !== undefined) { keyGroups[i] = view.getUint16(p, true); p += 2; }',
    ...readFixedParts(layoutOf(fieldTypes(fields))),
    `values[i] = { ${properties.join(', ')} };`,
    '}',
    'r.position = p;',
  ].join('\n');
}

/** Statements that declare the variable `x` and read it. */
function read(source: GeneratedSource, description: SchemaDescription, x: string): string {
  const fixed = fixedKind(description);
  if (fixed !== undefined) {
    return [
      `let ${x};\n{`,
      `r.need(${fixed.size});`,
      'const b = r.bytes, view = r.view, p = r.position;',
      readFixed(fixed, description.kind, x, 'p'),
      `r.position = p + ${fixed.size};\n}`,
    ].join('\n');
  }
  switch (description.kind) {
    case 'string':
      return `const ${x} = r.string();`;
    case 'bytes':
      return `const ${x} = r.lengthPrefixed();`;
    case 'optional':
    case 'nullable': {
      const empty = description.kind === 'optional' ? 'undefined' : 'null';
      const inner = source.name('x');
      return [
        `let ${x} = ${empty};`,
        'if (r.boolean()) {',
        read(source, description.of, inner),
        `${x} = ${inner};`,
        '}',
      ].join('\n');
    }
    case 'json':
      return `const ${x} = decodeJson(r);`;
    case 'any':
    case 'dynamic':
      return `const ${x} = decodeDynamic(r);`;
    default:
      return `const ${x} = ${composite(source, description)}(r);`;
  }
}

/** Assigns `x` from index `at`. */
function readFixed(fixed: FixedKind, kind: string, x: string, at: string): string {
  if (fixed.size === 0) return `${x} = ${fixed.finish!('0')};`;
  if (fixed.badRaw === undefined && fixed.finish === undefined) return `${x} = ${fixed.load(at)};`;
  const check =
    fixed.badRaw === undefined
      ? ''
      : `if (${fixed.badRaw('q')}) r.corrupt(${quote(`no ${kind}`)});`;
  return `{ const q = ${fixed.load(at)}; ${check} ${x} = ${fixed.finish?.('q') ?? 'q'}; }`;
}

function composite(source: GeneratedSource, description: SchemaDescription): string {
  return source.function('d', 'r', () => {
    switch (description.kind) {
      case 'struct':
        return readStruct(source, description, '');
      case 'tuple': {
        const values = description.items.map((_item, i) => `a${i}`);
        return `${readParts(source, description.items)}\nreturn [${values.join()}];`;
      }
      case 'array':
        return readArray(source, description.of);
      case 'map':
        return readMap(source, description.key, description.value);
      case 'union':
        return readUnion(source, description.arms, description.discriminator);
      case 'oneOf':
        return readOneOf(source, description.arms);
      default:
        throw new Error(`no composite: ${description.kind}`);
    }
  });
}

/** `first` is a property that goes before the fields. */
function readStruct(source: GeneratedSource, { fields }: StructDescription, first: string): string {
  const properties = fields.map(({ name }, i) => `${quoteProperty(name)}: a${i}`);
  const all = first === '' ? properties : [first, ...properties];
  return `${readParts(source, fieldTypes(fields))}\nreturn { ${all.join(', ')} };`;
}

function readUnion(
  source: GeneratedSource,
  arms: readonly ArmDescription<StructDescription>[],
  discriminator: string,
): string {
  const cases = arms.map(({ name, type }, i) => {
    const first = `${quoteProperty(discriminator)}: ${quote(name)}`;
    const arm = source.function('d', 'r', () => readStruct(source, type, first));
    return `case ${i}: return ${arm}(r);`;
  });
  return armSwitch(arms.length, cases);
}

function readOneOf(source: GeneratedSource, arms: readonly ArmDescription[]): string {
  const cases = arms.map(({ name, type }, i) => {
    const x = source.name('x');
    const made = `return { "side": ${quote(name)}, "value": ${x} };`;
    return `case ${i}: {\n${read(source, type, x)}\n${made}\n}`;
  });
  return armSwitch(arms.length, cases);
}

function armSwitch(count: number, cases: readonly string[]): string {
  const tag = count <= 256 ? 'uint8' : 'uint16';
  const unknown = `default: return r.corrupt('an unknown arm');`;
  return [`switch (r.${tag}()) {`, ...cases, unknown, '}'].join('\n');
}

function readArray(source: GeneratedSource, of: SchemaDescription): string {
  const pad = padding(of);
  const fixed = fixedKind(of);
  const head = `const n = r.count(${minimumBytes(of) + pad});\nconst v = [];`;
  if (fixed !== undefined && fixed.size > 0) {
    return [
      head,
      'const b = r.bytes, view = r.view;',
      'let p = r.position;',
      `for (let i = 0; i < n; i++, p += ${fixed.size}) {`,
      `let x;\n${readFixed(fixed, of.kind, 'x', 'p')}\nv.push(x);\n}`,
      'r.position = p;\nreturn v;',
    ].join('\n');
  }
  const skip = pad === 1 ? `if (r.uint8() !== 0) r.corrupt('no padding');` : '';
  const body = `${skip}\n${read(source, of, 'x')}\nv.push(x);`;
  return `${head}\nfor (let i = 0; i < n; i++) {\n${body}\n}\nreturn v;`;
}

function readMap(
  source: GeneratedSource,
  key: SchemaDescription,
  value: SchemaDescription,
): string {
  const size = minimumBytes(key) + minimumBytes(value);
  const skip = size === 0 ? `if (r.uint8() !== 0) r.corrupt('no padding');` : '';
  return [
    `const n = r.count(${Math.max(size, 1)});`,
    'const v = new Map();',
    'for (let i = 0; i < n; i++) {',
    skip,
    read(source, key, 'k'),
    read(source, value, 'x'),
    'v.set(k, x);\n}',
    `if (v.size !== n) r.corrupt('a key that stands there twice');`,
    'return v;',
  ].join('\n');
}

/** Declares `a0`, `a1` ... for the parts of `layoutOf`. */
function readParts(source: GeneratedSource, types: readonly SchemaDescription[]): string {
  const layout = layoutOf(types);
  const lines: string[] = [];
  if (layout.headBytes > 0 || layout.strings.length > 0) {
    lines.push('const b = r.bytes, view = r.view;', 'let p = r.position;', ...readHead(layout));
    if (layout.strings.length > 0) lines.push(...readStrings(layout.strings));
    lines.push('r.position = p;');
  } else {
    for (const { index, fixed } of layout.fixed)
      lines.push(`const a${index} = ${fixed!.finish!('0')};`);
  }
  for (const { index, type, wrappers } of layout.others) {
    if (wrappers.length === 0) {
      lines.push(read(source, type, `a${index}`));
    } else {
      const x = source.name('x');
      lines.push(
        `let a${index} = ${emptyValue(wrappers)};`,
        `if (${presence(wrappers)}) {\n${read(source, type, x)}\na${index} = ${x};\n}`,
      );
    }
  }
  return lines.join('\n');
}

/** True when all wrappers of a part have a value. */
function presence(wrappers: Part['wrappers']): string {
  return wrappers.map(({ bit }) => `(m${bit >> 3} & ${1 << (bit & 7)}) !== 0`).join(' && ');
}

/** What an absent part is: the first wrapper without a value decides. */
function emptyValue([first, ...rest]: Part['wrappers']): string {
  if (rest.length === 0) return first!.empty;
  return `${presence([first!])} ? ${emptyValue(rest)} : ${first!.empty}`;
}

function readHead(layout: Layout): string[] {
  const { strings, headBytes } = layout;
  const least = headBytes + strings.filter(({ wrappers }) => wrappers.length === 0).length;
  return [`if (p + ${least} > r.end) r.need(${least});`, ...readFixedParts(layout)];
}

/** Behind the check against the end. */
function readFixedParts({ fixed, maskBytes, headBytes }: Layout): string[] {
  const lines: string[] = [];
  for (let i = 0; i < maskBytes; i++) lines.push(`const m${i} = b[p + ${i}];`);
  for (const part of fixed) {
    const { index, wrappers, type, at } = part;
    const assign = readFixed(part.fixed!, type.kind, `a${index}`, `p + ${at}`);
    if (wrappers.length === 0) lines.push(`let a${index};\n${assign}`);
    else
      lines.push(`let a${index} = ${emptyValue(wrappers)};\nif (${presence(wrappers)}) ${assign}`);
  }
  return [...lines, `p += ${headBytes};`];
}

function readStrings(strings: readonly Part[]): string[] {
  const lines: string[] = [];
  for (const { index, wrappers } of strings) {
    // The bytes of the mandatory headers were checked with the head, but longer headers used them
    // up.
    const g = `g${index}`;
    const one = [
      'if (p >= r.end) short(r, p, 1);',
      `${g} = b[p++];`,
      `if (${g} > 127) { r.position = p - 1; ${g} = textHeader(r); p = r.position; }`,
    ].join('\n');
    if (wrappers.length === 0) lines.push(`let g${index};\n${one}`);
    else lines.push(`let g${index} = 0;\nif (${presence(wrappers)}) {\n${one}\n}`);
  }
  const sum = strings.map(({ index }) => `(g${index} >>> 1)`).join(' + ');
  lines.push(`if (p + ${sum} > r.end) short(r, p, ${sum});`);
  for (const { index, wrappers } of strings) {
    const [a, g] = [`a${index}`, `g${index}`];
    const text = [
      `{ const n = ${g} >>> 1;`,
      `${a} = (${g} & 1) === 0 ? asciiText(b, p, n) : wideText(r, p, ${g});`,
      'p += n; }',
    ].join(' ');
    if (wrappers.length === 0) lines.push(`let a${index};\n${text}`);
    else lines.push(`let a${index} = ${emptyValue(wrappers)};\nif (${presence(wrappers)}) ${text}`);
  }
  return lines;
}
