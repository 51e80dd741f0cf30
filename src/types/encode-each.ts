/** `encodeRecords` for codecs that know only how to encode a value. */
import type { ByteWriter } from '../base/byte-writer.ts';
import type { Codec, RecordColumns, RecordRange } from './schema.ts';

export function encodeEach(
  encode: Codec<unknown>['encode'],
  { values, timestamps, keyGroups }: RecordColumns,
  { from, end, limit }: RecordRange,
  out: ByteWriter,
): number {
  const start = out.offset;
  try {
    for (let i = from; i < end; i += 1) {
      const before = out.offset;
      if (timestamps !== undefined) out.float64(timestamps[i]!);
      if (keyGroups !== undefined) out.uint16(keyGroups[i]!);
      encode(values[i], out);
      const after = out.offset;
      if (after + after - before > limit) return i + 1;
    }
  } catch (thrown) {
    out.truncate(start);
    throw thrown;
  }
  return end;
}
