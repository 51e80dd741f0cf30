/**
 * The decision to commit, seen from the JobMaster: stored once, before anything follows from it.
 *
 * B5. Nothing is committed before the decision is stored, whatever happens to this master then.
 */
import type { CommitDecision } from '../protocol/stored-job.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import type { JobRun } from './job-run.ts';

export interface DecisionOptions {
  readonly main: MainThread;
  readonly run: JobRun;
  /** Stores it, so that a later master knows it. */
  readonly store: (decision: CommitDecision) => Promise<void>;
}

export class StoredDecision {
  readonly #options: DecisionOptions;
  /** Resolves when it is stored. */
  #stored: Promise<void> | undefined;

  constructor(options: DecisionOptions) {
    this.#options = options;
  }

  /** An earlier master has taken and stored it. */
  recovered({ accumulators }: CommitDecision): void {
    this.#stored = Promise.resolve();
    this.#options.run.accumulators = [...accumulators];
  }

  /** B5: `effect` follows, unless the region has begun something else meanwhile. */
  whenStored(region: number, effect: () => void): void {
    const { main, run, store } = this.#options;
    const stored = (this.#stored ??= store(this.#take()));
    const { generation } = run.state.regions[region]!;
    main.follow(
      stored,
      () => {
        const now = run.state.regions[region]!;
        if (generation === now.generation && !now.stopping) effect();
      },
      (error) => {
        if (this.#stored === stored) this.#stored = undefined;
        run.feed({ kind: 'region-failed', region, generation, error });
      },
    );
  }

  #take(): CommitDecision {
    const { run } = this.#options;
    const { executions } = run.state;
    return {
      fingerprint: run.plan!.graph.jobGraph.fingerprint,
      generation: run.generation,
      committables: executions.map(({ state, committables }) =>
        state === 'FINISHED' ? undefined : committables,
      ),
      accumulators: Array.from(executions, (_, at) => run.accumulators[at] ?? []),
    };
  }
}
