/**
 * What one connection uploads.
 *
 * U1. Chunks of an upload are written in the order in which they came, without gaps.
 * U2. After `close` no file of an unfinished upload is left.
 */
import { EngineError } from '../base/errors.ts';
import type { BlobFolder, BlobPart } from './blob-folder.ts';

/** A client has one at a time; more are somebody's mistake, or worse. */
const UPLOADS_MAX = 4;

interface Upload {
  /** Bytes that came, written or not. */
  received: number;
  readonly part: Promise<BlobPart>;
  /** Resolves when all that came is written. */
  written: Promise<unknown>;
}

export class Uploads {
  /** Who holds what the connection has uploaded. */
  readonly owner: string;
  readonly #folder: BlobFolder;
  readonly #uploads = new Map<string, Upload>();
  #closed = false;

  constructor(folder: BlobFolder, owner: string) {
    this.#folder = folder;
    this.owner = owner;
  }

  /** U1. @throws EngineError RPC_PROTOCOL, BLOB_TOO_LARGE, IO_* */
  async append(id: string, offset: number, bytes: Uint8Array): Promise<void> {
    const upload = this.#uploads.get(id) ?? this.#begin(id, offset);
    if (offset !== upload.received) {
      throw refused(`a chunk at ${offset} of an upload that has ${upload.received} bytes`);
    }
    upload.received += bytes.length;
    const { part, written } = upload;
    upload.written = written.then(async () => (await part).append(bytes));
    upload.written.catch(() => undefined);
    await upload.written;
  }

  /** The whole upload, which is not this one's any more. @throws EngineError RPC_PROTOCOL, IO_* */
  async take(id: string, size: number): Promise<BlobPart> {
    const upload = this.#uploads.get(id);
    if (upload === undefined || upload.received !== size) {
      throw refused(`the end of an upload after ${size} bytes, which has ${upload?.received ?? 0}`);
    }
    await upload.written;
    this.#uploads.delete(id);
    return upload.part;
  }

  /** U2. */
  async close(): Promise<void> {
    this.#closed = true;
    const uploads = [...this.#uploads.values()];
    this.#uploads.clear();
    for (const { part, written } of uploads) {
      await written.catch(() => undefined);
      const made = await part.catch(() => undefined);
      await made?.abandon();
    }
  }

  #begin(id: string, offset: number): Upload {
    if (this.#closed || offset !== 0) throw refused(`a chunk at ${offset} of an unknown upload`);
    if (this.#uploads.size === UPLOADS_MAX)
      throw refused(`more than ${UPLOADS_MAX} uploads at once`);
    const part = this.#folder.begin();
    const upload = { received: 0, part, written: part };
    this.#uploads.set(id, upload);
    return upload;
  }
}

function refused(reason: string): EngineError {
  return new EngineError('RPC_PROTOCOL', { reason });
}
