/**
 * A file that is written to an object store: in one request if it is small, else in parts while it
 * is being written.
 *
 * Invariants
 * F1. At most `concurrentUploads` parts are on the way; more make `write` wait.
 * F2. After the first failure nothing is uploaded any more, and every call fails with it.
 */
import { EngineError } from '../../base/errors.ts';
import type { FileOutput } from '../file-system.ts';
import { PartBuffer } from './part-buffer.ts';
import { abortUpload, deleteObjects } from './s3-objects.ts';
import type { S3Store } from './s3-store.ts';
import {
  beginUpload,
  completeUpload,
  isOwn,
  partBytesOf,
  putObject,
  uploadPart,
  type Upload,
  type UploadedPart,
} from './s3-upload.ts';
import { objectUri, type ObjectName } from './s3-uri.ts';

export class S3Output implements FileOutput {
  readonly #store: S3Store;
  readonly #object: ObjectName;
  /** Drawn: names this attempt at the object. */
  readonly #id: string;
  readonly #buffer = new PartBuffer();
  readonly #parts: UploadedPart[] = [];
  readonly #running: Set<Promise<void>> = new Set();
  #upload: Promise<Upload> | undefined = undefined;
  #begun = 0;
  #size = 0;
  #failure: { readonly error: unknown } | undefined = undefined;
  #ended: 'finishing' | 'finished' | 'aborted' | undefined = undefined;

  constructor(store: S3Store, object: ObjectName, id: string) {
    this.#store = store;
    this.#object = object;
    this.#id = id;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#rethrow();
    this.#buffer.append(bytes);
    this.#size += bytes.length;
    const { partBytes, concurrentUploads } = this.#store.settings;
    if (this.#buffer.length < partBytesOf(this.#begun + 1, partBytes)) return;
    this.#beginPart();
    while (this.#running.size >= concurrentUploads) await Promise.race(this.#running);
    this.#rethrow();
  }

  async finish(): Promise<{ readonly size: number }> {
    this.#rethrow();
    this.#ended = 'finishing';
    if (this.#upload === undefined) await this.#put();
    else await this.#complete(this.#upload);
    this.#ended = 'finished';
    return { size: this.#size };
  }

  async abort(): Promise<void> {
    if (this.#ended === 'finished' || this.#ended === 'aborted') return;
    const wasFinishing = this.#ended === 'finishing';
    this.#ended = 'aborted';
    this.#buffer.take();
    this.#failure ??= { error: this.#aborted() };
    await Promise.all(this.#running);
    const upload = await this.#upload?.catch(ignoreFailure);
    if (upload !== undefined) await abortUpload(this.#store, this.#object, upload.uploadId);
    // The last request may have been carried out, and its answer lost.
    if (wasFinishing && (await isOwn(this.#store, this.#object, this.#id))) {
      await deleteObjects(this.#store, this.#object.bucket, [this.#object.key]);
    }
  }

  async #put(): Promise<void> {
    const how = { id: this.#id, replace: true };
    await putObject(this.#store, this.#object, this.#buffer.take(), how);
  }

  async #complete(begun: Promise<Upload>): Promise<void> {
    if (this.#buffer.length > 0) this.#beginPart();
    await Promise.all(this.#running);
    this.#rethrow();
    const upload = await begun;
    const parts = this.#parts.toSorted((left, right) => left.number - right.number);
    await completeUpload(this.#store, upload, parts, true);
  }

  /** F1. */
  #beginPart(): void {
    this.#begun += 1;
    const number = this.#begun;
    const bytes = this.#buffer.take();
    this.#upload ??= beginUpload(this.#store, this.#object, this.#id);
    const running = this.#uploadPart(this.#upload, number, bytes).finally(() =>
      this.#running.delete(running),
    );
    this.#running.add(running);
  }

  /** F2. Never rejects. */
  async #uploadPart(begun: Promise<Upload>, number: number, bytes: Uint8Array): Promise<void> {
    try {
      const upload = await begun;
      if (this.#failure === undefined) {
        this.#parts.push(await uploadPart(this.#store, upload, number, bytes));
      }
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #aborted(): EngineError {
    const path = objectUri(this.#object);
    return new EngineError('IO_FAILED', { operation: 'write', path, reason: 'it was aborted' });
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** Whoever wrote has been told. */
function ignoreFailure(): undefined {
  return undefined;
}
