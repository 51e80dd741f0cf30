/** From URIs of the scheme `file`, and paths, to absolute paths of the disk, and back. */
import { EngineError } from '../base/errors.ts';
import type { Disk } from '../env/env.ts';

const PREFIX = /^file:/i;

/**
 * @example localPath(disk, 'file:///data/a') // /data/a; so are file:/data/a and /data/a
 * @throws EngineError FILE_SYSTEM_URI
 */
export function localPath(disk: Pick<Disk, 'resolve'>, uri: string): string {
  if (uri === '' || uri.includes('\0')) throw unfit(uri, 'it is no path');
  if (!PREFIX.test(uri)) return disk.resolve(uri);
  const rest = uri.replace(PREFIX, '');
  const path = rest.replace(/^\/\/[^/]*/, '');
  const host = rest.slice(2, rest.length - path.length);
  if (host !== '' && host !== 'localhost') {
    throw unfit(uri, `it names the host ${host}; file:/// and a path is meant, or another scheme`);
  }
  if (!path.startsWith('/')) throw unfit(uri, 'behind file: comes an absolute path');
  return disk.resolve(/^\/[A-Za-z]:(\/|$)/.test(path) ? path.slice(1) : path);
}

/** @example localUri('/data/a') // file:/data/a */
export function localUri(path: string): string {
  return path.startsWith('/') ? `file:${path}` : `file:/${path}`;
}

function unfit(uri: string, reason: string): EngineError {
  return new EngineError('FILE_SYSTEM_URI', { uri, reason });
}
