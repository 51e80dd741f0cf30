/**
 * The event time of one input out of that of its channels. Flink's StatusWatermarkValve, but that a
 * channel which has ended counts no more, as long as another may still go on.
 *
 * Invariants
 * V1. The watermark is the least over the active channels that are not behind it, and never goes
 *     back. A channel that wakes behind it does not count until it has caught up: its records are
 *     late, the others go on.
 * V2. All idle, or ended but one that is idle: the input is idle, and the watermark is the greatest
 *     that an idle channel has had, whatever the order in which they became idle.
 * V3. A channel at +infinity has ended, be its last record taken or not. When all have, the input
 *     is at +infinity, and active.
 * V4. `active` is told before a watermark, `idle` after it.
 */
import { assert } from '../base/assert.ts';
import type { CombinedListener, WatermarkPart } from './combined-watermark.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from './control-element.ts';

interface ChannelTime {
  watermark: number;
  idle: boolean;
}

export class WatermarkValve implements WatermarkPart {
  readonly #channels: readonly ChannelTime[];
  readonly #listener: CombinedListener;
  #watermark = MIN_WATERMARK;
  #idle = false;

  constructor(channels: number, listener: CombinedListener) {
    this.#channels = Array.from({ length: channels }, () => ({
      watermark: MIN_WATERMARK,
      idle: false,
    }));
    this.#listener = listener;
  }

  get watermark(): number {
    return this.#watermark;
  }

  get isIdle(): boolean {
    return this.#idle;
  }

  /** V3 */
  get hasEnded(): boolean {
    return this.#watermark === MAX_WATERMARK;
  }

  /**
   * The channel that the watermark waits for: the last of those that count, else the first of those
   * that have to catch up; undefined if all are idle or have ended.
   */
  get holder(): number | undefined {
    let last: number | undefined;
    let behind: number | undefined;
    for (const [index, { watermark, idle }] of this.#channels.entries()) {
      if (idle || watermark === MAX_WATERMARK) continue;
      if (watermark >= this.#watermark) {
        if (last === undefined || watermark < this.#channels[last]!.watermark) last = index;
      } else if (behind === undefined || watermark > this.#channels[behind]!.watermark) {
        behind = index;
      }
    }
    return last ?? behind;
  }

  /** As Flink does, what an idle channel says is passed over, but its end. */
  channelWatermark(index: number, timestamp: number): void {
    const channel = this.#channels[index]!;
    if (timestamp === MAX_WATERMARK) {
      this.channelEnd(index);
      return;
    }
    if (channel.idle) return;
    assert(timestamp >= channel.watermark, 'V1: a channel took its watermark back');
    channel.watermark = timestamp;
    this.#update();
  }

  channelStatus(index: number, status: 'active' | 'idle'): void {
    this.#channels[index]!.idle = status === 'idle';
    this.#update();
  }

  /** V3. Idempotent. */
  channelEnd(index: number): void {
    const channel = this.#channels[index]!;
    channel.watermark = MAX_WATERMARK;
    channel.idle = false;
    this.#update();
  }

  #update(): void {
    let least = MAX_WATERMARK;
    let greatest = MIN_WATERMARK;
    let active = false;
    let ended = true;
    for (const channel of this.#channels) {
      if (channel.watermark === MAX_WATERMARK) continue;
      ended = false;
      if (channel.idle) {
        greatest = Math.max(greatest, channel.watermark);
        continue;
      }
      active = true;
      if (channel.watermark >= this.#watermark) least = Math.min(least, channel.watermark);
    }
    const idle = !active && !ended;
    if (this.#idle && !idle) {
      this.#idle = false;
      this.#listener.status('active');
    }
    if (idle) this.#advance(greatest);
    else if (ended || least !== MAX_WATERMARK) this.#advance(least);
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
