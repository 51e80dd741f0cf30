/**
 * Slot workers started ahead of need: starting a thread and loading the engine into it takes longer
 * than anything else between a job's submission and its first record. A spare that dies is simply
 * not used. There are no new ones after the first: restarts are rare, and threads cost memory.
 *
 * W1. A worker is handed out once.
 */
import type { WorkerHandle, Workers } from '../env/env.ts';

export class SpareWorkers {
  readonly #workers: Workers;
  readonly #heapLimitMegabytes: number | undefined;
  readonly #spares = new Set<WorkerHandle>();

  constructor(workers: Workers, heapLimitMegabytes: number | undefined, count: number) {
    this.#workers = workers;
    this.#heapLimitMegabytes = heapLimitMegabytes;
    for (let i = 0; i < count; i++) this.#keep(this.#spawn(`slot spare ${i}`));
  }

  /**
   * A worker that has had no message yet. `heapLimitMegabytes`: if it is not to be the usual one,
   * which spares have.
   */
  take(name: string, heapLimitMegabytes?: number): WorkerHandle {
    if (heapLimitMegabytes !== undefined) return this.#spawn(name, heapLimitMegabytes);
    for (const spare of this.#spares) {
      this.#spares.delete(spare);
      return spare;
    }
    return this.#spawn(name);
  }

  /** Ends the spares; resolves when they are gone. */
  async close(): Promise<void> {
    const spares = [...this.#spares];
    this.#spares.clear();
    for (const spare of spares) spare.terminate();
    await Promise.all(spares.map(({ exited }) => exited));
  }

  #keep(worker: WorkerHandle): void {
    this.#spares.add(worker);
    const forget = (): void => void this.#spares.delete(worker);
    worker.exited.then(forget, forget);
  }

  #spawn(name: string, heapLimitMegabytes = this.#heapLimitMegabytes): WorkerHandle {
    return this.#workers.spawn('slot', {
      name,
      heapLimitMegabytes,
      data: new Uint8Array(0),
    });
  }
}
