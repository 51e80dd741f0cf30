/**
 * Encoders for many entries at once, each a key and a value, as snapshots of state are full of
 * them: all keys are numbers, or all are texts. What they write is what `writeKey` and the value's
 * codec write one after another.
 *
 * A call into Node costs as much as the rest of an entry, however short its text is. So the texts
 * of many entries are joined, with gaps of the right width for all that is between them, stored by
 * one call, and the gaps filled in afterwards. Joining goes for the texts' lengths first, so that
 * their memory comes from afar while it is still on the way for others.
 */
import { quoteField } from '../base/generated-code.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import { generate } from './codec.ts';
import { asciiHeader, checkPart, fieldTypes, storeHead } from './encode-source.ts';
import { fixedKind } from './fixed-kinds.ts';
import { constant, GeneratedSource } from './generated-source.ts';
import { KeyTag, NUMBER_KEY_BYTES, TEXT_END } from './key-bytes.ts';
import { layoutOf } from './layout.ts';
import type { Layout, Part } from './layout.ts';
import type { SchemaDescription } from './schema-description.ts';

/** Entries by index, of which those from `from` on, and below `end`, are to be written. */
export interface Entries {
  readonly keys: ArrayLike<unknown>;
  readonly values: ArrayLike<unknown>;
  readonly from: number;
  readonly end: number;
}

/**
 * Writes some of the entries and returns the index of the first one that it has not written. That
 * is `from`, and nothing has been written, where that one, or a text among them, is not for this
 * way (texts that are not ASCII, values that do not fit): then the codec is to be asked.
 */
export type EntriesEncoder = (entries: Entries, out: ByteWriter) => number;

/** About so many bytes are written by one call. */
const CALL_BYTES = 16 * 1024;
/** A longer text, or one among more of them, is no matter of the call that it takes. */
const TEXT_MAX = 4096;
const PARTS_MAX = 64;

/** Undefined: entries of this kind are encoded one by one. */
export function entriesEncoderOf(
  keys: 'number' | 'text',
  description: SchemaDescription,
): EntriesEncoder | undefined {
  const whole = wholeOf(description);
  if (whole === undefined || whole.types.length > PARTS_MAX) return undefined;
  const layout = layoutOf(whole.types);
  if (layout.others.length > 0) return undefined;
  const part = `entries-by-${keys}`;
  return generate(part, description, () => source(keys, whole, layout)) as EntriesEncoder;
}

/** A value as a number of parts. In the text, the value is `v`. */
interface Whole {
  readonly types: readonly SchemaDescription[];
  /** The expression of a part. */
  readonly access: (index: number) => string;
  /** True when the value has no parts at all. */
  readonly bad: string;
}

function wholeOf(description: SchemaDescription): Whole | undefined {
  switch (description.kind) {
    case 'struct':
      return {
        types: fieldTypes(description.fields),
        access: (i) => quoteField('v', description.fields[i]!.name),
        bad: `typeof v !== 'object' || v === null`,
      };
    case 'tuple':
      return {
        types: description.items,
        access: (i) => `v[${i}]`,
        bad: `!Array.isArray(v) || v.length !== ${description.items.length}`,
      };
    default: {
      if (description.kind !== 'string' && fixedKind(description) === undefined) return undefined;
      return { types: [description], access: () => 'v', bad: 'false' };
    }
  }
}

function source(keys: 'number' | 'text', whole: Whole, layout: Layout): string {
  const generated = new GeneratedSource();
  const isJoined = keys === 'text' || layout.strings.length > 0;
  const root = generated.function('e', 'entries, w', () =>
    [
      'const { keys, values, from, end } = entries;',
      ...(isJoined ? join(keys, whole, layout) : reserve(layout)),
      'const b = w.bytes, view = w.view;',
      'let p = w.position;',
      'for (let i = from; i < to; i++) {',
      ...fillIn(keys, whole, layout),
      '}',
      // Who has getters may have given other texts now.
      isJoined ? 'if (p !== w.position + rope.length) return from;' : '',
      'w.position = p;',
      'return to;',
    ].join('\n'),
  );
  return generated.finish(root);
}

/** Room for entries of one size; `to` is the end of those that get it. */
function reserve({ headBytes }: Layout): string[] {
  const size = NUMBER_KEY_BYTES + headBytes;
  const most = Math.max(1, Math.floor(CALL_BYTES / size));
  return [
    `const to = Math.min(end, from + ${most}), room = (to - from) * ${size};`,
    'if (w.position + room > w.limit) w.ensure(room);',
  ];
}

/** Stores the texts, with gaps, at the writer's position; `to` is the end of their entries. */
function join(keys: 'number' | 'text', whole: Whole, layout: Layout): string[] {
  const { strings, headBytes } = layout;
  const before = keys === 'text' ? 1 : NUMBER_KEY_BYTES;
  const gaps = constant(`blanks(${before + headBytes + strings.length * 2})`);
  const key = keys === 'text' ? [constant(`String.fromCharCode(${KeyTag.string})`), 'k'] : [];
  const texts = strings.map((part) => textOf(part));
  return [
    `let rope = '', to = from;`,
    `for (; to < end && rope.length < ${CALL_BYTES}; to++) {`,
    'const v = values[to];',
    `if (${whole.bad}) break;`,
    keys === 'text' ? `const k = keys[to];\nif (typeof k !== 'string') break;` : '',
    `let gap = ${before + headBytes};`,
    ...strings.flatMap((part) => [
      `const a${part.index} = ${whole.access(part.index)};`,
      ...checkPart(part, 'break;'),
      gapOf(part),
    ]),
    `rope = ${['rope', ...key, `${gaps}[gap]`, ...texts].join(' + ')};\n}`,
    'const room = rope.length + 4;',
    'if (w.position + room > w.limit) w.ensure(room);',
    // Of anything but ASCII there are more bytes than characters, for which there is room.
    'if (w.bytes.utf8Write(rope, w.position, room) !== rope.length) return from;',
  ];
}

/** Statements that add the header of a present text to `gap`, or end the entries before it. */
function gapOf({ index, wrappers }: Part): string {
  const width = `if (a${index}.length > ${TEXT_MAX}) break;\ngap += a${index}.length < 64 ? 1 : 2;`;
  return wrappers.length === 0 ? width : `if (h${index}) {\n${width}\n}`;
}

function textOf({ index, wrappers }: Part): string {
  return wrappers.length === 0 ? `a${index}` : `(h${index} ? a${index} : '')`;
}

/** Stores all of the entry `i` that is no text, from `p` on, and leaves `p` behind it. */
function fillIn(keys: 'number' | 'text', whole: Whole, layout: Layout): string[] {
  const guard = ({ index, wrappers }: Part): string =>
    wrappers.length > 0 ? `if (h${index}) ` : '';
  return [
    keys === 'text'
      ? `p += keys[i].length + 1;\nb[p++] = ${TEXT_END};`
      : `storeNumberKey(keys[i], b, view, p);\np += ${NUMBER_KEY_BYTES};`,
    'const v = values[i];',
    layout.strings.length === 0 ? `if (${whole.bad}) return from;` : '',
    ...layout.parts.map(({ index }) => `const a${index} = ${whole.access(index)};`),
    ...layout.parts.flatMap((part) => checkPart(part, 'return from;')),
    ...storeHead(layout),
    `p += ${layout.headBytes};`,
    ...layout.strings.map((part) => `${guard(part)}${asciiHeader(part)}`),
    ...layout.strings.map((part) => `${guard(part)}p += a${part.index}.length;`),
  ];
}
