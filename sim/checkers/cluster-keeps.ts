/**
 * What processes of a cluster keep while no job runs: they are connected, listen, look at the
 * clock, hold the lock of their folder and write the beat of its holder, and workers wait for a
 * slot or for a restart that has not come. No other file, no operation, and no worker of a job.
 */
import type { Held } from '../thread.ts';

const WAITING_WORKER = /\/slot (?:spare\b|\d+ again\b)/;

export function clusterKeeps({ kind, what }: Held): boolean {
  if (kind === 'worker') return WAITING_WORKER.test(what);
  if (kind === 'file') return what.endsWith('/holder.json');
  return kind !== 'operation';
}
