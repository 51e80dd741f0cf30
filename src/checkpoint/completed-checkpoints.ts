/**
 * The complete checkpoints of a job that are kept, the newest last: what a restart goes on from,
 * and what of their files goes when.
 *
 * K1. At most `retained` checkpoints are kept; the oldest go. Savepoints that stopped the job are
 *     kept beside them as long as they are the newest, and are never deleted: they are the user's.
 * K2. A subsumed checkpoint keeps its files until no checkpoint under way may build upon it.
 * K3. What is claimed by nobody, because a job was started from it and it is another's, is never
 *     deleted, and nobody goes on from it when there is a newer one: its owner may delete it then.
 */
import type { StateHandle } from '../protocol/checkpoint.ts';
import { handlesOf } from '../storage/checkpoint-metadata.ts';
import type { CheckpointMetadata } from '../storage/checkpoint-metadata.ts';
import { SharedFiles } from './shared-files.ts';

export interface CompletedCheckpoint {
  readonly metadata: CheckpointMetadata;
  /** The folder; undefined: it is in memory. */
  readonly location: string | undefined;
  /** Of the file that it begins with; 0: it is in memory. */
  readonly metadataBytes: number;
  /** Whether it goes with its job. */
  readonly isOurs: boolean;
}

/** What is to be deleted. */
export interface Discards {
  readonly checkpoints: readonly CompletedCheckpoint[];
  readonly handles: readonly StateHandle[];
  /** Shared files to which those that stay refer. */
  readonly inUse: ReadonlySet<string>;
}

export class CompletedCheckpoints {
  readonly #retained: number;
  readonly #shared = new SharedFiles();
  #kept: CompletedCheckpoint[] = [];
  /** K2. */
  #subsumed: CompletedCheckpoint[] = [];

  constructor(retained: number) {
    this.#retained = retained;
  }

  /** Oldest first. */
  get kept(): readonly CompletedCheckpoint[] {
    return this.#kept;
  }

  get latest(): CompletedCheckpoint | undefined {
    return this.#kept.at(-1);
  }

  /** Those that would be kept with this one, oldest first. */
  with(added: CompletedCheckpoint): readonly CompletedCheckpoint[] {
    const all = [...this.#kept, added].toSorted(
      (left, right) => left.metadata.checkpointId - right.metadata.checkpointId,
    );
    const newest = all.at(-1);
    const checkpoints = all.filter(
      (each) => each === newest || (each.isOurs && !isSavepoint(each)),
    );
    const counted = checkpoints.filter((each) => !isSavepoint(each));
    const kept = new Set(counted.slice(-this.#retained));
    return checkpoints.filter((each) => isSavepoint(each) || kept.has(each));
  }

  /** K1. It is durable. */
  add(added: CompletedCheckpoint): void {
    const kept = this.with(added);
    this.#shared.register(added.metadata.checkpointId, handlesOf(added.metadata));
    if (!added.isOurs) this.#shared.protect(handlesOf(added.metadata));
    const gone = [...this.#kept, added].filter((each) => !kept.includes(each));
    this.#kept = [...kept];
    this.#subsumed.push(...gone);
  }

  /** K2. @param needed the oldest that a checkpoint under way may build upon; infinity: none is */
  discardable(needed: number): Discards {
    const free = this.#subsumed.filter(({ metadata }) => metadata.checkpointId < needed);
    this.#subsumed = this.#subsumed.filter((each) => !free.includes(each));
    return this.#release(free);
  }

  /** The job has ended, and none is to stay. */
  discardAll(): Discards {
    const all = [...this.#subsumed, ...this.#kept];
    this.#subsumed = [];
    this.#kept = [];
    return this.#release(all);
  }

  /** What a checkpoint that was given up names and nobody refers to. */
  unused(handles: Iterable<StateHandle>): readonly StateHandle[] {
    return this.#shared.unused(handles);
  }

  #release(free: readonly CompletedCheckpoint[]): Discards {
    const handles = free.flatMap((each) => this.#shared.release(each.metadata.checkpointId));
    const checkpoints = free.filter(({ isOurs }) => isOurs);
    return { checkpoints, handles, inUse: this.#shared.inUse };
  }
}

function isSavepoint({ metadata }: CompletedCheckpoint): boolean {
  return metadata.purpose === 'savepoint';
}
