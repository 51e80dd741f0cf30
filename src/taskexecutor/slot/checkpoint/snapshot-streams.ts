/**
 * Where the snapshots of a slot's tasks go: what of the checkpoint storage a task sees.
 */
import type { StateHandle } from '../../../protocol/checkpoint.ts';
import type { SnapshotInput, SnapshotOutput } from '../../../state/snapshot.ts';

/** `exclusive`: of one checkpoint; `shared`: later ones may refer to it. */
type SnapshotScope = 'exclusive' | 'shared';

export interface SnapshotStreams {
  /** @param location the folder of the files that belong to one checkpoint alone */
  open(location: string, scope: SnapshotScope): SnapshotOutputStream;
}

export interface SnapshotOutputStream extends SnapshotOutput {
  /** Resolves when it is not full any more. */
  drained(): Promise<void>;
  /** Resolves when all of it is durable. */
  finish(): Promise<StateHandle>;
  /** Deletes it, also after `finish`. Idempotent. */
  abort(): Promise<void>;
}

type FileHandle = Extract<StateHandle, { readonly kind: 'file' }>;

/** A file of a snapshot, open for reading. */
export interface SnapshotFile extends SnapshotInput {
  close(): Promise<void>;
}

/** The checkpoint storage, as a slot needs it. */
export interface SnapshotStorage extends SnapshotStreams {
  openFile(handle: FileHandle): Promise<SnapshotFile>;
}
