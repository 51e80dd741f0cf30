/** The end of a stored snapshot, where it says what it holds. */
import type { StateHandle } from '../protocol/checkpoint.ts';
import type { FileInput } from '../storage/file-system.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import { openHandle } from '../storage/stored-checkpoint.ts';

/** What `open` reads of it. @throws EngineError STATE_SNAPSHOT_*, IO_* */
export async function endOf<R>(
  fileSystems: FileSystems,
  handle: StateHandle,
  open: (input: FileInput) => Promise<R>,
): Promise<R> {
  const input = await openHandle(fileSystems, handle);
  try {
    return await open(input);
  } finally {
    await input.close();
  }
}
