/**
 * Records in flight by key lie with the owner of the key group that their key had. A key selector
 * that is another now would have their state looked for in a group where it is not.
 *
 * G1. A record that is restored has the key group that the key selector gives it now, or the task
 *     does not start.
 */
import { EngineError } from '../../../base/errors.ts';
import { keyGroupOf } from '../../../graph/key-groups.ts';
import type { KeySelector } from '../../../graph/operator-spec.ts';
import type { ObjectBatch } from '../../../network/batch.ts';
import { hashKey } from '../../../types/key.ts';

/** How an edge deals records out by key. */
export interface InFlightKeys {
  readonly selector: KeySelector;
  readonly maxParallelism: number;
  /** Names of the tasks, and of the checkpoint, for messages. */
  readonly source: string;
  readonly target: string;
  readonly checkpointId: number;
}

/** G1. @throws EngineError RESTORE_IN_FLIGHT_KEYS */
export function requireSameKeys(batch: ObjectBatch, keys: InFlightKeys): void {
  const { selector, maxParallelism } = keys;
  for (let i = 0; i < batch.size; i += 1) {
    let found: number | undefined;
    let cause: unknown;
    try {
      found = keyGroupOf(hashKey(selector.select(batch.values[i])), maxParallelism);
    } catch (thrown) {
      cause = thrown;
    }
    if (batch.hasKeyGroups && found === batch.keyGroups![i]) continue;
    const { checkpointId, source, target } = keys;
    throw new EngineError('RESTORE_IN_FLIGHT_KEYS', { checkpointId, source, target }, { cause });
  }
}
