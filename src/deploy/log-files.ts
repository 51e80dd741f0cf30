/**
 * Log files of processes that write to them without knowing: kept apart by start, and cut when they
 * grow too large. The newest is `NAME.log`, the one before `NAME.log.1`, and so on; what is printed
 * lies in `NAME.out` beside it, as Flink has it.
 *
 * Invariants
 * L1. At most `env.log.max` earlier files of a process are kept, each about `LIMIT_BYTES` at most.
 * L2. A file that is written to is emptied in place once it was copied: its writers append. Lines
 *     written between the two are lost; nothing else is.
 */
import type { Configuration } from '../config/configuration.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import type { Env, OutputStream } from '../env/env.ts';

const LIMIT_BYTES = 100 * 2 ** 20;
const CHUNK_BYTES = 2 ** 20;

export interface LogFilesOptions {
  readonly env: Pick<Env, 'disk'>;
  readonly folder: string;
  readonly configuration: Configuration;
  readonly limitBytes?: number | undefined;
}

export class LogFiles {
  readonly #disk: Env['disk'];
  readonly #folder: string;
  readonly #kept: number;
  readonly #limitBytes: number;

  constructor(options: LogFilesOptions) {
    this.#disk = options.env.disk;
    this.#folder = options.folder;
    this.#kept = options.configuration.get(ClusterOptions.logsMax);
    this.#limitBytes = options.limitBytes ?? LIMIT_BYTES;
  }

  path(name: string): string {
    return `${this.#folder}/${name}.log`;
  }

  /** Where a process prints. */
  outPath(name: string): string {
    return `${this.#folder}/${name}.out`;
  }

  /** The paths of files that are not there yet: for a process that begins. */
  async begin(name: string): Promise<Readonly<Record<OutputStream, string>>> {
    const stderr = await this.#begin(this.path(name));
    return { stdout: await this.#begin(this.outPath(name)), stderr };
  }

  async #begin(path: string): Promise<string> {
    if ((await this.#disk.stat(path)) === undefined) return path;
    await this.#makeRoom(path);
    if (this.#kept === 0) await this.#disk.remove(path);
    else await this.#disk.rename(path, `${path}.1`);
    return path;
  }

  /** L2. Cuts what has grown too large. */
  async check(names: readonly string[]): Promise<void> {
    for (const path of names.flatMap((name) => [this.path(name), this.outPath(name)])) {
      const size = (await this.#disk.stat(path))?.size ?? 0;
      if (size < this.#limitBytes) continue;
      await this.#makeRoom(path);
      if (this.#kept > 0) await this.#copy(path, `${path}.1`);
      const file = await this.#disk.open(path, 'update');
      try {
        await file.truncate(0);
      } finally {
        await file.close();
      }
    }
  }

  /** L1. */
  async #makeRoom(path: string): Promise<void> {
    await this.#disk.remove(`${path}.${Math.max(this.#kept, 1)}`);
    for (let at = this.#kept - 1; at >= 1; at--) {
      if ((await this.#disk.stat(`${path}.${at}`)) === undefined) continue;
      await this.#disk.rename(`${path}.${at}`, `${path}.${at + 1}`);
    }
  }

  async #copy(from: string, to: string): Promise<void> {
    const source = await this.#disk.open(from, 'read');
    try {
      const target = await this.#disk.open(to, 'write', 'private');
      try {
        const chunk = new Uint8Array(CHUNK_BYTES);
        for (let at = 0; ;) {
          const count = await source.read(chunk, at);
          if (count === 0) break;
          await target.write(chunk.subarray(0, count), at);
          at += count;
        }
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  }
}
