/**
 * The loop of a slot's thread: all its tasks, cooperatively. The most downstream task that can run
 * goes first, so that little lies between; a slice is at most a millisecond, then the event loop
 * has its turn; when nothing can run the thread sleeps at its doorbell.
 *
 * Invariants
 * L1. At most one slice is scheduled at any time; none while the loop sleeps.
 * L2. Before it sleeps every partly filled batch was handed over; at the end of every slice too, so
 * that no
 *     record waits longer than two slices.
 * L3. Whoever makes work outside of a slice calls `wake`.
 * L4. Nobody starves: sources that can run take turns, and each slice begins with a step of one
 *     task that can run, another one each time.
 */
import type { Clock } from '../../env/env.ts';
import type { Doorbell } from '../../network/doorbell.ts';
import type { Task } from './task.ts';

/** Something that moves bytes between this slot and another: polled in every round. */
export interface PolledLink {
  /** Takes in what has come. @returns whether there was anything. */
  poll(): boolean;
  readonly hasInput: boolean;
  /** Makes what was sent visible to the peer. */
  flush(): void;
}

const SLICE_MILLIS = 1;

export interface SlotLoopOptions {
  readonly clock: Clock;
  readonly doorbell: Doorbell;
}

export class SlotLoop {
  readonly #clock: Clock;
  readonly #doorbell: Doorbell;
  /** Most downstream first. */
  #tasks: readonly Task[] = [];
  #inner: readonly Task[] = [];
  #sources: readonly Task[] = [];
  /** Whose turn it is among `#sources` and among `#tasks`; L4. */
  #sourceTurn = 0;
  #sliceTurn = 0;
  #links: readonly PolledLink[] = [];
  #state: 'idle' | 'scheduled' | 'running' = 'idle';
  #woken = false;
  readonly #run = (): void => this.#slice();

  constructor(options: SlotLoopOptions) {
    this.#clock = options.clock;
    this.#doorbell = options.doorbell;
  }

  /** `tasks` in topological order: producers first. */
  setTasks(tasks: readonly Task[]): void {
    this.#tasks = tasks.toReversed();
    this.#inner = this.#tasks.filter(({ source }) => source === undefined);
    this.#sources = this.#tasks.filter(({ source }) => source !== undefined);
    this.#sourceTurn = 0;
    this.#sliceTurn = 0;
    this.wake();
  }

  setLinks(links: readonly PolledLink[]): void {
    this.#links = links;
    this.wake();
  }

  /** There may be something to do. Cheap; may be called from anywhere in this thread. */
  wake(): void {
    if (this.#state === 'running') {
      this.#woken = true;
      return;
    }
    if (this.#state !== 'idle') return;
    if (this.#doorbell.isAsleep) this.#doorbell.awake();
    this.#state = 'scheduled';
    this.#clock.soon(this.#run);
  }

  #slice(): void {
    this.#state = 'running';
    this.#woken = false;
    const until = this.#clock.monotonic() + SLICE_MILLIS;
    let more: boolean;
    this.#sliceTurn = stepInTurn(this.#tasks, this.#sliceTurn) ?? 0;
    do {
      more = this.#round();
    } while (more && this.#clock.monotonic() < until);
    const flushed = this.#flush();
    if (more || flushed || this.#woken) {
      this.#state = 'scheduled';
      this.#clock.soon(this.#run);
      return;
    }
    this.#state = 'idle';
    const asleep = this.#doorbell.sleep(
      () => this.#hasWork(),
      () => this.wake(),
    );
    if (!asleep) this.wake();
  }

  /**
   * Takes in frames and runs the most downstream runnable task.
   * @returns whether anything was done.
   */
  #round(): boolean {
    let any = false;
    for (const link of this.#links) if (link.poll()) any = true;
    for (const task of this.#inner) {
      if (!task.runnable) continue;
      task.step();
      return true;
    }
    const turn = stepInTurn(this.#sources, this.#sourceTurn);
    if (turn === undefined) return any;
    this.#sourceTurn = turn;
    return true;
  }

  #flush(): boolean {
    let any = false;
    for (const task of this.#tasks) if (task.flush()) any = true;
    for (const link of this.#links) link.flush();
    return any;
  }

  #hasWork(): boolean {
    return this.#links.some((link) => link.hasInput) || this.#tasks.some((task) => task.runnable);
  }
}

/**
 * A step of the first task from `turn` on, round the end, that can run.
 * @returns whose turn is next; undefined if none can run.
 */
function stepInTurn(tasks: readonly Task[], turn: number): number | undefined {
  for (let i = 0; i < tasks.length; i++) {
    const index = (turn + i) % tasks.length;
    const task = tasks[index]!;
    if (!task.runnable) continue;
    task.step();
    return (index + 1) % tasks.length;
  }
  return undefined;
}
