/** What a test of a sink gives to its writer and committer. */
import type { CommitRequest, RestoredWriterState } from '../functions/sink.ts';

/** Of a writer at a fresh start. */
export const NO_WRITER_STATE: RestoredWriterState<never> = { own: [], all: [] };

export interface TestCommitRequest<Committable> extends CommitRequest<Committable> {
  /** What the committer has said, `committed` if nothing. */
  readonly outcome: 'committed' | 'already-committed' | 'retry' | 'given-up' | 'failed';
  /** That it gave, if it gave one. */
  readonly error: unknown;
}

/**
 * @example
 * const requests = commitRequests(await writer.prepareCommit(1));
 * await sink.createCommitter(context).commit(requests);
 * assert.deepEqual(requests.map(({ outcome }) => outcome), ['committed']);
 */
export function commitRequests<Committable>(
  committables: readonly Committable[],
  checkpointId?: number,
): readonly TestCommitRequest<Committable>[] {
  return committables.map((committable) => new Remembering(committable, checkpointId));
}

class Remembering<Committable> implements TestCommitRequest<Committable> {
  readonly retries = 0;
  readonly checkpointId: number | undefined;
  committable: Committable;
  outcome: TestCommitRequest<Committable>['outcome'] = 'committed';
  error: unknown;

  constructor(committable: Committable, checkpointId: number | undefined) {
    this.committable = committable;
    this.checkpointId = checkpointId;
  }

  retryLater(): void {
    this.outcome = 'retry';
  }

  updateAndRetryLater(committable: Committable): void {
    this.committable = committable;
    this.outcome = 'retry';
  }

  signalAlreadyCommitted(): void {
    this.outcome = 'already-committed';
  }

  signalFailedWithKnownReason(error: unknown): void {
    this.outcome = 'given-up';
    this.error = error;
  }

  signalFailedWithUnknownReason(error: unknown): void {
    this.outcome = 'failed';
    this.error = error;
  }
}
