/**
 * The event time of one input out of that of its channels. Flink's StatusWatermarkValve, but that a
 * channel which has ended counts no more, as long as another goes on.
 *
 * Invariants
 * V1. The watermark is the least over the active channels that are not behind it, and never goes
 *     back. A channel that wakes behind it does not count until it has caught up: its records are
 *     late, the others go on.
 * V2. None active, but not all ended: the input is idle, and the watermark is the greatest that an
 *     idle channel has had, or one that has ended before its end; whatever the order in which they
 *     came to it. So the end of one makes nothing of the others late, and what it had reached
 *     counts.
 * V3. A channel at +infinity has ended, be its last record taken or not. When all have, the input
 *     is at +infinity, and active.
 * V4. `active` is told before a watermark, `idle` after it.
 */
import { assert } from '../base/assert.ts';
import type { CombinedListener, WatermarkPart } from './combined-watermark.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from './control-element.ts';

interface ChannelTime {
  /** If it has ended, the last one before its end. */
  watermark: number;
  status: 'active' | 'idle' | 'ended';
}

export class WatermarkValve implements WatermarkPart {
  readonly #channels: readonly ChannelTime[];
  readonly #listener: CombinedListener;
  #watermark = MIN_WATERMARK;
  #idle = false;

  constructor(channels: number, listener: CombinedListener) {
    this.#channels = Array.from({ length: channels }, () => ({
      watermark: MIN_WATERMARK,
      status: 'active',
    }));
    this.#listener = listener;
  }

  get watermark(): number {
    return this.#watermark;
  }

  get isIdle(): boolean {
    return this.#idle;
  }

  /** The greatest that any channel has had, its end aside. */
  get reached(): number {
    return this.#channels.reduce((most, { watermark }) => Math.max(most, watermark), MIN_WATERMARK);
  }

  /** The channels that are idle, or have ended, in the order given. */
  channelsThatAre(status: 'idle' | 'ended'): readonly number[] {
    return this.#channels.flatMap((channel, index) => (channel.status === status ? [index] : []));
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
    for (const [index, { watermark, status }] of this.#channels.entries()) {
      if (status !== 'active') continue;
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
    if (channel.status !== 'active') return;
    assert(timestamp >= channel.watermark, 'V1: a channel took its watermark back');
    channel.watermark = timestamp;
    this.#update();
  }

  channelStatus(index: number, status: 'active' | 'idle'): void {
    const channel = this.#channels[index]!;
    if (channel.status === 'ended') return;
    channel.status = status;
    this.#update();
  }

  /** V3. Idempotent. */
  channelEnd(index: number): void {
    this.#channels[index]!.status = 'ended';
    this.#update();
  }

  #update(): void {
    let least = MAX_WATERMARK;
    let greatest = MIN_WATERMARK;
    let active = false;
    let ended = true;
    for (const { watermark, status } of this.#channels) {
      if (status !== 'ended') ended = false;
      if (status === 'active') {
        active = true;
        if (watermark >= this.#watermark) least = Math.min(least, watermark);
      } else greatest = Math.max(greatest, watermark);
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
