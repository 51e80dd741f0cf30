/**
 * The WebAssembly module behind `ByteIndex`: it notes where the bytes are that give a text its
 * structure, sixteen at a time, which JavaScript can only do one by one (7 bytes a nanosecond
 * against
 * 0.6). It is put together here, instruction by instruction, from the numbers of the WebAssembly
 * specification; `scanPortably` says in JavaScript what it does, and a test holds both together.
 */

/**
 * Notes the positions of the bytes equal to `first`, equal to `second` or below 0x20 in `[from,
 * to)`, as int32 from address `out` on, and stores at address `mark` whether a byte above 0x7f was
 * seen. It works on whole steps of `SCAN_STEP`, so that up to as many bytes after `to` are looked
 * at, and may write up to 64 int32 after the last one. @returns the address after the last
 * position.
 */
export type Scan = (
  from: number,
  to: number,
  out: number,
  first: number,
  second: number,
  mark: number,
) => number;

export const SCAN_STEP = 64;

/** A memory of 64 KiB pages and the scan over it. */
export interface Scanner {
  readonly memory: ArrayBuffer;
  readonly scan: Scan;
}

interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: Readonly<Record<string, unknown>>;
  };
}

declare const WebAssembly: WebAssemblyApi | undefined;

/**
 * Undefined where there is no WebAssembly, or none with vectors (a switch of Node may turn it off),
 * or the process has no addresses left for its memory.
 */
export function wasmScanner(pages: number): Scanner | undefined {
  if (typeof WebAssembly === 'undefined') return undefined;
  let exported: Readonly<Record<string, unknown>>;
  try {
    const module = new WebAssembly.Module(moduleBytes(pages));
    exported = new WebAssembly.Instance(module).exports;
  } catch {
    return undefined;
  }
  const { memory, scan } = exported;
  return { memory: (memory as { readonly buffer: ArrayBuffer }).buffer, scan: scan as Scan };
}

/** The same in JavaScript. */
export function portableScanner(pages: number): Scanner {
  const memory = new ArrayBuffer(pages * 0x10000);
  const bytes = new Uint8Array(memory);
  const words = new Int32Array(memory);
  return {
    memory,
    scan(from, to, out, first, second, mark) {
      let seen = 0;
      let word = out >> 2;
      const end = from + Math.ceil((to - from) / SCAN_STEP) * SCAN_STEP;
      for (let p = from; p < end; p++) {
        const c = bytes[p]!;
        seen |= c;
        if (c === first || c === second || c < 0x20) words[word++] = p;
      }
      words[mark >> 2] = seen > 0x7f ? 1 : 0;
      return word << 2;
    },
  };
}

const I32 = 0x7f;
const I64 = 0x7e;
const V128 = 0x7b;
const NOTHING = 0x40;

/** The parameters of `Scan` and the variables of the function. */
const FROM = 0;
const TO = 1;
const OUT = 2;
const FIRST = 3;
const SECOND = 4;
const MARK = 5;
const MASK = 6;
const COUNT = 7;
const CHUNK = 8;
const SEEN = 9;
const FIRSTS = 10;
const SECONDS = 11;
const BLANKS = 12;
const LOCALS: readonly (readonly number[])[] = [
  [1, I64],
  [1, I32],
  [5, V128],
];

function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** Of small numbers, of which bit 6 would be the sign. */
function signed(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)];
}

function list(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function named(name: string): number[] {
  return sized([...Buffer.from(name)]);
}

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const vector = (operation: number): number[] => [0xfd, ...unsigned(operation)];
const i32 = {
  constant: (value: number): number[] => [0x41, ...signed(value)],
  store: (offset: number): number[] => [0x36, 2, ...unsigned(offset)],
  less: [0x48],
  greater: [0x4a],
  add: [0x6a],
  shiftLeft: [0x74],
  fromI64: [0xa7],
};
const i64 = {
  constant: (value: number): number[] => [0x42, ...signed(value)],
  trailingZeros: [0x7a],
  ones: [0x7b],
  subtract: [0x7d],
  and: [0x83],
  or: [0x84],
  shiftLeft: [0x86],
  fromI32: [0xad],
};
const v128 = {
  load: (offset: number): number[] => [...vector(0x00), 0, ...unsigned(offset)],
  ofByte: vector(0x0f),
  equal: vector(0x23),
  below: vector(0x26),
  or: vector(0x50),
  highBits: vector(0x64),
};
const LOOP = [0x03, NOTHING];
const IF = [0x04, NOTHING];
const REPEAT_IF = [0x0d, 0];
const END = [0x0b];

/** Loads 16 bytes and adds the bits of those that count to the mask. */
function chunk(index: number): number[] {
  const join = [...i64.constant(16 * index), ...i64.shiftLeft, ...get(MASK), ...i64.or];
  return [
    ...[...get(FROM), ...v128.load(16 * index), ...set(CHUNK)],
    ...[...get(SEEN), ...get(CHUNK), ...v128.or, ...set(SEEN)],
    ...[...get(CHUNK), ...get(FIRSTS), ...v128.equal],
    ...[...get(CHUNK), ...get(SECONDS), ...v128.equal, ...v128.or],
    ...[...get(CHUNK), ...get(BLANKS), ...v128.below, ...v128.or],
    ...[...v128.highBits, ...i64.fromI32, ...(index === 0 ? [] : join), ...set(MASK)],
  ];
}

/**
 * Stores the positions of bits `[start, end)` of those set; without branches, also where there are
 * none.
 */
function store(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_unused, i) => [
    ...[...get(OUT), ...get(MASK), ...i64.trailingZeros, ...i32.fromI64],
    ...[...get(FROM), ...i32.add, ...i32.store(4 * (start + i))],
    ...[...get(MASK), ...get(MASK), ...i64.constant(1), ...i64.subtract, ...i64.and, ...set(MASK)],
  ]).flat();
}

function scanBody(): number[] {
  const more = (count: number): number[] => [...get(COUNT), ...i32.constant(count), ...i32.greater];
  return [
    ...[...get(FIRST), ...v128.ofByte, ...set(FIRSTS)],
    ...[...get(SECOND), ...v128.ofByte, ...set(SECONDS)],
    ...[...i32.constant(0x20), ...v128.ofByte, ...set(BLANKS)],
    ...LOOP,
    ...[0, 1, 2, 3].flatMap(chunk),
    ...[...get(MASK), ...i64.ones, ...i32.fromI64, ...set(COUNT)],
    ...store(0, 8),
    ...[...more(8), ...IF, ...store(8, 16)],
    ...[...more(16), ...IF, ...store(16, 64), ...END, ...END],
    ...[...get(OUT), ...get(COUNT), ...i32.constant(2), ...i32.shiftLeft, ...i32.add, ...set(OUT)],
    ...[...get(FROM), ...i32.constant(SCAN_STEP), ...i32.add, ...set(FROM)],
    ...[...get(FROM), ...get(TO), ...i32.less, ...REPEAT_IF, ...END],
    ...[...get(MARK), ...get(SEEN), ...v128.highBits, ...i32.store(0)],
    ...[...get(OUT), ...END],
  ];
}

function moduleBytes(pages: number): Uint8Array {
  const section = (id: number, bytes: readonly number[]): number[] => [id, ...sized(bytes)];
  const type = [0x60, ...list(Array.from({ length: 6 }, () => [I32])), ...list([[I32]])];
  const exported = [
    [...named('memory'), 2, 0],
    [...named('scan'), 0, 0],
  ];
  const code = sized([...list(LOCALS), ...scanBody()]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list([type])),
    ...section(3, list([[0]])),
    ...section(5, list([[1, pages, pages]])),
    ...section(7, list(exported)),
    ...section(10, list([code])),
  ]);
}
