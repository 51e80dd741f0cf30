/**
 * The bundles of the jobs that work in this process (a TaskManager), each fetched once from the
 * JobManager however many slots ask at once, verified, and kept on the disk while a job here needs
 * it.
 *
 * A1. A copy is handed out only after its content was compared with its name.
 * A2. A copy with an owner is never removed; the last one's release removes it.
 * A3. A damaged copy, or one that could not be fetched, is fetched again before the job hears of
 * it.
 */
import { BUNDLE_HEADER_LIMIT, requireBundle } from '../base/bundle-header.ts';
import { EngineError, isEngineError, messageOf, toEngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Env } from '../env/env.ts';
import {
  BLOB_CHUNK_BYTES,
  BLOB_LIMIT_BYTES,
  BLOBS,
  blobService,
} from '../protocol/blob-service.ts';
import { blobHashOf, isBlobUrl } from '../protocol/job-code.ts';
import type { CodeHolder, JobCode } from '../protocol/job-code.ts';
import type { RpcService } from '../rpc/rpc-service.ts';
import { BlobFolder, requireSize } from './blob-folder.ts';

const ATTEMPTS = 3;
const RETRY_DELAY = milliseconds(200);

export interface BlobCacheOptions {
  readonly env: Pick<Env, 'clock' | 'disk' | 'random' | 'log'>;
  readonly rpc: RpcService;
  /** Of this process alone; made if need be, and emptied of what an earlier process left. */
  readonly folder: string;
  /** The version of Millrace that runs here. */
  readonly engine: string;
  readonly limitBytes?: number | undefined;
}

interface Copy {
  readonly owners: Set<string>;
  /** A1. */
  url: Promise<string>;
}

export class BlobCache implements JobCode {
  readonly #options: BlobCacheOptions;
  readonly #folder: BlobFolder;
  readonly #copies = new Map<string, Copy>();
  /** Removals under way, by hash: a fetch of the same blob waits for them. */
  readonly #removals = new Map<string, Promise<void>>();
  readonly #emptied: Promise<void>;
  #closed = false;

  constructor(options: BlobCacheOptions) {
    const { env, folder: path, limitBytes = BLOB_LIMIT_BYTES } = options;
    this.#options = options;
    this.#folder = new BlobFolder({ env, path, limitBytes });
    this.#emptied = this.#empty();
    // Whoever asks for a blob hears of it.
    this.#emptied.catch(() => undefined);
  }

  /** Blobs that are here or on their way. */
  get count(): number {
    return this.#copies.size;
  }

  resolve(moduleUrl: string, holder: CodeHolder): string | Promise<string> {
    return isBlobUrl(moduleUrl) ? this.#resolve(moduleUrl, holder) : moduleUrl;
  }

  async #resolve(moduleUrl: string, holder: CodeHolder): Promise<string> {
    const hash = blobHashOf(moduleUrl);
    const { owner } = holder;
    const known = this.#copies.get(hash);
    if (known === undefined) {
      const copy: Copy = { owners: new Set([owner]), url: this.#fetched(hash, holder) };
      this.#copies.set(hash, copy);
      this.#forgetIfFailed(hash, copy);
      return copy.url;
    }
    if (known.owners.has(owner)) return known.url;
    known.owners.add(owner);
    // Time has passed: another job looks for itself.
    known.url = known.url.then(() => this.#verifiedAgain(hash, holder));
    this.#forgetIfFailed(hash, known);
    return known.url;
  }

  /** A2. */
  release(owner: string): void {
    for (const [hash, copy] of this.#copies) {
      if (!copy.owners.delete(owner) || copy.owners.size > 0) continue;
      this.#copies.delete(hash);
      this.#remove(hash, copy);
    }
  }

  /** Removes all there is. */
  async close(): Promise<void> {
    this.#closed = true;
    const copies = [...this.#copies.values()];
    this.#copies.clear();
    await this.#emptied.catch(() => undefined);
    await Promise.allSettled([...copies.map(({ url }) => url), ...this.#removals.values()]);
    await this.#folder.removeAll();
  }

  async #empty(): Promise<void> {
    for (const { hash } of await this.#folder.open()) await this.#folder.remove(hash);
  }

  /** A copy that failed is no copy: the next one who asks has it fetched again. */
  #forgetIfFailed(hash: string, copy: Copy): void {
    const { url } = copy;
    url.catch(() => {
      if (this.#copies.get(hash) === copy && copy.url === url) this.#copies.delete(hash);
    });
  }

  #remove(hash: string, { url }: Copy): void {
    const removal = url
      .then(
        () => this.#folder.remove(hash),
        () => undefined,
      )
      .catch((error: unknown) =>
        this.#options.env.log.write('warn', `a blob was not removed: ${messageOf(error)}`),
      )
      .finally(() => {
        if (this.#removals.get(hash) === removal) this.#removals.delete(hash);
      });
    this.#removals.set(hash, removal);
  }

  async #verifiedAgain(hash: string, holder: CodeHolder): Promise<string> {
    try {
      await this.#folder.verify(hash);
      return this.#folder.urlOf(hash);
    } catch (error) {
      this.#warn(hash, error);
      return this.#fetched(hash, holder);
    }
  }

  /** A3. */
  async #fetched(hash: string, { address }: CodeHolder): Promise<string> {
    // Looked up now: a removal that begins later waits for this fetch.
    const removal = this.#removals.get(hash);
    await this.#emptied;
    await removal;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#fetch(hash, address);
        break;
      } catch (error) {
        if (this.#closed || attempt === ATTEMPTS || !isWorthAnother(error)) throw error;
        this.#warn(hash, error);
      }
      await new Promise<void>((resolve) => this.#options.env.clock.after(RETRY_DELAY, resolve));
    }
    const head = await this.#folder.read(hash, 0, BUNDLE_HEADER_LIMIT);
    requireBundle(new TextDecoder().decode(head), this.#options.engine);
    return this.#folder.urlOf(hash);
  }

  async #fetch(hash: string, address: string): Promise<void> {
    const { rpc, limitBytes = BLOB_LIMIT_BYTES } = this.#options;
    const connection = await rpc.connect(address);
    try {
      const blobs = connection.gateway(blobService, BLOBS, '');
      const part = await this.#folder.begin();
      try {
        for (;;) {
          const { bytes, size } = await blobs.getChunk({ hash, offset: part.size });
          requireSize(size, limitBytes);
          if (bytes.length > BLOB_CHUNK_BYTES || (bytes.length === 0 && part.size < size)) {
            const reason = `a chunk of ${bytes.length} bytes of a blob`;
            throw new EngineError('RPC_PROTOCOL', { reason });
          }
          await part.append(bytes);
          if (part.size >= size) break;
        }
        await part.publish(hash, `from ${connection.peer}`);
      } catch (error) {
        await part.abandon();
        throw error;
      }
    } finally {
      connection.close();
    }
  }

  #warn(hash: string, error: unknown): void {
    const text = `the code of a job is fetched again: ${messageOf(error)}`;
    this.#options.env.log.write('warn', text, { hash });
  }
}

/** Whether another attempt may do better. */
function isWorthAnother(error: unknown): boolean {
  const { retry } = toEngineError(error);
  return isEngineError(error) && retry !== 'never';
}
