/**
 * Writing objects: in one request where they are small, else in parts, some at a time. Every object
 * carries the id of the upload that made it, so that after an answer that was lost one can tell
 * whether the object that is there is one's own.
 *
 * Invariants
 * U1. Parts are numbered in the order of their bytes; all but the last have at least 5 MiB.
 * U2. An object becomes visible in one step, whole.
 */
import { assert } from '../../base/assert.ts';
import { EngineError } from '../../base/errors.ts';
import { s3Code, s3Status } from './s3-error.ts';
import { headObject, inputOf } from './s3-objects.ts';
import type { S3Session, S3Store } from './s3-store.ts';
import { objectUri, type ObjectName } from './s3-uri.ts';

/** Name of the id among the object's metadata. */
const ID = 'millrace-upload';
/** S3 has no more parts of an object. */
const PARTS_MAX = 10_000;
/** After so many parts they are made twice as large. */
const DOUBLE_AFTER = 1_000;
/** How often a write is tried again that met another one. */
const CONFLICTS_MAX = 10;

export interface UploadedPart {
  readonly number: number;
  readonly tag: string;
  readonly size: number;
}

/** An upload in parts that was begun. */
export interface Upload {
  readonly object: ObjectName;
  readonly uploadId: string;
  /** That the object will carry. */
  readonly id: string;
}

/** The length that the part of this number is to have. */
export function partBytesOf(number: number, least: number): number {
  return least * 2 ** Math.floor((number - 1) / DOUBLE_AFTER);
}

export async function beginUpload(store: S3Store, object: ObjectName, id: string): Promise<Upload> {
  return store.use('upload', objectUri(object), async ({ sdk, client }) => {
    const answer = await client.send(
      new sdk.CreateMultipartUploadCommand({ ...inputOf(object), Metadata: { [ID]: id } }),
    );
    assert(answer.UploadId !== undefined, 'U1: an upload without an id');
    return { object, uploadId: answer.UploadId, id };
  });
}

/** U1. */
export async function uploadPart(
  store: S3Store,
  { object, uploadId }: Upload,
  number: number,
  bytes: Uint8Array,
): Promise<UploadedPart> {
  const path = objectUri(object);
  assert(number <= PARTS_MAX, `U1: part ${number} of ${path}`);
  return store.use('upload', path, async ({ sdk, client }) => {
    try {
      const { ETag } = await client.send(
        new sdk.UploadPartCommand({
          ...inputOf(object),
          UploadId: uploadId,
          PartNumber: number,
          Body: bytes,
        }),
      );
      assert(ETag !== undefined, 'U1: a part without a tag');
      return { number, tag: ETag, size: bytes.length };
    } catch (thrown) {
      throw s3Code(thrown) === 'NoSuchUpload' ? lost(object, 'the upload is gone') : thrown;
    }
  });
}

export async function isUploadThere(
  store: S3Store,
  object: ObjectName,
  uploadId: string,
): Promise<boolean> {
  return store.use('look at the upload of', objectUri(object), async ({ sdk, client }) => {
    try {
      const input = { ...inputOf(object), UploadId: uploadId, MaxParts: 1 };
      await client.send(new sdk.ListPartsCommand(input));
      return true;
    } catch (thrown) {
      if (s3Code(thrown) === 'NoSuchUpload') return false;
      throw thrown;
    }
  });
}

/**
 * U2. Also of an upload that was completed before, by whomever; looks whether the object is there,
 * for there are stores that say so after a crash although it is not.
 * @throws EngineError IO_EXISTS if there is another object, and `replace` is not allowed;
 *   FILE_OUTPUT_LOST if the upload, or a part of it, is not there any more
 */
export async function completeUpload(
  store: S3Store,
  upload: Upload,
  parts: readonly UploadedPart[],
  replace: boolean,
): Promise<void> {
  const { object, id } = upload;
  const path = objectUri(object);
  const answer = await store.use('complete', path, (session) =>
    complete(store, session, { upload, parts, replace }),
  );
  const head = await headObject(store, object);
  if (head?.Metadata?.[ID] === id) {
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    if (head.ContentLength === size) return;
    // Somebody else has gone on with the same upload.
    throw lost(object, `it was completed with ${head.ContentLength} bytes instead of ${size}`);
  }
  switch (answer) {
    case 'exists':
      throw new EngineError('IO_EXISTS', { path });
    case 'gone':
      throw lost(object, 'its upload, or a part of it, is gone');
    case 'done':
      throw lost(object, 'the store says that it is complete, and the object is not there');
  }
}

async function complete(
  store: S3Store,
  { sdk, client }: S3Session,
  asked: {
    readonly upload: Upload;
    readonly parts: readonly UploadedPart[];
    readonly replace: boolean;
  },
): Promise<'done' | 'exists' | 'gone'> {
  const { object, uploadId } = asked.upload;
  const Parts = asked.parts.map(({ number, tag }) => ({ PartNumber: number, ETag: tag }));
  const command = new sdk.CompleteMultipartUploadCommand({
    ...inputOf(object),
    UploadId: uploadId,
    MultipartUpload: { Parts },
    ...(asked.replace ? {} : { IfNoneMatch: '*' }),
  });
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      await client.send(command);
      return 'done';
    } catch (thrown) {
      const code = s3Code(thrown);
      const status = s3Status(thrown);
      if (code === 'NoSuchUpload' || code === 'InvalidPart') return 'gone';
      if (status === 412) return 'exists';
      if (status === 409 && conflicts < CONFLICTS_MAX) continue;
      // An indefinite answer: it may have been carried out.
      if (await isUploadThere(store, object, uploadId)) throw thrown;
      return 'gone';
    }
  }
}

/**
 * U2. In one request. False if there is an object that another upload has made, and `replace` is
 * not allowed.
 */
export async function putObject(
  store: S3Store,
  object: ObjectName,
  bytes: Uint8Array,
  { id, replace }: { readonly id: string; readonly replace: boolean },
): Promise<boolean> {
  return store.use('write', objectUri(object), async ({ sdk, client }) => {
    for (let conflicts = 0; ; conflicts += 1) {
      try {
        await client.send(
          new sdk.PutObjectCommand({
            ...inputOf(object),
            Body: bytes,
            Metadata: { [ID]: id },
            ...(replace ? {} : { IfNoneMatch: '*' }),
          }),
        );
        return true;
      } catch (thrown) {
        const status = s3Status(thrown);
        // It may be our own: the answer to the first try was lost, and the SDK has tried again.
        if (status === 412) return isOwn(store, object, id);
        if (status !== 409 || conflicts >= CONFLICTS_MAX) throw thrown;
      }
    }
  });
}

/** Whether the object is there and was made by the upload with this id. */
export async function isOwn(store: S3Store, object: ObjectName, id: string): Promise<boolean> {
  return (await headObject(store, object))?.Metadata?.[ID] === id;
}

export function lost(object: ObjectName, reason: string): EngineError {
  return new EngineError('FILE_OUTPUT_LOST', { path: objectUri(object), reason });
}
