/** The file systems of a process, by the scheme of a URI. */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import type { FileSystem } from './file-system.ts';
import { schemeOf } from './file-uri.ts';
import { jobManagerStorage } from './job-manager-storage.ts';
import { S3FileSystem } from './s3/s3-file-system.ts';
import { s3Settings } from './s3/s3-settings.ts';
import { S3Store } from './s3/s3-store.ts';
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

  /**
   * @param options those that file systems read, by their keys: `fileSystemOptions`
   * @throws EngineError CONFIG_*
   */
  static create(env: LocalEnv, options: Readonly<Record<string, string>> = {}): FileSystems {
    const local = new LocalFileSystem(env);
    const s3 = new S3FileSystem({
      store: new S3Store(s3Settings(options)),
      uniqueName: () => randomHex(env.random, 16),
    });
    const known = { file: local, s3, s3a: s3, s3p: s3, jobmanager: jobManagerStorage() };
    return new FileSystems(env, new Map<string, FileSystem>(Object.entries(known)));
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

/**
 * Of all options those that file systems read. They hold secrets: they are sent to whoever opens
 * files, and never shown.
 */
export function fileSystemOptions(
  options: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(options).filter(([key]) => key.startsWith('s3.')));
}
