/**
 * A folder of records that are files of their own: `ID.KIND`, each with a first line that says what
 * it is, and a checksum. A file that is torn, damaged or of somebody else is refused with its name.
 *
 * Invariants
 * F1. A record is durable once `put` has resolved, and gone for good once `remove` has.
 * F2. Whatever a process was killed at, every file with the name of a record is whole.
 */
import { crc32 } from '../base/crc32.ts';
import { EngineError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import { readWhole, TEMPORARY_PREFIX, writeAtomically } from './atomic-file.ts';
import { makeDurableFolder } from '../env/durable-folder.ts';

const VERSION = 1;
/** Ids come from outside and become names of files. */
const ID = /^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$/;
const LINE_FEED = 10;
const HEADER_BYTES_MAX = 200;

export interface StoredFilesOptions {
  readonly env: Pick<Env, 'disk' | 'random'>;
  readonly folder: string;
  /** Ends the names of the files, and begins their contents. */
  readonly kind: string;
  /** Asked before every change: rejects if the folder is another's. */
  readonly confirm: () => Promise<void>;
}

export class StoredFiles {
  readonly #env: StoredFilesOptions['env'];
  readonly #folder: string;
  readonly #kind: string;
  readonly #confirm: () => Promise<void>;

  private constructor({ env, folder, kind, confirm }: StoredFilesOptions) {
    this.#env = env;
    this.#folder = folder;
    this.#kind = kind;
    this.#confirm = confirm;
  }

  /** Makes the folder, and removes what a process that was killed had not completed. */
  static async open(options: StoredFilesOptions): Promise<StoredFiles> {
    const { env, folder } = options;
    await makeDurableFolder(env.disk, env.disk.resolve(folder), 'private');
    for (const { name } of await env.disk.list(folder)) {
      if (name.startsWith(TEMPORARY_PREFIX)) await env.disk.remove(`${folder}/${name}`);
    }
    return new StoredFiles(options);
  }

  /** The ids of all records. @throws EngineError HA_FILE_INVALID for a file that is no record. */
  async ids(): Promise<readonly string[]> {
    const entries = await this.#env.disk.list(this.#folder);
    return entries.flatMap(({ name }) => {
      if (name.startsWith(TEMPORARY_PREFIX)) return [];
      const id = name.slice(0, -this.#kind.length - 1);
      if (this.#nameOf(id) === name && ID.test(id)) return [id];
      throw this.#invalid(name, `its name is not ID.${this.#kind}`);
    });
  }

  /** F1. */
  async put(id: string, content: Uint8Array): Promise<void> {
    const name = this.#nameOf(id);
    if (!ID.test(id)) throw this.#invalid(name, 'the id is not fit for the name of a file');
    const sum = crc32(content).toString(16).padStart(8, '0');
    const header = `millrace-${this.#kind} ${VERSION} ${content.length} ${sum}\n`;
    const head = new TextEncoder().encode(header);
    const bytes = new Uint8Array(head.length + content.length);
    bytes.set(head);
    bytes.set(content, head.length);
    await this.#confirm();
    await writeAtomically(this.#env, { folder: this.#folder, name }, bytes, 'private');
  }

  /** Undefined if there is none. @throws EngineError HA_FILE_INVALID */
  async get(id: string): Promise<Uint8Array | undefined> {
    if (!ID.test(id)) return undefined;
    const name = this.#nameOf(id);
    const bytes = await readWhole(this.#env, `${this.#folder}/${name}`);
    return bytes && this.#contentOf(name, bytes);
  }

  /** F1. */
  async remove(id: string): Promise<void> {
    if (!ID.test(id)) return;
    await this.#confirm();
    await this.#env.disk.remove(`${this.#folder}/${this.#nameOf(id)}`);
    await this.#env.disk.syncDirectory(this.#folder);
  }

  invalid(id: string, reason: string): EngineError {
    return this.#invalid(this.#nameOf(id), reason);
  }

  #contentOf(name: string, bytes: Uint8Array): Uint8Array {
    const end = bytes.subarray(0, HEADER_BYTES_MAX).indexOf(LINE_FEED);
    const header = new TextDecoder().decode(bytes.subarray(0, Math.max(end, 0)));
    const [kind, version, length, sum] = header.split(' ');
    if (kind !== `millrace-${this.#kind}`) throw this.#invalid(name, 'it is no file of Millrace');
    if (version !== String(VERSION)) {
      throw this.#invalid(name, `it was written by another version of Millrace (${version})`);
    }
    const content = bytes.subarray(end + 1);
    if (String(content.length) !== length) {
      throw this.#invalid(name, `it has ${content.length} bytes of ${length}`);
    }
    const actual = crc32(content).toString(16).padStart(8, '0');
    if (actual !== sum) throw this.#invalid(name, 'its checksum is wrong');
    return content;
  }

  #nameOf(id: string): string {
    return `${id}.${this.#kind}`;
  }

  #invalid(name: string, reason: string): EngineError {
    return new EngineError('HA_FILE_INVALID', { path: `${this.#folder}/${name}`, reason });
  }
}
