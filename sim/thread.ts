/**
 * A thread of a simulated process: the unit that runs one turn at a time. It keeps what has to wait
 * while it is busy, gives every turn a cost in virtual time, and ends for good: after that nothing
 * of it runs any more.
 *
 * Invariants
 * H1. An ended thread starts no turn; its callbacks are dropped and its promises never settle.
 * H2. Every call of an environment comes from a turn of the thread that the environment belongs to.
 * H3. A `soon` callback runs after all input that had arrived when it was asked for, and in the
 *     order in which this thread asked.
 * H4. The next event is drawn from the eight that have waited longest.
 */
import { assert } from '../src/base/assert.ts';
import type { ExitReason } from '../src/env/env.ts';
import type { Prng } from '../src/base/prng.ts';
import type { SimEvent } from './event-queue.ts';
import { ProcessKilled } from './process-killed.ts';
import type { Scheduler } from './scheduler.ts';
import type { TraceKind, TraceOwner } from './trace.ts';

/** How many of the oldest waiting events a thread chooses from. */
const CHOICE = 8;

/** How a thread came to its end, for those who hold something of it. */
export type Ending = 'exit' | 'kill' | 'power-loss';

/** Something that a thread holds and that is given back when the thread ends. */
export interface Held {
  /** For messages and for the check that nothing is left, e.g. `connection`. */
  readonly kind: string;
  readonly what: string;
  release(ending: Ending): void;
}

interface Soon {
  readonly callback: () => void;
  /** When it was asked for: input that had arrived before goes first. */
  readonly micros: number;
}

export interface ThreadOptions {
  readonly id: number;
  readonly name: string;
  readonly scheduler: Scheduler;
  /** Costs of turns and clock readings. */
  readonly random: Prng;
  /** Microseconds that a turn costs at most, drawn from one up. */
  readonly turnCostMicros: number;
}

export class SimThread implements TraceOwner {
  readonly id: number;
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly held: Set<Held> = new Set();
  /** Until when the last turn took. */
  busyUntil = 0;
  /** The event at which a thread with something waiting looks at it again. */
  wakeUp: SimEvent | undefined = undefined;
  /** Why it ended; undefined while it lives. */
  ended: ExitReason | undefined = undefined;
  readonly #random: Prng;
  readonly #turnCostMicros: number;
  readonly #whenEnded: ((reason: ExitReason, ending: Ending) => void)[] = [];
  readonly #turnEnd: (() => void)[] = [];
  #waiting: SimEvent[] = [];
  #waitingHead = 0;
  #soon: Soon[] = [];
  #soonHead = 0;
  #paused = false;
  #stepsToKill = 0;
  #kill: (() => void) | undefined = undefined;
  #nearKill: (() => void) | undefined = undefined;

  constructor(options: ThreadOptions) {
    this.id = options.id;
    this.name = options.name;
    this.scheduler = options.scheduler;
    this.#random = options.random;
    this.#turnCostMicros = options.turnCostMicros;
  }

  get alive(): boolean {
    return this.ended === undefined;
  }

  // ------------------------------------------------------------------- called by environments

  /**
   * Begins every call of an environment, and every atomic step on shared memory: a point at which
   * the thread may be killed. @throws ProcessKilled if the thread has ended.
   */
  enter(): void {
    if (this.ended !== undefined) throw new ProcessKilled();
    const current = this.scheduler.current;
    if (current !== this) {
      assert(false, `H2: the environment of ${this.name} is used by ${current?.name ?? 'nobody'}`);
    }
    if (this.#stepsToKill > 0) this.#approachKill();
  }

  /** Queues a callback behind the input that has arrived. */
  soon(callback: () => void): void {
    this.#soon.push({ callback, micros: this.scheduler.time });
  }

  /** Runs an action of the simulator at the end of this turn, when all promise jobs are done. */
  atTurnEnd(action: () => void): void {
    this.#turnEnd.push(action);
  }

  /** A promise that is settled in a turn of this thread, and never if the thread ends before. */
  promise<T>(begin: (settle: Settle<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      begin({
        resolve: (kind, a, b, value) => {
          this.scheduler.post(this, 0, kind, a, b, () => resolve(value()));
        },
        reject: (kind, a, b, error) => {
          this.scheduler.post(this, 0, kind, a, b, () => reject(error));
        },
      });
    });
  }

  // ---------------------------------------------------------------------------- called by the
  // world

  /** Ends the thread and gives back what it holds. Nothing happens if it has ended before. */
  end(reason: ExitReason, ending: Ending): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    this.#waiting = [];
    this.#waitingHead = 0;
    this.#soon = [];
    this.#soonHead = 0;
    if (this.wakeUp !== undefined) this.scheduler.cancel(this.wakeUp);
    this.wakeUp = undefined;
    for (const held of this.held) held.release(ending);
    this.held.clear();
    for (const listener of this.#whenEnded) listener(reason, ending);
  }

  whenEnded(listener: (reason: ExitReason, ending: Ending) => void): void {
    this.#whenEnded.push(listener);
  }

  /**
   * Kills the thread at the `steps`-th call of its environment from now, in the middle of a turn.
   * `kill` must end the thread; `near` is called just after the last step before that one.
   */
  killAtStep(steps: number, kill: () => void, near: () => void): void {
    assert(steps >= 1, 'H1: a kill lies ahead');
    if (this.ended !== undefined) return;
    this.#stepsToKill = steps;
    this.#kill = kill;
    this.#nearKill = near;
    if (steps === 1) near();
  }

  /** True while a kill at a step is still ahead. */
  get doomed(): boolean {
    return this.#stepsToKill > 0 && this.ended === undefined;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#scheduleWakeUp();
  }

  // -------------------------------------------------------------------------- called by the
  // scheduler

  /** True if a turn cannot begin at this time. */
  blocked(micros: number): boolean {
    return this.#paused || micros < this.busyUntil || this.#inputs > 0;
  }

  /** Keeps an event that has come while the thread could not run it. */
  wait(event: SimEvent): void {
    event.waiting = true;
    this.#waiting.push(event);
    this.#scheduleWakeUp();
  }

  /** Drops a waiting event. */
  forget(event: SimEvent): void {
    const index = this.#waiting.indexOf(event, this.#waitingHead);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  /**
   * Takes what comes next out of what waits: an event, or a callback of `soon`; undefined if the
   * thread cannot run.
   */
  take(choices: Prng): SimEvent | (() => void) | undefined {
    if (this.#paused) return undefined;
    const inputs = Math.min(this.#inputs, CHOICE);
    const soon = this.#soon[this.#soonHead];
    const soonReady =
      soon !== undefined &&
      (inputs === 0 || this.#waiting[this.#waitingHead]!.micros >= soon.micros);
    const options = inputs + (soonReady ? 1 : 0);
    if (options === 0) return undefined;
    const index = options === 1 ? 0 : choices.below(options);
    if (index < inputs) return this.#takeInput(index);
    this.#soonHead += 1;
    if (this.#soonHead * 2 > this.#soon.length) {
      this.#soon = this.#soon.slice(this.#soonHead);
      this.#soonHead = 0;
    }
    return (soon as Soon).callback;
  }

  /** What a turn costs before anything is looked at. */
  drawTurnCost(): number {
    return 1 + this.#random.below(this.#turnCostMicros);
  }

  /** Others may have been at work since the last turn: what they wrote is not torn. */
  beginTurn(): void {
    if (this.#stepsToKill === 1) this.#nearKill?.();
  }

  /** Does what was put off to the end of the turn, which was at `micros`. */
  endTurn(): void {
    for (let index = 0; index < this.#turnEnd.length; index++) this.#turnEnd[index]!();
    this.#turnEnd.length = 0;
    this.busyUntil = this.scheduler.time;
    if (this.ended === undefined) this.#scheduleWakeUp();
  }

  get #inputs(): number {
    return this.#waiting.length - this.#waitingHead;
  }

  /** Takes out one of the oldest, and keeps the others in their order. */
  #takeInput(index: number): SimEvent {
    const waiting = this.#waiting;
    const head = this.#waitingHead;
    const event = waiting[head + index] as SimEvent;
    for (let at = head + index; at > head; at--) waiting[at] = waiting[at - 1] as SimEvent;
    this.#waitingHead += 1;
    if (this.#waitingHead * 2 > waiting.length) {
      this.#waiting = waiting.slice(this.#waitingHead);
      this.#waitingHead = 0;
    }
    return event;
  }

  #scheduleWakeUp(): void {
    if (this.wakeUp !== undefined || this.#paused || this.ended !== undefined) return;
    if (this.#inputs === 0 && this.#soonHead === this.#soon.length) return;
    const scheduler = this.scheduler;
    const delay = Math.max(0, this.busyUntil - scheduler.time);
    this.wakeUp = scheduler.post(this, delay, 'soon', 0, 0, nothing);
  }

  #approachKill(): void {
    this.#stepsToKill -= 1;
    if (this.#stepsToKill === 1) {
      this.#nearKill?.();
    } else if (this.#stepsToKill === 0) {
      this.#kill?.();
      assert(this.ended !== undefined, `H1: ${this.name} lives on after its kill`);
      throw new ProcessKilled();
    }
  }
}

/** How a promise of `SimThread.promise` gets its end; kind and numbers are for the trace. */
export interface Settle<T> {
  resolve(kind: TraceKind, a: number, b: number, value: () => T): void;
  reject(kind: TraceKind, a: number, b: number, error: Error): void;
}

function nothing(): void {}
