/**
 * SHA-256, by which content is named and compared: Node's own code does more than a gigabyte a
 * second where the processor helps.
 */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';

const HEX = /^[0-9a-f]{64}$/;

/** The hash of `bytes`, as 64 small hexadecimal digits. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Whether `text` has the form of a hash, and so can be nothing else: no path, no name. */
export function isSha256(text: string): boolean {
  return HEX.test(text);
}

/** The hash of what comes in pieces. */
export class Sha256 {
  readonly #hash: Hash = createHash('sha256');

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Of all that came; called once. */
  hex(): string {
    return this.#hash.digest('hex');
  }
}
