/**
 * The loop of a slot's thread: all its tasks, cooperatively. The most downstream task that can run
 * goes first, so that little lies between; a slice is at most a millisecond, then the event loop
 * has its turn; when nothing can run the thread sleeps at its doorbell.
 *
 * Invariants
 * L1. At most one slice is scheduled at any time; none while the loop sleeps.
 * L2. At the end of every slice, and so before the loop sleeps, every partly filled batch whose
 *     consumer has taken all before it is handed over; the others when the consumer says that it
 *     has, and no later than their time-out, for which a timer is armed.
 * L3. Whoever makes work outside of a slice calls `wake`.
 * L5. Background work gets its turns after the slices of tasks, and while there are none.
 * L4. Nobody starves: sources that can run take turns, and each slice begins with a step of one
 *     task that can run, another one each time.
 */
import type { Duration } from '../../base/units.ts';
import type { Clock } from '../../env/env.ts';
import type { Doorbell } from '../../network/doorbell.ts';
import { FlushRound } from '../../network/flush-round.ts';
import { BackgroundWork } from './checkpoint/background-work.ts';
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
  #stepping: Task | undefined;
  #woken = false;
  /** L5 */
  readonly background: BackgroundWork;
  readonly #flushRound = new FlushRound();
  #flushTimer: Disposable | undefined;
  /** When `#flushTimer` goes off. */
  #flushAt: number = Number.POSITIVE_INFINITY;
  readonly #step = (task: Task): void => this.#stepOf(task);
  readonly #run = (): void => this.#slice();

  constructor(options: SlotLoopOptions) {
    this.#clock = options.clock;
    this.#doorbell = options.doorbell;
    this.background = new BackgroundWork(options.clock, () => this.wake());
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

  /** The task whose turn it is. */
  get current(): Task | undefined {
    return this.#state === 'running' ? this.#stepping : undefined;
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
    const began = this.#clock.monotonic();
    const until = began + SLICE_MILLIS;
    let more: boolean;
    this.#sliceTurn = stepInTurn(this.#tasks, this.#sliceTurn, this.#step) ?? 0;
    do {
      more = this.#round();
    } while (more && this.#clock.monotonic() < until);
    this.#flush();
    this.background.turn(this.#flushRound.now - began, more);
    if (more || this.#woken || this.background.hasWork) {
      this.#state = 'scheduled';
      this.#clock.soon(this.#run);
      return;
    }
    this.#state = 'idle';
    this.#armFlush();
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
      this.#stepOf(task);
      return true;
    }
    const turn = stepInTurn(this.#sources, this.#sourceTurn, this.#step);
    if (turn === undefined) return any;
    this.#sourceTurn = turn;
    return true;
  }

  #stepOf(task: Task): void {
    this.#stepping = task;
    task.step();
    if (!task.flushesAtOnce) return;
    task.flush(this.#flushRound);
    for (const link of this.#links) link.flush();
  }

  /** L2. */
  #flush(): void {
    const round = this.#flushRound;
    round.begin(this.#clock.monotonic());
    for (const task of this.#tasks) task.flush(round);
    for (const link of this.#links) link.flush();
  }

  /** L2. An earlier time-out than the one armed replaces it; a later one follows from the slice. */
  #armFlush(): void {
    const { now, next } = this.#flushRound;
    if (next >= this.#flushAt) return;
    this.#flushTimer?.[Symbol.dispose]();
    this.#flushAt = next;
    this.#flushTimer = this.#clock.after((next - now) as Duration, () => {
      this.#flushAt = Number.POSITIVE_INFINITY;
      this.wake();
    });
  }

  #hasWork(): boolean {
    return this.#links.some((link) => link.hasInput) || this.#tasks.some((task) => task.runnable);
  }
}

/**
 * A step of the first task from `turn` on, round the end, that can run.
 * @returns whose turn is next; undefined if none can run.
 */
function stepInTurn(
  tasks: readonly Task[],
  turn: number,
  step: (task: Task) => void,
): number | undefined {
  for (let i = 0; i < tasks.length; i++) {
    const index = (turn + i) % tasks.length;
    const task = tasks[index]!;
    if (!task.runnable) continue;
    step(task);
    return (index + 1) % tasks.length;
  }
  return undefined;
}
