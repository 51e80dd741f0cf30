/**
 * Reads the layout of a snapshot (`snapshot-layout.ts`). It trusts nothing: whatever was cut off,
 * turned over or put in another place is STATE_SNAPSHOT_CORRUPT with the name of the snapshot,
 * never an empty or a shorter state. It reads the sections that are asked for and no others.
 */
import { AssertionError } from '../base/assert.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { crc32 } from '../base/crc32.ts';
import { EngineError, isEngineError, messageOf } from '../base/errors.ts';
import type { SnapshotInput } from './snapshot.ts';
import {
  BLOCK_HEADER_BYTES,
  corrupt,
  HEADER_BYTES,
  HEADER_MAGIC,
  SECTION_MODES,
  SNAPSHOT_VERSION,
  SnapshotKind,
  TRAILER_BYTES,
  TRAILER_MAGIC,
} from './snapshot-layout.ts';
import type {
  KeyedManifest,
  Manifest,
  OperatorManifest,
  Section,
  SnapshotIdentity,
} from './snapshot-layout.ts';

/** How much is asked of the input at once. */
const WINDOW_BYTES = 1024 * 1024;

/** What is decoded in a few milliseconds. */
const PAUSE_BYTES = 256 * 1024;

/** Reads one entry: all of its bytes and no more. */
export type EntryVisitor = (entry: ByteReader) => void;

/** Reads so many entries, one after another. */
export type BlockVisitor = (entries: ByteReader, count: number) => void;

export class SnapshotFileReader {
  readonly input: SnapshotInput;
  readonly manifest: Manifest;
  readonly sections: readonly Section[];
  readonly identity: SnapshotIdentity;
  #unpaused = 0;

  private constructor(
    input: SnapshotInput,
    manifest: Manifest,
    sections: readonly Section[],
    crc: number,
  ) {
    this.input = input;
    this.manifest = manifest;
    this.sections = sections;
    this.identity = { size: input.size, crc };
  }

  static async openKeyed(
    input: SnapshotInput,
  ): Promise<SnapshotFileReader & { readonly manifest: KeyedManifest }> {
    return (await SnapshotFileReader.#open(input, 'keyed')) as SnapshotFileReader & {
      readonly manifest: KeyedManifest;
    };
  }

  static async openOperator(
    input: SnapshotInput,
  ): Promise<SnapshotFileReader & { readonly manifest: OperatorManifest }> {
    return (await SnapshotFileReader.#open(input, 'operator')) as SnapshotFileReader & {
      readonly manifest: OperatorManifest;
    };
  }

  static async #open(input: SnapshotInput, kind: Manifest['kind']): Promise<SnapshotFileReader> {
    const name = input.name;
    if (input.size < HEADER_BYTES + TRAILER_BYTES) corrupt(name, 'it is shorter than an empty one');
    const header = new ByteReader(await readExactly(input, 0, HEADER_BYTES));
    checkHeader(name, header, kind);
    const trailerAt = input.size - TRAILER_BYTES;
    const length = readTrailer(
      input,
      new ByteReader(await readExactly(input, trailerAt, TRAILER_BYTES)),
    );
    const manifestAt = trailerAt - length.manifest;
    if (manifestAt < HEADER_BYTES) corrupt(name, 'its manifest is longer than itself');
    const bytes = await readExactly(input, manifestAt, length.manifest);
    if (crc32(bytes) !== length.crc) corrupt(name, 'its manifest does not match its checksum');
    const { manifest, sections } = decoding(name, 'its manifest', () =>
      readManifest(new ByteReader(bytes)),
    );
    const last = sections.at(-1);
    const end = last === undefined ? HEADER_BYTES : last.offset + last.length;
    if (end !== manifestAt) corrupt(name, 'its sections do not fill it');
    if (manifest.kind !== kind) corrupt(name, `it holds ${manifest.kind} state, not ${kind}`);
    return new SnapshotFileReader(input, manifest, sections, length.crc);
  }

  /**
   * Calls `visit` for every entry of a section, in order, each with a reader at its beginning;
   * between them, now and then, it waits for `pause`.
   */
  async readSection(
    section: Section,
    visit: EntryVisitor,
    pause?: () => Promise<void>,
  ): Promise<void> {
    const visitEach: BlockVisitor = (entries, count) => {
      for (let i = 0; i < count; i++) visit(entries);
    };
    await this.readBlocks(section, visitEach, pause);
  }

  /** The same, some entries at a time. */
  async readBlocks(
    section: Section,
    visit: BlockVisitor,
    pause?: () => Promise<void>,
  ): Promise<void> {
    const name = this.input.name;
    const number = section.number;
    const window = new Window(this.input, section.offset, section.offset + section.length);
    let entries = 0;
    let sectionCrc = 0;
    for (let block = 0; block < section.blocks; block++) {
      const where = `block ${block} of section ${number}`;
      const head = await window.take(BLOCK_HEADER_BYTES, where);
      sectionCrc = crc32(head, sectionCrc);
      const header = new ByteReader(head);
      const crc = header.uint32();
      const length = header.uint32();
      const place = [header.uint32(), header.uint32()];
      const count = header.uint32();
      const payload = await window.take(length, where);
      if (crc32(payload, crc32(head.subarray(4))) !== crc) {
        corrupt(name, `${where} does not match its checksum`);
      }
      if (place[0] !== number || place[1] !== block) corrupt(name, `${where} is another block`);
      decoding(name, where, () => {
        const reader = new ByteReader(payload);
        visit(reader, count);
        reader.expectEnd();
      });
      entries += count;
      this.#unpaused += length;
      if (pause === undefined || this.#unpaused < PAUSE_BYTES) continue;
      this.#unpaused = 0;
      await pause();
    }
    if (sectionCrc !== section.crc) corrupt(name, `section ${number} is another one`);
    if (!window.atEnd || entries !== section.entries) {
      corrupt(
        name,
        `section ${number} holds ${entries} entries and should hold ${section.entries}`,
      );
    }
  }
}

/** Reads ahead within one section. */
class Window {
  readonly #input: SnapshotInput;
  readonly #end: number;
  /** Position in the input behind `bytes`. */
  #next: number;
  #bytes: Uint8Array = new Uint8Array(0);
  /** What comes next, on its way while the entries before it are decoded. */
  #ahead: { readonly count: number; readonly bytes: Promise<Uint8Array> } | undefined;

  constructor(input: SnapshotInput, start: number, end: number) {
    this.#input = input;
    this.#end = end;
    this.#next = start;
  }

  get atEnd(): boolean {
    return this.#bytes.length === 0 && this.#next === this.#end;
  }

  /** The next `length` bytes; they stay as they are. */
  async take(length: number, where: string): Promise<Uint8Array> {
    if (this.#bytes.length < length) await this.#fill(length, where);
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  async #fill(length: number, where: string): Promise<void> {
    const have = this.#bytes.length;
    const missing = length - have;
    if (this.#next + missing > this.#end)
      corrupt(this.#input.name, `${where} goes beyond its section`);
    const ahead = this.#ahead;
    const isEnough = ahead !== undefined && ahead.count >= missing;
    const { count, bytes: reading } = isEnough ? ahead : this.#read(missing);
    const read = await reading;
    if (have === 0) this.#bytes = read;
    else {
      const bytes = new Uint8Array(have + count);
      bytes.set(this.#bytes);
      bytes.set(read, have);
      this.#bytes = bytes;
    }
    this.#next += count;
    this.#ahead = this.#next < this.#end ? this.#read(1) : undefined;
    // Whoever never comes to it need not hear that it failed.
    this.#ahead?.bytes.catch(() => undefined);
  }

  #read(atLeast: number): { readonly count: number; readonly bytes: Promise<Uint8Array> } {
    const count = Math.min(Math.max(atLeast, WINDOW_BYTES), this.#end - this.#next);
    return { count, bytes: readExactly(this.#input, this.#next, count) };
  }
}

async function readExactly(
  input: SnapshotInput,
  position: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = await input.read(position, length);
  if (bytes.length !== length) corrupt(input.name, `it ends before byte ${position + length}`);
  return bytes;
}

function checkHeader(name: string, header: ByteReader, kind: Manifest['kind']): void {
  const magic = header.uint32();
  const version = header.uint16();
  const found = header.uint8();
  header.uint8();
  const crc = crc32(header.bytes.subarray(0, HEADER_BYTES - 4));
  if (magic !== HEADER_MAGIC || header.uint32() !== crc) corrupt(name, 'its beginning is damaged');
  if (version !== SNAPSHOT_VERSION) {
    throw new EngineError('STATE_SNAPSHOT_MISMATCH', {
      source: name,
      reason: `it has format version ${version}, and this engine reads version ${SNAPSHOT_VERSION}`,
    });
  }
  if (found !== SnapshotKind[kind]) corrupt(name, `it does not hold ${kind} state`);
}

function readTrailer(
  input: SnapshotInput,
  trailer: ByteReader,
): { readonly manifest: number; readonly crc: number } {
  const manifest = trailer.uint32();
  const crc = trailer.uint32();
  const size = trailer.uint32() + trailer.uint32() * 2 ** 32;
  const magic = trailer.uint32();
  const own = crc32(trailer.bytes.subarray(0, TRAILER_BYTES - 4));
  if (magic !== TRAILER_MAGIC || trailer.uint32() !== own || size !== input.size) {
    corrupt(input.name, 'its end is damaged or missing');
  }
  return { manifest, crc };
}

function readManifest(reader: ByteReader): { manifest: Manifest; sections: Section[] } {
  const manifest = JSON.parse(reader.string()) as Manifest;
  const sections: Section[] = [];
  let offset = HEADER_BYTES;
  const count = reader.count(10);
  for (let number = 0; number < count; number++) {
    const state = reader.varint();
    const group = reader.varint();
    const mode = SECTION_MODES[reader.uint8()] ?? reader.corrupt('a section of no mode');
    const length = reader.varint();
    const blocks = reader.varint();
    const entries = reader.varint();
    const crc = reader.uint32();
    sections.push({ number, state, group, mode, offset, length, blocks, entries, crc });
    if (state >= manifest.states.length) reader.corrupt(`a section of state ${state}`);
    offset += length;
  }
  reader.expectEnd();
  return { manifest, sections };
}

/**
 * Whatever decoding throws means that the snapshot is damaged, unless it is said otherwise already.
 */
function decoding<R>(name: string, where: string, decode: () => R): R {
  try {
    return decode();
  } catch (error) {
    if (isEngineError(error) && !error.code.startsWith('DATA_')) throw error;
    if (error instanceof AssertionError) throw error;
    return corrupt(name, `${where} cannot be decoded: ${messageOf(error)}`, error);
  }
}
