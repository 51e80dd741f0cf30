/**
 * Objects that survive their writer, as Flink's writer for S3 makes them: an upload in parts that
 * is completed by the commit. What has not yet the length of a part is put, when it is persisted,
 * into an object of its own with a hidden name (the tail), from where a recovery takes it back.
 *
 * Invariants
 * V1. Nothing is visible under the object's name before `commit`, and then all of it, in one step.
 * V2. After `recover` the upload goes on behind exactly the bytes of that `persist`; a part that
 *     another recovery has uploaded meanwhile makes the commit fail and never gets into the object.
 * V3. `commit` any number of times gives the object once, known by the id that it carries and by
 *     its length, and never replaces one of somebody else, unless that was asked for when it was
 *     opened.
 * V4. Tails are removed by commit, discard and abort.
 */
import { EngineError } from '../../base/errors.ts';
import { t } from '../../types/index.ts';
import type { OpenOptions, RecoverableOutput, RecoverableWriter } from '../file-system.ts';
import {
  decodeRecoverable,
  encodeRecoverable,
  isRecoverable,
  type RecoverableKind,
} from '../recoverable-bytes.ts';
import { PartBuffer } from './part-buffer.ts';
import { abortUpload, deleteObjects, headObject, listObjects, S3Input } from './s3-objects.ts';
import type { S3Store } from './s3-store.ts';
import {
  beginUpload,
  completeUpload,
  isUploadThere,
  lost,
  partBytesOf,
  putObject,
  uploadPart,
  type UploadedPart,
} from './s3-upload.ts';
import { objectUri, type ObjectName } from './s3-uri.ts';
import { temporaryKey } from './temporary-key.ts';

/** What is on the store of an object that is being written. */
interface Progress {
  readonly bucket: string;
  readonly key: string;
  /** Of this object, over all recoveries. */
  readonly id: string;
  /** Undefined before the first part or `persist`. */
  readonly uploadId: string | undefined;
  readonly parts: readonly UploadedPart[];
  /** What comes behind the parts. */
  readonly tail: { readonly key: string; readonly size: number } | undefined;
  /** How many tails there have been. */
  readonly tails: number;
  /** Whether it takes the place of an object that has its name. */
  readonly replace: boolean;
}

const PROGRESS = t.struct({
  bucket: t.string,
  key: t.string,
  id: t.string,
  uploadId: t.optional(t.string),
  parts: t.array(t.struct({ number: t.integer, tag: t.string, size: t.integer })),
  tail: t.optional(t.struct({ key: t.string, size: t.integer })),
  tails: t.integer,
  replace: t.boolean,
}) as RecoverableKind<Progress>['schema'];
const RESUMABLE: RecoverableKind<Progress> = { kind: 's3/resumable', schema: PROGRESS };
const COMMITTABLE: RecoverableKind<Progress> = { kind: 's3/committable', schema: PROGRESS };

export interface S3WriterOptions {
  readonly store: S3Store;
  readonly objectOf: (uri: string) => ObjectName;
  readonly uniqueName: () => string;
}

export class S3RecoverableWriter implements RecoverableWriter {
  readonly #store: S3Store;
  readonly #options: S3WriterOptions;

  constructor(options: S3WriterOptions) {
    this.#store = options.store;
    this.#options = options;
  }

  async open(uri: string, { replace = false }: OpenOptions = {}): Promise<RecoverableOutput> {
    const object = this.#options.objectOf(uri);
    const id = this.#options.uniqueName();
    const nothing = { uploadId: undefined, parts: [], tail: undefined, tails: 0, replace };
    return new S3RecoverableOutput(this.#options, { ...object, id, ...nothing });
  }

  /** V2. */
  async recover(resumable: Uint8Array): Promise<RecoverableOutput> {
    const progress = decodeRecoverable(resumable, RESUMABLE);
    await this.#requireUpload(progress);
    const output = new S3RecoverableOutput(this.#options, progress);
    if (progress.tail !== undefined) output.restore(await this.#readTail(progress));
    return output;
  }

  /** V1, V3. */
  async commit(committable: Uint8Array): Promise<void> {
    const progress = decodeRecoverable(committable, COMMITTABLE);
    const { id, uploadId, parts, replace } = progress;
    const object = objectIn(progress);
    if (parts.length === 0 || uploadId === undefined) {
      if (uploadId !== undefined) await abortUpload(this.#store, object, uploadId);
      const written = await putObject(this.#store, object, NOTHING, { id, replace });
      if (!written) throw new EngineError('IO_EXISTS', { path: objectUri(object) });
    } else {
      await completeUpload(this.#store, { object, uploadId, id }, parts, replace);
    }
    await removeTails(this.#store, progress);
  }

  async release(resumable: Uint8Array): Promise<void> {
    const { bucket, tail } = decodeRecoverable(resumable, RESUMABLE);
    if (tail !== undefined) await deleteObjects(this.#store, bucket, [tail.key]);
  }

  async discard(bytes: Uint8Array): Promise<void> {
    const kind = isRecoverable(bytes, RESUMABLE) ? RESUMABLE : COMMITTABLE;
    await removeAll(this.#store, decodeRecoverable(bytes, kind));
  }

  async #requireUpload(progress: Progress): Promise<void> {
    const { uploadId } = progress;
    if (uploadId === undefined) return;
    const object = objectIn(progress);
    if (!(await isUploadThere(this.#store, object, uploadId))) {
      throw lost(object, 'its upload is gone');
    }
  }

  async #readTail(progress: Progress): Promise<Uint8Array> {
    const { bucket, tail } = progress;
    const object = { bucket, key: tail!.key };
    const head = await headObject(this.#store, object);
    if (head?.ContentLength === tail!.size) {
      return new S3Input(this.#store, object, head).read(0, tail!.size);
    }
    throw lost(objectIn(progress), `${objectUri(object)}, which held its end, is gone`);
  }
}

class S3RecoverableOutput implements RecoverableOutput {
  readonly uri: string;
  readonly #store: S3Store;
  readonly #uniqueName: () => string;
  readonly #object: ObjectName;
  readonly #buffer = new PartBuffer();
  #progress: Progress;
  #failure: { readonly error: unknown } | undefined = undefined;
  #ended = false;

  constructor({ store, uniqueName }: S3WriterOptions, progress: Progress) {
    this.#store = store;
    this.#uniqueName = uniqueName;
    this.#object = objectIn(progress);
    this.#progress = { ...progress, tail: undefined };
    this.uri = objectUri(this.#object);
  }

  get size(): number {
    const uploaded = this.#progress.parts.reduce((sum, { size }) => sum + size, 0);
    return uploaded + this.#buffer.length;
  }

  /** The bytes behind the parts, as they were persisted. */
  restore(tail: Uint8Array): void {
    this.#buffer.append(tail);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#step(async () => {
      this.#buffer.append(bytes);
      const number = this.#progress.parts.length + 1;
      if (this.#buffer.length >= partBytesOf(number, this.#store.settings.partBytes)) {
        await this.#uploadBuffer();
      }
    });
  }

  persist(): Promise<Uint8Array> {
    return this.#step(async () => {
      // So that all who recover from here use the same upload, and one can be aborted.
      await this.#requireUpload();
      if (this.#buffer.length === 0) return encodeRecoverable(RESUMABLE, this.#progress);
      const { bucket, id, tails } = this.#progress;
      // Drawn: nobody who recovers from the same place has the same one.
      const key = `${tailPrefix(this.#progress)}-${this.#uniqueName()}`;
      const bytes = this.#buffer.copy();
      // Before the tail is there: whoever recovers must know of it.
      this.#progress = { ...this.#progress, tails: tails + 1 };
      await putObject(this.#store, { bucket, key }, bytes, { id, replace: true });
      const tail = { key, size: bytes.length };
      return encodeRecoverable(RESUMABLE, { ...this.#progress, tail });
    });
  }

  closeForCommit(): Promise<Uint8Array> {
    return this.#step(async () => {
      if (this.#buffer.length > 0) await this.#uploadBuffer();
      this.#ended = true;
      return encodeRecoverable(COMMITTABLE, this.#progress);
    });
  }

  async close(): Promise<void> {
    this.#ended = true;
    this.#buffer.take();
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    await this.close();
    await removeAll(this.#store, this.#progress);
  }

  /** V2: after a failure bytes may be missing, and nothing goes on. */
  async #step<T>(work: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      return await work();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  async #uploadBuffer(): Promise<void> {
    const uploadId = await this.#requireUpload();
    const { id, parts } = this.#progress;
    const upload = { object: this.#object, uploadId, id };
    const part = await uploadPart(this.#store, upload, parts.length + 1, this.#buffer.take());
    this.#progress = { ...this.#progress, parts: [...parts, part] };
  }

  async #requireUpload(): Promise<string> {
    if (this.#progress.uploadId !== undefined) return this.#progress.uploadId;
    const { uploadId } = await beginUpload(this.#store, this.#object, this.#progress.id);
    this.#progress = { ...this.#progress, uploadId };
    return uploadId;
  }
}

const NOTHING = new Uint8Array(0);

function objectIn({ bucket, key }: Progress): ObjectName {
  return { bucket, key };
}

/** V4. Begins the keys of all tails of an object, and of nothing else. */
function tailPrefix({ key, id }: Progress): string {
  return temporaryKey(key, id);
}

async function removeTails(store: S3Store, progress: Progress): Promise<void> {
  if (progress.tails === 0) return;
  const { bucket } = progress;
  const { keys } = await listObjects(store, { bucket, key: `${tailPrefix(progress)}-` });
  await deleteObjects(store, bucket, keys);
}

async function removeAll(store: S3Store, progress: Progress): Promise<void> {
  const { uploadId } = progress;
  if (uploadId !== undefined) await abortUpload(store, objectIn(progress), uploadId);
  await removeTails(store, progress);
}
