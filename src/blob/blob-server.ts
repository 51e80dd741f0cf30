/**
 * The blobs of a JobManager: takes the bundles of jobs from clients, keeps them while anybody needs
 * them, and hands them to TaskManagers. Owners are jobs, uploaded but not yet submitted bundles,
 * and the connections of clients between upload and submission.
 *
 * G1. A blob with an owner is on the disk; one without is removed.
 * G2. A blob that another process wrote is verified before it is used for the first time.
 * G3. Changes of the folder happen one after another.
 * G4. When a connection ends, its unfinished uploads are removed and what it held is released.
 */
import { EngineError, messageOf } from '../base/errors.ts';
import { BUNDLE_HEADER_LIMIT, requireBundle } from '../base/bundle-header.ts';
import type { BundleHeader } from '../base/bundle-header.ts';
import type { Env } from '../env/env.ts';
import {
  BLOB_CHUNK_BYTES,
  BLOB_LIMIT_BYTES,
  BLOBS,
  blobService,
} from '../protocol/blob-service.ts';
import type { BlobService } from '../protocol/blob-service.ts';
import { blobHashOf, isBlobUrl } from '../protocol/job-code.ts';
import type { CodeHolder, JobCode } from '../protocol/job-code.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { Handlers, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import type { RpcService } from '../rpc/rpc-service.ts';
import { BlobFolder, requireSize } from './blob-folder.ts';
import { Uploads } from './uploads.ts';

export interface BlobServerOptions {
  readonly env: Pick<Env, 'clock' | 'disk' | 'random' | 'log'>;
  readonly rpc: RpcService;
  /** Of this process alone; made if need be. */
  readonly folder: string;
  /** The version of Millrace that runs here. */
  readonly engine: string;
  readonly limitBytes?: number | undefined;
  /** Whether the blobs are left for the next process at the end. */
  readonly keep?: boolean | undefined;
  readonly onFatal: FatalErrorHandler;
}

export interface StoredBlob {
  readonly hash: string;
  readonly size: number;
}

interface Blob {
  readonly size: number;
  readonly owners: Set<string>;
  /** G2. Undefined: not yet begun. */
  verified: Promise<void> | undefined;
}

export class BlobServer implements JobCode {
  readonly #options: BlobServerOptions;
  readonly #folder: BlobFolder;
  readonly #main: MainThread;
  readonly #endpoint: RpcEndpoint;
  readonly #blobs = new Map<string, Blob>();
  readonly #connections = new Map<RpcConnection, Uploads>();
  #connectionCount = 0;
  #turns: Promise<unknown> = Promise.resolve();

  private constructor(options: BlobServerOptions, folder: BlobFolder) {
    this.#options = options;
    this.#folder = folder;
    this.#main = new MainThread(BLOBS, options.env.clock, options.onFatal);
    this.#endpoint = options.rpc.register({
      name: BLOBS,
      service: blobService,
      main: this.#main,
      fence: () => false,
      handlers: this.#handlers(),
    });
  }

  /** Finds what an earlier process has left; `sweep` removes what nobody needs of it. */
  static async start(options: BlobServerOptions): Promise<BlobServer> {
    const { env, folder: path, limitBytes = BLOB_LIMIT_BYTES } = options;
    const folder = new BlobFolder({ env, path, limitBytes });
    const found = await folder.open();
    const server = new BlobServer(options, folder);
    for (const { hash, size } of found) {
      server.#blobs.set(hash, { size, owners: new Set(), verified: undefined });
    }
    return server;
  }

  /** Blobs that are kept. */
  get count(): number {
    return this.#blobs.size;
  }

  /** Takes a blob from somebody in this process. @throws EngineError BLOB_TOO_LARGE, IO_* */
  async store(chunks: AsyncIterable<Uint8Array>, owner: string): Promise<StoredBlob> {
    const part = await this.#folder.begin();
    try {
      for await (const chunk of chunks) await part.append(chunk);
      const { size } = part;
      const hash = await this.#inTurn(async () => {
        const published = await part.publish(undefined, 'where it was written');
        this.#keep(published, size, owner);
        return published;
      });
      return { hash, size };
    } catch (error) {
      await part.abandon();
      throw error;
    }
  }

  /** @throws EngineError BLOB_NOT_FOUND */
  retain(hash: string, owner: string): void {
    this.#get(hash).owners.add(owner);
  }

  /** @throws EngineError BLOB_*, JOB_BUNDLE_INVALID, JOB_ENGINE_MISMATCH */
  async headerOf(hash: string): Promise<BundleHeader> {
    await this.#verified(hash);
    const bytes = await this.#folder.read(hash, 0, BUNDLE_HEADER_LIMIT);
    return requireBundle(new TextDecoder().decode(bytes), this.#options.engine);
  }

  resolve(moduleUrl: string, holder: CodeHolder): string | Promise<string> {
    return isBlobUrl(moduleUrl) ? this.#resolve(moduleUrl, holder) : moduleUrl;
  }

  async #resolve(moduleUrl: string, { owner }: CodeHolder): Promise<string> {
    const hash = blobHashOf(moduleUrl);
    this.retain(hash, owner);
    await this.headerOf(hash);
    return this.#folder.urlOf(hash);
  }

  /** G1. */
  release(owner: string): void {
    for (const [hash, { owners }] of this.#blobs) {
      if (owners.delete(owner) && owners.size === 0) this.#remove(hash);
    }
  }

  /** Removes what has no owner. */
  async sweep(): Promise<void> {
    for (const [hash, { owners }] of this.#blobs) if (owners.size === 0) this.#remove(hash);
    await this.#turns;
  }

  /** Leaves the blobs where they are only if they were to be kept. */
  async close(): Promise<void> {
    this.#options.rpc.unregister(this.#endpoint);
    this.#main.close();
    for (const connection of [...this.#connections.keys()]) this.#forget(connection);
    await this.#turns;
    if (this.#options.keep !== true) await this.#folder.removeAll();
  }

  // ------------------------------------------------------------------------------------ handlers

  #handlers(): Handlers<BlobService> {
    return {
      putChunk: async ({ upload, offset, bytes }, { connection }) => {
        requireSize(bytes.length, BLOB_CHUNK_BYTES);
        await this.#uploadsOf(connection).append(upload, offset, bytes);
        return {};
      },
      finish: async ({ upload, size, hash }, { connection }) => {
        const uploads = this.#uploadsOf(connection);
        const part = await uploads.take(upload, size);
        try {
          await this.#inTurn(async () => {
            await part.publish(hash, `from ${connection.peer}`);
            this.#keep(hash, size, uploads.owner);
          });
        } catch (error) {
          await part.abandon();
          throw error;
        }
        // G4: the connection may have ended meanwhile.
        if (!this.#connections.has(connection)) this.release(uploads.owner);
        return {};
      },
      getChunk: async ({ hash, offset }) => {
        const { size } = this.#get(hash);
        await this.#verified(hash);
        return { bytes: await this.#folder.read(hash, offset, BLOB_CHUNK_BYTES), size };
      },
      release: ({ hash }, { connection }) => {
        const owner = this.#connections.get(connection)?.owner;
        const owners = this.#blobs.get(hash)?.owners;
        if (owner !== undefined && owners?.delete(owner) === true && owners.size === 0) {
          this.#remove(hash);
        }
        return {};
      },
    };
  }

  #uploadsOf(connection: RpcConnection): Uploads {
    const known = this.#connections.get(connection);
    if (known !== undefined) return known;
    const uploads = new Uploads(this.#folder, `connection ${++this.#connectionCount}`);
    this.#connections.set(connection, uploads);
    connection.onClosed(() => this.#forget(connection));
    return uploads;
  }

  /** G4. */
  #forget(connection: RpcConnection): void {
    const uploads = this.#connections.get(connection);
    if (uploads === undefined) return;
    this.#connections.delete(connection);
    this.release(uploads.owner);
    this.#inTurn(() => uploads.close()).catch((error: unknown) => this.#warn(error));
  }

  // --------------------------------------------------------------------------------------- blobs

  #get(hash: string): Blob {
    const blob = this.#blobs.get(hash);
    if (blob === undefined) throw new EngineError('BLOB_NOT_FOUND', { hash });
    return blob;
  }

  /** In a turn. What was just written replaces what may be damaged. */
  #keep(hash: string, size: number, owner: string): void {
    const owners = this.#blobs.get(hash)?.owners ?? new Set();
    owners.add(owner);
    this.#blobs.set(hash, { size, owners, verified: Promise.resolve() });
  }

  /** G2. A blob that is damaged is removed, so that it can be submitted again. */
  #verified(hash: string): Promise<void> {
    const blob = this.#get(hash);
    blob.verified ??= this.#folder.verify(hash).catch((error: unknown) => {
      if (this.#blobs.get(hash) === blob) this.#blobs.delete(hash);
      this.#inTurn(async () => {
        if (!this.#blobs.has(hash)) await this.#folder.remove(hash);
      }).catch((failed: unknown) => this.#warn(failed));
      throw error;
    });
    return blob.verified;
  }

  #remove(hash: string): void {
    this.#inTurn(async () => {
      if (this.#blobs.get(hash)?.owners.size !== 0) return;
      this.#blobs.delete(hash);
      await this.#folder.remove(hash);
    }).catch((error: unknown) => this.#warn(error));
  }

  /** G3. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turns.then(work);
    this.#turns = done.catch(() => undefined);
    return done;
  }

  #warn(error: unknown): void {
    this.#options.env.log.write('warn', `a blob was not removed: ${messageOf(error)}`);
  }
}
