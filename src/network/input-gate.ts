/**
 * The input of one task: all channels of all its edges. It picks channels in turn, aligns barriers
 * and epoch marks, and merges watermarks and idleness, so that the task sees one sequence of
 * batches and aligned control elements.
 *
 * Invariants
 * G1. A channel that has delivered the element being aligned is not read until all active channels
 * have.
 * G2. Watermarks given out ascend strictly; they are the minimum over channels that are ACTIVE, and
 *     +infinity when all channels of all inputs have ended.
 * G3. `end-of-input` comes once per input, after the last record of all its channels.
 * G4. A channel that becomes active again does not take the watermark back.
 */
import { assert } from '../base/assert.ts';
import type { Batch } from './batch.ts';
import type { BarrierElement, ControlElement, EpochMarkElement } from './control-element.ts';
import { MIN_WATERMARK } from './control-element.ts';
import type { InputChannel } from './input-channel.ts';

export interface GateChannel {
  readonly channel: InputChannel;
  readonly input: 0 | 1;
}

export type GateEvent =
  | { readonly kind: 'watermark'; readonly timestamp: number }
  | { readonly kind: 'status'; readonly status: 'active' | 'idle' }
  | BarrierElement
  | EpochMarkElement
  | { readonly kind: 'end-of-input'; readonly input: 0 | 1 };

interface ChannelState {
  readonly channel: InputChannel;
  readonly input: 0 | 1;
  watermark: number;
  status: 'active' | 'idle' | 'finished';
  blocked: boolean;
}

export class InputGate {
  readonly #channels: ChannelState[];
  readonly #events: GateEvent[] = [];
  readonly #open: [number, number] = [0, 0];
  #turn = 0;
  #aligning: BarrierElement | EpochMarkElement | undefined;
  #watermark = MIN_WATERMARK;
  #idle = false;
  /** Set with each batch that `next` returns. */
  input: 0 | 1 = 0;
  #source: ChannelState | undefined;

  constructor(channels: readonly GateChannel[]) {
    this.#channels = channels.map(({ channel, input }) => ({
      channel,
      input,
      watermark: MIN_WATERMARK,
      status: 'active',
      blocked: false,
    }));
    for (const { input } of channels) this.#open[input] += 1;
  }

  /** How many inputs (1 or 2) the gate joins. */
  get inputs(): number {
    return new Set(this.#channels.map(({ input }) => input)).size;
  }

  get watermark(): number {
    return this.#watermark;
  }

  /** Whether `next` would give something. */
  get hasData(): boolean {
    if (this.#events.length > 0) return true;
    for (const state of this.#channels) {
      if (!state.blocked && state.status !== 'finished' && state.channel.hasData) return true;
    }
    return false;
  }

  /** True when every channel has ended and every event was taken. */
  get isFinished(): boolean {
    return this.#open[0] === 0 && this.#open[1] === 0 && this.#events.length === 0;
  }

  /** The next batch (`input` says of which side) or aligned event. */
  next(): Batch | GateEvent | undefined {
    if (this.#events.length > 0) return this.#events.shift();
    const count = this.#channels.length;
    for (let visits = 0; visits < count; visits += 1) {
      const state = this.#channels[this.#turn]!;
      this.#turn = this.#turn + 1 === count ? 0 : this.#turn + 1;
      while (!state.blocked && state.status !== 'finished') {
        const element = state.channel.poll();
        if (element === undefined) break;
        if (element.kind === 'objects' || element.kind === 'rows') {
          this.input = state.input;
          this.#source = state;
          return element;
        }
        this.#control(state, element);
        if (this.#events.length > 0) return this.#events.shift();
        // Control may have let other channels go on: look at all of them again.
        visits = 0;
      }
    }
    return undefined;
  }

  /** Gives back the last batch that `next` returned. */
  recycle(batch: Batch): void {
    this.#source?.channel.recycle(batch);
  }

  close(): void {
    for (const { channel } of this.#channels) channel.close();
  }

  #control(state: ChannelState, element: ControlElement): void {
    switch (element.kind) {
      case 'watermark':
        assert(element.timestamp >= state.watermark, 'G2: a channel took its watermark back');
        state.watermark = element.timestamp;
        this.#advance();
        return;
      case 'status':
        state.status = element.status;
        this.#advance();
        return;
      case 'barrier':
      case 'epoch':
        this.#align(state, element);
        return;
      case 'end':
        this.#end(state);
    }
  }

  #align(state: ChannelState, element: BarrierElement | EpochMarkElement): void {
    if (this.#aligning !== undefined && !sameElement(this.#aligning, element)) {
      // The element being aligned was given up upstream, or is overtaken by a newer one.
      this.#unblock();
    }
    this.#aligning = element;
    state.blocked = true;
    this.#completeAlignment();
  }

  #completeAlignment(): void {
    const element = this.#aligning;
    if (element === undefined) return;
    for (const state of this.#channels) {
      if (!state.blocked && state.status !== 'finished') return;
    }
    this.#unblock();
    this.#events.push(element);
  }

  #unblock(): void {
    this.#aligning = undefined;
    for (const state of this.#channels) state.blocked = false;
  }

  #end(state: ChannelState): void {
    assert(state.status !== 'finished', 'G3: a channel ended twice');
    state.status = 'finished';
    this.#open[state.input] -= 1;
    this.#completeAlignment();
    // Event time first: what it fires may still be read by `onInputEnd`.
    this.#advance();
    if (this.#open[state.input] === 0) {
      this.#events.push({ kind: 'end-of-input', input: state.input });
    }
  }

  #advance(): void {
    let minimum = Number.POSITIVE_INFINITY;
    let active = false;
    let finished = true;
    for (const state of this.#channels) {
      if (state.status !== 'finished') finished = false;
      if (state.status !== 'active') continue;
      active = true;
      if (state.watermark < minimum) minimum = state.watermark;
    }
    if (finished) {
      this.#emitWatermark(Number.POSITIVE_INFINITY);
      return;
    }
    if (active === this.#idle) {
      this.#idle = !active;
      this.#events.push({ kind: 'status', status: active ? 'active' : 'idle' });
    }
    if (active) this.#emitWatermark(minimum);
  }

  #emitWatermark(timestamp: number): void {
    if (timestamp <= this.#watermark) return;
    this.#watermark = timestamp;
    this.#events.push({ kind: 'watermark', timestamp });
  }
}

function sameElement(
  left: BarrierElement | EpochMarkElement,
  right: BarrierElement | EpochMarkElement,
): boolean {
  if (left.kind === 'barrier')
    return right.kind === 'barrier' && left.checkpointId === right.checkpointId;
  return right.kind === 'epoch' && left.id === right.id;
}
