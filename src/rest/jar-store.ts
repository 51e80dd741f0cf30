/**
 * Uploaded bundles of jobs, which Flink calls jars: the list of them. Their bytes are blobs, found
 * by hash; what a client called a file is a text in the list and in the id by which it is asked
 * for, and never part of a path.
 *
 * J1. A bundle is listed when it is stored whole and of a form that this engine can run; what
 *     breaks off or is of another form leaves nothing.
 * J2. Ids are looked up in the list; no id becomes a path.
 * J3. Each bundle owns its blob as long as it is listed.
 */
import type { Clock, Random } from '../env/env.ts';

/** Where the bytes of bundles are kept, each as long as somebody owns it. */
export interface BundleBlobs {
  /** @throws EngineError BLOB_*, IO_*, and whatever reading the content throws */
  store(
    content: AsyncIterable<Uint8Array>,
    owner: string,
  ): Promise<{ readonly hash: string; readonly size: number }>;
  /** @throws EngineError JOB_BUNDLE_INVALID, JOB_ENGINE_MISMATCH */
  headerOf(hash: string): Promise<{ readonly job: string }>;
  release(owner: string): void;
}

export interface UploadedBundle {
  /** `<uuid>_<name>`. */
  readonly id: string;
  readonly name: string;
  readonly uploaded: number;
  readonly hash: string;
  readonly sizeBytes: number;
  /** The file that exports the job, as its author called it. */
  readonly job: string;
}

/** Older ones go, so that uploads do not fill the disk. */
const BUNDLES_MAX = 100;

export class JarStore {
  readonly #blobs: BundleBlobs;
  readonly #env: { readonly random: Random; readonly clock: Clock };
  readonly #bundles = new Map<string, UploadedBundle>();

  constructor(blobs: BundleBlobs, env: { readonly random: Random; readonly clock: Clock }) {
    this.#blobs = blobs;
    this.#env = env;
  }

  /** Newest first. */
  list(): readonly UploadedBundle[] {
    return [...this.#bundles.values()].reverse();
  }

  /** J2. */
  find(id: string): UploadedBundle | undefined {
    return this.#bundles.get(id);
  }

  /** J1. @throws what the blobs throw */
  async add(fileName: string, content: AsyncIterable<Uint8Array>): Promise<UploadedBundle> {
    const name = sanitize(fileName);
    const id = `${this.#env.random.uuid()}_${name}`;
    try {
      const { hash, size } = await this.#blobs.store(content, ownerOf(id));
      const { job } = await this.#blobs.headerOf(hash);
      const bundle = { id, name, hash, sizeBytes: size, job, uploaded: this.#env.clock.now() };
      this.#bundles.set(id, bundle);
      if (this.#bundles.size > BUNDLES_MAX) this.remove(this.#bundles.keys().next().value!);
      return bundle;
    } catch (thrown) {
      this.#blobs.release(ownerOf(id));
      throw thrown;
    }
  }

  /** False if there is none of that id. J3. */
  remove(id: string): boolean {
    if (!this.#bundles.delete(id)) return false;
    this.#blobs.release(ownerOf(id));
    return true;
  }
}

function ownerOf(id: string): string {
  return `upload ${id}`;
}

/** What people and URLs can take: letters, digits, points and hyphens. */
function sanitize(fileName: string): string {
  const last = fileName.split(/[/\\]/).at(-1)!;
  const plain = last.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '');
  return plain === '' ? 'bundle' : plain.slice(-100);
}
