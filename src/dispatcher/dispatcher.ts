/**
 * The Dispatcher: takes jobs, starts a master for each, and knows how every job stands or ended.
 *
 * D1. A job id is one job: the same submission twice has one master, another one is refused.
 * D2. A job that has ended never runs again: its result is stored before anybody hears of it, and
 *     before the job is removed from the store of those to run.
 */
import { canonicalJson } from '../base/canonical-json.ts';
import { EngineError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { JobResultStore, JobStore } from '../ha/job-store.ts';
import { DISPATCHER, dispatcherService } from '../protocol/dispatcher-service.ts';
import type {
  DispatcherService,
  JobMasterLocation,
  JobSubmission,
} from '../protocol/dispatcher-service.ts';
import type { JobDetails, JobOverview, JobResult } from '../protocol/job-report.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { Handlers, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import type { RpcService } from '../rpc/rpc-service.ts';

/** The master of a job, as far as the Dispatcher deals with it; it lives in the same process. */
export interface JobMasterHandle {
  readonly location: JobMasterLocation;
  readonly built: Promise<void>;
  readonly result: Promise<JobResult>;
  overview(): JobOverview;
  details(): JobDetails;
  cancel(): void;
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
  ) => JobMasterHandle;
  readonly onFatal: FatalErrorHandler;
}

interface JobEntry {
  readonly submission: JobSubmission;
  master: JobMasterHandle | undefined;
  /** Resolves when the job is built and runs. */
  started: Promise<JobMasterLocation>;
  /** Resolves when the job has ended and its result is stored. */
  readonly ended: PromiseWithResolvers<JobResult>;
  /** As it was when it ended. */
  last: JobDetails | undefined;
}

/** Jobs that have ended and whose details are kept. */
const ENDED_JOBS_MAX = 5;

export class Dispatcher {
  readonly token: string;
  readonly #options: DispatcherOptions;
  readonly #main: MainThread;
  readonly #endpoint: RpcEndpoint;
  readonly #jobs = new Map<string, JobEntry>();
  /** Masters that are being closed. */
  readonly #closing = new Set<Promise<void>>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.token = options.env.random.uuid();
    this.#main = new MainThread(DISPATCHER, options.env.clock, options.onFatal);
    this.#endpoint = options.rpc.register({
      name: DISPATCHER,
      service: dispatcherService,
      main: this.#main,
      fence: (token) => token === this.token,
      handlers: this.#handlers(),
    });
  }

  /** Starts the jobs that were accepted before and have not ended. */
  async recover(): Promise<void> {
    for (const submission of await this.#options.jobs.all()) {
      this.#main.run(() => {
        const { jobId } = submission.job;
        if (this.#jobs.has(jobId)) return;
        // Its result tells how it went.
        this.#admit(jobId, submission, undefined).catch(() => undefined);
      });
    }
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
      locateJob: ({ jobId }) => this.#running(jobId).location,
      listJobs: () =>
        [...this.#jobs.values()].flatMap(({ master, last }) => {
          const overview = master?.overview() ?? last;
          if (overview === undefined) return [];
          const { jobId, name, status } = overview;
          return [{ jobId, name, status }];
        }),
      requestJobDetails: ({ jobId }) => {
        const { master, last } = this.#entry(jobId);
        const details = master?.details() ?? last;
        if (details === undefined) throw new EngineError('JOB_NOT_FOUND', { jobId });
        return details;
      },
      cancelJob: ({ jobId }) => {
        this.#entry(jobId).master?.cancel();
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

  #entry(jobId: string): JobEntry {
    const entry = this.#jobs.get(jobId);
    if (entry === undefined) throw new EngineError('JOB_NOT_FOUND', { jobId });
    return entry;
  }

  #running(jobId: string): JobMasterHandle {
    const { master } = this.#entry(jobId);
    if (master === undefined) throw new EngineError('JOB_NOT_FOUND', { jobId });
    return master;
  }

  /** D1. */
  #submit(submission: JobSubmission, connection: RpcConnection): Promise<JobMasterLocation> {
    const { jobId } = submission.job;
    const known = this.#jobs.get(jobId);
    if (known !== undefined) {
      const same = canonicalJson(known.submission.job) === canonicalJson(submission.job);
      if (!same) throw new EngineError('JOB_ALREADY_SUBMITTED', { jobId });
      if (known.last !== undefined) throw new EngineError('JOB_ALREADY_ENDED', { jobId });
      return known.started;
    }
    return this.#admit(jobId, submission, submission.attached ? connection : undefined);
  }

  #admit(
    jobId: string,
    submission: JobSubmission,
    client: RpcConnection | undefined,
  ): Promise<JobMasterLocation> {
    const entry: JobEntry = {
      submission,
      master: undefined,
      started: Promise.reject(new EngineError('JOB_NOT_FOUND', { jobId })),
      ended: Promise.withResolvers(),
      last: undefined,
    };
    entry.started.catch(() => undefined);
    this.#jobs.set(jobId, entry);
    entry.started = this.#start(entry, client);
    // Whoever submitted it hears of a failure by the answer, everybody by the result.
    entry.started.catch(() => undefined);
    return entry.started;
  }

  async #start(entry: JobEntry, client: RpcConnection | undefined): Promise<JobMasterLocation> {
    const { jobs, results, startJobMaster } = this.#options;
    const { submission } = entry;
    const { jobId } = submission.job;
    if ((await results.get(jobId)) !== undefined) {
      this.#main.run(() => this.#jobs.delete(jobId));
      throw new EngineError('JOB_ALREADY_ENDED', { jobId });
    }
    await jobs.put(submission);
    const started = Promise.withResolvers<JobMasterHandle>();
    this.#main.run(() => {
      const master = startJobMaster(submission, client);
      entry.master = master;
      this.#follow(entry, master);
      started.resolve(master);
    });
    const master = await started.promise;
    await master.built;
    return master.location;
  }

  #follow(entry: JobEntry, master: JobMasterHandle): void {
    const { jobId } = master.location;
    this.#main.follow(
      master.result,
      (result) => {
        entry.last = master.details();
        this.#main.follow(
          this.#archive(result),
          () => {
            entry.ended.resolve(result);
            entry.master = undefined;
            this.#forgetOld();
            this.#closeMaster(master);
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
  async #archive(result: JobResult): Promise<void> {
    await this.#options.results.put(result);
    await this.#options.jobs.remove(result.jobId);
  }

  #closeMaster(master: JobMasterHandle): void {
    const closing = master.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    this.#main.follow(
      closing,
      () => undefined,
      (error) => this.#main.fatal(error),
    );
  }

  #forgetOld(): void {
    const ended = [...this.#jobs].filter(([, entry]) => entry.master === undefined);
    for (const [jobId] of ended.slice(0, Math.max(ended.length - ENDED_JOBS_MAX, 0))) {
      this.#jobs.delete(jobId);
    }
  }
}
