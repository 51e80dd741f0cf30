/**
 * What a user does with a job, through whatever faults: submits it, stops it with a savepoint or
 * cancels it, starts it again from what has come of that with another parallelism, takes savepoints
 * meanwhile, and waits for its end. Every call may fail or stay unanswered, and is made again.
 */
import { AssertionError } from '../../src/base/assert.ts';
import { isEngineError } from '../../src/base/errors.ts';
import { milliseconds } from '../../src/base/units.ts';
import { JobClient } from '../../src/client/job-client.ts';
import type { Env } from '../../src/env/env.ts';
import type { JobResult } from '../../src/protocol/job-report.ts';
import type { JobReference } from '../../src/protocol/task-deployment.ts';
import { SAVEPOINTS, STOPS } from '../checkers/checkpoints-kept.ts';
import type { CheckpointsKept } from '../checkers/checkpoints-kept.ts';
import type { EndedJob } from '../checkers/files-left.ts';
import { PatientClient } from './patient-client.ts';

/** One job of several, each of which goes on where the one before it has ended. */
export interface Episode {
  readonly parallelism: number;
  /** Undefined: it ends by itself. */
  readonly end: 'suspend' | 'drain' | 'cancel' | undefined;
  /** When it is ended, from its submission. */
  readonly afterMillis: number;
  /** A savepoint is asked for on the way. */
  readonly savepoint: 'canonical' | 'native' | undefined;
  /** Of what it starts from. */
  readonly claimMode: 'CLAIM' | 'NO_CLAIM' | 'LEGACY';
  /** Undefined: as in what it starts from. */
  readonly maxParallelism: number | undefined;
}

export interface JobLifeOptions {
  readonly episodes: readonly Episode[];
  readonly address: string;
  readonly secret: Uint8Array;
  /** The job with all its options but those that an episode has. */
  readonly job: Omit<JobReference, 'jobId'>;
  /** Where its checkpoints lie. */
  readonly folder: string;
  readonly kept: CheckpointsKept;
  /** Of a job that is cancelled. */
  readonly retains: boolean;
  /** What was written is to be replaced: a job begins anew that could have gone on. */
  readonly afresh: () => void;
}

export interface JobLife {
  readonly result: JobResult;
  /** In the order in which they ran. */
  readonly jobs: readonly EndedJob[];
  /** Savepoints that somebody was told to be complete, and that no job has taken over. */
  readonly savepoints: readonly string[];
}

const RETRY = milliseconds(500);
const ENDED = ['FINISHED', 'FAILED', 'CANCELED'];
/** What a disk may have against a job that is only about to start. */
const NOT_NOW = /^(?:CHECKPOINT_DIRECTORY_UNUSABLE|IO_FAILED|IO_NO_SPACE|IO_READ_ONLY)$/;

export function jobIdOf(number: number): string {
  return String(number).padStart(32, '0');
}

/** Resolves when the last job has ended. */
export function liveThrough(env: Env, options: JobLifeOptions): Promise<JobLife> {
  return new Life(env, options).run();
}

class Life {
  readonly #env: Env;
  readonly #options: JobLifeOptions;
  readonly #client: PatientClient;
  readonly #savepoints: string[] = [];
  readonly #jobs: EndedJob[] = [];
  #from: string | undefined;

  constructor(env: Env, options: JobLifeOptions) {
    this.#env = env;
    this.#options = options;
    this.#client = new PatientClient(env, { ...options, retry: RETRY });
  }

  async run(): Promise<JobLife> {
    const { episodes } = this.#options;
    for (let index = 0; ;) {
      const result = await this.#episode(episodes[index]!);
      if (result === 'again') continue;
      if (result === 'ended by its user') index += 1;
      else return { result, jobs: this.#jobs, savepoints: this.#savepoints };
    }
  }

  async #episode(episode: Episode): Promise<JobResult | 'again' | 'ended by its user'> {
    const { kept } = this.#options;
    const jobId = jobIdOf(this.#jobs.length + 1);
    const job = this.#jobOf(jobId, episode);
    const from = this.#from;
    if (from !== undefined) kept.given(jobId);
    await this.#client.untilDone(() => this.#submit(job));
    if (episode.end !== undefined) await this.#meanwhile(jobId, episode);
    const result = await this.#client.untilDone(() =>
      JobClient.resultOf(this.#client.place, jobId),
    );
    const { retains } = this.#options;
    const { status } = result;
    // One that has not begun leaves alone what it was given.
    const claims = from !== undefined && episode.claimMode === 'CLAIM' && status !== 'FAILED';
    this.#jobs.push({ jobId, from, claims, keeps: retains && status === 'CANCELED' });
    if (result.status === 'FAILED' && !kept.hasRun(jobId) && NOT_NOW.test(result.error!.code)) {
      return 'again';
    }
    if (result.status === 'CANCELED' && episode.end === 'cancel') {
      if (retains) await this.#goOnFrom(jobId);
      else this.#beginAnew();
      return 'ended by its user';
    }
    const stopped = kept.stoppedWith(jobId);
    if (result.status !== 'FINISHED' || stopped === undefined) return result;
    this.#from = stopped;
    return 'ended by its user';
  }

  async #goOnFrom(jobId: string): Promise<void> {
    this.#from = (await this.#client.untilDone(() => this.#retained(jobId))) ?? this.#from;
  }

  /** Whatever it was given may be gone with it, and what it has shown since is in no checkpoint. */
  #beginAnew(): void {
    this.#from = undefined;
    this.#options.afresh();
  }

  #jobOf(jobId: string, { parallelism, claimMode, maxParallelism }: Episode): JobReference {
    const { job } = this.#options;
    const from = this.#from;
    const restore: Record<string, string> =
      from === undefined
        ? {}
        : {
            'execution.state-recovery.path': from,
            'execution.state-recovery.claim-mode': claimMode,
          };
    const configuration = {
      ...job.configuration,
      ...restore,
      'parallelism.default': String(parallelism),
      ...(maxParallelism !== undefined && { 'pipeline.max-parallelism': String(maxParallelism) }),
    };
    return { ...job, jobId, configuration };
  }

  /** The same submission twice is one job, ended or not. */
  async #submit(job: JobReference): Promise<void> {
    try {
      const client = await JobClient.submit(this.#client.place, job, { detached: true });
      client.close();
    } catch (thrown) {
      if (isEngineError(thrown, 'JOB_ALREADY_ENDED')) return;
      // The result says it, too.
      if (isEngineError(thrown, 'CHECKPOINT_DIRECTORY_UNUSABLE')) return;
      if (isEngineError(thrown) && thrown.domain === 'user') {
        throw new AssertionError(`a submission is refused: ${thrown.message}`);
      }
      throw thrown;
    }
  }

  /** What happens before a job is ended, and its end. */
  async #meanwhile(jobId: string, episode: Episode): Promise<void> {
    const half = milliseconds(episode.afterMillis / 2);
    await this.#client.wait(half);
    if (episode.savepoint !== undefined) await this.#takeSavepoint(jobId, episode.savepoint);
    await this.#client.wait(half);
    const { end } = episode;
    await this.#client.untilDone(async () => {
      if (await this.#client.isAmong(jobId, ENDED)) return;
      const directory = `${this.#options.folder}${STOPS.slice(0, -1)}`;
      await this.#client.ask<unknown>((dispatcher) =>
        end === 'cancel'
          ? dispatcher.cancelJob({ jobId })
          : dispatcher.triggerSavepoint({ jobId, directory, stop: end }),
      );
    });
  }

  /** One that does not come about is not asked for again. */
  async #takeSavepoint(jobId: string, format: 'canonical' | 'native'): Promise<void> {
    const directory = `${this.#options.folder}${SAVEPOINTS.slice(0, -1)}`;
    try {
      const { location } = await this.#client.ask((dispatcher) =>
        dispatcher.triggerSavepoint({ jobId, directory, format }),
      );
      this.#savepoints.push(location);
    } catch (thrown) {
      if (!isEngineError(thrown)) throw thrown;
    }
  }

  /** The newest checkpoint that a cancelled job has left. */
  async #retained(jobId: string): Promise<string | undefined> {
    const { disk } = this.#env;
    const folder = `${this.#options.folder}/${jobId}`;
    if ((await disk.stat(folder)) === undefined) return undefined;
    const ids: number[] = [];
    for (const { name } of await disk.list(folder)) {
      const id = /^chk-(\d+)$/.exec(name)?.[1];
      if (id === undefined) continue;
      if ((await disk.stat(`${folder}/${name}/_metadata`)) !== undefined) ids.push(Number(id));
    }
    return ids.length === 0 ? undefined : `${folder}/chk-${Math.max(...ids)}`;
  }
}
