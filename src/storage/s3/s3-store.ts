/**
 * An object store by the SDK of AWS, which is loaded when the first object is asked for. The SDK
 * signs, retries what may be retried with growing pauses, and checks what it gets; every error that
 * leaves here says what was to be done with which object.
 */
import type * as Sdk from '@aws-sdk/client-s3';
import { EngineError } from '../../base/errors.ts';
import { s3Error } from './s3-error.ts';
import type { S3Settings } from './s3-settings.ts';

/** Milliseconds until somebody must have taken the connection. */
const CONNECT_MILLIS = 5_000;
/** Milliseconds in which a connection may be silent. */
const SILENCE_MILLIS = 60_000;
const PACKAGE = '@aws-sdk/client-s3';

export type LoadSdk = () => Promise<typeof Sdk>;

export interface S3Session {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.S3Client;
}

export class S3Store {
  readonly settings: S3Settings;
  readonly #load: LoadSdk;
  #session: Promise<S3Session> | undefined = undefined;

  constructor(settings: S3Settings, load: LoadSdk = () => import('@aws-sdk/client-s3')) {
    this.settings = settings;
    this.#load = load;
  }

  /**
   * @param operation a verb, for messages
   * @throws EngineError S3_*, IO_NOT_FOUND, DEPENDENCY_MISSING
   */
  async use<T>(
    operation: string,
    path: string,
    work: (session: S3Session) => Promise<T>,
  ): Promise<T> {
    this.#session ??= this.#open();
    const session = await this.#session;
    try {
      return await work(session);
    } catch (thrown) {
      throw s3Error(thrown, { operation, path, endpoint: this.settings.endpoint });
    }
  }

  async #open(): Promise<S3Session> {
    let sdk;
    try {
      sdk = await this.#load();
    } catch (cause) {
      const parameters = { name: PACKAGE, what: 'An object store at s3://' };
      throw new EngineError('DEPENDENCY_MISSING', parameters, { cause });
    }
    const { endpoint, region, credentials, pathStyleAccess, attempts } = this.settings;
    const client = new sdk.S3Client({
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(region === undefined ? {} : { region }),
      ...(credentials === undefined ? {} : { credentials }),
      forcePathStyle: pathStyleAccess,
      maxAttempts: attempts,
      requestHandler: { connectionTimeout: CONNECT_MILLIS, socketTimeout: SILENCE_MILLIS },
    });
    return { sdk, client };
  }
}
