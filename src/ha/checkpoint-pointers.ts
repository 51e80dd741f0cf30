/**
 * Which checkpoints of a job are complete, in a file of the folder that outlives a JobManager.
 *
 * P1. What a later master has written is not overwritten by an earlier one.
 * P2. A write of which it is not known whether it succeeded is looked at again before anything
 *     follows from it; it has succeeded only if it is durable.
 */
import { EngineError } from '../base/errors.ts';
import { messageOf } from '../base/errors.ts';
import {
  decodeStoredCheckpoints,
  encodeStoredCheckpoints,
} from '../protocol/stored-checkpoints.ts';
import type { CheckpointPointers, StoredCheckpoints } from '../protocol/stored-checkpoints.ts';
import type { StoredFiles } from './stored-files.ts';

/** Writes of the same content, until one of them is known to be durable. */
const ATTEMPTS = 3;

export function fileCheckpointPointers(files: StoredFiles, jobId: string): CheckpointPointers {
  const read = async (): Promise<StoredCheckpoints | undefined> => {
    const bytes = await files.get(jobId);
    if (bytes === undefined) return undefined;
    try {
      return decodeStoredCheckpoints(bytes);
    } catch (cause) {
      const { code, parameters } = files.invalid(jobId, `it cannot be read: ${messageOf(cause)}`);
      throw new EngineError(code, parameters, { cause });
    }
  };
  /** P1. */
  const requireOwn = async ({ masters }: StoredCheckpoints): Promise<void> => {
    const current = await read();
    if (current === undefined || current.masters <= masters) return;
    throw new EngineError('HA_SUPERSEDED', { jobId });
  };
  return {
    read,
    async write(stored) {
      const bytes = encodeStoredCheckpoints(stored);
      for (let attempt = 1; ; attempt += 1) {
        await requireOwn(stored);
        try {
          return await files.put(jobId, bytes);
        } catch (thrown) {
          // P2: it is written again, which changes nothing if it is there.
          if (attempt === ATTEMPTS) throw thrown;
        }
      }
    },
  };
}

/** For a cluster whose jobs end with its JobManager. */
export function memoryCheckpointPointers(): CheckpointPointers {
  let stored: StoredCheckpoints | undefined;
  return {
    read: async () => stored,
    write: async (next) => {
      stored = next;
    },
  };
}
