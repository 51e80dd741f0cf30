/**
 * Records without a schema mostly come in few shapes: the same keys in the same order. Their keys
 * are written once, as one block, and the frequent shapes get an encoder and a decoder generated
 * for their keys. A block is a count and the keys as strings; before it stand its murmur3 (4 bytes)
 * and its length, so that a reader that knows the shape compares the block and reads no strings.
 * Inside a frame the block stands only where a shape first occurs; afterwards its number does.
 *
 * What is remembered here saves time and is never visible in bytes or values.
 *
 * SH1. A shape's `keys`, `name` and `header` say the same thing.
 * SH2. At most `SHAPES_MAX` shapes are remembered on each side, and no more functions are
 *      generated.
 */
import { asciiText } from '../base/ascii-text.ts';
import { assert } from '../base/assert.ts';
import type { ByteReader } from '../base/byte-reader.ts';
import type { Frame } from '../base/byte-writer.ts';
import { ByteWriter, DEFINITIONS_MAX } from '../base/byte-writer.ts';
import { compile } from '../base/generated-code.ts';
import { murmur3 } from '../base/murmur.ts';
import { decodeValue, encodeValue } from './dynamic-codec.ts';
import { Tag } from './dynamic-tag.ts';
import { shapeDecoderSource, shapeEncoderSource } from './shape-source.ts';

/**
 * Objects with more keys are taken for dictionaries, whose keys are not the same from one to the
 * next.
 */
export const SHAPE_KEYS_MAX = 64;
const SHAPES_MAX = 512;
/** Of the tree of keys, which has a node for every beginning of a shape. */
const NODES_MAX = 8192;
/** Generating code costs some 100 us: not for what occurs a few times. */
const USES_BEFORE_CODE = 32;

type Plain = Record<string, unknown>;

class Shape {
  readonly keys: readonly string[];
  uses = 0;
  #name: string | undefined;
  #header: Uint8Array | undefined;
  /** Where the shape was defined last, as what number. */
  #frame: Frame | undefined;
  #version = 0;
  #number = 0;
  encodeValues: (value: Plain, out: ByteWriter, depth: number) => void;
  decodeValues: (input: ByteReader, depth: number) => Plain;

  constructor(keys: readonly string[]) {
    this.keys = keys;
    this.encodeValues = (value, out, depth) => {
      for (const key of keys) encodeValue(value[key], out, depth);
    };
    this.decodeValues = (input, depth) => {
      const entries = keys.map((key): [string, unknown] => [key, decodeValue(input, depth)]);
      return Object.fromEntries(entries);
    };
  }

  /** One for each list of keys. */
  get name(): string {
    return (this.#name ??= JSON.stringify(this.keys));
  }

  /** Hash, length and block. */
  get header(): Uint8Array {
    return (this.#header ??= headerOf(this.keys));
  }

  /** The number of the shape in a frame, or -1. */
  numberIn(frame: Frame): number {
    if (this.#frame === frame && this.#version === frame.version) return this.#number;
    const number = frame.numberOf(this.name);
    if (number >= 0) {
      this.#frame = frame;
      this.#version = frame.version;
      this.#number = number;
    }
    return number;
  }

  /** After some uses both ways are replaced by generated ones. */
  used(): void {
    if (this.uses > USES_BEFORE_CODE || ++this.uses <= USES_BEFORE_CODE) return;
    const { keys } = this;
    this.encodeValues = compile('dynamic/encode', ['any'], shapeEncoderSource(keys))(encodeValue);
    this.decodeValues = compile(
      'dynamic/decode',
      ['any', 'text'],
      shapeDecoderSource(keys),
    )(decodeValue, asciiText);
  }
}

function headerOf(keys: readonly string[]): Uint8Array {
  const block = new ByteWriter();
  block.varint(keys.length);
  for (const key of keys) block.string(key);
  const bytes = block.written();
  const header = new ByteWriter();
  header.int32(murmur3(bytes));
  header.lengthPrefixed(bytes);
  return header.copy();
}

/** Beginnings of shapes, key by key: a record finds its shape in one pass over its keys. */
class KeyNode {
  shape: Shape | undefined;
  /** The key that came first after this beginning, which is nearly always the only one. */
  key: string | undefined;
  next: KeyNode | undefined;
  others: Map<string, KeyNode> | undefined;
}

class KnownShapes {
  #root = new KeyNode();
  #nodes = 1;
  #count = 0;
  readonly #byHash = new Map<number, Shape>();

  /** The shape of a plain object; undefined if it has too many keys. */
  of(value: Plain): Shape | undefined {
    let node = this.#root;
    let count = 0;
    for (const key in value) {
      if (++count > SHAPE_KEYS_MAX) return undefined;
      node = node.key === key ? node.next! : this.#child(node, key);
    }
    return (node.shape ??= this.#make(Object.keys(value)));
  }

  #child(node: KeyNode, key: string): KeyNode {
    const known = node.others?.get(key);
    if (known !== undefined) return known;
    const child = new KeyNode();
    if (this.#nodes >= NODES_MAX) return child;
    this.#nodes++;
    if (node.key === undefined) {
      node.key = key;
      node.next = child;
    } else {
      (node.others ??= new Map()).set(key, child);
    }
    return child;
  }

  /** SH2: a shape too many works, but is forgotten. */
  #make(keys: readonly string[]): Shape {
    const shape = new Shape(keys);
    if (++this.#count > SHAPES_MAX) shape.uses = Infinity;
    return shape;
  }

  /** The shape whose header begins at the position; the header is read. */
  read(input: ByteReader): Shape {
    const hash = input.int32();
    const length = input.varint();
    input.need(length);
    const start = input.position;
    const known = this.#byHash.get(hash);
    if (known !== undefined && sameBlock(known.header, input, length)) {
      input.position = start + length;
      return known;
    }
    const shape = readShape(input, length);
    if (murmur3(input.bytes, start, start + length) !== hash)
      input.corrupt('keys of another object');
    if (known === undefined && this.#byHash.size < SHAPES_MAX) this.#byHash.set(hash, shape);
    else shape.uses = Infinity;
    return shape;
  }
}

function readShape(input: ByteReader, length: number): Shape {
  const end = input.position + length;
  const count = input.count();
  if (count > SHAPE_KEYS_MAX) input.corrupt(`an object of ${count} keys`);
  const keys: string[] = [];
  for (let left = count; left > 0; left--) keys.push(input.string());
  if (input.position !== end) input.corrupt('keys of another length');
  if (hasTwice(keys)) input.corrupt('a key that stands there twice');
  return new Shape(keys);
}

function hasTwice(keys: readonly string[]): boolean {
  if (keys.length > 8) return new Set(keys).size !== keys.length;
  return keys.some((key, i) => keys.indexOf(key) !== i);
}

/** True if the header ends with the next `length` bytes of the input. */
function sameBlock(header: Uint8Array, input: ByteReader, length: number): boolean {
  const { bytes, position } = input;
  const shift = header.length - length;
  if (shift < 5) return false;
  for (let i = 0; i < length; i++) if (bytes[position + i] !== header[shift + i]) return false;
  return true;
}

const known: KnownShapes = new KnownShapes();

/**
 * Writes a plain object with all its keys and values; false if it has too many keys, with nothing
 * written.
 */
export function encodeShaped(value: Plain, out: ByteWriter, depth: number, tag: number): boolean {
  const shape = known.of(value);
  if (shape === undefined) return false;
  shape.used();
  const { frame } = out;
  if (frame !== undefined && tag === Tag.object) {
    const number = shape.numberIn(frame);
    if (number >= 0) {
      out.uint8(Tag.defined);
      out.varint(number);
      shape.encodeValues(value, out, depth + 1);
      return true;
    }
    frame.define(shape.name, out.offset);
  }
  out.uint8(tag);
  out.raw(shape.header);
  shape.encodeValues(value, out, depth + 1);
  return true;
}

/** The object after its tag. */
export function decodeShaped(input: ByteReader, depth: number, tag: number): Plain {
  const shape = known.read(input);
  shape.used();
  if (tag === Tag.object) {
    const { definitions } = input;
    if (definitions !== undefined && definitions.length < DEFINITIONS_MAX) definitions.push(shape);
    return shape.decodeValues(input, depth + 1);
  }
  return Object.setPrototypeOf(shape.decodeValues(input, depth + 1), null) as Plain;
}

export function decodeDefined(input: ByteReader, depth: number): Plain {
  const number = input.varint();
  const shape = input.definitions?.[number];
  if (shape === undefined) input.corrupt(`definition ${number}, which is nowhere`);
  assert(shape instanceof Shape, 'SH1: a definition of something else');
  shape.used();
  return shape.decodeValues(input, depth + 1);
}
