/**
 * A simulated process: a main thread, workers, memory shared between them, and one end, after which
 * nothing of it runs any more. It can be killed, stopped and continued, as by signals.
 *
 * Invariants
 * R1. The process lives as long as its main thread; when that ends, all its threads end.
 * R2. A stopped process starts no turn; what arrives meanwhile is delivered after it goes on.
 * R3. Shared memory changes no more on behalf of a thread once that thread has ended, not even by
 *     what is left of its last turn.
 */
import type { Prng } from '../src/base/prng.ts';
import type { Env, ExitReason } from '../src/env/env.ts';
import type { ProcessMain, SimHost, StartOptions } from './host.ts';
import type { RegionMemory } from './memory.ts';
import type { Scheduler } from './scheduler.ts';
import { SimThread, type Ending } from './thread.ts';

/** What the world gives to every process. */
export interface ProcessSettings {
  readonly scheduler: Scheduler;
  readonly random: Prng;
  readonly turnCostMicros: number;
  nextPid(): number;
  nextThreadId(): number;
  /** Microseconds from a start to the first turn. */
  startMicros(): number;
  environment(process: SimProcess, thread: SimThread): Env;
}

export interface ProcessExit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
}

export type Signal = 'SIGINT' | 'SIGTERM';

export class SimProcess {
  readonly pid: number;
  readonly host: SimHost;
  readonly name: string;
  readonly options: StartOptions;
  readonly main: SimThread;
  /** The threads that live, the main thread first. */
  readonly threads: Set<SimThread> = new Set();
  readonly regions: Set<RegionMemory> = new Set();
  readonly signalListeners: Set<(signal: Signal) => void> = new Set();
  /** All that was written to each stream. */
  readonly output: { stdout: string; stderr: string } = { stdout: '', stderr: '' };
  readonly #settings: ProcessSettings;
  readonly #whenExited: ((exit: ProcessExit) => void)[] = [];
  #exit: ProcessExit | undefined = undefined;
  #wanted: ProcessExit | undefined = undefined;
  #stopped = false;
  #workers = 0;

  constructor(
    host: SimHost,
    name: string,
    main: ProcessMain,
    options: StartOptions,
    settings: ProcessSettings,
  ) {
    this.pid = settings.nextPid();
    this.host = host;
    this.name = name;
    this.options = options;
    this.#settings = settings;
    this.main = this.#thread(`${host.name}/${name}.${this.pid}`);
    this.main.whenEnded((reason, ending) => this.#mainEnded(reason, ending));
    const env = settings.environment(this, this.main);
    settings.scheduler.post(this.main, settings.startMicros(), 'start', this.main.id, 0, () =>
      this.#runMain(main, env),
    );
  }

  get exit(): ProcessExit | undefined {
    return this.#exit;
  }

  get alive(): boolean {
    return this.#exit === undefined;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  whenExited(listener: (exit: ProcessExit) => void): void {
    this.#whenExited.push(listener);
  }

  /** A thread beside the main thread, with its environment. */
  startWorker(name: string): { readonly thread: SimThread; readonly env: Env } {
    this.#workers += 1;
    const thread = this.#thread(`${this.main.name}/${name}#${this.#workers}`);
    if (this.#stopped) thread.pause();
    return { thread, env: this.#settings.environment(this, thread) };
  }

  /** SIGKILL. */
  kill(): void {
    this.#end({ code: undefined, signal: 'SIGKILL' }, 'kill');
  }

  /** The machine has lost its power. */
  losePower(): void {
    this.#end({ code: undefined, signal: 'SIGKILL' }, 'power-loss');
  }

  /** Ends the process with a code, as by `process.exit`. */
  finish(code: number): void {
    this.#end({ code, signal: undefined }, 'exit');
  }

  /** SIGINT or SIGTERM: for the listeners, or the end if there are none. */
  signal(signal: Signal): void {
    if (!this.alive) return;
    if (this.signalListeners.size === 0) {
      this.#end({ code: undefined, signal }, 'exit');
      return;
    }
    const code = signal === 'SIGINT' ? 2 : 15;
    this.#settings.scheduler.post(this.main, 0, 'signal', code, 0, () => {
      if (this.signalListeners.size === 0) this.#end({ code: undefined, signal }, 'exit');
      for (const listener of this.signalListeners) listener(signal);
    });
  }

  /** SIGSTOP. */
  stop(): void {
    if (this.#stopped || !this.alive) return;
    this.#stopped = true;
    for (const thread of this.threads) thread.pause();
  }

  /** SIGCONT. */
  go(): void {
    if (!this.#stopped || !this.alive) return;
    this.#stopped = false;
    for (const thread of this.threads) thread.resume();
  }

  /**
   * Calls `kill`, which must end the thread, at the thread's `steps`-th call of its environment
   * from now. What it wrote to shared memory since the call before that may be torn.
   */
  killAtStep(thread: SimThread, steps: number, random: Prng, kill: () => void): void {
    const { scheduler } = this.#settings;
    const strike = (): void => {
      scheduler.trace.record(scheduler.eventTime, thread, 'kill', thread.id, steps);
      for (const region of this.regions) region.tear(random);
      kill();
    };
    const near = (): void => {
      for (const region of this.regions) region.mark();
    };
    thread.killAtStep(steps, strike, near);
  }

  #thread(name: string): SimThread {
    const id = this.#settings.nextThreadId();
    const thread = new SimThread({
      id,
      name,
      scheduler: this.#settings.scheduler,
      random: this.#settings.random.fork(`turns of ${id}`),
      turnCostMicros: this.#settings.turnCostMicros,
    });
    this.threads.add(thread);
    thread.whenEnded(() => {
      this.threads.delete(thread);
      this.#keepMemory(thread);
    });
    return thread;
  }

  /** R3: undoes what the rest of an interrupted turn writes into shared memory. */
  #keepMemory(thread: SimThread): void {
    if (this.#settings.scheduler.current !== thread || !this.main.alive) return;
    const kept = [...this.regions].map((region) => region.keep());
    thread.atTurnEnd(() => kept.forEach((restore) => restore()));
  }

  #runMain(main: ProcessMain, env: Env): void {
    const thread = this.main;
    const ended = (code: number | undefined): void => {
      if (code !== undefined && thread.alive) this.finish(code);
    };
    const result = main(env);
    if (typeof result === 'object') {
      result.then(ended, (error: unknown) => this.#settings.scheduler.uncaught(thread, error));
    } else {
      ended(result);
    }
  }

  #end(exit: ProcessExit, ending: Ending): void {
    if (this.#exit !== undefined || this.#wanted !== undefined) return;
    this.#wanted = exit;
    this.main.end({ kind: 'terminated' }, ending);
  }

  #mainEnded(reason: ExitReason, ending: Ending): void {
    for (const thread of [...this.threads]) thread.end({ kind: 'terminated' }, ending);
    const code = reason.kind === 'finished' ? 0 : reason.kind === 'out-of-memory' ? 134 : 1;
    const exit = this.#wanted ?? { code, signal: undefined };
    this.#exit = exit;
    this.regions.clear();
    const scheduler = this.#settings.scheduler;
    scheduler.trace.record(scheduler.eventTime, this.main, 'exit', this.main.id, exit.code ?? -1);
    for (const listener of this.#whenExited) listener(exit);
  }
}
