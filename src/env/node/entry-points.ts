/**
 * Where workers and processes begin. The sources run as `.ts` in the repository and as `.js` once
 * published; a path in `new URL(...)` is not rewritten by the compiler, so its extension is taken
 * from the file that asks.
 */
import type { ProcessRole, WorkerRole } from '../env.ts';

/** The entry file of each role; those of processes are needed only by who starts processes. */
export type EntryPoints = Readonly<
  Record<WorkerRole, URL> & Partial<Record<ProcessRole, URL | undefined>>
>;

/**
 * The URL of an entry file.
 * @param path relative to `from`, without extension
 * @param from `import.meta.url` of the file that asks
 * @example entryPoint('../../bin/slot-worker', import.meta.url)
 */
export function entryPoint(path: string, from: string): URL {
  const extension = /\.[cm]?[jt]s$/.exec(new URL(from).pathname)?.[0] ?? '.js';
  return new URL(path + extension, from);
}
