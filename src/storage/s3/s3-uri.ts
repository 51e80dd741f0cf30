/** URIs of objects: `s3://bucket/key`; `s3a` and `s3p` of Flink mean the same. */
import { EngineError } from '../../base/errors.ts';

export interface ObjectName {
  readonly bucket: string;
  /** Without `/` at either end; empty for the bucket itself. */
  readonly key: string;
}

const S3 = /^s3[ap]?:\/\/([^/]+)(\/.*)?$/i;
const KEY_BYTES_MAX = 1024;

/** @throws EngineError FILE_SYSTEM_URI */
export function objectOf(uri: string): ObjectName {
  const match = S3.exec(uri);
  if (match === null || uri.includes('\0')) {
    throw unfit(uri, 'it must be s3://BUCKET/PATH');
  }
  const names: string[] = [];
  for (const name of (match[2] ?? '').split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.pop() === undefined) throw unfit(uri, 'it leads out of its bucket');
  }
  const key = names.join('/');
  if (new TextEncoder().encode(key).length > KEY_BYTES_MAX) {
    throw unfit(uri, `S3 has no names longer than ${KEY_BYTES_MAX} bytes`);
  }
  return { bucket: match[1]!, key };
}

export function objectUri({ bucket, key }: ObjectName): string {
  return key === '' ? `s3://${bucket}` : `s3://${bucket}/${key}`;
}

function unfit(uri: string, reason: string): EngineError {
  return new EngineError('FILE_SYSTEM_URI', { uri, reason });
}
