/**
 * The coordinator worker of a job, seen from its JobMaster. The worker builds the job once at the
 * start; if it dies later, the next start of the sources brings up another, which must build the
 * same graph.
 *
 * Q1. `onBuilt` or `onBuildFailed` is called once for the first build.
 * Q2. Nothing that a worker said is told after it was replaced or the coordinator was closed.
 * Q3. A job survives the loss of some workers while it is built: a new one of few, and not one that
 *     its own code has ended or that is stuck, since who submits it waits to hear of that; one that
 *     was built before of more, whatever became of them.
 * Q4. The first message to a worker is to build; the job's code is waited for once, by the first.
 */
import { EngineError } from '../base/errors.ts';
import { milliseconds, minutes, seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import { COORDINATOR_HEAP_MEGABYTES } from '../config/slot-heap.ts';
import type { ExitReason, WorkerHandle, Workers } from '../env/env.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import {
  decodeFromCoordinator,
  encodeCoordinatorMessage,
} from '../protocol/coordinator-messages.ts';
import type {
  FromCoordinator,
  RestoredSources,
  ToCoordinator,
} from '../protocol/coordinator-messages.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import type { MainThread } from '../rpc/main-thread.ts';

/** A build that takes longer is stuck. */
export const BUILD_TIMEOUT: Duration = minutes(1);

const ATTEMPTS_OF_NEW = 4;
const ATTEMPTS_OF_BUILT = 10;
const FIRST_PAUSE = milliseconds(100);
const LONGEST_PAUSE = seconds(4);

export interface JobCoordinatorOptions {
  readonly main: MainThread;
  readonly workers: Workers;
  readonly job: JobReference;
  /** What to load as its module; the thread starts while it is on its way. */
  readonly moduleUrl: string | Promise<string>;
  readonly buildTimeout: Duration;
  /** Whether the graph is to tell what operators keep. */
  readonly withStates: boolean;
  /** Whether an earlier master has built it: a build that comes to no end is tried again then. */
  readonly wasBuilt: boolean;
  readonly onBuilt: (graph: JobGraph) => void;
  readonly onBuildFailed: (error: EngineError) => void;
  /** Q3. Another worker builds it after the pause. */
  readonly onBuildLost: (error: EngineError, pause: Duration) => void;
  readonly onReaderEvent: (event: Extract<FromCoordinator, { kind: 'source-event' }>) => void;
  readonly onSourcesSnapshot: (answer: SourcesSnapshot) => void;
  readonly onSourceFailed: (epoch: number, error: EngineError) => void;
  /** After the first build. */
  readonly onDied: (error: EngineError) => void;
}

export type SourcesSnapshot = Extract<
  FromCoordinator,
  { kind: 'sources-snapshot' | 'sources-snapshot-failed' }
>;

export class JobCoordinator {
  readonly #options: JobCoordinatorOptions;
  #worker: WorkerHandle | undefined;
  #graph: JobGraph | undefined;
  #buildTimer: Disposable | undefined;
  #attemptsLeft: number;
  #pause = FIRST_PAUSE;
  #closed = false;
  #moduleUrl: string | Promise<string>;

  constructor(options: JobCoordinatorOptions) {
    this.#options = options;
    this.#moduleUrl = options.moduleUrl;
    this.#attemptsLeft = (options.wasBuilt ? ATTEMPTS_OF_BUILT : ATTEMPTS_OF_NEW) - 1;
    this.#worker = this.#spawn();
  }

  /** `restored`: their states in the checkpoint from which the job goes on. */
  startSources(epoch: number, restored: RestoredSources | undefined): void {
    this.#worker ??= this.#spawn();
    this.#post({ kind: 'start-sources', epoch, restored });
  }

  snapshotSources(checkpointId: number): void {
    this.#post({ kind: 'snapshot-sources', checkpointId });
  }

  checkpointComplete(checkpointId: number): void {
    this.#post({ kind: 'checkpoint-complete', checkpointId });
  }

  checkpointAborted(checkpointId: number): void {
    this.#post({ kind: 'checkpoint-aborted', checkpointId });
  }

  closeSources(): void {
    this.#post({ kind: 'close-sources' });
  }

  attachReaders(readers: Omit<Extract<ToCoordinator, { kind: 'attach-readers' }>, 'kind'>): void {
    this.#post({ kind: 'attach-readers', ...readers });
  }

  sourceEvent(event: Omit<Extract<ToCoordinator, { kind: 'source-event' }>, 'kind'>): void {
    this.#post({ kind: 'source-event', ...event });
  }

  /** Resolves when the worker is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#buildTimer?.[Symbol.dispose]();
    const worker = this.#worker;
    this.#worker = undefined;
    worker?.terminate();
    await worker?.exited;
  }

  #post(message: ToCoordinator): void {
    this.#worker?.port.post(encodeCoordinatorMessage(message));
  }

  #spawn(): WorkerHandle {
    const { main, workers, job, buildTimeout } = this.#options;
    const worker = workers.spawn('coordinator', {
      name: `coordinator of ${job.jobId}`,
      heapLimitMegabytes: COORDINATOR_HEAP_MEGABYTES,
      data: new Uint8Array(0),
    });
    worker.port.receive((bytes) =>
      main.run(() => {
        if (this.#worker === worker) this.#receive(decodeFromCoordinator(bytes));
      }),
    );
    worker.exited.then(
      (reason) =>
        main.run(() => {
          if (this.#worker === worker) this.#died(reason);
        }),
      (error: unknown) => main.fatal(error),
    );
    this.#buildBy(worker);
    this.#buildTimer = main.after(buildTimeout, () => {
      const parameters = { module: job.file ?? job.moduleUrl, timeout: `${buildTimeout} ms` };
      this.#lost(new EngineError('JOB_BUILD_TIMEOUT', parameters), false);
    });
    return worker;
  }

  /** Q4. */
  #buildBy(worker: WorkerHandle): void {
    const moduleUrl = this.#moduleUrl;
    if (typeof moduleUrl === 'string') {
      this.#build(worker, moduleUrl);
      return;
    }
    this.#options.main.follow(
      moduleUrl,
      (url) => {
        this.#moduleUrl = url;
        this.#build(worker, url);
      },
      (error) => {
        if (this.#worker === worker) this.#fail(error);
      },
    );
  }

  #build(worker: WorkerHandle, moduleUrl: string): void {
    const { withStates } = this.#options;
    const job = { ...this.#options.job, moduleUrl };
    worker.port.post(encodeCoordinatorMessage({ kind: 'build', job, withStates }));
  }

  #receive(message: FromCoordinator): void {
    switch (message.kind) {
      case 'built':
        this.#buildTimer?.[Symbol.dispose]();
        this.#built(message.graph);
        break;
      case 'build-failed':
        this.#fail(EngineError.fromData(message.error));
        break;
      case 'source-event':
        this.#options.onReaderEvent(message);
        break;
      case 'sources-snapshot':
      case 'sources-snapshot-failed':
        this.#options.onSourcesSnapshot(message);
        break;
      case 'source-failed':
        this.#options.onSourceFailed(message.epoch, EngineError.fromData(message.error));
    }
  }

  #built(graph: JobGraph): void {
    if (this.#graph === undefined) {
      this.#graph = graph;
      this.#options.onBuilt(graph);
    } else if (graph.fingerprint !== this.#graph.fingerprint) {
      const parameters = {
        where: 'The coordinator',
        actual: graph.fingerprint,
        expected: this.#graph.fingerprint,
      };
      this.#fail(new EngineError('JOB_FINGERPRINT_MISMATCH', parameters));
    }
  }

  #died(reason: ExitReason): void {
    const text = reason.kind === 'failed' ? reason.message : reason.kind;
    const building = this.#graph === undefined && reason.kind === 'out-of-memory';
    const limit = `${COORDINATOR_HEAP_MEGABYTES} MiB`;
    const { file, moduleUrl } = this.#options.job;
    const error = building
      ? new EngineError('JOB_BUILD_OUT_OF_MEMORY', { module: file ?? moduleUrl, limit })
      : new EngineError('JOB_COORDINATOR_DIED', { reason: text });
    if (reason.kind === 'failed' && reason.stack !== undefined) error.stack = reason.stack;
    this.#lost(error, !isEndedByCode(reason));
  }

  /** Q3. The worker did not come to an answer, and another may. */
  #lost(error: EngineError, anotherMay: boolean): void {
    const again = this.#attemptsLeft > 0 && (anotherMay || this.#options.wasBuilt);
    if (this.#graph !== undefined || !again || this.#closed) {
      this.#fail(error);
      return;
    }
    this.#attemptsLeft -= 1;
    const pause = this.#pause;
    this.#pause = milliseconds(Math.min(pause * 2, LONGEST_PAUSE));
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#buildTimer?.[Symbol.dispose]();
    this.#buildTimer = this.#options.main.after(pause, () => {
      this.#worker = this.#spawn();
    });
    this.#options.onBuildLost(error, pause);
  }

  /** The worker is of no use any more; the next start of the sources makes another. */
  #fail(error: EngineError): void {
    this.#buildTimer?.[Symbol.dispose]();
    this.#worker?.terminate();
    this.#worker = undefined;
    if (this.#closed) return;
    if (this.#graph === undefined) this.#options.onBuildFailed(error);
    else this.#options.onDied(error);
  }
}

function isEndedByCode(reason: ExitReason): boolean {
  return reason.kind === 'finished' || (reason.kind === 'failed' && reason.exitCode !== undefined);
}
