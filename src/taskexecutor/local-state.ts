/**
 * The folders in which the slots of this process keep copies of their state: one for each
 * allocation whose job wants copies, made by the slot, and removed when the slot is free again.
 *
 * Invariants
 * F1. An allocation has one folder, and no two have the same.
 * F2. A folder is removed once its allocation has ended, and all of them with the process, if it
 *     ends in order; who is killed leaves them to whoever starts next.
 */
import { messageOf } from '../base/errors.ts';
import type { Disk, Log } from '../env/env.ts';

export interface LocalStateOptions {
  readonly disk: Pick<Disk, 'remove'>;
  readonly log: Log;
  /** Of this process alone, on as many disks as there are. */
  readonly folders: readonly string[];
}

export class LocalState {
  readonly #options: LocalStateOptions;
  /** By allocation. */
  readonly #made = new Map<string, string>();
  #isUsed = false;
  /** One after another. */
  #removals: Promise<void> = Promise.resolve();

  constructor(options: LocalStateOptions) {
    this.#options = options;
  }

  /** F1. */
  folderOf(allocationId: string, slot: number): string {
    const { folders } = this.#options;
    const folder = `${folders[slot % folders.length]!}/${allocationId}`;
    this.#made.set(allocationId, folder);
    this.#isUsed = true;
    return folder;
  }

  /** F2. */
  release(allocationId: string): void {
    const folder = this.#made.get(allocationId);
    if (folder === undefined) return;
    this.#made.delete(allocationId);
    this.#remove(folder);
  }

  /** F2. No worker lives any more. */
  async close(): Promise<void> {
    if (this.#isUsed) for (const folder of this.#options.folders) this.#remove(folder);
    this.#made.clear();
    await this.#removals;
  }

  #remove(folder: string): void {
    const { disk, log } = this.#options;
    this.#removals = this.#removals
      .then(() => disk.remove(folder))
      .catch((thrown: unknown) =>
        log.write('warn', `${folder} was not removed: ${messageOf(thrown)}`),
      );
  }
}
