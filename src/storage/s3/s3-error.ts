/**
 * What an object store or the way to it says, as errors that name the file, the reason and what to
 * do. Nothing of a request is in them: it holds credentials.
 */
import { EngineError, isEngineError, messageOf } from '../../base/errors.ts';

/** Of the SDK's exceptions, as far as they are looked at. */
interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly Code?: unknown;
  readonly message?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

export interface S3Call {
  /** A verb, e.g. `read`. */
  readonly operation: string;
  /** URI of the object. */
  readonly path: string;
  readonly endpoint: string | undefined;
}

const CREDENTIALS: ReadonlySet<string> = new Set([
  ...['CredentialsProviderError', 'InvalidAccessKeyId', 'SignatureDoesNotMatch'],
  ...['InvalidToken', 'ExpiredToken', 'InvalidClientTokenId', 'RequestTimeTooSkewed'],
  ...['TokenProviderError', 'InvalidSecurity'],
  // versitygw says so of an access key that it does not know.
  'XAdminUserNotFound',
]);

/** A HEAD has no body that could say what is not there. */
const NOT_FOUND: ReadonlySet<string> = new Set(['NoSuchKey', 'NotFound']);

/** Codes of Node's network, which the SDK passes on. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was broken off',
  EPIPE: 'the connection was broken off',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'its name cannot be looked up at the moment',
  ETIMEDOUT: 'no answer came',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  TimeoutError: 'no answer came in time',
};

/** The name of what the store has answered, e.g. `NoSuchKey`. */
export function s3Code(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return '';
  const { name, Code } = thrown as Thrown;
  const code = typeof Code === 'string' ? Code : name;
  return typeof code === 'string' ? code : '';
}

export function s3Status(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  return (thrown as Thrown).$metadata?.httpStatusCode;
}

/** The EngineError of what a call has thrown; one that is stays itself. */
export function s3Error(thrown: unknown, call: S3Call): EngineError {
  if (isEngineError(thrown)) return thrown;
  const { operation, path, endpoint } = call;
  const code = s3Code(thrown);
  const status = s3Status(thrown);
  const options = { cause: thrown };
  const reason = sentence(thrown, code, status);
  if (CREDENTIALS.has(code)) {
    return new EngineError('S3_CREDENTIALS', { operation, path, reason }, options);
  }
  if (code === 'NoSuchBucket') return new EngineError('S3_BUCKET_NOT_FOUND', { path }, options);
  if (NOT_FOUND.has(code)) return new EngineError('IO_NOT_FOUND', { path }, options);
  if (status === 401 || status === 403) {
    return new EngineError('S3_ACCESS_DENIED', { operation, path, reason }, options);
  }
  const network = networkReason(thrown, code);
  if (network !== undefined) {
    const address = endpoint ?? 'AWS';
    return new EngineError(
      'S3_UNREACHABLE',
      { operation, path, address, reason: network },
      options,
    );
  }
  return new EngineError('S3_FAILED', { operation, path, reason }, options);
}

function networkReason(thrown: unknown, name: string): string | undefined {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) {
    return networkReason(thrown.errors[0], s3Code(thrown.errors[0]));
  }
  const { code } = thrown as Thrown;
  for (const each of [code, name]) {
    if (typeof each === 'string' && Object.hasOwn(UNREACHABLE, each)) {
      return `${UNREACHABLE[each]} (${each})`;
    }
  }
  return undefined;
}

function sentence(thrown: unknown, code: string, status: number | undefined): string {
  const message = messageOf(thrown);
  const said = message === '' || message === code ? code : `${code}: ${message}`;
  return status === undefined ? said : `${said} (HTTP ${status})`;
}
