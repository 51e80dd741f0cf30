/**
 * Makes written files visible, and removes the files that they replace. Every step may have been
 * done before, so that a commit can be repeated after a failure wherever it stopped.
 *
 * Invariants
 * C1. A file has its final name only with all its content, which is durable by then.
 * C2. A file that is replaced is removed only when the files that replace it have come, durably.
 * C3. A commit that is repeated removes no file that a later one has published under an old name:
 *     whoever repeats a commit gets all that came after it in the same call.
 */
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { FileSystem } from '../../functions/file-system.ts';
import type { Committer, CommitRequest } from '../../functions/sink.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import { inParallel } from './in-parallel.ts';

/** Commits, of which each is some requests to an object store. */
const AT_ONCE = 8;

/** A complete file that is not visible yet. */
export interface WrittenFile {
  readonly uri: string;
  /** Of the file system's recoverable writer. */
  readonly committable: Uint8Array;
}

export interface FileCommittable {
  readonly files: readonly WrittenFile[];
  /** URIs of files to remove when the new ones have come. */
  readonly replaces: readonly string[];
}

export const FileCommittableSchema: Schema<FileCommittable> = t.struct({
  files: t.array(t.struct({ uri: t.string, committable: t.bytes })),
  replaces: t.array(t.string),
});

export class FileCommitter implements Committer<FileCommittable> {
  readonly #fileSystem: (uri: string) => FileSystem;

  constructor(fileSystem: (uri: string) => FileSystem) {
    this.#fileSystem = fileSystem;
  }

  async commit(requests: readonly CommitRequest<FileCommittable>[]): Promise<void> {
    const files = requests.flatMap(({ committable }) => committable.files);
    // C3: of one name the last one stays.
    const published = new Set(files.map(({ uri }) => uri));
    const inOrder = published.size < files.length;
    await inParallel(files, inOrder ? 1 : AT_ONCE, (file) => this.#publish(file));
    const replaced = requests
      .flatMap(({ committable }) => committable.replaces)
      .filter((uri) => !published.has(uri));
    if (replaced.length > 0) await this.#fileSystem(replaced[0]!).removeFiles(replaced);
  }

  async #publish({ uri, committable }: WrittenFile): Promise<void> {
    try {
      await this.#fileSystem(uri).recoverableWriter().commit(committable);
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === undefined) throw error;
      const folder = uri.slice(0, uri.lastIndexOf('/'));
      const parameters = { path: uri, folder, reason };
      throw new EngineError('CONNECTOR_OUTPUT_LOST', parameters, { cause: error });
    }
  }
}

/** Why it never will succeed; undefined if it may. */
function reasonOf(error: unknown): string | undefined {
  if (isEngineError(error, 'IO_EXISTS')) return 'another file of that name has come meanwhile';
  return isEngineError(error, 'FILE_OUTPUT_LOST') ? String(error.parameters['reason']) : undefined;
}
