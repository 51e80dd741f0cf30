/**
 * The Dispatcher: takes jobs, starts a master for each, and knows how every job stands or ended.
 *
 * D1. A job id is one job: the same submission twice has one master, another one is refused.
 * D2. A job that has ended never runs again: its result is stored before anybody hears of it, and
 *     before the job is removed from the store of those to run.
 * D3. Of a job that has ended nothing is held here but what `EndedJobs` keeps within its bounds.
 * D4. A job whose client has promised heartbeats at its submission is cancelled when they stay
 *     away, and no other.
 * D5. A job that could not be stored was not taken: the same submission may come again.
 * D7. A job stays in that store until its checkpoints are dealt with: what a process that ends at
 *     its end leaves behind, the next one removes.
 * D6. A job of an earlier process is known from the first call on, also while its master is begun:
 *     who asks for it waits until then.
 * D8. A submission that is refused because it cannot be built leaves no job in the lists: who
 *     submitted it has the reason. One of an earlier process does.
 */
import { canonicalJson } from '../base/canonical-json.ts';
import { EngineError, messageOf, toEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Env } from '../env/env.ts';
import type { JobResultStore, JobStore } from '../ha/job-store.ts';
import { jobGauges } from '../metrics/job-gauges.ts';
import { checkpointGauges } from './checkpoint-gauges.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';
import { DISPATCHER, dispatcherService } from '../protocol/dispatcher-service.ts';
import type {
  DispatcherService,
  JobMasterLocation,
  JobSubmission,
  SavepointTrigger,
  TakenCheckpoint,
} from '../protocol/dispatcher-service.ts';
import type {
  ClusterOverview,
  ExecutionGraphInfo,
  JobSummary,
} from '../protocol/execution-graph-info.ts';
import type { JobDetails, JobResult } from '../protocol/job-report.ts';
import type { JobStatus } from '../protocol/job-status.ts';
import type { StoredJob } from '../protocol/stored-job.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { Handlers, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import type { RpcService } from '../rpc/rpc-service.ts';
import { ClientHeartbeats } from './client-heartbeats.ts';
import { EndedJobs } from './ended-jobs.ts';
import type { EndedJob, EndedJobsOptions } from './ended-jobs.ts';

const NAME_AFTER = seconds(2);

/** The master of a job, as far as the Dispatcher deals with it; it lives in the same process. */
export interface JobMasterHandle {
  readonly location: JobMasterLocation;
  readonly built: Promise<void>;
  readonly result: Promise<JobResult>;
  details(): JobDetails;
  info(): ExecutionGraphInfo;
  summary(): JobSummary;
  cancel(): void;
  triggerSavepoint(trigger: SavepointTrigger): Promise<TakenCheckpoint>;
  triggerCheckpoint(full: boolean): Promise<TakenCheckpoint>;
  /** The job has ended: what becomes of its checkpoints is durable when it has resolved. */
  settle(): Promise<void>;
  /** The end of the job is durable: its checkpoints go, unless they are to stay. */
  cleanUp(): Promise<void>;
  close(): Promise<void>;
}

export interface DispatcherOptions {
  readonly env: Pick<Env, 'random' | 'clock' | 'log'>;
  readonly rpc: RpcService;
  readonly jobs: JobStore;
  readonly results: JobResultStore;
  /** `client`: the submitter's connection if it stays attached. */
  readonly startJobMaster: (
    submission: JobSubmission,
    client: RpcConnection | undefined,
    recovered: StoredJob | undefined,
  ) => JobMasterHandle;
  /** D7: of a job whose result is stored, and whose master did not come to it. */
  readonly cleanUpEnded: (job: StoredJob) => Promise<void>;
  /** Removes a savepoint from where it lies; `runs` says whether a job has not ended. */
  readonly disposeSavepoint: (path: string, runs: (jobId: string) => boolean) => Promise<void>;
  /** What the cluster has, for those who ask. */
  readonly resources: () => {
    readonly taskManagers: number;
    readonly total: number;
    readonly free: number;
  };
  /** Of jobs that have ended. */
  readonly endedJobs: EndedJobsOptions;
  /** Nothing is left of a job, and it never runs again. */
  readonly onGone?: ((jobId: string) => void) | undefined;
  readonly onFatal: FatalErrorHandler;
}

interface JobEntry {
  readonly submission: JobSubmission;
  master: JobMasterHandle | undefined;
  /** Whether there was ever something to run, or the submitter was refused with the reason. */
  isBuilt: boolean;
  /** Resolves when there is a master; rejects if there will be none. */
  readonly begun: PromiseWithResolvers<JobMasterHandle>;
  /** Resolves when the job is built and runs. */
  started: Promise<JobMasterLocation>;
  /** Resolves when the job has ended and its result is stored. */
  readonly ended: PromiseWithResolvers<JobResult>;
}

/** Where a job comes from: a client, or the store. */
interface JobOrigin {
  readonly client?: RpcConnection | undefined;
  readonly recovered?: StoredJob | undefined;
}

export class Dispatcher {
  readonly token: string;
  readonly #options: DispatcherOptions;
  readonly #main: MainThread;
  readonly #endpoint: RpcEndpoint;
  /** Those that have not ended. */
  readonly #jobs = new Map<string, JobEntry>();
  readonly #ended: EndedJobs;
  readonly #clients: ClientHeartbeats;
  /** Masters that are being closed. */
  readonly #closing = new Set<Promise<void>>();
  /** Resolves when all jobs of an earlier process have their masters. */
  #recovered: Promise<unknown> = Promise.resolve();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.token = options.env.random.uuid();
    this.#ended = new EndedJobs(options.endedJobs);
    this.#main = new MainThread(DISPATCHER, options.env.clock, options.onFatal);
    this.#clients = new ClientHeartbeats(this.#main, (jobId) => this.#clientLost(jobId));
    this.#endpoint = options.rpc.register({
      name: DISPATCHER,
      service: dispatcherService,
      main: this.#main,
      fence: (token) => token === this.token,
      handlers: this.#handlers(),
    });
  }

  /** Starts the jobs that were accepted before and have not ended. */
  recover(jobs: readonly StoredJob[]): void {
    for (const stored of jobs) {
      // Who was attached was so to another process; messages do not wait for him.
      const submission = { ...stored.submission, attached: false };
      this.#main.run(() => {
        const { jobId } = submission.job;
        if (this.#jobs.has(jobId)) return;
        // Its result tells how it went.
        this.#admit(jobId, submission, { recovered: stored }).catch(() => undefined);
      });
    }
    // D6
    this.#recovered = Promise.allSettled(this.#jobs.values().map(({ begun }) => begun.promise));
  }

  /** What is measured of the jobs that have not ended. */
  jobMetrics(host: string): readonly ScopedMetrics[] {
    const now = this.#options.env.clock.now();
    return [...this.#jobs.values()].flatMap(({ master }) => {
      if (master === undefined) return [];
      const info = master.info();
      const { jobId, name: jobName, status, statusTimestamps, restarts } = info;
      const { tasks, totalTasks: subtasks } = master.summary();
      const subtasksRunningOrFinished = (tasks.RUNNING ?? 0) + (tasks.FINISHED ?? 0);
      const checkpoints = info.checkpoints && checkpointGauges(info.checkpoints);
      const job = {
        ...{ status, statusTimestamps, restarts, checkpoints },
        ...{ subtasks, subtasksRunningOrFinished },
      };
      const scope = { kind: 'jobmanager-job', host, jobId, jobName } as const;
      return [{ scope, metrics: jobGauges(job, now) }];
    });
  }

  /** Whether the cluster has a job of that id that has not ended. */
  runs(jobId: string): boolean {
    return this.#jobs.has(jobId);
  }

  /** Gives up all jobs; resolves when nothing is left of them. */
  async close(): Promise<void> {
    this.#options.rpc.unregister(this.#endpoint);
    this.#main.close();
    const masters = [...this.#jobs.values()].map(({ master }) => master?.close());
    await Promise.all([...masters, ...this.#closing]);
  }

  #handlers(): Handlers<DispatcherService> {
    return {
      identify: () => ({ token: this.token }),
      submitJob: (submission, { connection }) => this.#submit(submission, connection),
      locateJob: async ({ jobId }) => {
        const master = await this.#master(jobId);
        if (master === undefined) throw new EngineError('JOB_NOT_FOUND', { jobId });
        return master.location;
      },
      listJobs: async () => {
        await this.#recovered;
        return this.#summaries().map(({ jobId, name, status }) => ({ jobId, name, status }));
      },
      requestJobDetails: async ({ jobId }) =>
        (await this.#master(jobId))?.details() ?? this.#endedJob(jobId).details,
      requestJob: async ({ jobId }) =>
        (await this.#master(jobId))?.info() ?? this.#endedJob(jobId).info,
      requestMultipleJobDetails: async () => {
        await this.#recovered;
        return this.#summaries();
      },
      requestClusterOverview: async () => {
        await this.#recovered;
        return this.#overview();
      },
      cancelJob: async ({ jobId }) => {
        const master = await this.#master(jobId);
        // One that has ended has nothing left to cancel.
        if (master === undefined) this.#endedJob(jobId);
        master?.cancel();
        return {};
      },
      triggerSavepoint: async ({ jobId, ...trigger }) =>
        (await this.#running(jobId)).triggerSavepoint(trigger),
      triggerCheckpoint: async ({ jobId, full }) =>
        (await this.#running(jobId)).triggerCheckpoint(full),
      disposeSavepoint: async ({ path }) => {
        await this.#options.disposeSavepoint(path, (jobId) => this.runs(jobId));
        return {};
      },
      reportClientHeartbeat: ({ jobId, expiredTimestamp }) => {
        const entry = this.#jobs.get(jobId);
        if (entry === undefined) this.#endedJob(jobId);
        // D4. Of a job that nobody is attached to it means nothing.
        else if (entry.submission.clientHeartbeatTimeout !== undefined) {
          this.#clients.expect(jobId, expiredTimestamp - this.#options.env.clock.now());
        }
        return {};
      },
      requestJobResult: async ({ jobId }) => {
        const entry = this.#jobs.get(jobId);
        if (entry !== undefined) return entry.ended.promise;
        const result = await this.#options.results.get(jobId);
        if (result === undefined) throw new EngineError('JOB_NOT_FOUND', { jobId });
        return result;
      },
    };
  }

  /** D4. */
  #clientLost(jobId: string): void {
    const text = 'the client of an attached job is gone: the job is cancelled';
    this.#options.env.log.write('warn', text, { jobId });
    this.#jobs.get(jobId)?.master?.cancel();
  }

  /** @throws EngineError JOB_NOT_FOUND */
  #endedJob(jobId: string): EndedJob {
    const job = this.#ended.get(jobId, this.#main.now());
    if (job === undefined) throw new EngineError('JOB_NOT_FOUND', { jobId });
    return job;
  }

  /** D6. Undefined if there is none, and will be none. */
  async #master(jobId: string): Promise<JobMasterHandle | undefined> {
    const entry = this.#jobs.get(jobId);
    return entry?.master ?? entry?.begun.promise.catch(() => undefined);
  }

  /** @throws EngineError JOB_NOT_FOUND, CHECKPOINT_JOB_ENDED */
  async #running(jobId: string): Promise<JobMasterHandle> {
    const master = await this.#master(jobId);
    if (master !== undefined) return master;
    this.#endedJob(jobId);
    throw new EngineError('CHECKPOINT_JOB_ENDED', { jobId });
  }

  /** In the order in which they were submitted. */
  #summaries(): readonly JobSummary[] {
    const running = [...this.#jobs.values()].flatMap(({ master }) => master?.summary() ?? []);
    const all = [...this.#ended.summaries(this.#main.now()), ...running];
    return all.toSorted((left, right) => left.startTime - right.startTime);
  }

  #overview(): ClusterOverview {
    const { taskManagers, total, free } = this.#options.resources();
    const ended = this.#ended.summaries(this.#main.now());
    const count = (status: JobStatus): number =>
      ended.filter((each) => each.status === status).length;
    return {
      ...{ taskManagers, slotsTotal: total, slotsAvailable: free },
      jobsRunning: [...this.#jobs.values()].filter(({ master }) => master !== undefined).length,
      jobsFinished: count('FINISHED'),
      jobsCancelled: count('CANCELED'),
      jobsFailed: count('FAILED'),
    };
  }

  /** D1. */
  #submit(submission: JobSubmission, connection: RpcConnection): Promise<JobMasterLocation> {
    const { jobId } = submission.job;
    const known = this.#jobs.get(jobId);
    if (known !== undefined) {
      const same = canonicalJson(known.submission.job) === canonicalJson(submission.job);
      if (!same) throw new EngineError('JOB_ALREADY_SUBMITTED', { jobId });
      return known.started;
    }
    if (this.#ended.get(jobId, this.#main.now()) !== undefined) {
      throw new EngineError('JOB_ALREADY_ENDED', { jobId });
    }
    return this.#admit(jobId, submission, { client: submission.attached ? connection : undefined });
  }

  #admit(jobId: string, submission: JobSubmission, origin: JobOrigin): Promise<JobMasterLocation> {
    const entry: JobEntry = {
      submission,
      master: undefined,
      // A job of an earlier process has nobody who would be told.
      isBuilt: origin.recovered !== undefined,
      started: Promise.reject(new EngineError('JOB_NOT_FOUND', { jobId })),
      begun: Promise.withResolvers(),
      ended: Promise.withResolvers(),
    };
    entry.started.catch(() => undefined);
    entry.begun.promise.catch(() => undefined);
    entry.ended.promise.catch(() => undefined);
    this.#jobs.set(jobId, entry);
    entry.started = this.#start(entry, origin);
    // Whoever submitted it hears of a failure by the answer, everybody by the result.
    entry.started.catch((error: unknown) => {
      entry.begun.reject(error);
      this.#main.run(() => this.#notStarted(entry, origin, toEngineError(error)));
    });
    return entry.started;
  }

  /**
   * D5. One of an earlier process is there all the
   * same, so that only another process can go on with it.
   */
  #notStarted(entry: JobEntry, { recovered }: JobOrigin, error: EngineError): void {
    const { jobId } = entry.submission.job;
    if (entry.master !== undefined || this.#jobs.get(jobId) !== entry) return;
    if (recovered === undefined) {
      this.#jobs.delete(jobId);
      entry.ended.reject(error);
    } else this.#main.fatal(error);
  }

  async #start(entry: JobEntry, origin: JobOrigin): Promise<JobMasterLocation> {
    const { jobs, results, startJobMaster } = this.#options;
    const { submission } = entry;
    const { jobId } = submission.job;
    const result = await results.get(jobId);
    if (result !== undefined) {
      // D7: the process ended between the steps of D2.
      if (origin.recovered !== undefined) {
        await this.#options.cleanUpEnded(origin.recovered);
        await jobs.remove(jobId);
      }
      this.#main.run(() => this.#jobs.delete(jobId));
      // Who has asked meanwhile.
      entry.ended.resolve(result);
      throw new EngineError('JOB_ALREADY_ENDED', { jobId });
    }
    if (origin.recovered === undefined) await jobs.put(submission);
    const recovered = origin.recovered && (await jobs.takeOver(jobId));
    const started = Promise.withResolvers<JobMasterHandle>();
    this.#main.run(() => {
      let master: JobMasterHandle;
      try {
        master = startJobMaster(submission, origin.client, recovered);
      } catch (thrown) {
        // Nobody would hear of a stored job that is given up.
        if (origin.recovered !== undefined) throw thrown;
        // A submission that no master can be made for, e.g. with options that there are not.
        this.#jobs.delete(jobId);
        entry.ended.reject(toEngineError(thrown));
        started.reject(toEngineError(thrown));
        return;
      }
      entry.master = master;
      const { clientHeartbeatTimeout: wait } = submission;
      // The client of a job of an earlier process speaks to this one next, if it lives.
      if (wait !== undefined) this.#clients.expect(jobId, wait);
      this.#follow(entry, master);
      entry.begun.resolve(master);
      started.resolve(master);
    });
    const master = await started.promise.catch(async (error: unknown) => {
      await jobs.remove(jobId);
      throw error;
    });
    await master.built;
    entry.isBuilt = true;
    this.#nameLater(jobId, recovered);
    return master.location;
  }

  /** For the next process, where the job lasts: most of the short ones never need it. */
  #nameLater(jobId: string, recovered: StoredJob | undefined): void {
    if (this.#main.closed) return;
    this.#main.after(NAME_AFTER, () => {
      const name = this.#jobs.get(jobId)?.master?.details().name;
      if (name === undefined || name === recovered?.name) return;
      this.#options.jobs.name(jobId, name).catch((thrown: unknown) => {
        // Gone, or it cannot be written: then the next process shows the file of the job.
        const reason = messageOf(thrown);
        this.#options.env.log.write('debug', 'the name of a job was not stored', { jobId, reason });
      });
    });
  }

  /** D8. */
  #follow(entry: JobEntry, master: JobMasterHandle): void {
    const { jobId } = master.location;
    this.#main.follow(
      master.result,
      (result) => {
        this.#main.follow(
          this.#archive(result, master),
          () => {
            if (entry.isBuilt || result.status !== 'FAILED') {
              const [details, info, summary] = [master.details(), master.info(), master.summary()];
              this.#ended.add({ details, info, summary }, this.#main.now());
            }
            this.#jobs.delete(jobId);
            this.#clients.forget(jobId);
            entry.ended.resolve(result);
            this.#closeMaster(master, () => this.#options.onGone?.(jobId));
          },
          (error) => this.#main.fatal(error),
        );
      },
      (error) => {
        this.#options.env.log.write('error', `the master of a job failed: ${error.message}`, {
          jobId,
        });
        this.#main.fatal(error);
      },
    );
  }

  /** D2. */
  async #archive(result: JobResult, master: JobMasterHandle): Promise<void> {
    await master.settle();
    await this.#options.results.put(result);
    await master.cleanUp();
    await this.#options.jobs.remove(result.jobId);
  }

  #closeMaster(master: JobMasterHandle, gone: () => void): void {
    const closing = master.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    this.#main.follow(closing, gone, (error) => this.#main.fatal(error));
  }
}
