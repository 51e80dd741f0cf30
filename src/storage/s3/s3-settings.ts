/** How an object store is reached, out of the options `s3.*`. */
import { Configuration } from '../../config/configuration.ts';
import { S3Options } from '../../config/options/s3-options.ts';
import { EngineError } from '../../base/errors.ts';

/** S3 takes no smaller part, but the last of a file. */
const PART_BYTES_MIN: number = 5 * 1024 * 1024;

export interface S3Settings {
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly credentials: S3Credentials | undefined;
  readonly pathStyleAccess: boolean;
  readonly attempts: number;
  readonly partBytes: number;
  readonly concurrentUploads: number;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** @throws EngineError CONFIG_* */
export function s3Settings(options: Readonly<Record<string, string>>): S3Settings {
  const own = Object.entries(options).filter(([key]) => key.startsWith('s3.'));
  const configuration = Configuration.parse(Object.fromEntries(own));
  const partBytes = configuration.get(S3Options.partSize);
  if (partBytes < PART_BYTES_MIN) throw invalid(S3Options.partSize.key, partBytes, 'at least 5 mb');
  const endpoint = configuration.get(S3Options.endpoint);
  if (endpoint !== undefined && !/^https?:\/\/[^/]+/.test(endpoint)) {
    throw invalid(S3Options.endpoint.key, endpoint, 'an address such as http://127.0.0.1:9000');
  }
  return {
    endpoint,
    // Stores of others have one region, whatever it is called.
    region:
      configuration.get(S3Options.region) ?? (endpoint === undefined ? undefined : 'us-east-1'),
    credentials: credentialsOf(configuration),
    pathStyleAccess: configuration.get(S3Options.pathStyleAccess),
    attempts: configuration.get(S3Options.attempts),
    partBytes,
    concurrentUploads: configuration.get(S3Options.concurrentUploads),
  };
}

function credentialsOf(configuration: Configuration): S3Credentials | undefined {
  const accessKeyId = configuration.get(S3Options.accessKey);
  const secretAccessKey = configuration.get(S3Options.secretKey);
  const sessionToken = configuration.get(S3Options.sessionToken);
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const missing = accessKeyId === undefined ? S3Options.accessKey : S3Options.secretKey;
    throw invalid(missing.key, 'missing', 'set when the other of the two is');
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

function invalid(key: string, value: string | number, expected: string): EngineError {
  return new EngineError('CONFIG_INVALID_VALUE', { key, value, expected });
}
