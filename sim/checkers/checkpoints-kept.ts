/**
 * What jobs go on from: told by what their masters log.
 *
 * Invariants
 * K1. The ids of the complete checkpoints of a job ascend, over all its masters.
 * K2. Once a checkpoint is complete, no start of the job is from an older one, nor from nothing.
 * K3. A job that is given something to go on from never starts from nothing.
 */
import { AssertionError } from '../../src/base/assert.ts';
import type { LogFields } from '../../src/env/env.ts';
import type { Checker } from './checker.ts';

/** What is known of one job. */
interface JobCourse {
  newest: number;
  /** Where the savepoint lies with which it stops. */
  stopsWith: string | undefined;
  hasRun: boolean;
  status: string;
}

/** Of savepoints that a job goes on after, and of those with which it stops. */
export const SAVEPOINTS = '/savepoints/';
export const STOPS = '/stops/';

export class CheckpointsKept implements Checker {
  readonly name = 'checkpoints kept';
  /** How many were complete. */
  completed = 0;
  /** Savepoints among them. */
  savepoints = 0;
  /** How many times a job went on from one. */
  restores = 0;
  /** Whether files stayed because of a fault, which was told. */
  leftFiles = false;
  /** Whether some could not be removed at once, which was told: that is tried again. */
  triesAgain = false;
  /** The same of copies that slots keep. */
  leftCopies = false;
  readonly #jobs: Map<string, JobCourse> = new Map();
  readonly #restored: Set<string> = new Set();
  #violation: string | undefined = undefined;

  /** K3. */
  given(jobId: string): void {
    this.#restored.add(jobId);
  }

  /** Whether the tasks of a job have been asked to run. */
  hasRun(jobId: string): boolean {
    return this.#of(jobId).hasRun;
  }

  /** Where the savepoint lies that a job which has ended has stopped with. */
  stoppedWith(jobId: string): string | undefined {
    return this.#of(jobId).stopsWith;
  }

  observe(message: string, { jobId }: LogFields): void {
    if (message.startsWith('files of a checkpoint could not be removed')) this.leftFiles = true;
    if (message.startsWith('files of a checkpoint cannot be removed')) this.triesAgain = true;
    if (message.includes(' was not removed: ')) this.leftCopies = true;
    if (typeof jobId !== 'string') return;
    const job = this.#of(jobId);
    const complete = /^checkpoint (\d+) is complete: (.*)/.exec(message);
    if (complete !== null) this.#complete(job, Number(complete[1]), complete[2]!);
    const restored = /^the job goes on from checkpoint (\d+)/.exec(message);
    if (restored !== null) this.#begins(jobId, Number(restored[1]));
    if (message.startsWith('the job begins: ')) this.#begins(jobId, 0);
    const changed = /^job \w+ -> (\w+)/.exec(message);
    if (changed !== null) job.status = changed[1]!;
    job.hasRun ||= job.status === 'RUNNING';
  }

  check(): void {
    if (this.#violation !== undefined) throw new AssertionError(this.#violation);
  }

  #of(jobId: string): JobCourse {
    const known = this.#jobs.get(jobId);
    if (known !== undefined) return known;
    const job: JobCourse = { newest: 0, stopsWith: undefined, hasRun: false, status: '' };
    this.#jobs.set(jobId, job);
    return job;
  }

  #complete(job: JobCourse, checkpointId: number, path: string): void {
    this.completed += 1;
    const isStop = path.includes(STOPS);
    if (isStop || path.includes(SAVEPOINTS)) this.savepoints += 1;
    // Nobody goes on from a savepoint of a job that runs, and it may come late.
    if (path.includes(SAVEPOINTS)) return;
    if (checkpointId <= job.newest) {
      this.#violation ??= `K1: checkpoint ${checkpointId} is complete after ${job.newest}`;
    }
    job.newest = checkpointId;
    if (isStop) job.stopsWith = path;
  }

  /** One may be durable, and complete, whose master died before it said so. */
  #begins(jobId: string, from: number): void {
    const job = this.#of(jobId);
    if (from > 0) this.restores += 1;
    if (from < job.newest) {
      this.#violation ??= `K2: a start from ${from} while checkpoint ${job.newest} was complete`;
    }
    if (from === 0 && this.#restored.has(jobId)) {
      this.#violation ??= `K3: job ${jobId} was given a checkpoint, and starts from nothing`;
    }
    job.newest = Math.max(job.newest, from);
    // What stops and could not commit everything starts only to commit.
    if (job.status !== 'COMMITTING') job.stopsWith = undefined;
  }
}
