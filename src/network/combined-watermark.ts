/**
 * One event time out of several: of the splits of a source's reader, or of the inputs of an
 * operator. Flink's CombinedWatermarkStatus.
 *
 * Invariants
 * M1. The watermark is the least over the active parts and never goes back: a part that wakes
 * behind
 *     it, or joins, holds it where it is until it has caught up.
 * M2. The whole is idle exactly if all parts are, and there are any. Then the watermark is the
 *     greatest that a part has had, whatever the order in which they came to it. A part that is
 *     finished is active, and at +infinity.
 * M3. `active` is told before a watermark, `idle` after it.
 */
import { MAX_WATERMARK, MIN_WATERMARK } from './control-element.ts';

/** One of those that are combined. `update` must follow a change. */
export interface WatermarkPart {
  readonly watermark: number;
  readonly isIdle: boolean;
}

export interface CombinedListener {
  watermark(timestamp: number): void;
  status(status: 'active' | 'idle'): void;
}

export class CombinedWatermark<P extends WatermarkPart> {
  readonly #listener: CombinedListener;
  readonly #parts = new Set<P>();
  #watermark = MIN_WATERMARK;
  #idle = false;

  constructor(listener: CombinedListener) {
    this.#listener = listener;
  }

  get watermark(): number {
    return this.#watermark;
  }

  get isIdle(): boolean {
    return this.#idle;
  }

  add(part: P): void {
    this.#parts.add(part);
  }

  remove(part: P): void {
    this.#parts.delete(part);
  }

  /** Goes on from what a snapshot says; nobody is told. */
  restore(watermark: number, idle: boolean): void {
    this.#watermark = watermark;
    this.#idle = idle;
  }

  /** The active part that is furthest behind: the watermark waits for it. */
  get holder(): P | undefined {
    let holder: P | undefined;
    for (const part of this.#parts) {
      if (part.isIdle) continue;
      if (holder === undefined || part.watermark < holder.watermark) holder = part;
    }
    return holder;
  }

  /** Tells what has changed. */
  update(): void {
    if (this.#parts.size === 0) return;
    let least = MAX_WATERMARK;
    let greatest = MIN_WATERMARK;
    let idle = true;
    for (const { watermark, isIdle } of this.#parts) {
      if (watermark > greatest) greatest = watermark;
      if (isIdle) continue;
      idle = false;
      if (watermark < least) least = watermark;
    }
    if (this.#idle && !idle) {
      this.#idle = false;
      this.#listener.status('active');
    }
    this.#advance(idle ? greatest : least);
    if (idle && !this.#idle) {
      this.#idle = true;
      this.#listener.status('idle');
    }
  }

  #advance(timestamp: number): void {
    if (timestamp <= this.#watermark) return;
    this.#watermark = timestamp;
    this.#listener.watermark(timestamp);
  }
}
