/**
 * Until a job knows what it goes on from. One that an earlier master has had waits for a storage
 * that cannot be reached just now: it is not lost because the disk comes later than the JobManager.
 *
 * O1. It ends once: opened, or failed for a reason that no waiting changes.
 * O2. A new job does not wait: who submits it hears of the reason.
 * O3. While it waits it says why: in the log at every attempt, and among the failures of the job.
 * O4. Nothing is cleaned up after a job while an attempt to open it is under way: what that puts
 *     there would stay.
 */
import type { EngineError } from '../base/errors.ts';
import { milliseconds, seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Log } from '../env/env.ts';
import type { MainThread } from '../rpc/main-thread.ts';

const FIRST_PAUSE: Duration = seconds(1);
const LONGEST_PAUSE: Duration = seconds(60);

export interface JobOpeningOptions {
  readonly main: MainThread;
  readonly log: Log;
  readonly jobId: string;
  /** An earlier master has had the job. */
  readonly isRecovered: boolean;
  /** May be called again after it has failed. */
  readonly open: () => Promise<void>;
  /** The job has ended meanwhile. */
  readonly isOver: () => boolean;
  readonly onOpened: () => void;
  /** O3. */
  readonly onWaiting: (error: EngineError) => void;
  readonly onFailed: (error: EngineError) => void;
}

export class JobOpening {
  readonly #options: JobOpeningOptions;
  #pause = FIRST_PAUSE;
  #waitsFor: EngineError | undefined;
  #underway: Promise<unknown> = Promise.resolve();

  constructor(options: JobOpeningOptions) {
    this.#options = options;
    this.#attempt();
  }

  /** Why the last attempt has failed; undefined if none has, or it is over. */
  get waitsFor(): EngineError | undefined {
    return this.#waitsFor;
  }

  /** O4. Never rejects. Resolves when no attempt is under way. */
  async whenIdle(): Promise<void> {
    await this.#underway;
  }

  #attempt(): void {
    const { main, open, isOver, onOpened } = this.#options;
    if (isOver()) return;
    const attempt = open();
    this.#underway = Promise.allSettled([attempt]);
    main.follow(
      attempt,
      () => {
        this.#waitsFor = undefined;
        onOpened();
      },
      (error) => this.#failed(error),
    );
  }

  #failed(error: EngineError): void {
    const { main, log, jobId, isRecovered, isOver, onWaiting, onFailed } = this.#options;
    if (isOver()) return;
    if (error.code === 'HA_SUPERSEDED') {
      // The job is another's, and goes on there.
      main.fatal(error);
      return;
    }
    // O1, O2
    if (!isRecovered || error.retry === 'never') {
      this.#waitsFor = undefined;
      onFailed(error);
      return;
    }
    const pause = this.#pause;
    this.#pause = milliseconds(Math.min(pause * 2, LONGEST_PAUSE));
    this.#waitsFor = error;
    const text = `the job waits for its checkpoints, and tries again in ${pause / 1000} s`;
    log.write('warn', `${text}: ${error.message}`, { jobId });
    onWaiting(error);
    main.after(pause, () => this.#attempt());
  }
}
