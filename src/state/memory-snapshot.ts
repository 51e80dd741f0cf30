/**
 * A snapshot kept in memory: the smallest output and input there is, for jobs without checkpoint
 * storage.
 */
import type { SnapshotInput, SnapshotOutput } from './snapshot.ts';

/**
 * @example
 * const memory = new MemorySnapshot('checkpoint 1');
 * const writer = backend.beginSnapshot(memory);
 * // ... until it is done:
 * await another.restore([memory.input()]);
 */
export class MemorySnapshot implements SnapshotOutput {
  readonly name: string;
  readonly #pieces: Uint8Array[] = [];

  constructor(name: string) {
    this.name = name;
  }

  write(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }

  input(): SnapshotInput {
    return snapshotInputOf(this.name, this.bytes());
  }
}

/** The bytes of a snapshot as an input. */
export function snapshotInputOf(name: string, bytes: Uint8Array): SnapshotInput {
  return {
    name,
    size: bytes.length,
    read: (position, length) => bytes.slice(position, position + length),
  };
}
