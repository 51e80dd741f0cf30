/**
 * Slot workers started ahead of need: starting a thread and loading the engine into it takes longer
 * than anything else between a job's submission and its first record. A spare that dies is simply
 * not used. There are no new ones after the first but for a restart, which waits for other things
 * meanwhile: threads cost memory.
 *
 * W1. A worker is handed out once.
 * W2. What was started for a restart that does not come is ended after a while.
 */
import { seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Clock, WorkerHandle, Workers } from '../env/env.ts';

/** W2. */
const EXPECTED_WITHIN: Duration = seconds(20);

export class SpareWorkers {
  readonly #workers: Workers;
  readonly #heapLimitMegabytes: number | undefined;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #spares = new Set<WorkerHandle>();
  /** W2. */
  readonly #timers = new Map<WorkerHandle, Disposable>();

  constructor(
    { workers, clock }: { readonly workers: Workers; readonly clock: Pick<Clock, 'after'> },
    heapLimitMegabytes: number | undefined,
    count: number,
  ) {
    this.#workers = workers;
    this.#clock = clock;
    this.#heapLimitMegabytes = heapLimitMegabytes;
    for (let i = 0; i < count; i++) this.#keep(this.#spawn(`slot spare ${i}`));
  }

  /** At least one from now on, until it is taken. */
  keepOne(): void {
    if (this.#spares.size === 0) this.#keep(this.#spawn('slot spare'));
  }

  /** One more: a slot is stopped that will probably start again. */
  expect(name: string): void {
    const worker = this.#spawn(name);
    this.#keep(worker);
    const timer = this.#clock.after(EXPECTED_WITHIN, () => {
      if (this.#spares.delete(worker)) worker.terminate();
    });
    this.#timers.set(worker, timer);
  }

  /**
   * A worker that has had no message yet. `heapLimitMegabytes`: if it is not to be the usual one,
   * which spares have.
   */
  take(name: string, heapLimitMegabytes?: number): WorkerHandle {
    if (heapLimitMegabytes !== undefined) return this.#spawn(name, heapLimitMegabytes);
    for (const spare of this.#spares) {
      this.#spares.delete(spare);
      this.#forgetTimer(spare);
      return spare;
    }
    return this.#spawn(name);
  }

  /** Ends the spares; resolves when they are gone. */
  async close(): Promise<void> {
    const spares = [...this.#spares];
    this.#spares.clear();
    for (const spare of spares) {
      this.#forgetTimer(spare);
      spare.terminate();
    }
    await Promise.all(spares.map(({ exited }) => exited));
  }

  #keep(worker: WorkerHandle): void {
    this.#spares.add(worker);
    const forget = (): void => {
      this.#spares.delete(worker);
      this.#forgetTimer(worker);
    };
    worker.exited.then(forget, forget);
  }

  #forgetTimer(worker: WorkerHandle): void {
    this.#timers.get(worker)?.[Symbol.dispose]();
    this.#timers.delete(worker);
  }

  #spawn(name: string, heapLimitMegabytes = this.#heapLimitMegabytes): WorkerHandle {
    return this.#workers.spawn('slot', {
      name,
      heapLimitMegabytes,
      data: new Uint8Array(0),
    });
  }
}
