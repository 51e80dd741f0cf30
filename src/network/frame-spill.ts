/**
 * Where finished frames go that a channel to another slot may neither send nor keep in memory: a
 * scratch file, read back in order as the consumer gives credit.
 *
 * Invariants
 * S1. `next` gives frames in the order of `push`.
 * S2. The file is emptied (dropped) whenever everything has been read back.
 */
import { assert } from '../base/assert.ts';
import type { ScratchFile } from '../env/env.ts';
import { Deque } from './deque.ts';

export interface Frame {
  readonly kind: number;
  readonly bytes: Uint8Array;
}

interface Segment {
  readonly kind: number;
  readonly position: number;
  readonly length: number;
}

export class FrameSpill {
  readonly #open: () => ScratchFile;
  readonly #segments = new Deque<Segment>();
  #file: ScratchFile | undefined;
  bytes = 0;

  constructor(open: () => ScratchFile) {
    this.#open = open;
  }

  get frames(): number {
    return this.#segments.length;
  }

  push(kind: number, bytes: Uint8Array): void {
    this.#file ??= this.#open();
    this.#segments.push({ kind, position: this.#file.size, length: bytes.length });
    this.bytes += bytes.length;
    this.#file.append(bytes);
  }

  next(): Frame | undefined {
    const segment = this.#segments.shift();
    if (segment === undefined) return undefined;
    assert(this.#file !== undefined, 'S1: segments are in the file');
    const bytes = new Uint8Array(segment.length);
    this.#file.read(bytes, segment.position);
    this.bytes -= segment.length;
    if (this.#segments.length === 0) this.#drop();
    return { kind: segment.kind, bytes };
  }

  close(): void {
    while (this.#segments.shift() !== undefined);
    this.bytes = 0;
    this.#drop();
  }

  #drop(): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }
}
