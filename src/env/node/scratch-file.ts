/**
 * A scratch file: made on the first append, without a name from then on (it is unlinked while
 * open), so that the system takes it away with the process, however that ends. A worker's files
 * are closed with the worker. Synchronous by design (see env.ts).
 *
 * Invariants:
 *   S1. `size` bytes are in the file, all of them written by `append`.
 *   S2. Nothing is called on a disposed file.
 */
import type * as FileSystem from 'node:fs';
import { assert } from '../../base/assert.ts';
import type { ScratchFile } from '../env.ts';
import { diskError } from './system-error.ts';

export class NodeScratchFile implements ScratchFile {
  readonly #folder: string | undefined;
  #path = '';
  #descriptor: number | undefined;
  #size = 0;
  #disposed = false;

  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): void {
    assert(!this.#disposed, 'S2: the scratch file is disposed');
    this.#descriptor ??= this.#open();
    try {
      for (let done = 0; done < bytes.byteLength;) {
        const rest = bytes.byteLength - done;
        done += fs().writeSync(this.#descriptor, bytes, done, rest, this.#size + done);
      }
    } catch (thrown) {
      throw diskError(thrown, 'write', this.#path);
    }
    this.#size += bytes.byteLength;
  }

  read(into: Uint8Array, position: number): void {
    assert(!this.#disposed, 'S2: the scratch file is disposed');
    assert(
      position >= 0 && position + into.byteLength <= this.#size,
      `S1: ${into.byteLength} bytes at ${position} of a scratch file of ${this.#size}`,
    );
    if (this.#descriptor === undefined) return;
    let done = 0;
    try {
      while (done < into.byteLength) {
        const rest = into.byteLength - done;
        const count = fs().readSync(this.#descriptor, into, done, rest, position + done);
        if (count === 0) break;
        done += count;
      }
    } catch (thrown) {
      throw diskError(thrown, 'read', this.#path);
    }
    assert(done === into.byteLength, 'S1: the scratch file is shorter than what was written');
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#descriptor !== undefined) fs().closeSync(this.#descriptor);
  }

  #open(): number {
    const folder = this.#folder ?? process.getBuiltinModule('node:os').tmpdir();
    const name = `millrace-scratch-${process.pid}-${Math.random().toString(36).slice(2)}`;
    this.#path = process.getBuiltinModule('node:path').join(folder, name);
    try {
      const descriptor = fs().openSync(this.#path, 'wx+', 0o600);
      fs().unlinkSync(this.#path);
      return descriptor;
    } catch (thrown) {
      throw diskError(thrown, 'create', this.#path);
    }
  }
}

function fs(): typeof FileSystem {
  return process.getBuiltinModule('node:fs');
}
