/**
 * Writes a section of a keyed snapshot in the order of the tables, many entries at a time: of state
 * that has a value for a key, and nothing besides.
 */
import type { ByteWriter } from '../../base/byte-writer.ts';
import { entriesEncoderOf } from '../../types/encode-entries.ts';
import type { EntriesEncoder } from '../../types/encode-entries.ts';
import { writeKey } from '../../types/key-bytes.ts';
import type { Key } from '../../types/schema.ts';
import type { SnapshotFileWriter } from '../snapshot-file-writer.ts';
import { notSerializable } from '../state-errors.ts';
import { EntryBatch } from './entry-batch.ts';
import type { HeapState } from './heap-state.ts';
import type { SectionWriter } from './section-writer.ts';
import type { TableCursor } from './table-cursor.ts';

/** Bytes after which a step ends. */
const STEP_BYTES = 16 * 1024;
/** Where values are not for the encoder, it is tried again after so many of them at most. */
const PASSED_OVER_MAX = 4096;

/** Whether a state's sections can be written like this, if nothing is to be left out. */
export function isBatchable({ isTimed, changesInPlace, hasPlainKeys }: HeapState): boolean {
  return !isTimed && !changesInPlace && hasPlainKeys;
}

/** The encoders of a state, which are kept between sections. */
export class BatchEncoder {
  readonly #state: HeapState;
  readonly #ofNumbers: EntriesEncoder | undefined;
  readonly #ofTexts: EntriesEncoder | undefined;
  readonly batch: EntryBatch = new EntryBatch();
  /** Entries that are not for the encoder come together. */
  #passOver = 0;
  #passedOverNext = 1;

  constructor(state: HeapState) {
    const { description } = state.schemas.value;
    this.#state = state;
    this.#ofNumbers = entriesEncoderOf('number', description);
    this.#ofTexts =
      state.context.family === 'string' ? entriesEncoderOf('text', description) : undefined;
  }

  /** Writes entries of the batch, at least one, and returns how many. */
  write(out: ByteWriter): number {
    const { batch } = this;
    const before = batch.from;
    const encode = batch.keys === batch.numbers ? this.#ofNumbers : this.#ofTexts;
    if (encode !== undefined && this.#passOver === 0) {
      batch.from = encode(batch, out);
      if (batch.from > before) {
        this.#passedOverNext = 1;
        return batch.from - before;
      }
      this.#passOver = this.#passedOverNext;
      this.#passedOverNext = Math.min(this.#passedOverNext * 2, PASSED_OVER_MAX);
    }
    this.#writeEach(out);
    const count = batch.from - before;
    this.#passOver = Math.max(0, this.#passOver - count);
    return count;
  }

  #writeEach(out: ByteWriter): void {
    const { batch } = this;
    const { codec } = this.#state.schemas.value;
    const { keys, values } = batch;
    const begin = out.offset;
    do {
      const key = keys[batch.from] as Key;
      try {
        writeKey(key, out);
        codec.encode(values[batch.from], out);
      } catch (error) {
        throw notSerializable(this.#state.names, key, error);
      }
      batch.from += 1;
    } while (!batch.isEmpty && out.offset - begin < STEP_BYTES);
  }
}

export class BatchSectionWriter implements SectionWriter {
  readonly #encoder: BatchEncoder;
  readonly #cursors: readonly TableCursor[];
  #current = 0;

  /** `cursors` are those of all tables of a key group. */
  constructor(encoder: BatchEncoder, cursors: readonly TableCursor[]) {
    this.#encoder = encoder;
    this.#cursors = cursors;
  }

  step(file: SnapshotFileWriter): boolean {
    const { batch } = this.#encoder;
    while (batch.isEmpty) {
      if (this.#current === this.#cursors.length) return false;
      const progress = this.#cursors[this.#current]!.nextBatch(batch);
      if (progress === 'pause') return true;
      if (progress === 'end') this.#current += 1;
    }
    file.endEntry(this.#encoder.write(file.entry()));
    return true;
  }
}
