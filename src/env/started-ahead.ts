/**
 * Workers started before anybody asks for them: a thread and the engine in it take longer to start
 * than all the rest of a short job, and meanwhile the main thread loads what it needs itself.
 *
 * Invariants:
 *   A1. A worker is handed out once, and only to a caller who would have got the same one.
 */
import { assert } from '../base/assert.ts';
import type { WorkerHandle, WorkerRole, Workers } from './env.ts';

/** A worker without data; what it works on comes by messages. */
export interface AheadWorker {
  readonly role: WorkerRole;
  readonly heapLimitMegabytes?: number | undefined;
}

/**
 * Spawns `ahead` at once; the first that asks for such a worker gets it, all others a new one. What
 * nobody asks for lives until the process ends.
 * @example
 * const ready = startedAhead(env.workers, [{ role: 'coordinator' }]);
 * // It runs already.
 * ready.spawn('coordinator', { name: 'coordinator of a', data: new Uint8Array(0) });
 */
export function startedAhead(workers: Workers, ahead: readonly AheadWorker[]): Workers {
  const started: { readonly what: AheadWorker; readonly worker: WorkerHandle }[] = [];
  for (const what of ahead) {
    const { role, heapLimitMegabytes } = what;
    const data = new Uint8Array(0);
    const worker = workers.spawn(role, { name: role, heapLimitMegabytes, data });
    started.push({ what, worker });
  }
  return {
    spawn: (role, options) => {
      const { heapLimitMegabytes, data, regions = [] } = options;
      const found = started.findIndex(
        ({ what }) => what.role === role && what.heapLimitMegabytes === heapLimitMegabytes,
      );
      if (found === -1 || data.length > 0 || regions.length > 0)
        return workers.spawn(role, options);
      const [taken] = started.splice(found, 1);
      assert(taken !== undefined, 'A1: what was found is there');
      return taken.worker;
    },
  };
}
