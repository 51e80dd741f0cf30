/** How a simulated process starts others on its host; they live on when it ends. */
import { assert } from '../src/base/assert.ts';
import type { ProcessHandle, ProcessRole, Processes } from '../src/env/env.ts';
import type { ProcessMain, SimHost } from './host.ts';
import type { ProcessExit, SimProcess } from './process.ts';
import type { SimThread } from './thread.ts';

export type ProcessMains = Readonly<Partial<Record<ProcessRole, ProcessMain>>>;

export class SimProcesses implements Processes {
  readonly #thread: SimThread;
  readonly #host: SimHost;
  readonly #mains: ProcessMains;

  constructor(thread: SimThread, host: SimHost, mains: ProcessMains) {
    this.#thread = thread;
    this.#host = host;
    this.#mains = mains;
  }

  spawn(role: ProcessRole, args: readonly string[]): Promise<ProcessHandle> {
    this.#thread.enter();
    const main = this.#mains[role];
    assert(main !== undefined, `this simulation has no main function for a ${role}`);
    const process = this.#host.start(role, main, { args });
    const handle = new SimProcessHandle(this.#thread, process);
    return this.#thread.promise((settle) => settle.resolve('settle', process.pid, 0, () => handle));
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
