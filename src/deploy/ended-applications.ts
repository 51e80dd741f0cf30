/**
 * What is left of clusters of one application that have ended: the logs of those that did not end
 * well, for whoever wants to know why.
 *
 * Invariants
 * E1. Of an application that has ended no secret, no bundle and no job is kept, however it ended.
 * E2. The logs of the last `KEPT` are kept, none of them for longer than `KEPT_FOR`: what is more
 *     goes when the next cluster or application is started.
 */
import { hours, minutes } from '../base/units.ts';
import type { Env } from '../env/env.ts';
import { APPLICATION_PREFIX, ClusterDirectory } from './cluster-directory.ts';
import { clusterState } from './cluster-state.ts';

const KEPT = 20;
const KEPT_FOR = hours(7 * 24);
/** A folder that is younger may be that of a cluster that is about to start. */
const OLD = minutes(5);

export interface EndedApplication {
  readonly directory: ClusterDirectory;
  /** Epoch milliseconds. */
  readonly ended: number;
}

type ApplicationEnv = Parameters<typeof ClusterDirectory.all>[0] &
  Pick<Env, 'clock' | 'disk' | 'processes'>;

/** The youngest first. */
export async function endedApplications(env: ApplicationEnv): Promise<readonly EndedApplication[]> {
  const ended: EndedApplication[] = [];
  for (const directory of await ClusterDirectory.all(env)) {
    if (!directory.clusterId.startsWith(APPLICATION_PREFIX)) continue;
    const state = await clusterState(env, directory);
    if (state !== undefined && state.alive.length > 0) continue;
    const stat = await env.disk.stat(directory.path);
    // Somebody else removes them at the same time.
    if (stat !== undefined) ended.push({ directory, ended: stat.modified });
  }
  return ended.toSorted((left, right) => right.ended - left.ended);
}

/** E1, E2. */
export async function removeOldApplications(env: ApplicationEnv): Promise<void> {
  const all = await endedApplications(env);
  for (const [at, { directory, ended }] of all.entries()) {
    const age = env.clock.now() - ended;
    if (age < OLD) continue;
    if (at >= KEPT || age > KEPT_FOR) await env.disk.remove(directory.path);
    else await directory.removeAllButLogs();
  }
}
