/**
 * Why a job is tried again, for who looks on: here, or on a cluster.
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
  /** G2: no more than are remembered of a job. */
  #told: ReadonlySet<string> = new Set();

  /** Which of the reasons of a job, of which the first lines count, are new. G2. */
  fresh(status: string, texts: readonly string[]): readonly string[] {
    if (ENDING.includes(status)) return [];
    const reasons = new Set(texts.map((text) => clip(text.split('\n', 1)[0]!, REASON_MAX)));
    const fresh = [...reasons].filter((reason) => !this.#told.has(reason));
    this.#told = reasons;
    return fresh;
  }

  /**
   * Those of a job on a cluster. `failures` asks for the newest ones, and is called after a
   * restart.
   */
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
    // The name of the error stands before what it says.
    const texts = entries.map(({ stacktrace }) => stacktrace.replace(/^millrace\.\w+: /, ''));
    return this.fresh(job.state, texts.reverse());
  }
}
