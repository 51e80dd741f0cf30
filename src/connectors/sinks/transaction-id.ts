/**
 * Names for what a sink's subtask does in a system outside. None is ever used twice in a job: an
 * attempt is numbered on from those before it, also under another master, and a sequence ascends
 * within its attempt.
 */
import type { SinkWriterContext } from '../../functions/sink.ts';

export class TransactionIds {
  readonly #prefix: string;
  #sequence = 0;

  constructor({ jobId, operatorId, subtask, attempt }: SinkWriterContext) {
    this.#prefix = `${jobId}/${operatorId}/${subtask}/${attempt}`;
  }

  /** @example `6f3c.../a1b2.../0/2/17` */
  next(): string {
    return `${this.#prefix}/${this.#sequence++}`;
  }
}
