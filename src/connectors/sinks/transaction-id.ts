/**
 * Names for what a sink's subtask does in a system outside. None is ever used twice: a sequence
 * ascends within its writer, and each writer draws a name. The number of its attempt is not enough,
 * because a job that goes on from a savepoint under the id of an earlier one counts from 1 again.
 */
import type { SinkWriterContext } from '../../functions/sink.ts';

export class TransactionIds {
  readonly #prefix: string;
  #sequence = 0;

  constructor({ env, jobId, operatorId, subtask, attempt }: SinkWriterContext) {
    this.#prefix = `${jobId}/${operatorId}/${subtask}/${attempt}/${env.random.uuid()}`;
  }

  /** @example `6f3c.../a1b2.../0/2/9d41.../17` */
  next(): string {
    return `${this.#prefix}/${this.#sequence++}`;
  }
}
