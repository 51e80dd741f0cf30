/**
 * Writes the layout of a snapshot (`snapshot-layout.ts`): sections of entries, cut into blocks with
 * checksums, then the manifest. Bytes leave in pieces of about a megabyte, without being copied, in
 * memory that comes back: fresh memory for each piece would have the collector go through all of
 * the heap again and again.
 *
 * Invariants
 * F1. A block belongs to one section and holds whole entries.
 * F2. Sections tile the file from the header to the manifest.
 * F3. `spare` is memory that was given to the output and has come back, of full size.
 */
import { assert } from '../base/assert.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { crc32 } from '../base/crc32.ts';
import { allocateTextBuffer } from '../base/text-buffer.ts';
import type { SnapshotOutput } from './snapshot.ts';
import {
  BLOCK_BYTES,
  BLOCK_HEADER_BYTES,
  HEADER_BYTES,
  HEADER_MAGIC,
  SECTION_MODES,
  SNAPSHOT_VERSION,
  SnapshotKind,
  TRAILER_BYTES,
  TRAILER_MAGIC,
} from './snapshot-layout.ts';
import type {
  Manifest,
  Section,
  SectionMode,
  SnapshotIdentity,
  SnapshotKindName,
} from './snapshot-layout.ts';

/** A piece leaves when it holds this much. */
const PIECE_BYTES = 1024 * 1024;
/** The memory of a piece: it grows for an entry that is longer than a few blocks. */
const MEMORY_BYTES = PIECE_BYTES + 4 * BLOCK_BYTES;
/** F3 */
const SPARES_MAX = 4;

/**
 * @example
 * const file = new SnapshotFileWriter(output, 'keyed');
 * file.beginSection(0, group);
 * writeKey(key, file.entry());
 * file.endEntry();
 * file.endSection();
 * file.finish(manifest);
 */
export class SnapshotFileWriter {
  readonly #output: SnapshotOutput;
  /** Closed blocks that have not left, and the open one. It grows: most snapshots are small. */
  readonly #pending = new ByteWriter();
  readonly #sections: Section[] = [];
  #sent = 0;
  /** Offset in `pending` of the open block, or -1. */
  #block = -1;
  #blockEntries = 0;
  #entryStart = 0;
  #section:
    | {
        state: number;
        group: number;
        mode: SectionMode;
        offset: number;
        blocks: number;
        entries: number;
        crc: number;
      }
    | undefined;
  #finished = false;
  /** F3 */
  #spare: Uint8Array[] = [];
  /** Of all sections so far. */
  entriesWritten = 0;

  constructor(output: SnapshotOutput, kind: SnapshotKindName) {
    this.#output = output;
    this.#pending.uint32(HEADER_MAGIC);
    this.#pending.uint16(SNAPSHOT_VERSION);
    this.#pending.uint8(SnapshotKind[kind]);
    this.#pending.uint8(0);
    this.#pending.uint32(crc32(this.#pending.written()));
    assert(this.#pending.offset === HEADER_BYTES, 'F2: header');
  }

  /** Of everything written so far. */
  get bytesWritten(): number {
    return this.#sent + this.#pending.offset;
  }

  get full(): boolean {
    return this.#output.full === true;
  }

  beginSection(state: number, group: number, mode: SectionMode = 'entries'): void {
    assert(this.#section === undefined, 'F1: a section within a section');
    this.#section = {
      state,
      group,
      mode,
      offset: this.bytesWritten,
      blocks: 0,
      entries: 0,
      crc: 0,
    };
  }

  /** The writer to which the next entry goes, whole, before `endEntry` or `dropEntry`. */
  entry(): ByteWriter {
    assert(this.#section !== undefined, 'F1: an entry outside of a section');
    if (this.#block < 0) {
      this.#block = this.#pending.reserve(BLOCK_HEADER_BYTES);
      this.#blockEntries = 0;
    }
    this.#entryStart = this.#pending.offset;
    return this.#pending;
  }

  /** Behind one entry, or several that were written at once. */
  endEntry(entries: number = 1): void {
    this.#blockEntries += entries;
    if (this.#pending.offset - this.#block >= BLOCK_BYTES) this.#closeBlock();
  }

  /** Forgets what was written since `entry`, e.g. because a codec refused a value. */
  dropEntry(): void {
    this.#pending.truncate(this.#entryStart);
  }

  /** A section without entries leaves no trace. */
  endSection(): void {
    const section = this.#section;
    assert(section !== undefined, 'F1: the end of no section');
    if (this.#block >= 0) this.#closeBlock();
    this.#section = undefined;
    if (section.blocks === 0) return;
    this.#sections.push({
      ...section,
      number: this.#sections.length,
      length: this.bytesWritten - section.offset,
    });
  }

  finish(manifest: Manifest): SnapshotIdentity {
    assert(this.#section === undefined && !this.#finished, 'F2: finished twice or too early');
    this.#finished = true;
    this.#spare = [];
    this.#send();
    const out = this.#pending;
    out.string(JSON.stringify(manifest));
    out.varint(this.#sections.length);
    for (const section of this.#sections) {
      out.varint(section.state);
      out.varint(section.group);
      out.uint8(SECTION_MODES.indexOf(section.mode));
      out.varint(section.length);
      out.varint(section.blocks);
      out.varint(section.entries);
      out.uint32(section.crc);
    }
    const manifestBytes = out.offset;
    out.uint32(manifestBytes);
    const crc = crc32(out.written().subarray(0, manifestBytes));
    out.uint32(crc);
    const size = this.#sent + manifestBytes + TRAILER_BYTES;
    out.uint32(size % 2 ** 32);
    out.uint32(Math.floor(size / 2 ** 32));
    out.uint32(TRAILER_MAGIC);
    out.uint32(crc32(out.written(manifestBytes)));
    this.#send();
    return { size, crc };
  }

  #closeBlock(): void {
    const section = this.#section!;
    const out = this.#pending;
    const at = this.#block;
    this.#block = -1;
    // Nothing but an entry that was dropped again.
    if (this.#blockEntries === 0) return out.truncate(at);
    out.patchUint32(at + 4, out.offset - at - BLOCK_HEADER_BYTES);
    out.patchUint32(at + 8, this.#sections.length);
    out.patchUint32(at + 12, section.blocks);
    out.patchUint32(at + 16, this.#blockEntries);
    out.patchUint32(at, crc32(out.written(at + 4)));
    section.crc = crc32(out.written(at).subarray(0, BLOCK_HEADER_BYTES), section.crc);
    section.blocks += 1;
    section.entries += this.#blockEntries;
    this.entriesWritten += this.#blockEntries;
    if (out.offset >= PIECE_BYTES) this.#handOver();
  }

  /** What is in memory that is much larger is copied. */
  #send(): void {
    const out = this.#pending;
    if (out.offset === 0) return;
    const bytes = out.copy();
    this.#sent += bytes.length;
    out.reset();
    this.#output.write(bytes);
  }

  #handOver(): void {
    const out = this.#pending;
    const memory = out.bytes;
    const bytes = out.handOver(this.#spare.pop() ?? allocateTextBuffer(MEMORY_BYTES));
    this.#sent += bytes.length;
    this.#output.write(bytes, () => {
      const isWanted = !this.#finished && this.#spare.length < SPARES_MAX;
      if (isWanted && memory.length >= MEMORY_BYTES) this.#spare.push(memory);
    });
  }
}
