/**
 * The bytes of a batch: on a link between slots, in a spill file, as channel state. One layout for
 * all three. Layout: flags (uint8), a zero byte if they say so, count (varint), then for objects
 * per record [timestamp float64] [key group uint16] value; for rows per row kind (uint8) [rowtime
 * float64] [key group uint16] bytes.
 */
import type { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';
import type { Codec } from '../types/schema.ts';
import type { Batch } from './batch.ts';
import { NO_TIMESTAMP, OBJECT_BATCH_CAPACITY, ObjectBatch, RowBatch } from './batch.ts';

export const BatchFlag = { rows: 1, timestamps: 2, keyGroups: 4, padded: 8 } as const;

/** Room for the head of a batch whose records gather before their number is known. */
export const BATCH_HEAD_BYTES = 3;

/**
 * Fills the head of a batch whose records begin at BATCH_HEAD_BYTES of `out`; `count` is below
 * 2^14. The batch begins where the buffer does, whatever the count: into shared memory V8 copies
 * from an aligned place by words, from any other byte by byte, which takes five times as long.
 */
export function patchBatchHead(out: ByteWriter, flags: number, count: number): void {
  const { bytes, start } = out;
  if (count < 0x80) {
    bytes[start] = flags | BatchFlag.padded;
    bytes[start + 1] = 0;
    bytes[start + 2] = count;
  } else {
    bytes[start] = flags;
    bytes[start + 1] = (count & 0x7f) | 0x80;
    bytes[start + 2] = count >>> 7;
  }
}

/** Writes the records of `batch` from its cursor on. */
export function encodeBatch(batch: Batch, codec: Codec<unknown>, out: ByteWriter): void {
  if (batch.kind === 'objects') encodeObjects(batch, codec, out);
  else encodeRows(batch, out);
}

function encodeObjects(batch: ObjectBatch, codec: Codec<unknown>, out: ByteWriter): void {
  const { hasTimestamps, hasKeyGroups } = batch;
  out.uint8((hasTimestamps ? BatchFlag.timestamps : 0) | (hasKeyGroups ? BatchFlag.keyGroups : 0));
  out.varint(batch.size - batch.cursor);
  out.beginFrame();
  const range = { from: batch.cursor, end: batch.size, limit: Number.MAX_SAFE_INTEGER };
  codec.encodeRecords(batch.written(), range, out);
  out.endFrame();
}

function encodeRows(batch: RowBatch, out: ByteWriter): void {
  const { rowtimes, keyGroups } = batch;
  out.uint8(
    BatchFlag.rows | (rowtimes ? BatchFlag.timestamps : 0) | (keyGroups ? BatchFlag.keyGroups : 0),
  );
  out.varint(batch.size - batch.cursor);
  for (let i = batch.cursor; i < batch.size; i += 1) {
    out.uint8(batch.kinds[i]!);
    if (rowtimes) out.float64(rowtimes[i]!);
    if (keyGroups) out.uint16(keyGroups[i]!);
    out.lengthPrefixed(batch.bytes.subarray(batch.offsets[i], batch.offsets[i + 1]));
  }
}

/**
 * Reads one batch into `into` (reset by the caller) if it is an ObjectBatch's, else into a new
 * RowBatch.
 */
export function decodeBatch(input: ByteReader, codec: Codec<unknown>, into: ObjectBatch): Batch {
  const flags = input.uint8();
  if ((flags & BatchFlag.padded) !== 0 && input.uint8() !== 0) input.corrupt('no padding');
  const count = input.varint();
  const timestamps = (flags & BatchFlag.timestamps) !== 0;
  const keyGroups = (flags & BatchFlag.keyGroups) !== 0;
  if ((flags & BatchFlag.rows) !== 0) return decodeRows(input, count, timestamps, keyGroups);
  if (count > OBJECT_BATCH_CAPACITY) {
    throw new EngineError('DATA_CORRUPT', {
      what: 'a batch',
      reason: `it claims ${count} records`,
    });
  }
  const columns = into.columns(timestamps, keyGroups);
  // B3. Whatever is thrown on the way.
  into.size = count;
  input.beginFrame();
  codec.decodeRecords(input, count, columns);
  input.endFrame();
  return into;
}

function decodeRows(
  input: ByteReader,
  count: number,
  rowtimes: boolean,
  keyGroups: boolean,
): RowBatch {
  const batch = new RowBatch();
  for (let i = 0; i < count; i += 1) {
    const kind = input.uint8();
    const rowtime = rowtimes ? input.float64() : NO_TIMESTAMP;
    const keyGroup = keyGroups ? input.uint16() : -1;
    const row = input.lengthPrefixed();
    const start = batch.begin(row.length);
    batch.bytes.set(row, start);
    batch.commit(row.length, kind, rowtime, keyGroup);
  }
  return batch;
}
