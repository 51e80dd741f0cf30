/**
 * How a simulated process starts others on its host; they live on when it ends. They have no
 * channel to it: what must know of each other in the simulator is connected by the network.
 */
import { assert } from '../src/base/assert.ts';
import { EngineError } from '../src/base/errors.ts';
import type {
  ProcessHandle,
  ProcessParent,
  ProcessRole,
  Processes,
  ProgramResult,
} from '../src/env/env.ts';
import type { ProcessMain, SimHost } from './host.ts';
import type { ProcessExit, SimProcess } from './process.ts';
import type { SimThread } from './thread.ts';

export type ProcessMains = Readonly<Partial<Record<ProcessRole, ProcessMain>>>;

export class SimProcesses implements Processes {
  readonly #thread: SimThread;
  readonly #host: SimHost;
  readonly #process: SimProcess;
  readonly #mains: ProcessMains;

  constructor(thread: SimThread, process: SimProcess, mains: ProcessMains) {
    this.#thread = thread;
    this.#process = process;
    this.#host = process.host;
    this.#mains = mains;
  }

  readonly self: readonly string[] = ['millrace'];

  get pid(): number {
    return this.#process.pid;
  }

  /** No simulated process has one. */
  get parent(): ProcessParent | undefined {
    return undefined;
  }

  spawn(role: ProcessRole, args: readonly string[]): Promise<ProcessHandle> {
    this.#thread.enter();
    const main = this.#mains[role];
    assert(main !== undefined, `this simulation has no main function for a ${role}`);
    const process = this.#host.start(role, main, { args });
    const handle = new SimProcessHandle(this.#thread, process);
    return this.#thread.promise((settle) => settle.resolve('settle', process.pid, 0, () => handle));
  }

  identify(pid: number): Promise<string | undefined> {
    this.#thread.enter();
    const found = [...this.#host.processes].find((process) => process.pid === pid);
    const identity = found?.alive === true ? String(pid) : undefined;
    return this.#thread.promise((settle) => settle.resolve('settle', pid, 0, () => identity));
  }

  signal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#thread.enter();
    const found = [...this.#host.processes].find((process) => process.pid === pid);
    if (found !== undefined) new SimProcessHandle(this.#thread, found).kill(signal);
  }

  run(program: string): Promise<ProgramResult> {
    const reason = 'a simulated host has no programs';
    return Promise.reject(new EngineError('PROCESS_START_FAILED', { role: program, reason }));
  }
}

class SimProcessHandle implements ProcessHandle {
  readonly pid: number;
  readonly exited: Promise<ProcessExit>;
  readonly #thread: SimThread;
  readonly #process: SimProcess;

  constructor(thread: SimThread, process: SimProcess) {
    this.#thread = thread;
    this.#process = process;
    this.pid = process.pid;
    this.exited = new Promise((resolve) => {
      process.whenExited((exit) => {
        const id = process.main.id;
        thread.scheduler.post(thread, 1, 'exited', id, exit.code ?? -1, () => resolve(exit));
      });
    });
  }

  onMessage(): void {}

  release(): void {}

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (!this.#thread.alive) return;
    this.#thread.enter();
    const process = this.#process;
    this.#thread.scheduler.world(10, 'kill', process.main.id, 0, () => {
      if (signal === 'SIGKILL') process.kill();
      else process.signal(signal);
    });
  }
}
