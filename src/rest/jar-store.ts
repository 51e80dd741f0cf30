/**
 * Uploaded bundles of jobs, which Flink calls jars: the list of them. Their bytes are blobs, found
 * by hash; what a client called a file is a text in the list and in the id by which it is asked
 * for, and never part of a path.
 *
 * J1. A bundle is listed when it is stored whole and of a form that this engine can run; what
 *     breaks off or is of another form leaves nothing.
 * J2. Ids are looked up in the list; no id becomes a path.
 * J3. Each bundle owns its blob as long as it is listed.
 * J4. With a folder, what is listed is in it, and is listed again after a restart.
 */
import { messageOf } from '../base/errors.ts';
import type { Clock, Log, Random } from '../env/env.ts';
import type { KeptUpload, UploadFolder } from './upload-folder.ts';

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

interface JarStoreEnv {
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
}

export class JarStore {
  readonly #blobs: BundleBlobs;
  readonly #env: JarStoreEnv;
  readonly #folder: UploadFolder | undefined;
  readonly #bundles = new Map<string, UploadedBundle>();

  /** @param folder undefined: a restart forgets what was uploaded */
  constructor(blobs: BundleBlobs, env: JarStoreEnv, folder?: UploadFolder) {
    this.#blobs = blobs;
    this.#env = env;
    this.#folder = folder;
  }

  /** J4: before the first call. @throws EngineError IO_*, if the folder cannot be used */
  async load(): Promise<void> {
    const folder = this.#folder;
    if (folder === undefined) return;
    for (const kept of await folder.open()) await this.#take(folder, kept);
  }

  /** One that another version has left stays where it is, and is not listed. */
  async #take(folder: UploadFolder, { id, uploaded }: KeptUpload): Promise<void> {
    const name = id.slice(id.indexOf('_') + 1);
    try {
      this.#list(await this.#stored(id, folder.read(id)), { id, name, uploaded });
    } catch (thrown) {
      const fields = { bundle: id, error: messageOf(thrown) };
      this.#env.log.write('warn', 'an uploaded bundle cannot be used any more', fields);
    }
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
    const folder = this.#folder;
    try {
      const stored = await this.#stored(id, folder?.writing(id, content) ?? content);
      await folder?.keep(id);
      const bundle = this.#list(stored, { id, name, uploaded: this.#env.clock.now() });
      if (this.#bundles.size > BUNDLES_MAX) await this.remove(this.#bundles.keys().next().value!);
      return bundle;
    } catch (thrown) {
      await folder?.remove(id);
      throw thrown;
    }
  }

  /** False if there is none of that id. J3, J4. */
  async remove(id: string): Promise<boolean> {
    if (!this.#bundles.delete(id)) return false;
    this.#blobs.release(ownerOf(id));
    await this.#folder?.remove(id);
    return true;
  }

  /** J1, J3 */
  async #stored(id: string, content: AsyncIterable<Uint8Array>): Promise<Stored> {
    try {
      const { hash, size } = await this.#blobs.store(content, ownerOf(id));
      const { job } = await this.#blobs.headerOf(hash);
      return { hash, sizeBytes: size, job };
    } catch (thrown) {
      this.#blobs.release(ownerOf(id));
      throw thrown;
    }
  }

  #list(stored: Stored, of: Omit<UploadedBundle, keyof Stored>): UploadedBundle {
    const bundle = { ...of, ...stored };
    this.#bundles.set(bundle.id, bundle);
    return bundle;
  }
}

type Stored = Pick<UploadedBundle, 'hash' | 'sizeBytes' | 'job'>;

function ownerOf(id: string): string {
  return `upload ${id}`;
}

/** What people and URLs can take: letters, digits, points and hyphens. */
function sanitize(fileName: string): string {
  const last = fileName.split(/[/\\]/).at(-1)!;
  const plain = last.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '');
  return plain === '' ? 'bundle' : plain.slice(-100);
}
