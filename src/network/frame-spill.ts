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
  /** The checkpoint whose barrier it is; 0: it is none. */
  readonly barrier: number;
}

interface Segment {
  readonly kind: number;
  readonly barrier: number;
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

  push({ kind, bytes, barrier }: Frame): void {
    this.#file ??= this.#open();
    this.#segments.push({ kind, barrier, position: this.#file.size, length: bytes.length });
    this.bytes += bytes.length;
    this.#file.append(bytes);
  }

  next(): Frame | undefined {
    const segment = this.#segments.shift();
    return segment && this.#taken(segment);
  }

  /** Takes the barrier of that checkpoint out of its place, if it is here. */
  takeBarrier(checkpointId: number): Frame | undefined {
    const segment = this.#segments.take(({ barrier }) => barrier === checkpointId);
    return segment && this.#taken(segment);
  }

  holds(checkpointId: number): boolean {
    for (const { barrier } of this.#segments) if (barrier === checkpointId) return true;
    return false;
  }

  /** All frames, in order, without taking them. */
  *[Symbol.iterator](): Iterator<Frame> {
    for (const segment of this.#segments) yield this.#read(segment);
  }

  close(): void {
    while (this.#segments.shift() !== undefined);
    this.bytes = 0;
    this.#drop();
  }

  #taken(segment: Segment): Frame {
    const frame = this.#read(segment);
    this.bytes -= segment.length;
    if (this.#segments.length === 0) this.#drop();
    return frame;
  }

  #read({ kind, barrier, position, length }: Segment): Frame {
    assert(this.#file !== undefined, 'S1: segments are in the file');
    const bytes = new Uint8Array(length);
    this.#file.read(bytes, position);
    return { kind, bytes, barrier };
  }

  #drop(): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }
}
