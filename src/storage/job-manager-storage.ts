/**
 * The place of checkpoints that are kept in the memory of the JobManager: states travel in the
 * acknowledgements, and there are no files. What would need one is refused, and says so.
 */
import { EngineError } from '../base/errors.ts';
import type { FileSystem, RecoverableWriter } from './file-system.ts';

const SCHEME = 'jobmanager';

/** @throws EngineError CHECKPOINT_STATE_TOO_LARGE from everything that would make a file */
export function jobManagerStorage(): FileSystem {
  const refuse = async (): Promise<never> => {
    throw new EngineError('CHECKPOINT_STATE_TOO_LARGE', {});
  };
  return {
    scheme: SCHEME,
    resolve: (uri) => uri,
    open: async (uri) => {
      throw new EngineError('IO_NOT_FOUND', { path: uri });
    },
    create: refuse,
    writeIf: refuse,
    stat: async () => undefined,
    list: async () => [],
    makeFolder: async () => undefined,
    remove: async () => undefined,
    removeFiles: async () => undefined,
    removeIncomplete: async () => undefined,
    recoverableWriter: (): RecoverableWriter => ({
      open: refuse,
      commit: () => refuse(),
      recover: () => refuse(),
      discard: async () => undefined,
      release: async () => undefined,
    }),
  };
}
