/**
 * Worker threads of a simulated process: further threads in the same event loop, which share
 * nothing with their owner but messages and the memory that they were handed.
 *
 * Invariants
 * W1. A worker ends with the thread that started it, at the latest.
 * W2. `exited` is settled once, after the last message of the worker has arrived.
 */
import { assert } from '../src/base/assert.ts';
import type { Prng } from '../src/base/prng.ts';
import type {
  ExitReason,
  ProfileRecording,
  WorkerContext,
  WorkerHandle,
  WorkerMain,
  WorkerOptions,
  WorkerRole,
  Workers,
} from '../src/env/env.ts';
import { handOver } from './memory.ts';
import { SimPort } from './port.ts';
import { simProfiler } from './profiler.ts';
import { ProcessKilled } from './process-killed.ts';
import type { SimProcess } from './process.ts';
import type { Held, SimThread } from './thread.ts';

/** What a simulated worker's heap is said to hold. */
const HEAP_BYTES = 8_000_000;

export interface SimWorkersOptions {
  readonly process: SimProcess;
  readonly thread: SimThread;
  readonly random: Prng;
  readonly mains: Readonly<Partial<Record<WorkerRole, WorkerMain>>>;
  readonly nextPort: () => number;
  /** Microseconds from `spawn` to the worker's first turn. */
  readonly startMicros: () => number;
}

export class SimWorkers implements Workers {
  readonly #options: SimWorkersOptions;

  constructor(options: SimWorkersOptions) {
    this.#options = options;
  }

  spawn(role: WorkerRole, options: WorkerOptions): WorkerHandle {
    const { process, thread: owner, random, mains, nextPort, startMicros } = this.#options;
    owner.enter();
    const main = mains[role];
    assert(main !== undefined, `W1: this simulation has no main function for ${role} workers`);
    const { thread, env } = process.startWorker(options.name);
    const id = nextPort();
    const inner = new SimPort(id, thread, process, random);
    const outer = new SimPort(id, owner, process, random);
    SimPort.join(inner, outer);
    const data = options.data.slice();
    const regions = handOver(options.regions ?? [], thread, process, random);
    const run = (): void => {
      runWorker(thread, main, {
        ...{ env, data, regions, port: inner, exit: () => exit(thread) },
        // Simulated workers have no streams.
        takeOutput: () => undefined,
      });
    };
    const { scheduler } = owner;
    scheduler.post(thread, startMicros(), 'start', thread.id, 0, run);
    const held: Held = {
      kind: 'worker',
      what: thread.name,
      release: (ending) => thread.end({ kind: 'terminated' }, ending),
    };
    owner.held.add(held);
    thread.whenEnded(() => owner.held.delete(held));
    return new SimWorkerHandle(owner, thread, outer);
  }
}

class SimWorkerHandle implements WorkerHandle {
  readonly port: SimPort;
  readonly exited: Promise<ExitReason>;
  readonly #owner: SimThread;
  readonly #thread: SimThread;

  constructor(owner: SimThread, thread: SimThread, port: SimPort) {
    this.#owner = owner;
    this.#thread = thread;
    this.port = port;
    this.exited = new Promise((resolve) => {
      thread.whenEnded((reason) => {
        if (!owner.alive) return;
        const { scheduler } = owner;
        const delay = Math.max(0, port.lastArrival - scheduler.time) + 1;
        // W2: in two steps, so that a message that has arrived and waits is read first.
        scheduler.post(owner, delay, 'exited', thread.id, 0, () =>
          owner.soon(() => resolve(reason)),
        );
      });
    });
  }

  terminate(): void {
    if (!this.#owner.alive) return;
    this.#owner.enter();
    const { scheduler } = this.#owner;
    const thread = this.#thread;
    scheduler.world(20, 'kill', thread.id, 0, () => thread.end({ kind: 'terminated' }, 'kill'));
  }

  /** Simulated workers have no streams. */
  captureOutput(): void {}

  /** Nor stacks that one could see from outside. */
  stack(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  profile(): Promise<ProfileRecording> {
    return simProfiler.startHeap();
  }

  heapUsed(): Promise<number | undefined> {
    this.#owner.enter();
    const { alive, id } = this.#thread;
    const used = alive ? HEAP_BYTES : undefined;
    return this.#owner.promise((settle) => settle.resolve('settle', id, 0, () => used));
  }
}

function runWorker(thread: SimThread, main: WorkerMain, context: WorkerContext): void {
  const result = main(context);
  if (typeof result !== 'object') return;
  result.catch((error: unknown) => thread.scheduler.uncaught(thread, error));
}

function exit(thread: SimThread): never {
  thread.enter();
  thread.end({ kind: 'finished' }, 'exit');
  throw new ProcessKilled();
}
