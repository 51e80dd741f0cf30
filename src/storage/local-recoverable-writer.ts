/**
 * Files of a disk that survive their writer. The bytes are in a file of a temporary name in the
 * folder of the target; persisting syncs it and remembers how long it was, recovering cuts off what
 * is longer, committing moves it to its place.
 *
 * Invariants
 * W1. Nothing is visible under the target's name before `commit`, and then the whole file.
 * W2. After `recover` the file has exactly the bytes of the `persist` that it is recovered from.
 * W3. `commit` any number of times, with crashes in between, gives the same file once, and never
 *     replaces one of somebody else.
 */
import { EngineError } from '../base/errors.ts';
import type { DiskFile } from '../env/env.ts';
import { t } from '../types/index.ts';
import { parentOf } from '../env/durable-folder.ts';
import type { RecoverableOutput, RecoverableWriter } from './file-system.ts';
import type { LocalEnv } from './local-file-system.ts';
import { localPath, localUri } from './local-path.ts';
import {
  decodeRecoverable,
  encodeRecoverable,
  isMissing,
  isRecoverable,
  type RecoverableKind,
} from './recoverable-bytes.ts';
import { createTemporary, temporaryPath } from './temporary-name.ts';

/** A file and how many bytes of it count. */
interface LocalPart {
  readonly path: string;
  readonly temporary: string;
  readonly size: number;
}

const PART = t.struct({ path: t.string, temporary: t.string, size: t.integer });
const RESUMABLE: RecoverableKind<LocalPart> = { kind: 'file/resumable', schema: PART };
const COMMITTABLE: RecoverableKind<LocalPart> = { kind: 'file/committable', schema: PART };

export class LocalRecoverableWriter implements RecoverableWriter {
  readonly #env: LocalEnv;

  constructor(env: LocalEnv) {
    this.#env = env;
  }

  async open(uri: string): Promise<RecoverableOutput> {
    const { disk, random } = this.#env;
    const path = localPath(disk, uri);
    const temporary = temporaryPath(path, random);
    const file = await createTemporary(disk, temporary);
    return new LocalRecoverableOutput(this.#env, file, { path, temporary, size: 0 });
  }

  /** W2. */
  async recover(resumable: Uint8Array): Promise<RecoverableOutput> {
    const part = decodeRecoverable(resumable, RESUMABLE);
    const file = await this.#openPart(part);
    try {
      const size = await file.size();
      if (size < part.size) throw lost(part, `it has ${size} bytes of ${part.size}`);
      await file.truncate(part.size);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new LocalRecoverableOutput(this.#env, file, part);
  }

  /** W3. */
  async commit(committable: Uint8Array): Promise<void> {
    const { disk } = this.#env;
    const part = decodeRecoverable(committable, COMMITTABLE);
    const { path, temporary, size } = part;
    const written = await disk.stat(temporary);
    const visible = await disk.stat(path);
    if (written !== undefined) {
      if (written.size < size) throw lost(part, `it has ${written.size} bytes of ${size}`);
      if (visible !== undefined) throw new EngineError('IO_EXISTS', { path: localUri(path) });
      // Written by one who was replaced and had not noticed yet.
      if (written.size > size) await this.#cut(part);
      await disk.rename(temporary, path);
    } else if (visible === undefined) {
      throw lost(part, `neither ${temporary} nor the file itself exists`);
    } else if (visible.size !== size) {
      throw lost(part, `the file has ${visible.size} bytes, and ${size} were written`);
    }
    // Also of a commit whose process did not come this far.
    await disk.syncDirectory(parentOf(path));
  }

  /** The one file has all of it. */
  async release(resumable: Uint8Array): Promise<void> {
    decodeRecoverable(resumable, RESUMABLE);
  }

  async discard(bytes: Uint8Array): Promise<void> {
    const kind = isRecoverable(bytes, RESUMABLE) ? RESUMABLE : COMMITTABLE;
    const { temporary } = decodeRecoverable(bytes, kind);
    await this.#env.disk.remove(temporary);
  }

  async #cut(part: LocalPart): Promise<void> {
    const file = await this.#openPart(part);
    try {
      await file.truncate(part.size);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #openPart(part: LocalPart): Promise<DiskFile> {
    try {
      return await this.#env.disk.open(part.temporary, 'update');
    } catch (error) {
      throw isMissing(error) ? lost(part, `${part.temporary} does not exist`) : error;
    }
  }
}

class LocalRecoverableOutput implements RecoverableOutput {
  readonly uri: string;
  readonly #env: LocalEnv;
  readonly #file: DiskFile;
  readonly #path: string;
  readonly #temporary: string;
  #size: number;
  #ended = false;

  constructor(env: LocalEnv, file: DiskFile, { path, temporary, size }: LocalPart) {
    this.uri = localUri(path);
    this.#env = env;
    this.#file = file;
    this.#path = path;
    this.#temporary = temporary;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#size);
    this.#size += bytes.length;
  }

  async persist(): Promise<Uint8Array> {
    await this.#sync();
    return encodeRecoverable(RESUMABLE, this.#part());
  }

  async closeForCommit(): Promise<Uint8Array> {
    await this.#sync();
    await this.#file.close();
    this.#ended = true;
    return encodeRecoverable(COMMITTABLE, this.#part());
  }

  close(): Promise<void> {
    this.#ended = true;
    return this.#file.close();
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    try {
      await this.#file.close();
    } finally {
      await this.#env.disk.remove(this.#temporary);
    }
  }

  /** The content, and that the file is there at all. */
  async #sync(): Promise<void> {
    await this.#file.sync();
    await this.#env.disk.syncDirectory(parentOf(this.#path));
  }

  #part(): LocalPart {
    return { path: this.#path, temporary: this.#temporary, size: this.#size };
  }
}

function lost({ path }: LocalPart, reason: string): EngineError {
  return new EngineError('FILE_OUTPUT_LOST', { path: localUri(path), reason });
}
