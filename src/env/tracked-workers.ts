/** Workers of which somebody wants to know which live, e.g. for a dump of threads. */
import type { WorkerHandle, Workers } from './env.ts';

export interface NamedWorker {
  readonly name: string;
  readonly worker: WorkerHandle;
}

export interface TrackedWorkers extends Workers {
  /** In the order in which they were started. */
  readonly live: readonly NamedWorker[];
}

export function trackedWorkers(workers: Workers): TrackedWorkers {
  const live = new Set<NamedWorker>();
  return {
    spawn(role, options) {
      const worker = workers.spawn(role, options);
      const entry = { name: options.name, worker };
      live.add(entry);
      const forget = (): void => void live.delete(entry);
      worker.exited.then(forget, forget);
      return worker;
    },
    get live(): readonly NamedWorker[] {
      return [...live];
    },
  };
}
