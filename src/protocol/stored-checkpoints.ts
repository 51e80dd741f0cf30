/** What outlives a JobManager of the checkpoints of a job: which are complete, and where. */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { dynamic } from '../types/index.ts';

export interface StoredCheckpoints {
  /** How many masters have had the job when it was written: an earlier one changes it no more. */
  readonly masters: number;
  /** No checkpoint has a higher id: ids above it are free. */
  readonly reservedId: number;
  /** Oldest first. */
  readonly checkpoints: readonly StoredPointer[];
  /** `execution.checkpointing.dir` of the job; undefined: in memory. */
  readonly directory?: string | undefined;
  /** The first id of the job: a folder of an earlier one is of an earlier job with the same id. */
  readonly firstId?: number | undefined;
  /** Locations of savepoints that were begun, and are not known to be complete. */
  readonly begun?: readonly string[] | undefined;
  /** Folders of other jobs that the job has claimed, or is about to. */
  readonly claims?: readonly string[] | undefined;
  /** Checkpoints that it has claimed and has not removed yet. */
  readonly claimed?: readonly ClaimedCheckpoint[] | undefined;
  /** What is to become of them when the job is cancelled: a later master may not know it yet. */
  readonly onCancel?: CheckpointsAtEnd | undefined;
  /** The job has ended, and this is to become of its checkpoints: who comes next sees to it. */
  readonly atEnd?: CheckpointsAtEnd | undefined;
}

export type CheckpointsAtEnd = 'retained' | 'removed';

export interface StoredPointer {
  readonly checkpointId: number;
  /** The folder of its `_metadata`. */
  readonly location: string;
  /** Whether its files go with the job. */
  readonly isOurs: boolean;
}

export interface ClaimedCheckpoint {
  readonly location: string;
  /** Files that go with it, but for those in the folder of its job: that tells them itself. */
  readonly files: readonly string[];
}

/** Where this is kept. */
export interface CheckpointPointers {
  /** Undefined if nothing was written yet. @throws EngineError HA_FILE_INVALID, IO_* */
  read(): Promise<StoredCheckpoints | undefined>;
  /**
   * Durable once it has resolved. @throws EngineError HA_SUPERSEDED if a later master has written,
   * IO_* if it is not known whether it is there
   */
  write(stored: StoredCheckpoints): Promise<void>;
}

export function encodeStoredCheckpoints(stored: StoredCheckpoints): Uint8Array {
  const out = new ByteWriter();
  dynamic.codec.encode(stored, out);
  return out.copy();
}

/** @throws EngineError DATA_CORRUPT */
export function decodeStoredCheckpoints(bytes: Uint8Array): StoredCheckpoints {
  return dynamic.codec.decode(new ByteReader(bytes)) as StoredCheckpoints;
}
