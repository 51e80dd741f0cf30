/**
 * Messages between a JobMaster and the job's coordinator worker: the thread in which the user's
 * code runs that a master needs, that is the build of the job and the split enumerators of its
 * sources. The worker is spawned with no data, perhaps before there is a job for it; its first
 * message is `build`.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import type { ErrorData } from '../base/errors.ts';
import type { JobGraph, OperatorId } from '../graph/job-graph.ts';
import { dynamic } from '../types/index.ts';
import type { SchemaDescription } from '../types/schema-description.ts';
import type { SourceEventToEnumerator, SourceEventToReader } from './slot-messages.ts';
import type { JobReference } from './task-deployment.ts';

export type ToCoordinator =
  | {
      readonly kind: 'build';
      readonly job: JobReference;
      /** The graph tells what operators keep, as it does anyway where the job names a savepoint. */
      readonly withStates?: boolean | undefined;
    }
  /**
   * Makes and starts the enumerators of all sources; those of an earlier start are closed before.
   */
  | {
      readonly kind: 'start-sources';
      readonly epoch: number;
      /** The states of the enumerators in the checkpoint from which the job goes on. */
      readonly restored?: RestoredSources | undefined;
    }
  | { readonly kind: 'close-sources' }
  /**
   * These readers are of a new generation and have not come yet: what their predecessors were given
   * goes back to the enumerators, unless the readers find it in the state that they restore.
   */
  | {
      readonly kind: 'attach-readers';
      readonly generation: number;
      /** From which they are restored; 0: from none. */
      readonly restoredCheckpoint?: number | undefined;
      readonly readers: readonly { readonly operator: OperatorId; readonly subtask: number }[];
    }
  | {
      readonly kind: 'source-event';
      readonly operator: OperatorId;
      readonly subtask: number;
      readonly event: SourceEventToEnumerator;
    }
  /**
   * Answered by `sources-snapshot` or `sources-snapshot-failed`. What enumerators have said before
   * the answer belongs to the checkpoint, what they say after it does not.
   */
  | { readonly kind: 'snapshot-sources'; readonly checkpointId: number }
  /** What was assigned before it need not be remembered any more. */
  | { readonly kind: 'checkpoint-complete'; readonly checkpointId: number }
  | { readonly kind: 'checkpoint-aborted'; readonly checkpointId: number };

export interface RestoredSources {
  readonly checkpointId: number;
  readonly sources: readonly RestoredSource[];
}

export interface RestoredSource extends SourceState {
  /** Of whoever took the checkpoint. */
  readonly schema: SchemaDescription;
}

/** What the enumerator of a source keeps, encoded with the source's schema. */
export interface SourceState {
  readonly operator: OperatorId;
  readonly state: Uint8Array;
}

export type FromCoordinator =
  | { readonly kind: 'built'; readonly graph: JobGraph }
  | { readonly kind: 'build-failed'; readonly error: ErrorData }
  | {
      readonly kind: 'source-event';
      /** Of the reader that it is for. */
      readonly generation: number;
      readonly operator: OperatorId;
      readonly subtask: number;
      readonly event: SourceEventToReader;
    }
  | {
      readonly kind: 'sources-snapshot';
      readonly checkpointId: number;
      readonly sources: readonly SourceState[];
    }
  | {
      readonly kind: 'sources-snapshot-failed';
      readonly checkpointId: number;
      readonly operator: OperatorId | undefined;
      readonly error: ErrorData;
    }
  | {
      readonly kind: 'source-failed';
      readonly epoch: number;
      readonly operator: OperatorId;
      readonly error: ErrorData;
    };

export function encodeCoordinatorMessage(message: ToCoordinator | FromCoordinator): Uint8Array {
  const out = new ByteWriter();
  dynamic.codec.encode(message, out);
  return out.copy();
}

export function decodeToCoordinator(bytes: Uint8Array): ToCoordinator {
  return dynamic.codec.decode(new ByteReader(bytes)) as ToCoordinator;
}

export function decodeFromCoordinator(bytes: Uint8Array): FromCoordinator {
  return dynamic.codec.decode(new ByteReader(bytes)) as FromCoordinator;
}
