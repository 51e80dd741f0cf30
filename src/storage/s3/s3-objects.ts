/** What is done with objects as a whole: look, read, list, remove; in pages and batches. */
import type {
  HeadObjectCommandOutput,
  ListMultipartUploadsCommandOutput,
  ListObjectsV2CommandOutput,
} from '@aws-sdk/client-s3';
import type { Timestamp } from '../../base/units.ts';
import { EngineError } from '../../base/errors.ts';
import type { FileInput, FileStatus } from '../file-system.ts';
import { s3Code } from './s3-error.ts';
import type { S3Store } from './s3-store.ts';
import { objectUri, type ObjectName } from './s3-uri.ts';

/** S3's bound of one request. */
const BATCH = 1000;

/** Undefined if there is no such object. */
export async function headObject(
  store: S3Store,
  name: ObjectName,
): Promise<HeadObjectCommandOutput | undefined> {
  return store.use('look at', objectUri(name), async ({ sdk, client }) => {
    try {
      return await client.send(new sdk.HeadObjectCommand(inputOf(name)));
    } catch (thrown) {
      if (s3Code(thrown) === 'NotFound') return undefined;
      throw thrown;
    }
  });
}

export function statusOf(head: HeadObjectCommandOutput): FileStatus {
  const modified = (head.LastModified?.getTime() ?? 0) as Timestamp;
  return { kind: 'file', size: head.ContentLength ?? 0, modified };
}

export interface Listing {
  /** Keys of objects, in the order of their bytes. */
  readonly keys: readonly string[];
  /** What is common up to the next `/`, with it. */
  readonly prefixes: readonly string[];
}

export interface ListOptions {
  readonly delimiter?: '/' | undefined;
  /** Stop when so many were found. */
  readonly limit?: number | undefined;
  /** At most so many in one answer. */
  readonly pageSize?: number | undefined;
}

/** All objects whose keys begin with `prefix`, page after page. */
export async function listObjects(
  store: S3Store,
  { bucket, key: prefix }: ObjectName,
  { delimiter, limit = Infinity, pageSize = BATCH }: ListOptions = {},
): Promise<Listing> {
  return store.use('list', objectUri({ bucket, key: prefix }), async ({ sdk, client }) => {
    const keys: string[] = [];
    const prefixes: string[] = [];
    let token: string | undefined;
    do {
      const page: ListObjectsV2CommandOutput = await client.send(
        new sdk.ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          MaxKeys: Math.min(pageSize, limit),
          Delimiter: delimiter,
          ContinuationToken: token,
        }),
      );
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
      for (const { Prefix } of page.CommonPrefixes ?? []) {
        if (Prefix !== undefined) prefixes.push(Prefix);
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined && keys.length + prefixes.length < limit);
    return { keys, prefixes };
  });
}

/** Those that are not there are no error. @throws EngineError S3_FAILED with the first refusal */
export async function deleteObjects(
  store: S3Store,
  bucket: string,
  keys: readonly string[],
): Promise<void> {
  for (let at = 0; at < keys.length; at += BATCH) {
    const batch = keys.slice(at, at + BATCH);
    const path = objectUri({ bucket, key: batch[0]! });
    await store.use('remove', path, async ({ sdk, client }) => {
      const answer = await client.send(
        new sdk.DeleteObjectsCommand({
          Bucket: bucket,
          Delete: { Objects: batch.map((Key) => ({ Key })), Quiet: true },
        }),
      );
      const refused = answer.Errors?.find(({ Code }) => Code !== 'NoSuchKey');
      if (refused === undefined) return;
      const reason = `${refused.Code ?? 'refused'}: ${refused.Message ?? 'no reason given'}`;
      const refusedPath = objectUri({ bucket, key: refused.Key ?? batch[0]! });
      const parameters = { operation: 'remove', path: refusedPath, reason };
      const denied = refused.Code === 'AccessDenied';
      throw new EngineError(denied ? 'S3_ACCESS_DENIED' : 'S3_FAILED', parameters);
    });
  }
}

/**
 * Uploads that were begun below a prefix and not completed, and only those of it: some stores give
 * those of the whole bucket.
 */
export async function listUploads(
  store: S3Store,
  { bucket, key: prefix }: ObjectName,
): Promise<readonly { readonly key: string; readonly uploadId: string }[]> {
  return store.use('list uploads of', objectUri({ bucket, key: prefix }), async (session) => {
    const { sdk, client } = session;
    const found: { readonly key: string; readonly uploadId: string }[] = [];
    let from: UploadMarker | undefined = {};
    while (from !== undefined) {
      const page: ListMultipartUploadsCommandOutput = await client.send(
        new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...from }),
      );
      for (const { Key, UploadId } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || !Key.startsWith(prefix)) continue;
        found.push({ key: Key, uploadId: UploadId });
      }
      from = nextUploads(page, from);
    }
    return found;
  });
}

interface UploadMarker {
  readonly KeyMarker?: string;
  readonly UploadIdMarker?: string;
}

/** Where the next page begins; undefined if there is none. */
function nextUploads(
  page: ListMultipartUploadsCommandOutput,
  { KeyMarker, UploadIdMarker }: UploadMarker,
): UploadMarker | undefined {
  const { IsTruncated, NextKeyMarker: key, NextUploadIdMarker: upload } = page;
  if (IsTruncated !== true || key === undefined) return undefined;
  if (key === KeyMarker && upload === UploadIdMarker) return undefined;
  return { KeyMarker: key, ...(upload === undefined ? {} : { UploadIdMarker: upload }) };
}

/** One that is gone is no error. */
export async function abortUpload(
  store: S3Store,
  name: ObjectName,
  uploadId: string,
): Promise<void> {
  await store.use('abort the upload of', objectUri(name), async ({ sdk, client }) => {
    try {
      await client.send(
        new sdk.AbortMultipartUploadCommand({ ...inputOf(name), UploadId: uploadId }),
      );
    } catch (thrown) {
      if (s3Code(thrown) !== 'NoSuchUpload') throw thrown;
    }
  });
}

/** The bytes of one version of an object. */
export class S3Input implements FileInput {
  readonly name: string;
  readonly size: number;
  readonly #store: S3Store;
  readonly #object: ObjectName;
  readonly #tag: string | undefined;

  constructor(store: S3Store, object: ObjectName, head: HeadObjectCommandOutput) {
    this.name = objectUri(object);
    this.size = head.ContentLength ?? 0;
    this.#store = store;
    this.#object = object;
    this.#tag = head.ETag;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    if (position + length > this.size) throw this.#short(position + length);
    if (length === 0) return new Uint8Array(0);
    const bytes = await this.#store.use('read', this.name, async ({ sdk, client }) => {
      const answer = await client.send(
        new sdk.GetObjectCommand({
          ...inputOf(this.#object),
          Range: `bytes=${position}-${position + length - 1}`,
          ...(this.#tag === undefined ? {} : { IfMatch: this.#tag }),
        }),
      );
      return await answer.Body!.transformToByteArray();
    });
    if (bytes.length !== length) throw this.#short(position + length);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  async close(): Promise<void> {}

  #short(end: number): EngineError {
    const reason = `it ends before byte ${end}`;
    return new EngineError('IO_FAILED', { operation: 'read', path: this.name, reason });
  }
}

export function inputOf({ bucket, key }: ObjectName): {
  readonly Bucket: string;
  readonly Key: string;
} {
  return { Bucket: bucket, Key: key };
}
