/**
 * Makes written files visible: renames them to their final names, and removes the files that they
 * replace. Every step may have been done before, so that a commit can be repeated after a failure
 * wherever it stopped.
 *
 * Invariants
 * C1. A file has its final name only with all its content, which is durable by then.
 * C2. A file that is replaced is removed only when the files that replace it have come, durably.
 * C3. A commit that is repeated removes no file that a later one has published under an old name:
 *     whoever repeats a commit gets all that came after it in the same call.
 */
import { crc32 } from '../../base/crc32.ts';
import { EngineError } from '../../base/errors.ts';
import type { Disk } from '../../env/env.ts';
import type { Committer, CommitRequest } from '../../functions/sink.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';

/** A complete file under its hidden name. */
export interface WrittenFile {
  readonly pending: string;
  readonly final: string;
  readonly bytes: number;
  readonly checksum: number;
}

export interface FileCommittable {
  /** Absolute. */
  readonly folder: string;
  readonly files: readonly WrittenFile[];
  /** Whether a file that is there already under a final name gives way. */
  readonly overwrites: boolean;
  /** Names of files to remove when the new ones have come. */
  readonly replaces: readonly string[];
}

export const FileCommittableSchema: Schema<FileCommittable> = t.struct({
  folder: t.string,
  files: t.array(
    t.struct({ pending: t.string, final: t.string, bytes: t.integer, checksum: t.integer }),
  ),
  overwrites: t.boolean,
  replaces: t.array(t.string),
});

export class FileCommitter implements Committer<FileCommittable> {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async commit(requests: readonly CommitRequest<FileCommittable>[]): Promise<void> {
    const committables = requests.map(({ committable }) => committable);
    for (const committable of committables) {
      for (const file of committable.files) await this.#publish(committable, file);
      await this.#disk.syncDirectory(committable.folder);
    }
    const names = committables.flatMap(({ files }) => files.map(({ final }) => final));
    const kept = new Set(names);
    for (const { folder, replaces } of committables) {
      // C3
      const old = replaces.filter((name) => !kept.has(name));
      if (old.length === 0) continue;
      for (const name of old) await this.#disk.remove(`${folder}/${name}`);
      await this.#disk.syncDirectory(folder);
    }
  }

  async #publish({ folder, overwrites }: FileCommittable, file: WrittenFile): Promise<void> {
    const [pending, final] = [`${folder}/${file.pending}`, `${folder}/${file.final}`];
    const [from, to] = [await this.#disk.stat(pending), await this.#disk.stat(final)];
    if (from === undefined) {
      // Renamed by an earlier commit, unless somebody took it away.
      if (to?.size === file.bytes && (await this.#checksum(final)) === file.checksum) return;
      const reason = `${file.pending} is gone, and what is there is ${
        to === undefined ? 'nothing' : 'another file'
      }`;
      throw new EngineError('CONNECTOR_OUTPUT_LOST', { path: final, folder, reason });
    }
    if (from.size !== file.bytes) {
      const reason = `${file.pending} has ${from.size} bytes instead of ${file.bytes}`;
      throw new EngineError('CONNECTOR_OUTPUT_LOST', { path: final, folder, reason });
    }
    if (to !== undefined && !overwrites) {
      const reason = 'another file of that name has come meanwhile';
      throw new EngineError('CONNECTOR_OUTPUT_LOST', { path: final, folder, reason });
    }
    await this.#disk.rename(pending, final);
  }

  async #checksum(path: string): Promise<number> {
    const file = await this.#disk.open(path, 'read');
    try {
      const block = new Uint8Array(256 * 1024);
      let checksum = 0;
      for (let position = 0; ;) {
        const count = await file.read(block, position);
        if (count === 0) return checksum;
        checksum = crc32(block.subarray(0, count), checksum);
        position += count;
      }
    } finally {
      await file.close();
    }
  }
}
