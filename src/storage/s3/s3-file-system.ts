/**
 * Files in an object store that speaks S3. There are no folders: a prefix that something has is
 * one. Objects become visible in one step, whole, so that nothing torn is ever seen; conditional
 * writes decide between several who write at once.
 */
import { EngineError } from '../../base/errors.ts';
import type { Timestamp } from '../../base/units.ts';
import type {
  FileEntry,
  FileInput,
  FileOutput,
  FileStatus,
  FileSystem,
  IncompleteFiles,
  RecoverableWriter,
} from '../file-system.ts';
import { nameOfUri } from '../file-uri.ts';
import { isTemporary } from '../temporary-name.ts';
import {
  abortUpload,
  deleteObjects,
  headObject,
  listObjects,
  listUploads,
  S3Input,
  statusOf,
} from './s3-objects.ts';
import { S3Output } from './s3-output.ts';
import { S3RecoverableWriter } from './s3-recoverable-writer.ts';
import type { S3Store } from './s3-store.ts';
import { putObject } from './s3-upload.ts';
import { objectOf, objectUri, type ObjectName } from './s3-uri.ts';
import { temporaryKey } from './temporary-key.ts';

export interface S3FileSystemOptions {
  readonly store: S3Store;
  /** A name that nobody else draws. */
  readonly uniqueName: () => string;
  /** Objects in one answer to a listing; as many as the store gives if it is not set. */
  readonly pageSize?: number | undefined;
}

export class S3FileSystem implements FileSystem {
  readonly scheme = 's3';
  readonly #store: S3Store;
  readonly #options: S3FileSystemOptions;

  constructor(options: S3FileSystemOptions) {
    this.#store = options.store;
    this.#options = options;
  }

  resolve(uri: string): string {
    return objectUri(objectOf(uri));
  }

  async open(uri: string): Promise<FileInput> {
    const object = fileOf(uri, 'read');
    const head = await headObject(this.#store, object);
    if (head === undefined) throw new EngineError('IO_NOT_FOUND', { path: objectUri(object) });
    return new S3Input(this.#store, object, head);
  }

  async create(uri: string): Promise<FileOutput> {
    return new S3Output(this.#store, fileOf(uri, 'create'), this.#options.uniqueName());
  }

  async writeIf(uri: string, bytes: Uint8Array, condition: 'absent' | 'any'): Promise<boolean> {
    const how = { id: this.#options.uniqueName(), replace: condition === 'any' };
    return putObject(this.#store, fileOf(uri, 'write'), bytes, how);
  }

  async stat(uri: string): Promise<FileStatus | undefined> {
    const object = objectOf(uri);
    const head = object.key === '' ? undefined : await headObject(this.#store, object);
    if (head !== undefined) return statusOf(head);
    const { keys } = await listObjects(this.#store, below(object), { limit: 1 });
    return keys.length === 0 ? undefined : { kind: 'folder', size: 0, modified: 0 as Timestamp };
  }

  async list(uri: string): Promise<readonly FileEntry[]> {
    const folder = below(objectOf(uri));
    const { pageSize } = this.#options;
    const found = await listObjects(this.#store, folder, { delimiter: '/', pageSize });
    const entry = (key: string, kind: FileEntry['kind']): FileEntry[] => {
      const name = key.slice(folder.key.length);
      // The console of AWS makes an empty object for a folder.
      if (name === '' || isTemporary(name)) return [];
      return [{ name, uri: objectUri({ bucket: folder.bucket, key }), kind }];
    };
    return [
      ...found.keys.flatMap((key) => entry(key, 'file')),
      ...found.prefixes.flatMap((prefix) => entry(prefix.slice(0, -1), 'folder')),
    ].sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0));
  }

  /** There are none, but the bucket must be there. */
  async makeFolder(uri: string): Promise<void> {
    await listObjects(this.#store, below(objectOf(uri)), { limit: 1 });
  }

  async remove(uri: string, options?: { readonly recursive?: boolean | undefined }): Promise<void> {
    const object = fileOf(uri, 'remove');
    if (options?.recursive === true) {
      await this.#removeBelow(below(object));
    } else if ((await this.stat(uri))?.kind === 'folder') {
      throw failed('remove', object, 'it is a folder');
    }
    await deleteObjects(this.#store, object.bucket, [object.key]);
  }

  async removeFiles(uris: readonly string[]): Promise<void> {
    const byBucket = new Map<string, string[]>();
    for (const { bucket, key } of uris.map((uri) => fileOf(uri, 'remove'))) {
      const keys = byBucket.get(bucket) ?? [];
      keys.push(key);
      byBucket.set(bucket, keys);
    }
    for (const [bucket, keys] of byBucket) await deleteObjects(this.#store, bucket, keys);
  }

  async removeIncomplete(uri: string, which: IncompleteFiles = {}): Promise<void> {
    const folder = below(objectOf(uri));
    const { bucket } = folder;
    const { of, recursive = false } = which;
    for (const { key, uploadId } of await listUploads(this.#store, folder)) {
      const isDirectlyIn = !key.slice(folder.key.length).includes('/');
      if (!isDirectlyIn && !recursive) continue;
      if (of !== undefined) {
        if (!of(nameOfUri(`/${key}`))) continue;
        // Before the upload, by which they are found.
        await this.#removeTails({ bucket, key });
      }
      await abortUpload(this.#store, { bucket, key }, uploadId);
    }
    if (of !== undefined) return;
    const { keys } = await listObjects(this.#store, folder, recursive ? {} : { delimiter: '/' });
    const temporary = keys.filter((key) => isTemporary(nameOfUri(`/${key}`)));
    await deleteObjects(this.#store, bucket, temporary);
  }

  recoverableWriter(): RecoverableWriter {
    return new S3RecoverableWriter({
      store: this.#store,
      objectOf: (uri) => fileOf(uri, 'write'),
      uniqueName: this.#options.uniqueName,
    });
  }

  /** Of all who have written an object of this name. */
  async #removeTails({ bucket, key }: ObjectName): Promise<void> {
    const prefix = temporaryKey(key, '');
    const { keys } = await listObjects(this.#store, { bucket, key: prefix });
    const tails = keys.filter((each) => /^[0-9a-f]+-[0-9a-f]+$/.test(each.slice(prefix.length)));
    await deleteObjects(this.#store, bucket, tails);
  }

  async #removeBelow(folder: ObjectName): Promise<void> {
    const { bucket } = folder;
    for (const { key, uploadId } of await listUploads(this.#store, folder)) {
      await abortUpload(this.#store, { bucket, key }, uploadId);
    }
    const { keys } = await listObjects(this.#store, folder);
    await deleteObjects(this.#store, bucket, keys);
  }
}

/** The prefix of all that is in a folder. */
function below({ bucket, key }: ObjectName): ObjectName {
  return { bucket, key: key === '' ? '' : `${key}/` };
}

/** @throws EngineError IO_FAILED for the bucket itself */
function fileOf(uri: string, operation: string): ObjectName {
  const object = objectOf(uri);
  if (object.key === '') throw failed(operation, object, 'it is a bucket');
  return object;
}

function failed(operation: string, object: ObjectName, reason: string): EngineError {
  return new EngineError('IO_FAILED', { operation, path: objectUri(object), reason });
}
