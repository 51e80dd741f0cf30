/**
 * A step of the machine that takes checkpoints under way, and the one way in which a checkpoint is
 * given up. The invariants named here are those of coordinator-machine.ts.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type {
  AbortCause,
  CoordinatorEffect,
  CoordinatorInput,
  CoordinatorState,
  PendingCheckpoint,
} from './coordinator-state.ts';

export class CoordinatorDraft {
  state: { -readonly [K in keyof CoordinatorState]: CoordinatorState[K] };
  readonly input: CoordinatorInput;
  readonly effects: CoordinatorEffect[] = [];

  constructor(state: CoordinatorState, input: CoordinatorInput) {
    this.state = { ...state };
    this.input = input;
  }

  /** Undefined if it has ended. */
  find(checkpointId: number): PendingCheckpoint | undefined {
    return this.state.pending.find((each) => each.checkpointId === checkpointId);
  }

  change(changed: PendingCheckpoint): void {
    this.state.pending = this.state.pending.map((each) =>
      each.checkpointId === changed.checkpointId ? changed : each,
    );
  }

  refuse(requestId: number, error: EngineError): void {
    assert(requestId !== 0, 'the clock is not refused');
    this.effects.push({ kind: 'refuse', requestId, error });
  }
}

/** C2, C7, C9. */
export function abort(
  draft: CoordinatorDraft,
  pending: PendingCheckpoint,
  cause: AbortCause,
): void {
  const { state, effects, input } = draft;
  const { checkpointId, request, phase } = pending;
  state.pending = state.pending.filter((each) => each.checkpointId !== checkpointId);
  state.lastEndAt = input.now;
  effects.push({ kind: 'aborted', pending, error: cause.error });
  if (phase === 'acknowledging' || phase === 'completing') {
    const { latestComplete } = state;
    effects.push({ kind: 'notify', notice: { checkpointId, outcome: 'aborted', latestComplete } });
  }
  const { savepoint } = request;
  if (savepoint?.stop !== undefined) {
    state.stopping = false;
    // Event time has ended, and what was built upon that cannot be taken back.
    const hasDrained = savepoint.stop === 'drain' && phase !== 'preparing' && phase !== 'sources';
    if (hasDrained) effects.push({ kind: 'fail-job', error: cause.error });
  } else if (cause.counts && savepoint === undefined) {
    countFailure(draft, cause.error);
  }
}

export function abortAll(
  draft: CoordinatorDraft,
  causeOf: (pending: PendingCheckpoint) => AbortCause,
): void {
  for (const pending of draft.state.pending) {
    if (pending.phase !== 'completing') abort(draft, pending, causeOf(pending));
  }
}

/** C7. */
function countFailure({ state, effects }: CoordinatorDraft, cause: EngineError): void {
  state.failures++;
  const tolerated = state.config.tolerableFailures;
  if (state.failures <= tolerated) return;
  const parameters = { failures: state.failures, tolerated };
  const error = new EngineError('CHECKPOINT_FAILURES_EXCEEDED', parameters, { cause });
  state.failures = 0;
  effects.push({ kind: 'fail-job', error });
}
