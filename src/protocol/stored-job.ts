/**
 * What outlives a JobManager: an accepted job, the decision to commit once it was taken, and how a
 * job ended; each as bytes that describe themselves.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { dynamic } from '../types/index.ts';
import type { JobSubmission } from './dispatcher-service.ts';
import type { JobResult } from './job-report.ts';
import type { Accumulator } from './slot-messages.ts';
import type { OperatorCommittables } from './task-deployment.ts';

/**
 * All tasks have ended or are ready to commit, and from now on the job can only be committed: its
 * sources are not read again.
 */
export interface CommitDecision {
  readonly fingerprint: string;
  /** In which it was taken; of the regions of the job the latest. */
  readonly generation: number;
  /**
   * Of each execution, in the order of the plan. Undefined: it had ended, with nothing to commit.
   */
  readonly committables: readonly (readonly OperatorCommittables[] | undefined)[];
  readonly accumulators: readonly (readonly Accumulator[])[];
}

export interface StoredJob {
  readonly submission: JobSubmission;
  readonly decision: CommitDecision | undefined;
  /** How many masters have had it, the present one included. */
  readonly masters: number;
  /** Of the job, once it was built and has run for a while. */
  readonly name?: string | undefined;
}

export function encodeStored(value: StoredJob | JobResult): Uint8Array {
  const out = new ByteWriter();
  dynamic.codec.encode(value, out);
  return out.copy();
}

/** @throws EngineError DATA_CORRUPT */
export function decodeStored<T extends StoredJob | JobResult>(bytes: Uint8Array): T {
  return dynamic.codec.decode(new ByteReader(bytes)) as T;
}
