/**
 * Which snapshot of a keyed backend the next one is based on, so that it holds only what has
 * changed since; and when to write everything again.
 *
 * Invariants
 * I1. A base is a snapshot of this backend whose checkpoint is known to be complete, and none that
 *     is older than the newest complete one: its files may be gone.
 * I2. A mark is released when no later snapshot can be based on it.
 */
import type { StateHandle } from '../../../protocol/checkpoint.ts';
import type { KeyedStateBackend } from '../../../state/keyed-state-backend.ts';
import type { SnapshotMark } from '../../../state/snapshot.ts';
import { sizeOf } from './snapshot-metrics.ts';

/** More of them than this make a restore slow; then everything is written again. */
const INCREMENTS_MAX = 20;

interface Known {
  readonly checkpointId: number;
  readonly mark: SnapshotMark;
  /** Undefined while it is being written. */
  parts: readonly StateHandle[] | undefined;
}

/** What a snapshot is based on. */
export interface Base {
  readonly mark: SnapshotMark;
  readonly parts: readonly StateHandle[];
}

export class KeyedIncrements {
  readonly #backend: KeyedStateBackend;
  /** Ascending by checkpoint. */
  #known: Known[] = [];
  #complete = 0;

  constructor(backend: KeyedStateBackend) {
    this.#backend = backend;
  }

  /** I1. For the snapshot of a checkpoint that was triggered when `latestComplete` was. */
  base(latestComplete: number): Base | undefined {
    this.completed(latestComplete);
    const known = this.#known.find(({ checkpointId }) => checkpointId === this.#complete);
    if (known?.parts === undefined || !isWorthwhile(known.parts)) return undefined;
    return { mark: known.mark, parts: known.parts };
  }

  begun(checkpointId: number, mark: SnapshotMark): void {
    this.#known.push({ checkpointId, mark, parts: undefined });
  }

  /** It is durable, with all that it is based on, oldest first. */
  written(checkpointId: number, parts: readonly StateHandle[]): void {
    const known = this.#known.find((each) => each.checkpointId === checkpointId);
    if (known !== undefined) known.parts = parts;
  }

  /** I2 */
  completed(checkpointId: number): void {
    if (checkpointId <= this.#complete) return;
    this.#complete = checkpointId;
    this.#release((known) => known.checkpointId < checkpointId);
  }

  aborted(checkpointId: number): void {
    this.#release((known) => known.checkpointId === checkpointId);
  }

  #release(isOver: (known: Known) => boolean): void {
    for (const known of this.#known) if (isOver(known)) this.#backend.releaseMark(known.mark);
    this.#known = this.#known.filter((known) => !isOver(known));
  }
}

/** Increments that are together larger than the whole cost more than writing it again. */
function isWorthwhile([whole, ...increments]: readonly StateHandle[]): boolean {
  if (increments.length >= INCREMENTS_MAX) return false;
  const added = increments.reduce((sum, part) => sum + sizeOf(part), 0);
  return added <= sizeOf(whole!);
}
