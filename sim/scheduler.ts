/**
 * The virtual clock and the order of everything that happens in a simulation. One event is one turn
 * of one thread; after it all promise jobs are done before the next event is looked at or time
 * moves, as on a real event loop. The only file of the simulator that uses Node's own event loop.
 *
 * Invariants
 * S1. Promise jobs are drained completely between two turns: one real `setImmediate` a turn,
 *     between which Node runs ticks and promise jobs until none is left.
 * S2. Time moves only from event to event and never back.
 * S3. At most one thread is `current`, from the beginning of its turn until its promise jobs are
 *     done; a promise that nobody handles fails that thread.
 * S4. The simulation ends by its condition, or with an error that names seed, time and the last
 *     events.
 */
import { assert } from '../src/base/assert.ts';
import type { Prng } from '../src/base/prng.ts';
import { EventQueue, SimEvent } from './event-queue.ts';
import { ProcessKilled } from './process-killed.ts';
import { SimulationError } from './simulation-error.ts';
import type { SimThread } from './thread.ts';
import type { Trace, TraceKind } from './trace.ts';

/** How many immediates are queued at a time; Node drains promise jobs between any two of them. */
const BATCH = 64;

export interface SchedulerOptions {
  readonly seed: number;
  /** Ties and choices. */
  readonly random: Prng;
  readonly trace: Trace;
  /** Events after which a run fails. */
  readonly stepLimit: number;
  /**
   * For the proof that a partial drain would be found only: calls `step` after the promise jobs of
   * a turn.
   */
  readonly nextTurn?: ((step: () => void) => void) | undefined;
}

/** An error that nobody handled in a simulated thread. */
export interface Failure {
  readonly thread: string;
  readonly micros: number;
  readonly error: unknown;
}

interface Run {
  readonly done: () => boolean;
  readonly untilMicros: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Scheduler {
  /** The thread whose turn it is. */
  current: SimThread | undefined = undefined;
  readonly failures: Failure[] = [];
  readonly trace: Trace;
  readonly #seed: number;
  readonly #random: Prng;
  readonly #queue: EventQueue = new EventQueue();
  readonly #stepLimit: number;
  readonly #nextTurn: (step: () => void) => void;
  readonly #batch: number;
  readonly #step: () => void = () => this.#onTurn();
  #run: Run | undefined = undefined;
  #now = 0;
  #elapsed = 0;
  #order = 0;
  #steps = 0;
  #turns = 0;
  #armed = 0;
  #holds = 0;

  constructor(options: SchedulerOptions) {
    this.trace = options.trace;
    this.#seed = options.seed;
    this.#random = options.random;
    this.#stepLimit = options.stepLimit;
    this.#nextTurn = options.nextTurn ?? setImmediate;
    this.#batch = options.nextTurn === undefined ? BATCH : 1;
  }

  /** Microseconds of virtual time, including what the current turn has taken so far. */
  get time(): number {
    return this.#now + this.#elapsed;
  }

  /** Virtual time of the event that is being run, for the trace. */
  get eventTime(): number {
    return this.#now;
  }

  /** Events run so far, of threads and of the world. */
  get steps(): number {
    return this.#steps;
  }

  /** Turns of threads so far. */
  get turns(): number {
    return this.#turns;
  }

  /** Events still to come. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Lets the current turn take longer. */
  spend(micros: number): void {
    this.#elapsed += micros;
  }

  /** Has the thread run `action` in a turn of its own, `delay` microseconds from now or later. */
  post(
    thread: SimThread,
    delay: number,
    kind: TraceKind,
    a: number,
    b: number,
    action: () => void,
  ): SimEvent {
    return this.#add(thread, delay, kind, a, b, action);
  }

  /**
   * Has the world do something; no code of the engine may run in `action`, as no drain follows it.
   */
  world(delay: number, kind: TraceKind, a: number, b: number, action: () => void): SimEvent {
    return this.#add(undefined, delay, kind, a, b, action);
  }

  cancel(event: SimEvent): void {
    if (!event.pending) return;
    event.pending = false;
    if (event.waiting) (event.thread as SimThread).forget(event);
    else this.#queue.cancel(event);
  }

  /** Stops virtual time until the (real) promise is settled. For loading modules. */
  hold(until: Promise<unknown>): void {
    this.#holds += 1;
    const release = (): void => {
      this.#holds -= 1;
      if (this.#armed === 0 && this.#run !== undefined && this.#holds === 0) this.#arm();
    };
    until.then(release, release);
  }

  /** Reports an error that nobody handled in the current turn. */
  uncaught(thread: SimThread, error: unknown): void {
    if (error instanceof ProcessKilled || !thread.alive) return;
    this.failures.push({ thread: thread.name, micros: this.time, error });
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.trace.record(this.#now, thread, 'failure', thread.id, 0, text);
    const stack = error instanceof Error ? error.stack : undefined;
    thread.end({ kind: 'failed', message: text, stack }, 'exit');
  }

  /**
   * Runs until `done` says so, looking after every turn.
   * @throws SimulationError at the limit of time or steps, or when nothing is left to happen.
   */
  async run(done: () => boolean, untilMicros: number): Promise<void> {
    assert(this.#run === undefined, 'S3: one run at a time');
    const handlers = takeOver((error) => this.#rejected(error));
    try {
      await new Promise<void>((resolve, reject) => {
        this.#run = { done, untilMicros, resolve, reject };
        if (this.#armed === 0) this.#arm();
      });
    } finally {
      handlers.giveBack();
    }
  }

  #add(
    thread: SimThread | undefined,
    delay: number,
    kind: TraceKind,
    a: number,
    b: number,
    action: () => void,
  ): SimEvent {
    assert(delay >= 0 && delay < Infinity, `S2: an event ${delay} us ahead`);
    this.#order += 1;
    const at = Math.ceil(this.time + delay);
    const tie = this.#random.uint32();
    const event = new SimEvent(at, tie, this.#order, thread, kind, a, b, action);
    this.#queue.push(event);
    return event;
  }

  #arm(): void {
    this.#armed = this.#batch;
    for (let index = 0; index < this.#batch; index++) this.#nextTurn(this.#step);
  }

  #onTurn(): void {
    this.#armed -= 1;
    const run = this.#run;
    if (run !== undefined) {
      try {
        this.#endTurn();
        this.#advance(run);
      } catch (error) {
        this.#finish(error);
      }
    }
    if (this.#armed === 0 && this.#run !== undefined && this.#holds === 0) this.#arm();
  }

  /** Runs events of the world, then one turn of a thread. */
  #advance(run: Run): void {
    while (this.#holds === 0) {
      if (run.done()) {
        this.#finish(undefined);
        return;
      }
      const event = this.#queue.pop();
      if (event === undefined) throw this.#stuck('nothing is left that could happen');
      if (event.micros > run.untilMicros) throw this.#stuck('the time is up', event);
      if (this.#steps >= this.#stepLimit) throw this.#stuck(`${this.#steps} events were run`);
      this.#steps += 1;
      this.#now = event.micros;
      if (this.#happen(event)) return;
    }
  }

  /** True if a turn of a thread has begun, after which promise jobs must be drained. */
  #happen(event: SimEvent): boolean {
    const thread = event.thread;
    if (thread === undefined) {
      event.pending = false;
      this.trace.record(this.#now, undefined, event.kind, event.a, event.b);
      event.action();
      return false;
    }
    if (!thread.alive) {
      event.pending = false;
      return false;
    }
    if (event !== thread.wakeUp) {
      if (thread.blocked(this.#now)) {
        thread.wait(event);
        return false;
      }
      this.#turn(thread, event);
      return true;
    }
    event.pending = false;
    thread.wakeUp = undefined;
    const next = thread.take(this.#random);
    if (next === undefined) return false;
    if (next instanceof SimEvent) this.#turn(thread, next);
    else this.#begin(thread, 'soon', 0, 0, next);
    return true;
  }

  #turn(thread: SimThread, event: SimEvent): void {
    event.pending = false;
    this.#begin(thread, event.kind, event.a, event.b, event.action);
  }

  #begin(thread: SimThread, kind: TraceKind, a: number, b: number, action: () => void): void {
    this.#turns += 1;
    this.current = thread;
    this.#elapsed = thread.drawTurnCost();
    this.trace.record(this.#now, thread, kind, a, b);
    thread.beginTurn();
    try {
      action();
    } catch (error) {
      this.uncaught(thread, error);
    }
  }

  #endTurn(): void {
    const thread = this.current;
    if (thread === undefined) return;
    try {
      thread.endTurn();
    } finally {
      this.current = undefined;
      this.#elapsed = 0;
    }
  }

  #finish(error: unknown): void {
    const run = this.#run as Run;
    this.#run = undefined;
    if (error === undefined) run.resolve();
    else run.reject(error);
  }

  /** A promise was rejected, or a tick threw, and nobody handled it. */
  #rejected(error: unknown): void {
    if (this.current !== undefined) this.uncaught(this.current, error);
    else if (this.#run !== undefined) this.#finish(error);
    else throw error;
  }

  #stuck(why: string, next?: SimEvent): SimulationError {
    const ahead =
      next === undefined
        ? ''
        : ` Next would be ${next.kind} of ${next.thread?.name ?? 'the world'}.`;
    return new SimulationError(this.#seed, this.#now, `${why}.${ahead}`, this.trace.tail(30));
  }
}

/**
 * Has unhandled rejections reported here in place of where they were, until they are given back.
 */
function takeOver(report: (error: unknown) => void): { giveBack(): void } {
  const names = ['unhandledRejection', 'uncaughtException'] as const;
  const before = names.map((name) => process.listeners(name as 'uncaughtException'));
  for (const name of names) {
    process.removeAllListeners(name);
    process.on(name, report);
  }
  return {
    giveBack: () => {
      names.forEach((name, index) => {
        process.removeListener(name, report);
        for (const listener of before[index] ?? []) process.on(name, listener);
      });
    },
  };
}
