/**
 * The event time of one input out of that of its channels, which are those of one stream, or of
 * several that are united. Flink's StatusWatermarkValve, but that a stream is finished when all its
 * channels are: the end of one subtask says nothing about the others.
 *
 * Invariants
 * V1. The watermark is the least over the active channels that are not behind it, and never goes
 *     back. A channel that wakes behind it does not count until it has caught up: its records are
 *     late, the others go on.
 * V2. A stream whose channels have all ended is finished, and is at +infinity. So with one finished
 *     and no channel active the input is at +infinity, and active: what idle ones bring later is
 *     late.
 * V3. No channel active and no stream finished: the input is idle, and the watermark is the
 *     greatest that an idle channel has had, or one that has ended before its end; whatever the
 *     order in which they came to it.
 * V4. A channel at +infinity has ended, be its last record taken or not.
 * V5. `active` is told before a watermark, `idle` after it.
 */
import { assert } from '../base/assert.ts';
import type { CombinedListener, WatermarkPart } from './combined-watermark.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from './control-element.ts';

interface ChannelTime {
  /** If it has ended, the last one before its end. */
  watermark: number;
  status: 'active' | 'idle' | 'ended';
  readonly stream: number;
}

export class WatermarkValve implements WatermarkPart {
  readonly #channels: readonly ChannelTime[];
  readonly #listener: CombinedListener;
  /** Of each stream that is not finished, how many channels have not ended. */
  readonly #open = new Map<number, number>();
  #isAnyFinished = false;
  #watermark = MIN_WATERMARK;
  #idle = false;

  /** @param streams of each channel, the stream that it belongs to */
  constructor(streams: readonly number[], listener: CombinedListener) {
    this.#channels = streams.map((stream) => ({
      watermark: MIN_WATERMARK,
      status: 'active',
      stream,
    }));
    for (const stream of streams) this.#open.set(stream, (this.#open.get(stream) ?? 0) + 1);
    this.#listener = listener;
  }

  get watermark(): number {
    return this.#watermark;
  }

  get isIdle(): boolean {
    return this.#idle;
  }

  /** The channels that are idle, or have ended, in the order given. */
  channelsThatAre(status: 'idle' | 'ended'): readonly number[] {
    return this.#channels.flatMap((channel, index) => (channel.status === status ? [index] : []));
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

  /** V4. Idempotent. */
  channelEnd(index: number): void {
    const channel = this.#channels[index]!;
    if (channel.status === 'ended') return;
    channel.status = 'ended';
    const left = this.#open.get(channel.stream)! - 1;
    if (left > 0) this.#open.set(channel.stream, left);
    else {
      this.#open.delete(channel.stream);
      this.#isAnyFinished = true;
    }
    this.#update();
  }

  #update(): void {
    let least = MAX_WATERMARK;
    let greatest = MIN_WATERMARK;
    let active = false;
    for (const { watermark, status } of this.#channels) {
      if (status === 'active') {
        active = true;
        if (watermark >= this.#watermark) least = Math.min(least, watermark);
      } else greatest = Math.max(greatest, watermark);
    }
    const idle = !active && !this.#isAnyFinished;
    if (this.#idle && !idle) {
      this.#idle = false;
      this.#listener.status('active');
    }
    if (idle) this.#advance(greatest);
    else if (!active) this.#advance(MAX_WATERMARK);
    else if (least !== MAX_WATERMARK) this.#advance(least);
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
