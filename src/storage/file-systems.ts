/** The file systems of a process, by the scheme of a URI. */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import type { FileSystem } from './file-system.ts';
import { schemeOf } from './file-uri.ts';
import { LocalFileSystem, type LocalEnv } from './local-file-system.ts';
import { randomHex } from './temporary-name.ts';

/** @example FileSystems.create(env, options).of('file:/data/checkpoints') */
export class FileSystems {
  readonly #env: LocalEnv;
  readonly #byScheme: ReadonlyMap<string, FileSystem>;

  private constructor(env: LocalEnv, byScheme: ReadonlyMap<string, FileSystem>) {
    this.#env = env;
    this.#byScheme = byScheme;
  }

  /** `options`: those that file systems read, by their keys. */
  static create(env: LocalEnv, _options: Readonly<Record<string, string>> = {}): FileSystems {
    return new FileSystems(env, new Map([['file', new LocalFileSystem(env)]]));
  }

  /** @throws EngineError FILE_SYSTEM_UNKNOWN */
  of(uri: string): FileSystem {
    const scheme = schemeOf(uri);
    const fileSystem = this.#byScheme.get(scheme);
    if (fileSystem !== undefined) return fileSystem;
    const suggestion = didYouMean(scheme, this.#byScheme.keys());
    throw new EngineError('FILE_SYSTEM_UNKNOWN', { uri, scheme, suggestion });
  }

  /** The absolute form of a URI. */
  resolve(uri: string): string {
    return this.of(uri).resolve(uri);
  }

  /** A name that nobody else draws. */
  uniqueName(bytes: number = 16): string {
    return randomHex(this.#env.random, bytes);
  }
}
