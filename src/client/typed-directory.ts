/** Folders for checkpoints and savepoints, as they are typed. */
import type { Env } from '../env/env.ts';

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]+:/;

/**
 * A relative path is meant from where the user is. The cluster, which may have been started
 * anywhere, is told an absolute one; a URI is left as it is.
 */
export function typedDirectory({ disk }: Pick<Env, 'disk'>, typed: string): string {
  return SCHEME.test(typed) ? typed : disk.resolve(typed);
}
