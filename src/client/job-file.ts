/**
 * Turns what the user typed for a job file into the URL of a module, or says why it cannot be one.
 */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import { fileUrl } from '../base/file-url.ts';
import type { Disk } from '../env/env.ts';

/** @throws EngineError JOB_FILE_NOT_FOUND, JOB_FILE_IS_FOLDER */
export async function jobFileUrl(disk: Disk, typed: string): Promise<string> {
  const path = disk.resolve(typed);
  const stat = await disk.stat(path);
  if (stat === undefined) {
    const slash = path.lastIndexOf('/');
    const folder = path.slice(0, slash) || '/';
    const names =
      (await disk.stat(folder)) === undefined
        ? []
        : (await disk.list(folder)).map(({ name }) => name);
    throw new EngineError('JOB_FILE_NOT_FOUND', {
      path: typed,
      resolved: path,
      suggestion: didYouMean(path.slice(slash + 1), names),
    });
  }
  if (stat.kind === 'directory') throw new EngineError('JOB_FILE_IS_FOLDER', { path: typed });
  return fileUrl(path);
}
