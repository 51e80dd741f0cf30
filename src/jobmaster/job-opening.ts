/**
 * Until a job knows what it goes on from. One that an earlier master has had waits for a storage
 * that cannot be reached just now: it is not lost because the disk comes later than the JobManager.
 *
 * O1. It ends once: opened, or failed for a reason that no waiting changes.
 * O2. A new job does not wait: who submits it hears of the reason.
 * O3. While it waits it says why: in the log at every attempt, and among the failures of the job.
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

  constructor(options: JobOpeningOptions) {
    this.#options = options;
    this.#attempt();
  }

  /** Why the last attempt has failed; undefined if none has, or it is over. */
  get waitsFor(): EngineError | undefined {
    return this.#waitsFor;
  }

  #attempt(): void {
    const { main, open, isOver, onOpened } = this.#options;
    if (isOver()) return;
    main.follow(
      open(),
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
