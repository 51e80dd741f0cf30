/** What a snapshot holds of a source's reader: its splits, and how far event time was in each. */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import type { Schema } from '../types/schema.ts';
import { t } from '../types/t.ts';
import type { SourceTimeSnapshot } from './source-time.ts';

export interface SourceSnapshot {
  /** Each encoded with the source's split schema. */
  readonly splits: readonly Uint8Array[];
  readonly time: SourceTimeSnapshot;
}

const Time = { watermark: t.float64, idle: t.boolean };

const SnapshotSchema = t.struct({
  splits: t.array(t.bytes),
  time: t.struct({
    ...Time,
    splits: t.array(t.struct({ ...Time, id: t.string })),
    own: t.optional(t.struct(Time)),
  }),
}) as unknown as Schema<SourceSnapshot>;

export function encodeSourceSnapshot(snapshot: SourceSnapshot): Uint8Array {
  const out = new ByteWriter();
  SnapshotSchema.codec.encode(snapshot, out);
  return out.copy();
}

/** @throws EngineError DATA_CORRUPT */
export function decodeSourceSnapshot(bytes: Uint8Array): SourceSnapshot {
  return SnapshotSchema.codec.decode(new ByteReader(bytes));
}
