/**
 * What a checkpoint consists of, as JobMaster and tasks tell each other: where the bytes of states
 * are, never the bytes themselves unless they are few. Files are named by URI; whoever holds a
 * handle can read it with nothing but the file system of its scheme.
 */
import type { Duration, Timestamp } from '../base/units.ts';
import type { OperatorId } from '../graph/job-graph.ts';
import type { SchemaDescription } from '../types/schema-description.ts';

/** Bytes of a snapshot. */
export type StateHandle =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'file';
      readonly uri: string;
      readonly size: number;
      /**
       * Other checkpoints may refer to it: it goes when nobody does. Else it goes with this one.
       */
      readonly shared: boolean;
    };

/** Keyed state of a range of key groups, both ends included. */
export interface KeyedStateHandle {
  readonly firstKeyGroup: number;
  readonly lastKeyGroup: number;
  /** A full snapshot, then what changed after it, oldest first. Never empty. */
  readonly parts: readonly StateHandle[];
}

/** What one operator of a subtask keeps. */
export interface OperatorSnapshot {
  readonly operator: OperatorId;
  readonly keyed: KeyedStateHandle | undefined;
  /** Of its OperatorStateBackend; splits of sources and records in flight are lists in it. */
  readonly operatorState: StateHandle | undefined;
  /**
   * Prepared before the barrier and not known to be committed, by the checkpoint that commits them.
   * Each is encoded with the sink's committable schema.
   */
  readonly committables: readonly CommittablesOfCheckpoint[];
}

export interface CommittablesOfCheckpoint {
  readonly checkpointId: number;
  readonly committables: readonly Uint8Array[];
}

/** Records that were between two tasks when an unaligned barrier passed them. */
export interface ChannelState {
  readonly edge: string;
  readonly producer: number;
  readonly consumer: number;
  /** Whole records with their timestamps, in order, encoded with the edge's schema. */
  readonly handle: StateHandle;
}

/** What one subtask adds to a checkpoint. */
export interface TaskSnapshot {
  readonly operators: readonly OperatorSnapshot[];
  /** In flight to it. */
  readonly inputs: readonly ChannelState[];
  /** In flight from it, where they had not left it yet. */
  readonly outputs: readonly ChannelState[];
  /** It has read all its input: a restored task only commits. */
  readonly finished: boolean;
}

/** How a subtask came to its snapshot; milliseconds and bytes. */
export interface SubtaskCheckpointMetrics {
  /** From the trigger to the first barrier that arrived. */
  readonly startDelayMillis: number;
  readonly alignmentMillis: number;
  readonly syncMillis: number;
  readonly asyncMillis: number;
  /** Written for this checkpoint; `stateBytes` counts what it refers to as well. */
  readonly writtenBytes: number;
  readonly stateBytes: number;
  readonly processedBytes: number;
  readonly inFlightBytes: number;
  readonly unaligned: boolean;
}

/** `canonical` restores into any backend; `native` is what the backend writes fastest. */
export type SavepointFormat = 'canonical' | 'native';

/** What a trigger says, and every barrier that follows from it. */
export interface CheckpointOptions {
  readonly purpose: 'checkpoint' | 'savepoint';
  readonly alignment: 'aligned' | 'unaligned' | 'at-least-once';
  /** Aligned barriers turn into unaligned ones after this. */
  readonly alignedTimeout: Duration | undefined;
  /** Of a savepoint. */
  readonly format: SavepointFormat | undefined;
  /** Folder of the files that belong to this checkpoint alone. */
  readonly location: string;
  /**
   * Of a savepoint after which the job ends: nothing is read after its barrier. `drain` ends event
   * time and the input before the barrier, `suspend` does not.
   */
  readonly stop: 'drain' | 'suspend' | undefined;
  /**
   * No increments: the state is written as a whole (a savepoint, a restore that claims nothing).
   */
  readonly full: boolean;
}

export interface CheckpointTrigger {
  /** Ascends over all masters of a job. */
  readonly checkpointId: number;
  readonly triggeredAt: Timestamp;
  /**
   * The newest complete one when it was triggered; 0: there was none. Increments refer to that, or
   * to a newer one that the task knows to be complete, never to an older: its files may be gone.
   */
  readonly latestComplete: number;
  readonly options: CheckpointOptions;
}

/**
 * `complete`: durable; what was prepared before it is to be committed. `aborted`: it never will be.
 */
export interface CheckpointNotice {
  readonly checkpointId: number;
  readonly outcome: 'complete' | 'aborted';
  /** The newest that is complete: increments may refer to it. 0: there is none. */
  readonly latestComplete: number;
}

/** How a slot takes part in checkpoints. */
export interface CheckpointingOfSlot {
  /** `<directory>/<job id>`: shared files are in `shared/` below it. */
  readonly directory: string;
  /** States of at most this many bytes travel in the acknowledgement. */
  readonly inlineBytes: number;
  readonly incremental: boolean;
  readonly mode: 'exactly-once' | 'at-least-once';
  readonly maxConcurrent: number;
  readonly checkpointsAfterTasksFinish: boolean;
  /** The slot keeps copies of the files that it writes, and reads them when it starts again. */
  readonly localBackup: boolean;
  readonly fromLocal: boolean;
  /** Keys and texts of options that file systems read, e.g. `s3.endpoint`. */
  readonly fileSystems: Readonly<Record<string, string>>;
}

/** From what a job starts. */
export interface RestoreSettings {
  /** A savepoint or a retained checkpoint. */
  readonly path: string;
  /** State that no operator claims is left behind; else such a job does not start. */
  readonly allowNonRestored: boolean;
  readonly claimMode: 'CLAIM' | 'NO_CLAIM' | 'LEGACY';
}

/** From which states an operator of a subtask goes on. */
export interface OperatorRestore {
  readonly operator: OperatorId;
  /** All that hold one of its key groups. */
  readonly keyed: readonly KeyedStateHandle[];
  /** Of all former subtasks, by their numbers; lists are dealt out by the reader of them. */
  readonly operatorState: readonly {
    readonly subtask: number;
    readonly handle: StateHandle;
  }[];
  readonly formerParallelism: number;
  /** To be committed at once: their checkpoint is complete. */
  readonly committables: readonly CommittablesOfCheckpoint[];
  /** With which schema they are encoded; undefined: there are none. */
  readonly committable: SchemaDescription | undefined;
}

/** Where a task goes on. */
export interface StateRestore {
  readonly kind: 'state';
  readonly checkpointId: number;
  /** It is the job's: its own, or claimed from another one. */
  readonly isClaimed: boolean;
  readonly operators: readonly OperatorRestore[];
  readonly inputs: readonly ChannelState[];
  readonly outputs: readonly ChannelState[];
  /** It had read all its input: it commits and ends. */
  readonly finished: boolean;
}
