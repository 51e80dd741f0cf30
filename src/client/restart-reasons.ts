/**
 * Why a job on a cluster is tried again, for who looks on.
 *
 * G2. Of the failures that the job goes on after, each reason is told once; the one that ends the
 *     job is left to whoever reports the result.
 */
import { clip } from './live-text.ts';
import type { JobDetailsAnswer, JobExceptionsAnswer } from './rest-answers.ts';

const REASON_MAX = 1000;
/** Of the newest failures: several tasks may fail for several reasons at once. */
const LOOKED_AT = 10;
const ENDING: readonly string[] = ['FAILING', 'FAILED', 'CANCELLING', 'CANCELED'];

export class RestartReasons {
  /** When the job last began to restart, as far as was seen. */
  #restarted = 0;
  /** As many as the cluster is asked for at once. */
  #told: ReadonlySet<string> = new Set();

  /** Reasons that are new. `failures` asks for the newest ones, and is called after a restart. */
  async next(
    job: Pick<JobDetailsAnswer, 'state' | 'timestamps'>,
    failures: (most: number) => Promise<JobExceptionsAnswer | undefined>,
  ): Promise<readonly string[]> {
    const { RESTARTING: restarted = 0 } = job.timestamps;
    if (restarted === this.#restarted || ENDING.includes(job.state)) return [];
    const answer = await failures(LOOKED_AT);
    if (answer === undefined) return [];
    this.#restarted = restarted;
    const { entries } = answer.exceptionHistory;
    const reasons = new Set(entries.map(({ stacktrace }) => reasonOf(stacktrace)).reverse());
    const fresh = [...reasons].filter((reason) => !this.#told.has(reason));
    this.#told = reasons;
    return fresh;
  }
}

/** The first line says it, behind the name of the error. */
function reasonOf(stacktrace: string): string {
  return clip(stacktrace.split('\n', 1)[0]!.replace(/^millrace\.\w+: /, ''), REASON_MAX);
}
