/**
 * Worker threads. What runs in one is started by its entry file, which calls `workerEntry`
 * (worker-entry.ts). A worker sees the environment variables on a list of names and no others: user
 * code runs there, and the cluster's secret is none of its business.
 */
import type { Worker } from 'node:worker_threads';
import { messageOf } from '../../base/errors.ts';
import type {
  ExitReason,
  Port,
  ProfileKind,
  ProfileRecording,
  TakeOutput,
  WorkerHandle,
  WorkerOptions,
  WorkerRole,
  Workers,
} from '../env.ts';
import { compileCacheVariable } from './compile-cache.ts';
import type { EntryPoints } from './entry-points.ts';
import { fatal } from './fatal.ts';
import { readLines } from './output-lines.ts';
import { NodePort, portMessage, transferList } from './port.ts';
import type { PortMessage } from './port.ts';
import { profileWorker } from './profiler.ts';

/** Variables that a worker sees: what the platform and user code cannot work without. */
export const WORKER_VARIABLES: readonly string[] = [
  'COLORTERM',
  'FORCE_COLOR',
  'HOME',
  'LANG',
  'LC_ALL',
  'NODE_ENV',
  'NODE_EXTRA_CA_CERTS',
  'NO_COLOR',
  'PATH',
  'SystemRoot',
  'TEMP',
  'TERM',
  'TMP',
  'TMPDIR',
  'TZ',
  'USERPROFILE',
];

export interface NodeWorkersOptions {
  readonly entries: EntryPoints;
  /** Names of environment variables that workers see beside `WORKER_VARIABLES`. */
  readonly variables: readonly string[];
  /** Options of the worker's own environment; plain data. */
  readonly environment: unknown;
}

/** What a worker's entry point finds in `workerData`. */
export interface WorkerStart {
  readonly name: string;
  readonly message: PortMessage;
  readonly environment: unknown;
}

export function nodeWorkers(options: NodeWorkersOptions): Workers {
  return {
    spawn: (role, workerOptions) => spawn(options, role, workerOptions),
  };
}

function spawn(options: NodeWorkersOptions, role: WorkerRole, start: WorkerOptions): WorkerHandle {
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  // For `Memory.collectGarbage`, in the threads that begin from now on.
  setFlagsFromString('--expose-gc');
  // V8's unroller takes the check for interrupts out of loops that call nothing but built-ins: such
  // a loop can neither be asked for its heap nor terminated, and V8 itself cannot end it at its
  // limit. Only loops of a few instructions are slower without it.
  setFlagsFromString('--no-turboshaft-loop-unrolling');
  // A copy: the same data may start several workers.
  const message = portMessage(new Uint8Array(start.data), start.regions ?? []);
  const { environment } = options;
  const workerData: WorkerStart = { name: start.name, message, environment };
  const limit = start.heapLimitMegabytes;
  const worker = new Worker(options.entries[role], {
    name: start.name,
    workerData,
    transferList: [...transferList(message)],
    env: allowedVariables(options.variables),
    ...(limit === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: limit } }),
  });
  return new NodeWorkerHandle(worker);
}

function allowedVariables(more: readonly string[]): Record<string, string> {
  const allowed: Record<string, string> = { ...compileCacheVariable() };
  for (const name of [...WORKER_VARIABLES, ...more]) {
    const value = process.env[name];
    if (value !== undefined) allowed[name] = value;
  }
  return allowed;
}

class NodeWorkerHandle implements WorkerHandle {
  readonly port: Port;
  readonly exited: Promise<ExitReason>;
  readonly #worker: Worker;
  #failure: ExitReason | undefined;
  #terminating = false;
  #gone = false;

  constructor(worker: Worker) {
    this.#worker = worker;
    const port = new NodePort({
      postMessage: (message, transfer) => worker.postMessage(message, [...transfer]),
    });
    this.port = port;
    worker.on('message', (message: PortMessage) => port.deliver(message));
    worker.on('messageerror', (thrown) => {
      this.#failure ??= { kind: 'failed', message: messageOf(thrown), stack: thrown.stack };
      worker.terminate().catch(fatal);
    });
    worker.on('error', (thrown: unknown) => {
      this.#failure ??= failureOf(thrown);
    });
    this.exited = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.#gone = true;
        port.flush();
        resolve(this.#reason(code));
      });
    });
  }

  terminate(): void {
    if (this.#gone) return;
    this.#terminating = true;
    this.#worker.terminate().catch(fatal);
  }

  async heapUsed(): Promise<number | undefined> {
    if (this.#gone) return undefined;
    // A request that a dying worker does not get to is never answered.
    const used = this.#worker.getHeapStatistics().then(
      (statistics) => statistics.used_heap_size + statistics.external_memory,
      () => undefined,
    );
    return Promise.race([used, this.exited.then(() => undefined)]);
  }

  async stack(): Promise<readonly string[]> {
    if (this.#gone) return [];
    // Every thread loads this file; few are ever asked.
    const { stackOf } = await import('./thread-stack.ts');
    return stackOf(this.#worker);
  }

  profile(kind: ProfileKind): Promise<ProfileRecording> {
    return profileWorker(this.#worker, kind);
  }

  captureOutput(take: TakeOutput): void {
    readLines(this.#worker.stdout, (line) => take('stdout', line));
    readLines(this.#worker.stderr, (line) => take('stderr', line));
  }

  #reason(code: number): ExitReason {
    if (this.#failure !== undefined) return this.#failure;
    if (this.#terminating) return { kind: 'terminated' };
    if (code === 0) return { kind: 'finished' };
    const message = `it called process.exit(${code})`;
    return { kind: 'failed', message, stack: undefined, exitCode: code };
  }
}

function failureOf(thrown: unknown): ExitReason {
  if ((thrown as { code?: unknown } | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { kind: 'out-of-memory' };
  }
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  return { kind: 'failed', message: messageOf(thrown), stack };
}
