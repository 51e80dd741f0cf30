/**
 * Files of a disk that survive their writer. The bytes are in a file of a temporary name in the
 * folder of the target; persisting syncs it and remembers how long it was, recovering cuts off what
 * is longer, committing moves it to its place.
 *
 * Invariants
 * W1. Nothing is visible under the target's name before `commit`, and then the whole file.
 * W2. After `recover` the file has exactly the bytes of the `persist` that it is recovered from.
 * W3. `commit` any number of times, with crashes in between, gives the same file once, and never
 *     replaces one of somebody else, unless that was asked for when it was opened.
 */
import { crc32 } from '../base/crc32.ts';
import { EngineError } from '../base/errors.ts';
import type { Disk, DiskFile } from '../env/env.ts';
import { t } from '../types/index.ts';
import { parentOf } from '../env/durable-folder.ts';
import type { OpenOptions, RecoverableOutput, RecoverableWriter } from './file-system.ts';
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
  /** Of these bytes: by them the file is known when it has lost its temporary name. */
  readonly checksum: number;
  /** Whether it takes the place of a file that has its name. */
  readonly replace: boolean;
}

const PART = t.struct({
  path: t.string,
  temporary: t.string,
  size: t.integer,
  checksum: t.integer,
  replace: t.boolean,
});
const RESUMABLE: RecoverableKind<LocalPart> = { kind: 'file/resumable', schema: PART };
const COMMITTABLE: RecoverableKind<LocalPart> = { kind: 'file/committable', schema: PART };

export class LocalRecoverableWriter implements RecoverableWriter {
  readonly #env: LocalEnv;

  constructor(env: LocalEnv) {
    this.#env = env;
  }

  async open(uri: string, options: OpenOptions = {}): Promise<RecoverableOutput> {
    const { disk, random } = this.#env;
    const { replace = false, incompleteName } = options;
    const path = localPath(disk, uri);
    const temporary = temporaryPath(path, random, incompleteName);
    const file = await createTemporary(disk, temporary);
    const part = { path, temporary, size: 0, checksum: 0, replace };
    return new LocalRecoverableOutput(this.#env, file, part);
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
      if (visible !== undefined && !part.replace) {
        throw new EngineError('IO_EXISTS', { path: localUri(path) });
      }
      // Written by one who was replaced and had not noticed yet.
      if (written.size > size) await this.#cut(part);
      await disk.rename(temporary, path);
    } else if (visible === undefined) {
      throw lost(part, `neither ${temporary} nor the file itself exists`);
    } else if (visible.size !== size) {
      throw lost(part, `the file has ${visible.size} bytes, and ${size} were written`);
    } else if ((await checksumOf(disk, path)) !== part.checksum) {
      throw lost(part, 'the file of that name is another one');
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
  readonly #replace: boolean;
  #size: number;
  #checksum: number;
  #ended = false;

  constructor(env: LocalEnv, file: DiskFile, part: LocalPart) {
    this.uri = localUri(part.path);
    this.#env = env;
    this.#file = file;
    this.#path = part.path;
    this.#temporary = part.temporary;
    this.#replace = part.replace;
    this.#size = part.size;
    this.#checksum = part.checksum;
  }

  get size(): number {
    return this.#size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#size);
    this.#size += bytes.length;
    this.#checksum = crc32(bytes, this.#checksum);
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
    return {
      path: this.#path,
      temporary: this.#temporary,
      size: this.#size,
      checksum: this.#checksum,
      replace: this.#replace,
    };
  }
}

async function checksumOf(disk: Disk, path: string): Promise<number> {
  const file = await disk.open(path, 'read');
  try {
    const block = new Uint8Array(256 * 1024);
    let checksum = 0;
    for (let position = 0; ;) {
      const count = await file.read(block, position);
      if (count === 0) return checksum;
      checksum = crc32(block.subarray(0, count), checksum);
      position += count;
    }
  } finally {
    await file.close();
  }
}

function lost({ path }: LocalPart, reason: string): EngineError {
  return new EngineError('FILE_OUTPUT_LOST', { path: localUri(path), reason });
}
