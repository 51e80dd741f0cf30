/**
 * Batches are what travels between chains. Their payload is opaque to the driver and the network:
 * `ObjectBatch` holds JavaScript values with their timestamp column, `RowBatch` binary rows with
 * offsets, row kinds and an optional rowtime column. A batch never crosses a control element.
 *
 * Invariants
 * B1. 0 <= cursor <= size <= capacity; records before `cursor` have been processed.
 * B2. A batch has one owner: whoever appended the last record hands it over and forgets it.
 * B3. A batch that is emptied has an array of its own again, so that a pooled batch keeps nothing
 *     alive. An array used again would be old, and V8 notes every young value that is stored into
 *     an old array: 8 ns.
 */
import { assert } from '../base/assert.ts';
import type { RecordColumns } from '../types/schema.ts';

/** The event time of a record that has none; below every timestamp and watermark. */
export const NO_TIMESTAMP: number = Number.NEGATIVE_INFINITY;

/**
 * Records per ObjectBatch: large enough to pay for a hand-over, small enough to stay in the cache.
 */
export const OBJECT_BATCH_CAPACITY = 512;

export class ObjectBatch {
  readonly kind = 'objects';
  values: unknown[] = new Array<unknown>(OBJECT_BATCH_CAPACITY);
  /** Made when the first record with a timestamp comes. */
  timestamps: Float64Array | undefined = undefined;
  /** Filled by a hash partitioner: the key group of each record, computed once. */
  keyGroups: Uint16Array | undefined = undefined;
  hasTimestamps = false;
  hasKeyGroups = false;
  size = 0;
  cursor = 0;

  get isFull(): boolean {
    return this.size === OBJECT_BATCH_CAPACITY;
  }

  append(value: unknown, timestamp: number): void {
    const index = this.size;
    assert(index < OBJECT_BATCH_CAPACITY, 'B1: append to a full batch');
    this.values[index] = value;
    if (timestamp !== NO_TIMESTAMP || this.hasTimestamps) this.stamp(index, timestamp);
    this.size = index + 1;
  }

  appendKeyed(value: unknown, timestamp: number, keyGroup: number): void {
    this.keyGroups ??= new Uint16Array(OBJECT_BATCH_CAPACITY);
    this.keyGroups[this.size] = keyGroup;
    this.hasKeyGroups = true;
    this.append(value, timestamp);
  }

  /** Where a decoder puts records; it sets `size`. */
  columns(timestamps: boolean, keyGroups: boolean): RecordColumns {
    assert(this.size === 0, 'B2: decode into a batch in use');
    this.hasTimestamps = timestamps;
    this.hasKeyGroups = keyGroups;
    if (timestamps) this.timestamps ??= new Float64Array(OBJECT_BATCH_CAPACITY);
    if (keyGroups) this.keyGroups ??= new Uint16Array(OBJECT_BATCH_CAPACITY);
    return this.written();
  }

  /** The columns that its records have. */
  written(): RecordColumns {
    return {
      values: this.values,
      timestamps: this.hasTimestamps ? this.timestamps : undefined,
      keyGroups: this.hasKeyGroups ? this.keyGroups : undefined,
    };
  }

  timestampAt(index: number): number {
    return this.hasTimestamps ? this.timestamps![index]! : NO_TIMESTAMP;
  }

  /** Empties it for reuse. */
  reset(): void {
    this.values = new Array<unknown>(OBJECT_BATCH_CAPACITY);
    this.hasTimestamps = false;
    this.hasKeyGroups = false;
    this.size = 0;
    this.cursor = 0;
  }

  private stamp(index: number, timestamp: number): void {
    this.timestamps ??= new Float64Array(OBJECT_BATCH_CAPACITY);
    if (!this.hasTimestamps) {
      this.timestamps.fill(NO_TIMESTAMP, 0, index);
      this.hasTimestamps = true;
    }
    this.timestamps[index] = timestamp;
  }
}

/** Row kinds of SQL: +I, -U, +U, -D. */
export const RowKind = { insert: 0, updateBefore: 1, updateAfter: 2, delete: 3 } as const;

/** Bytes of rows that a RowBatch gathers before it is handed over. */
export const ROW_BATCH_BYTES: number = 32 * 1024;

/**
 * Rows `offsets[i]` to `offsets[i + 1]` of `bytes`. A row is emitted by begin/commit, so that it is
 * encoded in place.
 */
export class RowBatch {
  readonly kind = 'rows';
  bytes: Uint8Array;
  offsets: Uint32Array;
  kinds: Uint8Array;
  rowtimes: Float64Array | undefined = undefined;
  keyGroups: Uint16Array | undefined = undefined;
  size = 0;
  cursor = 0;

  constructor(byteCapacity: number = ROW_BATCH_BYTES, rowCapacity = 256) {
    this.bytes = new Uint8Array(byteCapacity);
    this.offsets = new Uint32Array(rowCapacity + 1);
    this.kinds = new Uint8Array(rowCapacity);
  }

  get isFull(): boolean {
    return this.offsets[this.size]! >= ROW_BATCH_BYTES;
  }

  /**
   * Room for `byteCount` bytes at the returned offset of `bytes`; `commit` or another `begin` must
   * follow.
   */
  begin(byteCount: number): number {
    const start = this.offsets[this.size]!;
    if (start + byteCount > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.bytes.length * 2, start + byteCount));
      grown.set(this.bytes.subarray(0, start));
      this.bytes = grown;
    }
    return start;
  }

  commit(byteCount: number, kind: number, rowtime: number, keyGroup: number): void {
    const index = this.size;
    if (index === this.kinds.length) this.growRows();
    this.offsets[index + 1] = this.offsets[index]! + byteCount;
    this.kinds[index] = kind;
    if (rowtime !== NO_TIMESTAMP || this.rowtimes !== undefined) {
      this.rowtimes ??= new Float64Array(this.kinds.length).fill(NO_TIMESTAMP, 0, index);
      this.rowtimes[index] = rowtime;
    }
    if (keyGroup >= 0) {
      this.keyGroups ??= new Uint16Array(this.kinds.length);
      this.keyGroups[index] = keyGroup;
    }
    this.size = index + 1;
  }

  /** Copies row `index` of `source`. */
  copyRow(source: RowBatch, index: number, keyGroup: number): void {
    const from = source.offsets[index]!;
    const byteCount = source.offsets[index + 1]! - from;
    const start = this.begin(byteCount);
    this.bytes.set(source.bytes.subarray(from, from + byteCount), start);
    const rowtime = source.rowtimes === undefined ? NO_TIMESTAMP : source.rowtimes[index]!;
    this.commit(byteCount, source.kinds[index]!, rowtime, keyGroup);
  }

  reset(): void {
    this.size = 0;
    this.cursor = 0;
    this.rowtimes = undefined;
    this.keyGroups = undefined;
  }

  private growRows(): void {
    const capacity = this.kinds.length * 2;
    this.offsets = grownCopy(this.offsets, new Uint32Array(capacity + 1));
    this.kinds = grownCopy(this.kinds, new Uint8Array(capacity));
    if (this.rowtimes) this.rowtimes = grownCopy(this.rowtimes, new Float64Array(capacity));
    if (this.keyGroups) this.keyGroups = grownCopy(this.keyGroups, new Uint16Array(capacity));
  }
}

export type Batch = ObjectBatch | RowBatch;

function grownCopy<A extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(
  from: A,
  to: A,
): A {
  to.set(from);
  return to;
}
