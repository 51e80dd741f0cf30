/**
 * Keeps the processes of a cluster on this machine running: starts them, tells what runs, starts
 * again what has ended, and ends them all. It holds no state of the cluster, and a process that
 * loses its supervisor ends by itself.
 *
 * Invariants
 * U1. TaskManagers are started once the address of the JobManager is known; a JobManager that is
 *     started again listens where the one before did.
 * U2. `stopped` resolves when no process is left, whatever they do: those that do not end by
 *     SIGTERM are killed.
 */
import { EngineError, toEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Env, ProcessHandle, ProcessOptions, ProcessRole } from '../env/env.ts';
import { decodeProcessMessage } from './process-messages.ts';
import type { ProcessFacts } from './process-messages.ts';
import { FIRST_CHILD, stepChild } from './supervised-child.ts';
import type { ChildEvent, ChildState } from './supervised-child.ts';

/** Longer than a process takes at most that ends in order. */
const KILL_AFTER = seconds(15);

export interface ChildSpec {
  readonly role: Exclude<ProcessRole, 'supervisor'>;
  /** Unique on this machine. */
  readonly name: string;
  /** Its arguments, given what is known when it is started. */
  readonly args: (known: ProcessFacts) => readonly string[];
  /** Called before every start; where it writes. Undefined: where this process does. */
  readonly output?: (() => Promise<NonNullable<ProcessOptions['output']>>) | undefined;
}

export interface SupervisorOptions {
  readonly env: Pick<Env, 'clock' | 'processes' | 'log'>;
  readonly children: readonly ChildSpec[];
  /** Of a JobManager elsewhere. */
  readonly known?: ProcessFacts | undefined;
  /** Something has started, got ready or ended. */
  readonly onChange: () => void;
  /** A process wants all of them to end. */
  readonly onShutDown?: (() => void) | undefined;
  /** A process that had never been ready has ended; everything else is being stopped. */
  readonly onGaveUp: (error: EngineError) => void;
}

/** A process that lives. */
export interface SupervisedProcess {
  readonly role: ChildSpec['role'];
  readonly name: string;
  readonly pid: number;
  readonly since: number;
  readonly restarts: number;
  /** What it has said of itself; undefined until it is ready. */
  readonly facts: ProcessFacts | undefined;
}

interface Child {
  readonly spec: ChildSpec;
  state: ChildState;
  starts: number;
  /** It is being started: `life` follows. */
  spawning: boolean;
  life: Life | undefined;
  timer: Disposable | undefined;
}

interface Life {
  readonly handle: ProcessHandle;
  readonly since: number;
  facts: ProcessFacts | undefined;
  failure: EngineError | undefined;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #children: readonly Child[];
  readonly #stopped: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Of the JobManager, from its first life on. */
  #known: ProcessFacts | undefined;
  #stopping = false;
  #gaveUp = false;
  #lastError: EngineError | undefined;
  #killer: Disposable | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#known = options.known;
    this.#children = options.children.map((spec) => ({
      spec,
      state: FIRST_CHILD,
      starts: 0,
      spawning: false,
      life: undefined,
      timer: undefined,
    }));
  }

  /** Resolves when no process is left after `stop`, or after giving up. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** What is known of the JobManager. */
  get known(): ProcessFacts | undefined {
    return this.#known;
  }

  /** Whether every process is there and has been ready. */
  get complete(): boolean {
    return this.#children.every(({ state }) => state.kind === 'running');
  }

  get processes(): readonly SupervisedProcess[] {
    return this.#children.flatMap(({ spec: { role, name }, life, starts }) => {
      if (life === undefined) return [];
      const { handle, since, facts } = life;
      return [{ role, name, pid: handle.pid, since, restarts: starts - 1, facts }];
    });
  }

  start(): void {
    for (const child of this.#children) if (this.#canStart(child)) this.#start(child);
  }

  /** U2. Idempotent. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#killer = this.#options.env.clock.after(KILL_AFTER, () => {
      for (const { life, spec } of this.#children) {
        if (life === undefined) continue;
        this.#options.env.log.write('warn', 'a process does not end and is killed', {
          ...{ name: spec.name, pid: life.handle.pid },
        });
        life.handle.kill('SIGKILL');
      }
    });
    for (const child of this.#children) this.#step(child, 'stop');
    this.#checkStopped();
  }

  /** U1. */
  #canStart({ spec }: Child): boolean {
    return spec.role === 'jobmanager' || this.#known !== undefined;
  }

  #step(child: Child, event: ChildEvent): void {
    const { clock } = this.#options.env;
    const [state, effects] = stepChild(child.state, event, clock.monotonic());
    child.state = state;
    for (const effect of effects) {
      switch (effect.kind) {
        case 'start':
          this.#start(child);
          break;
        case 'pause':
          child.timer = clock.after(effect.pause, () => this.#step(child, 'pause-over'));
          break;
        case 'terminate':
          // One that has not been started yet counts as ended.
          if (child.life !== undefined) child.life.handle.kill('SIGTERM');
          else if (!child.spawning) this.#step(child, 'exited');
          break;
        case 'give-up':
          this.#giveUp(child);
      }
    }
    if (state.kind === 'ended') child.timer?.[Symbol.dispose]();
  }

  #start(child: Child): void {
    child.starts += 1;
    child.spawning = true;
    this.#spawn(child).catch((thrown: unknown) => {
      child.spawning = false;
      const error = toEngineError(thrown);
      const fields = { name: child.spec.name };
      this.#options.env.log.write('error', `a process was not started: ${error.message}`, fields);
      this.#exited(child, error);
    });
  }

  async #spawn(child: Child): Promise<void> {
    const { env } = this.#options;
    const { role, name, args, output } = child.spec;
    const all = args(this.#known ?? {});
    const handle = await env.processes.spawn(role, all, { output: await output?.() });
    const life: Life = { handle, since: env.clock.now(), facts: undefined, failure: undefined };
    child.life = life;
    child.spawning = false;
    env.log.write('info', 'started a process', { name, pid: handle.pid });
    handle.onMessage((text) => this.#told(child, life, text));
    handle.exited.then(
      ({ code, signal }) => {
        const reason = signal === undefined ? `exit code ${code}` : `by ${signal}`;
        env.log.write('info', 'a process has ended', { name, pid: handle.pid, reason });
        const error = new EngineError('PROCESS_ENDED', { name, reason });
        child.life = undefined;
        this.#exited(child, life.failure ?? error);
      },
      () => undefined,
    );
    // Stopped while it was being started.
    if (this.#stopping) handle.kill('SIGTERM');
    this.#options.onChange();
  }

  #told(child: Child, life: Life, text: string): void {
    const message = decodeProcessMessage(text);
    if (message.kind === 'failed') {
      life.failure = EngineError.fromData(message.error);
      return;
    }
    if (message.kind === 'shut-down') {
      this.#options.onShutDown?.();
      return;
    }
    life.facts = message.facts;
    this.#step(child, 'ready');
    if (child.spec.role === 'jobmanager') {
      const first = this.#known === undefined;
      this.#known = message.facts;
      if (first && !this.#stopping) {
        for (const other of this.#children)
          if (other.spec.role !== 'jobmanager') this.#start(other);
      }
    }
    this.#options.onChange();
  }

  #exited(child: Child, error: EngineError): void {
    this.#lastError = error;
    this.#step(child, 'exited');
    this.#options.onChange();
    this.#checkStopped();
  }

  #giveUp(child: Child): void {
    if (this.#stopping || this.#gaveUp) return;
    this.#gaveUp = true;
    const { name } = child.spec;
    const error = this.#lastError ?? new EngineError('PROCESS_ENDED', { name, reason: 'unknown' });
    this.#options.onGaveUp(error);
    this.stop();
  }

  #checkStopped(): void {
    if (!this.#stopping || this.#children.some(({ state }) => state.kind !== 'ended')) return;
    this.#killer?.[Symbol.dispose]();
    this.#stopped.resolve();
  }
}
