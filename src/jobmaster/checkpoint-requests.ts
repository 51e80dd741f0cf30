/**
 * Who has asked for a checkpoint or a savepoint, and waits for the answer.
 *
 * W1. Every request is answered once: with a location, or with an error.
 * W2. Who stops a job has its answer when the job has come to its end.
 */
import { EngineError } from '../base/errors.ts';
import type { TerminalJobStatus } from '../protocol/job-status.ts';

export interface CheckpointAnswer {
  readonly checkpointId: number;
  readonly location: string;
}

export class CheckpointRequests {
  readonly #open = new Map<number, PromiseWithResolvers<CheckpointAnswer>>();
  /** W2: the savepoint is complete. */
  readonly #stopping = new Map<number, CheckpointAnswer>();
  #next = 1;

  open(): { readonly requestId: number; readonly answer: Promise<CheckpointAnswer> } {
    const requestId = this.#next++;
    const answer = Promise.withResolvers<CheckpointAnswer>();
    this.#open.set(requestId, answer);
    // Whoever asks hears of it.
    answer.promise.catch(() => undefined);
    return { requestId, answer: answer.promise };
  }

  answer(requestId: number, answer: CheckpointAnswer): void {
    this.#open.get(requestId)!.resolve(answer);
    this.#open.delete(requestId);
  }

  refuse(requestId: number, error: EngineError): void {
    this.#open.get(requestId)!.reject(error);
    this.#open.delete(requestId);
  }

  stops(requestId: number, answer: CheckpointAnswer): void {
    this.#stopping.set(requestId, answer);
  }

  /** Tasks start again, although their job was to stop. */
  notStopped(): void {
    for (const [requestId, { location }] of this.#stopping) {
      this.refuse(requestId, new EngineError('SAVEPOINT_STOP_FAILED', { location }));
    }
    this.#stopping.clear();
  }

  ended(status: TerminalJobStatus): void {
    if (status === 'FINISHED') {
      for (const [requestId, answer] of this.#stopping) this.answer(requestId, answer);
      this.#stopping.clear();
    }
    this.notStopped();
  }
}
