/**
 * Makes a folder and those above it, one by one. Node's own recursive `mkdir` does not serve: it
 * never ends where a file system answers ENOENT for a folder and for the one above it (as /proc
 * does), and it tells EROFS as ENOENT.
 */
import type * as FileSystem from 'node:fs/promises';
import { EngineError } from '../../base/errors.ts';
import { diskError, systemCode } from './system-error.ts';

const OPERATION = 'make the folder';

export type FolderCalls = Pick<typeof FileSystem, 'mkdir' | 'stat'>;

/**
 * Folders that others make meanwhile are as good as its own; `path` is absolute.
 * @throws EngineError IO_EXISTS where something else lies, IO_* as the system says
 */
export async function makeFolders(
  calls: FolderCalls,
  path: string,
  mode: number | undefined,
): Promise<void> {
  const { dirname } = process.getBuiltinModule('node:path');
  const missing: string[] = [];
  let at = path;
  while (!(await isThere(calls, at))) {
    missing.push(at);
    const above = dirname(at);
    if (above === at) break;
    at = above;
  }
  if (missing.length === 0 && !(await isFolder(calls, path))) {
    throw new EngineError('IO_EXISTS', { path });
  }
  for (const folder of missing.reverse()) {
    try {
      await calls.mkdir(folder, { mode });
    } catch (thrown) {
      const code = systemCode(thrown);
      if (code === 'EEXIST' && (await isFolder(calls, folder))) continue;
      if (code !== 'ENOENT') throw diskError(thrown, OPERATION, folder);
      const above = dirname(folder);
      // Somebody has removed it just now.
      if (!(await isThere(calls, above))) throw diskError(thrown, OPERATION, above);
      const reason = `no folder can be made in ${above} (${code})`;
      const parameters = { operation: OPERATION, path: folder, reason };
      throw new EngineError('IO_FAILED', parameters, { cause: thrown });
    }
  }
}

/** Whatever it is. */
async function isThere(calls: FolderCalls, path: string): Promise<boolean> {
  return (await look(calls, path)) !== 'nothing';
}

async function isFolder(calls: FolderCalls, path: string): Promise<boolean> {
  return (await look(calls, path)) === 'folder';
}

async function look(calls: FolderCalls, path: string): Promise<'folder' | 'other' | 'nothing'> {
  try {
    return (await calls.stat(path)).isDirectory() ? 'folder' : 'other';
  } catch (thrown) {
    const code = systemCode(thrown);
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'nothing';
    throw diskError(thrown, OPERATION, path);
  }
}
