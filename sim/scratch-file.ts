/**
 * The synchronous file for spilling: in memory here, but with the room of the host's disk, which
 * can run out.
 */
import { assert } from '../src/base/assert.ts';
import { EngineError } from '../src/base/errors.ts';
import type { ScratchFile } from '../src/env/env.ts';
import type { FileSystem } from './file-system.ts';
import type { Held, SimThread } from './thread.ts';

export class SimScratchFile implements ScratchFile, Held {
  readonly kind: string = 'scratch file';
  readonly what: string = 'for spilling';
  readonly #thread: SimThread;
  readonly #files: FileSystem;
  #bytes: Uint8Array = new Uint8Array(0);
  #size = 0;
  #open = true;

  constructor(thread: SimThread, files: FileSystem) {
    this.#thread = thread;
    this.#files = files;
    thread.held.add(this);
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): void {
    this.#check();
    if (bytes.length > this.#files.room) {
      throw new EngineError('IO_NO_SPACE', { operation: 'write', path: 'a scratch file' });
    }
    const end = this.#size + bytes.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#size);
    this.#size = end;
    this.#files.room -= bytes.length;
    this.#thread.scheduler.spend(1 + (bytes.length >> 10));
  }

  read(into: Uint8Array, position: number): void {
    this.#check();
    const end = position + into.length;
    assert(position >= 0 && end <= this.#size, `scratch file: ${end} is beyond ${this.#size}`);
    into.set(this.#bytes.subarray(position, end));
    this.#thread.scheduler.spend(1 + (into.length >> 10));
  }

  release(): void {
    this.#open = false;
    this.#files.room += this.#size;
  }

  [Symbol.dispose](): void {
    if (!this.#thread.held.delete(this)) return;
    this.release();
  }

  #check(): void {
    this.#thread.enter();
    assert(this.#open, 'scratch file: nothing is called after its disposal');
  }
}
