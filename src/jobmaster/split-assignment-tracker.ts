/**
 * Which splits each reader of a source was given, and between which checkpoints: when a reader is
 * restored from a checkpoint, exactly those that it was given after it go back to the enumerator.
 *
 * Invariants
 * T1. A split is with the enumerator, in the state of a reader that a complete checkpoint holds, or
 *     here: what is pruned is in that state, what is given back is forgotten.
 * T2. What was given before the enumerator's part of checkpoint n was taken belongs to n, and to
 *     every later one; the reader has it before it is told of n.
 * T3. A reader goes on from the newest complete checkpoint; one that was under way when a reader
 * was
 *     restored from an older one is never complete.
 */
import { assert } from '../base/assert.ts';
import type { SourceSplit } from '../functions/source.ts';

interface Assignment {
  readonly split: SourceSplit;
  /** The first checkpoint that it belongs to; undefined: none has been taken since. */
  checkpointId: number | undefined;
}

export class SplitAssignmentTracker {
  /** By subtask, in the order in which they were given. */
  readonly #given = new Map<number, Assignment[]>();
  #newestTaken: number;
  #newestComplete: number;
  /** T3: those after it, up to `to`, must not be complete any more. */
  #doomed: { readonly after: number; readonly to: number } | undefined;

  /** `restoredCheckpoint`: that the enumerator goes on from; 0: none. */
  constructor(restoredCheckpoint: number = 0) {
    this.#newestTaken = restoredCheckpoint;
    this.#newestComplete = restoredCheckpoint;
  }

  assigned(subtask: number, splits: readonly SourceSplit[]): void {
    const given = this.#given.get(subtask) ?? [];
    this.#given.set(subtask, given);
    for (const split of splits) given.push({ split, checkpointId: undefined });
  }

  /** T2: the enumerator's part of a checkpoint is taken now. */
  taken(checkpointId: number): void {
    assert(checkpointId > this.#newestTaken, 'T2: checkpoints are taken in ascending order');
    this.#newestTaken = checkpointId;
    for (const given of this.#given.values()) {
      for (const assignment of given) assignment.checkpointId ??= checkpointId;
    }
  }

  /** T1 */
  complete(checkpointId: number): void {
    const doomed = this.#doomed;
    assert(
      doomed === undefined || checkpointId <= doomed.after || checkpointId > doomed.to,
      'T3: a checkpoint is complete that a reader was restored past',
    );
    if (checkpointId <= this.#newestComplete) return;
    this.#newestComplete = checkpointId;
    for (const [subtask, given] of this.#given) {
      this.#given.set(
        subtask,
        given.filter((assignment) => isAfter(assignment, checkpointId)),
      );
    }
  }

  /** T1. What goes back when the reader goes on from that checkpoint; 0: from none. */
  restored(subtask: number, checkpointId: number): readonly SourceSplit[] {
    assert(
      checkpointId >= this.#newestComplete,
      'T3: a reader is restored from a checkpoint that is not the newest complete one',
    );
    if (this.#newestTaken > checkpointId) {
      this.#doomed = { after: checkpointId, to: this.#newestTaken };
    }
    const given = this.#given.get(subtask) ?? [];
    this.#given.delete(subtask);
    return given
      .filter((assignment) => isAfter(assignment, checkpointId))
      .map(({ split }) => split);
  }
}

function isAfter(assignment: Assignment, checkpointId: number): boolean {
  return assignment.checkpointId === undefined || assignment.checkpointId > checkpointId;
}
