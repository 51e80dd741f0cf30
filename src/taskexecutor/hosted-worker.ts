/**
 * One life of a slot: the worker thread that runs the tasks of one generation, seen from the
 * TaskExecutor's main thread.
 *
 * H1. A worker is prepared once and serves one generation; it is never used again.
 * H2. `prepare` settles exactly once: with the data port, or with the reason why there is none.
 * H3. `onGone` is called exactly once, when the thread has ended; nothing it said is told
 *     afterwards.
 * H4. `stop` always ends the thread: when all its tasks have ended, or when their time is over.
 * H5. The first message to the thread is its preparation, once the job's code is here.
 * H6. Nothing that it says after `fail` is told: what it said last was lost.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { milliseconds, seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type {
  Env,
  ExitReason,
  ProfileKind,
  ProfileRecording,
  SharedRegion,
  WorkerHandle,
} from '../env/env.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';
import { isBlobUrl } from '../protocol/job-code.ts';
import { decodeFromSlot, encodeSlotMessage } from '../protocol/slot-codec.ts';
import type { ThreadInfo } from '../protocol/process-files.ts';
import type { FromSlot, ToSlot } from '../protocol/slot-messages.ts';
import type { SlotPreparation, TaskDeployment } from '../protocol/task-deployment.ts';
import { describeThread } from '../rpc/describe-thread.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import { SilenceWatch } from './silence-watch.ts';
import type { UserOutput } from './user-output.ts';

/** How often the heap of a worker is looked at from outside. */
const HEAP_CHECK_INTERVAL = milliseconds(100);
/** Part of its budget at which a worker is ended that has not noticed by itself. */
const HEAP_TOLERANCE = 1.5;
/**
 * How long a thread that was over its budget may leave a look at its heap unanswered: only a
 * collection of garbage or one call of a built-in keeps it from answering, and at that size a
 * collection that takes longer than this only leads to the next.
 */
const HEAP_ANSWER_TIMEOUT = seconds(5);

export interface HostedWorkerOptions {
  readonly main: MainThread;
  readonly env: Pick<Env, 'clock' | 'log'>;
  readonly worker: WorkerHandle;
  readonly preparation: SlotPreparation;
  /** Takes what user code writes on the standard streams; undefined: the process does. */
  readonly output: UserOutput | undefined;
  /** What to load as the job's module; the thread starts while it is on its way. */
  readonly moduleUrl: string | Promise<string>;
  readonly lease: SharedRegion;
  readonly doorbells: SharedRegion;
  /** How long cancelled tasks may take to end by themselves; 0 for ever. */
  readonly cancellationTimeout: Duration;
  /** How long the thread may take to end once it was terminated. */
  readonly terminationTimeout: Duration;
  /** What the tasks say, in order; `prepared` and `prepare-failed` left out. */
  readonly onMessage: (message: FromSlot) => void;
  /** `error`: why it ended, if nobody asked for it. */
  readonly onGone: (error: EngineError | undefined) => void;
  /** The thread does not end. */
  readonly onStuck: (error: EngineError) => void;
}

export class HostedWorker {
  readonly jobId: string;
  readonly generation: number;
  readonly slot: number;
  /** Resolves with the data port. */
  readonly prepared: Promise<number>;
  /** Where it listens for other processes, once it is prepared and does. */
  dataPort: number | undefined;
  /** That its channels held when it last told its metrics. */
  networkBytes = 0;
  readonly #options: HostedWorkerOptions;
  #prepared: PromiseWithResolvers<number> | undefined;
  readonly #tasks = new Set<string>();
  readonly #metricWaiters = new Set<(scopes: readonly ScopedMetrics[]) => void>();
  readonly #silence: SilenceWatch;
  #stopping = false;
  #gone = false;
  #timer: Disposable | undefined;
  #heapTimer: Disposable | undefined;
  /** Why it was ended by this side, if nobody had asked for that. */
  #endedFor: EngineError | undefined;
  /** Why the preparation failed: then its end is no surprise. */
  #failure: EngineError | undefined;

  constructor(options: HostedWorkerOptions) {
    const { main, env, worker, preparation, moduleUrl, onMessage } = options;
    this.#options = options;
    this.generation = preparation.location.generation;
    this.slot = preparation.location.slot;
    this.#prepared = Promise.withResolvers();
    this.prepared = this.#prepared.promise;
    // The caller hears of it by `prepared`, or does not care any more.
    this.prepared.catch(() => undefined);
    const { jobId } = preparation.job;
    this.jobId = jobId;
    const { clock, log } = env;
    this.#silence = new SilenceWatch({ main, clock, log, jobId, slot: this.slot, tell: onMessage });
    const { output } = options;
    if (output !== undefined) worker.captureOutput((stream, line) => output.line(stream, line));
    worker.port.receive((bytes) => main.run(() => this.#receive(decodeFromSlot(bytes))));
    worker.exited.then(
      (reason) => main.run(() => this.#exited(reason)),
      (error: unknown) => main.fatal(error),
    );
    if (typeof moduleUrl === 'string') this.#prepare(moduleUrl);
    else {
      main.follow(
        moduleUrl,
        (url) => this.#prepare(url),
        (error) => {
          this.#settlePreparation(error);
          this.stop();
        },
      );
    }
    this.#watchHeap();
  }

  /** What it does, seen from outside: whatever that is. */
  describeThread(): Promise<ThreadInfo> {
    const { main, worker } = this.#options;
    const tasks = [...this.#tasks].map((task) => `task ${task}`);
    return describeThread(main, { name: this.threadName, worker, more: tasks });
  }

  get threadName(): string {
    return `slot ${this.slot} of job ${this.jobId}`;
  }

  profile(kind: ProfileKind): Promise<ProfileRecording> {
    return this.#options.worker.profile(kind);
  }

  /** Tasks that have not ended. */
  get taskCount(): number {
    return this.#tasks.size;
  }

  /** Of the tasks that have not ended. */
  get executionIds(): readonly string[] {
    return [...this.#tasks];
  }

  /** Resolves when the thread has ended. */
  get exited(): Promise<unknown> {
    return this.#options.worker.exited;
  }

  post(message: ToSlot, regions: readonly SharedRegion[] = []): void {
    if (!this.#gone) this.#options.worker.port.post(encodeSlotMessage(message), regions);
  }

  /** H5. */
  #prepare(moduleUrl: string): void {
    if (this.#stopping) return;
    const { preparation, lease, doorbells } = this.#options;
    const job = { ...preparation.job, moduleUrl };
    this.post({ kind: 'prepare', preparation: { ...preparation, job } }, [lease, doorbells]);
  }

  deploy(tasks: readonly TaskDeployment[]): void {
    assert(this.#prepared === undefined && !this.#stopping, 'H1: deployed before it was prepared');
    for (const { executionId } of tasks) this.#tasks.add(executionId);
    this.#options.output?.deployed(tasks);
    this.#silence.deployed(tasks);
    this.post({ kind: 'deploy', tasks });
  }

  /** Nothing if the worker does not answer in time, or not any more. */
  requestMetrics(timeout: Duration): Promise<readonly ScopedMetrics[]> {
    if (this.#gone || this.#prepared !== undefined) return Promise.resolve([]);
    if (this.#silence.silent) return Promise.resolve(this.#silence.scopes);
    return new Promise((resolve) => {
      const settle = (scopes: readonly ScopedMetrics[]): void => {
        timer[Symbol.dispose]();
        this.#metricWaiters.delete(settle);
        resolve(scopes);
      };
      const timer = this.#options.main.after(timeout, () => settle([]));
      // One question answers all who wait.
      if (this.#metricWaiters.size === 0) this.post({ kind: 'request-metrics' });
      this.#metricWaiters.add(settle);
    });
  }

  /** H4. Idempotent. */
  stop(): void {
    if (this.#stopping || this.#gone || this.#endedFor !== undefined) return;
    this.#stopping = true;
    this.#settlePreparation(
      new EngineError('SLOT_WORKER_DIED', this.#parameters('it was stopped')),
    );
    if (this.#tasks.size === 0) {
      this.#terminate();
      return;
    }
    this.post({ kind: 'cancel' });
    const { main, cancellationTimeout } = this.#options;
    if (cancellationTimeout > 0) {
      this.#timer = main.after(cancellationTimeout, () => this.#terminate());
      // Code that does not come back never hears of the cancellation.
      this.#silence.stopping(() => this.#terminate());
    } else this.#silence[Symbol.dispose]();
  }

  /** Ends the thread without asking its tasks. Idempotent. */
  kill(): void {
    if (this.#gone) return;
    this.#stopping = true;
    this.#terminate();
  }

  #terminate(): void {
    const { main, worker, terminationTimeout: timeout, onStuck } = this.#options;
    this.#timer?.[Symbol.dispose]();
    this.#heapTimer?.[Symbol.dispose]();
    this.#silence[Symbol.dispose]();
    worker.terminate();
    if (main.closed) return;
    this.#timer = main.after(timeout, () =>
      onStuck(new EngineError('SLOT_WORKER_STUCK', { slot: this.slot, timeout: `${timeout} ms` })),
    );
  }

  /** The worker looks at its heap itself, unless user code does not let it. */
  #watchHeap(lastUsed = 0): void {
    const { main, worker, preparation } = this.#options;
    const { heapBudgetBytes: budget } = preparation;
    if (budget === undefined) return;
    this.#heapTimer = main.after(HEAP_CHECK_INTERVAL, () => {
      if (lastUsed > budget) {
        this.#heapTimer = main.after(HEAP_ANSWER_TIMEOUT, () => this.fail(this.#outOfMemory()));
      }
      main.follow(
        worker.heapUsed(),
        (used) => {
          this.#heapTimer?.[Symbol.dispose]();
          if (this.#gone || this.#stopping || this.#endedFor !== undefined) return;
          if (used === undefined || used <= budget * HEAP_TOLERANCE) this.#watchHeap(used);
          else this.fail(this.#outOfMemory());
        },
        (error) => main.fatal(error),
      );
    });
  }

  /** H6. Ends the thread, which has failed for this reason. Idempotent: the first reason counts. */
  fail(error: EngineError): void {
    if (this.#gone || this.#stopping || this.#endedFor !== undefined) return;
    this.#endedFor = error;
    this.#terminate();
  }

  #outOfMemory(): EngineError {
    const bytes = this.#options.preparation.heapBudgetBytes;
    const limit = bytes === undefined ? 'any size' : `${Math.round(bytes / 2 ** 20)} MiB`;
    return new EngineError('SLOT_OUT_OF_MEMORY', { ...this.#parameters(''), limit });
  }

  #receive(message: FromSlot): void {
    // Who writes may all the same never come back.
    if (message.kind === 'output') return this.#options.output?.take(message);
    if (this.#gone || this.#endedFor !== undefined) return;
    this.#silence.heard(message);
    switch (message.kind) {
      case 'prepared':
        if (message.dataPort !== 0) this.dataPort = message.dataPort;
        this.#prepared?.resolve(message.dataPort);
        this.#prepared = undefined;
        return;
      case 'prepare-failed':
        this.#settlePreparation(EngineError.fromData(message.error));
        this.stop();
        return;
      case 'task-state':
        this.#options.onMessage(message);
        if (!isEnd(message.state)) return;
        this.#tasks.delete(message.executionId);
        this.#silence.ended(message.executionId);
        if (this.#stopping && this.#tasks.size === 0) this.#terminate();
        return;
      case 'metrics-answer':
        this.networkBytes = message.networkBytes;
        for (const settle of [...this.#metricWaiters]) settle(message.scopes);
        return;
      default:
        this.#options.onMessage(message);
    }
  }

  /** H2, H3. */
  #exited(reason: ExitReason): void {
    this.#gone = true;
    this.#options.output?.[Symbol.dispose]();
    for (const settle of [...this.#metricWaiters]) settle([]);
    this.#timer?.[Symbol.dispose]();
    this.#heapTimer?.[Symbol.dispose]();
    this.#silence[Symbol.dispose]();
    const error = this.#stopping ? undefined : (this.#endedFor ?? this.#explain(reason));
    this.#settlePreparation(
      error ?? new EngineError('SLOT_WORKER_DIED', this.#parameters('it ended')),
    );
    this.#options.onGone(this.#failure === undefined ? error : undefined);
  }

  #settlePreparation(error: EngineError): void {
    if (this.#prepared === undefined) return;
    this.#failure = error;
    this.#prepared.reject(error);
    this.#prepared = undefined;
  }

  #explain(reason: ExitReason): EngineError {
    switch (reason.kind) {
      case 'out-of-memory':
        return this.#outOfMemory();
      case 'failed': {
        if (reason.exitCode !== undefined) return this.#exitedByUser(reason.exitCode);
        const error = this.#isOfUser(reason.stack)
          ? new EngineError('USER_CODE_UNCAUGHT', { message: reason.message })
          : new EngineError('SLOT_WORKER_DIED', this.#parameters(reason.message));
        if (reason.stack !== undefined) error.stack = reason.stack;
        return error;
      }
      // The engine never ends a slot's thread in this way.
      case 'finished':
        return this.#exitedByUser(0);
      case 'terminated':
        return new EngineError('SLOT_WORKER_DIED', this.#parameters('it was terminated'));
    }
  }

  #exitedByUser(code: number): EngineError {
    return new EngineError('USER_CODE_EXIT', { code });
  }

  /** Whether what ended the worker was thrown by code beside the job's module, or in it. */
  #isOfUser(stack: string | undefined): boolean {
    const { moduleUrl } = this.#options.preparation.job;
    // The sources of a bundle have places of their own.
    if (isBlobUrl(moduleUrl)) return /[( ](?:job|npm):/.test(firstFrame(stack));
    const folder = decodeURIComponent(moduleUrl.slice(0, moduleUrl.lastIndexOf('/') + 1));
    return firstFrame(stack).includes(folder.replace(/^file:\/\//, ''));
  }

  #parameters(reason: string): Readonly<Record<'slot' | 'taskExecutor' | 'reason', string>> {
    const { taskExecutorId } = this.#options.preparation.location;
    return { slot: String(this.slot), taskExecutor: taskExecutorId, reason };
  }
}

/** The first that is in a file. */
function firstFrame(stack: string | undefined): string {
  return stack?.split('\n').find((line) => /^\s+at .*(?:\/|file:)/.test(line)) ?? '';
}

function isEnd(state: Extract<FromSlot, { kind: 'task-state' }>['state']): boolean {
  return state === 'FINISHED' || state === 'CANCELED' || state === 'FAILED';
}
