/**
 * The reading of one split: finds its first line, gives whole lines to the format's decoder
 * straight from the blocks that were read ahead, and knows where it is to the byte.
 *
 * Invariants
 * S1. The lines given out are those that start in [from, to), in order, each once; `next` is the
 *     start of the first one not given out.
 * S2. The window holds the file's bytes from `next` on without a gap.
 */
import { assert } from '../../base/assert.ts';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { LineDecoder, LineFormat, LineHandler } from '../../formats/format.ts';
import type { RecordOrigins } from '../../functions/record-origins.ts';
import type { ConnectorEnv } from '../../functions/source.ts';
import { openInput, type ByteInput } from './byte-input.ts';
import { byteOrderMark, readHeader, type FileHeader } from './file-header.ts';
import { WITHOUT_END, type FileSplit } from './file-split.ts';
import { countLines } from './line-count.ts';
import { BlockBuffers, HEADROOM_BYTES, ReadAhead } from './read-ahead.ts';

const LINE_FEED = 10;
/** A line longer than this is no line. */
const LINE_BYTES_MAX = 128 * 1024 * 1024;

/**
 * `stopped`: the handler said so. `waiting`: for bytes. `finished`: the split has no more lines.
 */
export type ReadingResult = 'stopped' | 'waiting' | 'finished';

/** Tells a SplitReading apart what made the decoder return: an incomplete line or the handler. */
export interface StoppingHandler<T> extends LineHandler<T> {
  /** True if the last answer was false. */
  readonly stopped: boolean;
}

export interface SplitReadingOptions<T> {
  readonly env: ConnectorEnv;
  readonly split: FileSplit;
  readonly format: LineFormat<T>;
  readonly buffers: BlockBuffers;
  readonly origins: RecordOrigins | undefined;
  /** Called when there is something to do again; from a callback. */
  readonly progress: () => void;
}

export class SplitReading<T> {
  readonly split: FileSplit;
  readonly #options: SplitReadingOptions<T>;
  readonly #opening: Promise<void>;
  #failure: { readonly error: unknown } | undefined;
  #closed = false;
  #input: ByteInput | undefined;
  #header: FileHeader | undefined;
  #decoder: LineDecoder<T> | undefined;
  #ahead: ReadAhead | undefined;
  #phase: 'opening' | 'aligning' | 'reading' | 'finished' = 'opening';

  /** The window: bytes [#start, #end) of #bytes, whose index 0 is at #base in the file. */
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #base = 0;
  /** Whether the window may hold a whole line. */
  #fresh = false;
  /** Where the last line of the split ends, once it is known. */
  #limit: number | undefined;
  #first = 0;
  /** Line ends before `#first`, once they are known. */
  #linesBefore: number | undefined;

  constructor(options: SplitReadingOptions<T>) {
    this.#options = options;
    this.split = options.split;
    this.#opening = this.#open().then(options.progress, (error: unknown) => {
      this.#failure = { error };
      options.progress();
    });
  }

  /** Start of the first line not given out; undefined before the first line was found. */
  get next(): number | undefined {
    if (this.#phase === 'opening' || this.#phase === 'aligning') return this.split.next;
    return this.#base + this.#start;
  }

  /** True when the disk has been asked for all of it, so that the next split may be opened. */
  get allBegun(): boolean {
    return this.#failure !== undefined || this.#ahead?.allBegun === true;
  }

  /** @throws EngineError CONNECTOR_*, IO_*, DATA_CORRUPT */
  read(handler: StoppingHandler<T>): ReadingResult {
    if (this.#failure !== undefined) throw this.#failure.error;
    for (;;) {
      if (this.#phase === 'finished') return 'finished';
      if (this.#phase === 'opening') return 'waiting';
      if (this.#fresh && this.#phase === 'aligning') this.#align();
      if (this.#fresh && this.#phase === 'reading') {
        if (this.#decode(handler)) return 'stopped';
        continue;
      }
      if (!this.#advance()) return 'waiting';
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening;
    await this.#input?.close();
  }

  // -------------------------------------------------------------------------------- for messages

  /** Where the line is that the handler was called for last, for people. */
  get place(): string {
    const { name } = this.split;
    if (this.#decoder === undefined) return name;
    if (this.#linesBefore === undefined) return `${name}, byte ${this.offset}`;
    return `${name}:${this.#linesBefore + this.linesAfterFirst + 1}`;
  }

  /** Valid in a call of the handler: where in the file its line starts. */
  get offset(): number {
    return this.#base + this.#decoder!.lineStart;
  }

  /** Valid in a call of the handler: how many lines of this reading come before its line. */
  get linesAfterFirst(): number {
    return this.#decoder!.lines;
  }

  /** How many lines of the file come before the first of this reading, once that is known. */
  get linesBefore(): number | undefined {
    return this.#linesBefore;
  }

  /** Finds how many lines come before the first; reads all that, so it is for messages only. */
  async countLinesBefore(): Promise<void> {
    if (this.#linesBefore !== undefined) return;
    const { env } = this.#options;
    this.#linesBefore = await countLines(env, this.split, this.#first, () => this.#closed);
    this.#options.progress();
  }

  // ------------------------------------------------------------------------------------ the bytes

  async #open(): Promise<void> {
    const { env, split, format, buffers, progress } = this.#options;
    if (format.skipsFirstLine) this.#header = await readHeader(env, split);
    this.#decoder = createDecoder(this.#options, this.#header);
    this.#input = await openInput(env, split);
    if (this.#closed) return;
    const dataFrom = this.#header?.end ?? 0;
    const aligned = split.next !== undefined || split.from <= dataFrom;
    const first = aligned ? Math.max(split.next ?? 0, dataFrom) : split.from - 1;
    this.#base = first;
    this.#phase = aligned ? 'reading' : 'aligning';
    if (aligned) this.#begin(this.#header !== undefined && first === dataFrom ? 1 : undefined);
    if (first >= split.to) return;
    this.#ahead = new ReadAhead(this.#input, buffers, { from: first, to: split.to }, progress);
  }

  /** The first line is found. */
  #begin(linesBefore: number | undefined): void {
    this.#first = this.#base + this.#start;
    this.#linesBefore = this.#first === 0 ? 0 : linesBefore;
    this.#phase = this.#first < this.split.to ? 'reading' : 'finished';
  }

  /** Looks for the end of the line that holds the byte before the split. */
  #align(): void {
    const found = this.#bytes.subarray(this.#start, this.#end).indexOf(LINE_FEED);
    this.#start = found === -1 ? this.#end : this.#start + found + 1;
    if (found !== -1) this.#begin(undefined);
    else if (this.#base + this.#end >= this.split.to) this.#phase = 'finished';
    else this.#fresh = false;
  }

  /** Brings the next block into the window. @returns false if it is not there. */
  #advance(): boolean {
    const ahead = this.#ahead!;
    const block = ahead.take();
    if (block === 'pending') return false;
    if (block === 'end') {
      this.#atEnd(ahead.end);
      return true;
    }
    const { length } = block;
    const rest = this.#end - this.#start;
    assert(block.position === this.#base + this.#end, 'S2: a block follows the one before');
    if (rest <= HEADROOM_BYTES) this.#takeOver(block.buffer, rest, length);
    else this.#append(block.buffer, rest, length);
    this.#fresh ||=
      this.#bytes.subarray(this.#end - length, this.#end).indexOf(LINE_FEED) !== -1 ||
      this.#phase === 'aligning';
    if (this.#limit === undefined) this.#findLimit(length);
    return true;
  }

  /** The block becomes the window, with the rest of a line copied before it. */
  #takeOver(buffer: Uint8Array, rest: number, length: number): void {
    const start = HEADROOM_BYTES - rest;
    if (rest > 0) buffer.set(this.#bytes.subarray(this.#start, this.#end), start);
    const position = this.#base + this.#start;
    this.#release();
    this.#bytes = buffer;
    this.#start = start;
    this.#end = HEADROOM_BYTES + length;
    this.#base = position - start;
  }

  /** A long line: the window grows, by doubling. */
  #append(buffer: Uint8Array, rest: number, length: number): void {
    if (rest + length > LINE_BYTES_MAX) {
      throw new EngineError('CONNECTOR_LINE_TOO_LONG', {
        place: `${this.split.name}, byte ${this.#base + this.#start}`,
        limit: LINE_BYTES_MAX,
      });
    }
    const block = buffer.subarray(HEADROOM_BYTES, HEADROOM_BYTES + length);
    if (this.#end + length > this.#bytes.length) {
      const longer = new Uint8Array((rest + length) * 2);
      longer.set(this.#bytes.subarray(this.#start, this.#end));
      this.#release();
      this.#base += this.#start;
      this.#bytes = longer;
      this.#start = 0;
      this.#end = rest;
    }
    this.#bytes.set(block, this.#end);
    this.#end += length;
    this.#options.buffers.giveBack(buffer);
  }

  #release(): void {
    const { buffers } = this.#options;
    if (this.#bytes.length === HEADROOM_BYTES + buffers.blockBytes) buffers.giveBack(this.#bytes);
  }

  /** The line that holds the last byte of the split is its last one; where it ends is the limit. */
  #findLimit(length: number): void {
    const { to } = this.split;
    if (this.#base + this.#end < to) return;
    const from = Math.max(to - 1 - this.#base, this.#end - length, this.#start);
    const found = this.#bytes.subarray(from, this.#end).indexOf(LINE_FEED);
    if (found === -1) return;
    this.#limit = this.#base + from + found + 1;
    this.#fresh = true;
  }

  #atEnd(end: number): void {
    const { name, to } = this.split;
    if (to !== WITHOUT_END && end < to) {
      throw new EngineError('CONNECTOR_FILE_CHANGED', { path: name, end, expected: to });
    }
    if (this.#phase === 'aligning') {
      this.#phase = 'finished';
      return;
    }
    this.#limit = end;
    this.#fresh = true;
  }

  // ------------------------------------------------------------------------------------ the lines

  /** @returns true if the handler stopped it. */
  #decode(handler: StoppingHandler<T>): boolean {
    if (this.#base + this.#start === 0) this.#start += byteOrderMark(this.#bytes, this.#start);
    const last = this.#limit !== undefined;
    const end = last ? this.#limit! - this.#base : this.#end;
    if (this.#start < end) {
      const consumed = this.#decoder!.decode(this.#bytes, this.#start, end, last, handler);
      assert(consumed >= this.#start && consumed <= end, 'S1: the decoder stays in its range');
      this.#start = consumed;
      if (handler.stopped) return true;
    }
    if (last) {
      assert(this.#start === end, 'S1: the decoder takes every line');
      this.#phase = 'finished';
    }
    this.#fresh = false;
    return false;
  }
}

/** A header that cannot be used is the first line of a file. */
function createDecoder<T>(
  { format, split, origins }: SplitReadingOptions<T>,
  header: FileHeader | undefined,
): LineDecoder<T> {
  try {
    return format.createDecoder(header?.line, origins);
  } catch (error) {
    throw isEngineError(error) ? error.within({ record: `${split.name}:1` }) : error;
  }
}
