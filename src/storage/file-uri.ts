/**
 * URIs of files. They come from configurations, command lines and checkpoints; what is read out of
 * a checkpoint never leads out of its folder.
 */
import { EngineError } from '../base/errors.ts';

/** At least two letters: one alone is a drive of Windows. */
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]+):/;
/** Begins what is beside the file that names it. */
const RELATIVE = './';

/** `file` where the URI names none. */
export function schemeOf(uri: string): string {
  return SCHEME.exec(uri)?.[1]?.toLowerCase() ?? 'file';
}

/** @example joinUri('s3://bucket/checkpoints', 'chk-1') // s3://bucket/checkpoints/chk-1 */
export function joinUri(folder: string, name: string): string {
  return folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
}

/** What is behind the last `/`. */
export function nameOfUri(uri: string): string {
  return uri.slice(uri.lastIndexOf('/') + 1);
}

/** The folder of a resolved URI. */
export function folderOfUri(uri: string): string {
  return uri.slice(0, uri.lastIndexOf('/'));
}

/** `uri` as seen from `folder`, both resolved; what is not in it stays as it is. */
export function relativeUri(folder: string, uri: string): string {
  return uri.startsWith(`${folder}/`) ? RELATIVE + uri.slice(folder.length + 1) : uri;
}

/**
 * The opposite of `relativeUri`. @throws EngineError API_INVALID_ARGUMENT for one that leads out of
 * the folder, or is neither relative nor has a scheme
 */
export function absoluteUri(folder: string, uri: string): string {
  if (!uri.startsWith(RELATIVE)) {
    if (SCHEME.test(uri) && !uri.split('/').includes('..')) return uri;
    return refuse(uri);
  }
  const names = uri.slice(RELATIVE.length).split('/');
  const isPlain = names.every((name) => name !== '' && name !== '.' && name !== '..');
  return isPlain && !uri.includes('\0') ? joinUri(folder, names.join('/')) : refuse(uri);
}

function refuse(uri: string): never {
  const reason = `${JSON.stringify(uri)} does not name a file`;
  throw new EngineError('API_INVALID_ARGUMENT', { call: 'A checkpoint', reason });
}
