/**
 * Checkpoints that fail while their job goes on, for who looks on: nothing else shows them, and
 * after a failure of the job all of the time since the last complete one is done again.
 *
 * G3. A row of failures is told when it is first seen; the next one after a complete checkpoint.
 */
import type { FailingCheckpoints } from '../protocol/checkpoint-statistics.ts';
import { clip } from './live-text.ts';

const REASON_MAX = 1000;

/** One sentence or more, without a line end. */
export function checkpointFailureText({ count, message }: FailingCheckpoints): string {
  const [what, them] =
    count === 1 ? ['A checkpoint', 'it'] : [`${count} checkpoints in a row`, 'them'];
  return (
    `${what} failed, and the job goes on without ${them}: should it fail, it will begin again ` +
    `from the last complete one, or from its start. ${clip(message.split('\n', 1)[0]!, REASON_MAX)}`
  );
}

export class CheckpointFailures {
  #isTold = false;

  /** G3. What is to be told now. */
  fresh(failing: FailingCheckpoints | undefined): readonly string[] {
    const isNew = failing !== undefined && !this.#isTold;
    this.#isTold = failing !== undefined;
    return isNew ? [checkpointFailureText(failing)] : [];
  }
}
