/**
 * Writes a snapshot of operator state: for each state a section, of parts that were frozen when the
 * snapshot began.
 */
import { assert } from '../base/assert.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import type { OperatorManifest } from './snapshot-layout.ts';
import { SnapshotFileWriter } from './snapshot-file-writer.ts';
import type { SliceResult, SnapshotOutput, SnapshotWriter } from './snapshot.ts';

/** A frozen state, in the pieces in which it is written. */
export interface StateParts {
  /** Writes the next piece, as one entry; false, having written nothing, when there is none. */
  writeNext(out: ByteWriter): boolean;
}

export interface OperatorSnapshotOptions {
  readonly manifest: OperatorManifest;
  /** One for each state of the manifest. */
  readonly parts: readonly StateParts[];
  readonly output: SnapshotOutput;
}

export class OperatorSnapshotWriter implements SnapshotWriter {
  /** It is small: there are no changes to it. */
  readonly mark = undefined;
  readonly #manifest: OperatorManifest;
  readonly #parts: readonly StateParts[];
  readonly #file: SnapshotFileWriter;
  #state = 0;
  #begun = false;
  #closed = false;

  constructor(options: OperatorSnapshotOptions) {
    this.#manifest = options.manifest;
    this.#parts = options.parts;
    this.#file = new SnapshotFileWriter(options.output, 'operator');
  }

  get entriesWritten(): number {
    return this.#file.entriesWritten;
  }

  get bytesWritten(): number {
    return this.#file.bytesWritten;
  }

  writeSlice(budgetMillis: number, now: () => number): SliceResult {
    assert(!this.#closed, 'a slice of a snapshot that has ended');
    const deadline = now() + budgetMillis;
    do {
      if (this.#file.full) return 'blocked';
      if (this.#state === this.#parts.length) {
        this.#file.finish(this.#manifest);
        this.#closed = true;
        return 'done';
      }
      this.#step(this.#parts[this.#state]!);
    } while (now() < deadline);
    return 'more';
  }

  abort(): void {
    this.#closed = true;
  }

  #step(parts: StateParts): void {
    if (!this.#begun) this.#file.beginSection(this.#state, 0);
    this.#begun = true;
    if (parts.writeNext(this.#file.entry())) return this.#file.endEntry();
    this.#file.dropEntry();
    this.#file.endSection();
    this.#begun = false;
    this.#state += 1;
  }
}
