/** Whether checkpoints stay where they are when their job has ended. */
import type { EngineError, ErrorCode } from '../base/errors.ts';
import { toEngineError } from '../base/errors.ts';
import type { CheckpointRetention } from '../config/options/checkpointing-options.ts';
import type { TerminalJobStatus } from '../protocol/job-status.ts';
import type { CheckpointsAtEnd } from '../protocol/stored-checkpoints.ts';

/** The job could not go on from what it had: somebody has to look at it. */
const NOT_RESTORED: readonly ErrorCode[] = [
  'CHECKPOINT_FILE_INVALID',
  'CONNECTOR_OUTPUT_LOST',
  'CONNECTOR_OUTPUT_UNCLAIMED',
  'FILE_OUTPUT_LOST',
  'RESTORE_CHECKPOINT_UNUSABLE',
  'RESTORE_CLAIM_RUNNING',
  'RESTORE_COMMITTABLES_CHANGED',
  'RESTORE_IN_FLIGHT_CHANGED',
  'RESTORE_IN_FLIGHT_KEYS',
  'RESTORE_IN_FLIGHT_KEY_GROUPS',
  'RESTORE_IN_FLIGHT_LOST',
  'RESTORE_OTHER_KEY_GROUPS',
  'RESTORE_STATE_UNCLAIMED',
  'RESTORE_TOO_FEW_KEY_GROUPS',
  'STATE_INCOMPATIBLE',
  'STATE_KEY_FAMILY',
  'STATE_MIGRATION_FAILED',
  'STATE_NOT_EVOLVABLE',
  'STATE_SNAPSHOT_CORRUPT',
  'STATE_SNAPSHOT_MISMATCH',
];

export interface EndOfJob {
  readonly failure: EngineError | undefined;
  /** It came no further than to what somebody gave it to go on from, which may be the only one. */
  readonly isStuck: boolean;
}

/** @see StoredCheckpoints.onCancel */
export function onCancelOf(retention: CheckpointRetention): CheckpointsAtEnd {
  return retention === 'RETAIN_ON_CANCELLATION' ? 'retained' : 'removed';
}

export function checkpointsStay(
  retention: CheckpointRetention,
  status: TerminalJobStatus,
  { failure, isStuck }: EndOfJob,
): boolean {
  if (status === 'CANCELED') return onCancelOf(retention) === 'retained';
  if (status !== 'FAILED') return false;
  return retention !== 'NO_EXTERNALIZED_CHECKPOINTS' || isStuck || wasNotRestored(failure);
}

function wasNotRestored(failure: EngineError | undefined): boolean {
  for (let at: unknown = failure; at !== undefined; at = toEngineError(at).cause) {
    if (NOT_RESTORED.includes(toEngineError(at).code)) return true;
  }
  return false;
}
