/**
 * Blobs (bundles of jobs) between processes: kept by the JobManager, named by the SHA-256 of their
 * content. Whoever may connect may call: what is sent is verified by its name on either side.
 */
import { t } from '../types/index.ts';
import type { Service } from './service.ts';
import { ask, service } from './service.ts';
import type { Ask } from './service.ts';

export const BLOBS = 'blobs';

/** The most bytes of a blob in one message. */
export const BLOB_CHUNK_BYTES: number = 1024 * 1024;
/** Larger blobs are not taken. */
export const BLOB_LIMIT_BYTES: number = 256 * 1024 * 1024;

interface PutChunk {
  /** Chosen by the sender; names the upload on its connection only. */
  readonly upload: string;
  /** How many bytes came before. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface FinishUpload {
  readonly upload: string;
  readonly size: number;
  readonly hash: string;
}

interface GetChunk {
  readonly hash: string;
  readonly offset: number;
}

interface Chunk {
  readonly bytes: Uint8Array;
  /** Of the whole blob. */
  readonly size: number;
}

const Empty = t.struct({});

export type BlobService = Service<{
  /** In order; the first, at offset 0, begins the upload. */
  readonly putChunk: Ask<PutChunk, {}>;
  /**
   * Verifies and keeps what was sent: from now on it can be fetched, and it stays until the
   * connection is closed or `release` is called, and for every job that was submitted with it.
   */
  readonly finish: Ask<FinishUpload, {}>;
  readonly getChunk: Ask<GetChunk, Chunk>;
  /** The caller does not need what it has uploaded to stay any longer. */
  readonly release: Ask<{ readonly hash: string }, {}>;
}>;

export const blobService: BlobService = service('Blobs', {
  putChunk: ask(t.struct({ upload: t.string, offset: t.integer, bytes: t.bytes }), Empty, {
    unfenced: true,
  }),
  finish: ask(t.struct({ upload: t.string, size: t.integer, hash: t.string }), Empty, {
    unfenced: true,
  }),
  getChunk: ask(
    t.struct({ hash: t.string, offset: t.integer }),
    t.struct({ bytes: t.bytes, size: t.integer }),
    { unfenced: true },
  ),
  release: ask(t.struct({ hash: t.string }), Empty, { unfenced: true }),
});
