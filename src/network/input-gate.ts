/**
 * The input of one task: all channels of all its edges. It picks channels in turn, aligns barriers
 * and epoch marks, and merges watermarks and idleness, so that the task sees one sequence of
 * batches and aligned control elements.
 *
 * Invariants
 * G1. A channel that has delivered the element being aligned is not read until all active channels
 * have.
 * G2. Watermarks given out ascend strictly; they are the minimum over inputs that are active, each
 *     of which has its own valve over its channels. One that is finished is active, at +infinity.
 *     While none is active, they are the greatest that any has had.
 * G3. `end-of-input` comes once per input, after the last record of all its channels.
 * G4. Who becomes active again does not take the watermark back: a channel does not count until it
 *     has caught up (see WatermarkValve), an input holds it where it is.
 */
import { assert } from '../base/assert.ts';
import type { Batch } from './batch.ts';
import { CombinedWatermark } from './combined-watermark.ts';
import { MAX_WATERMARK } from './control-element.ts';
import type { BarrierElement, ControlElement, EpochMarkElement } from './control-element.ts';
import type { InputChannel } from './input-channel.ts';
import { WatermarkValve } from './watermark-valve.ts';

export interface GateChannel {
  readonly channel: InputChannel;
  readonly input: 0 | 1;
  /** The edge of the graph that it is a part of: a number that channels of other edges lack. */
  readonly edge: number;
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
  readonly valve: WatermarkValve;
  /** In the valve. */
  readonly index: number;
  ended: boolean;
  blocked: boolean;
}

export class InputGate {
  readonly #channels: ChannelState[];
  readonly #events: GateEvent[] = [];
  readonly #open: [number, number] = [0, 0];
  #turn = 0;
  #aligning: BarrierElement | EpochMarkElement | undefined;
  readonly #valves: ReadonlyMap<0 | 1, WatermarkValve>;
  readonly #combined: CombinedWatermark<WatermarkValve>;
  /** Set with each batch that `next` returns. */
  input: 0 | 1 = 0;
  #source: ChannelState | undefined;

  constructor(channels: readonly GateChannel[]) {
    this.#combined = new CombinedWatermark({
      watermark: (timestamp) => this.#events.push({ kind: 'watermark', timestamp }),
      status: (status) => this.#events.push({ kind: 'status', status }),
    });
    this.#valves = this.#createValves(channels);
    this.#channels = channels.map(({ channel, input }) => ({
      channel,
      input,
      valve: this.#valves.get(input)!,
      index: this.#open[input]++,
      ended: false,
      blocked: false,
    }));
  }

  /** How many inputs (1 or 2) the gate joins. */
  get inputs(): number {
    return this.#valves.size;
  }

  get watermark(): number {
    return this.#combined.watermark;
  }

  /** True while no channel holds event time. */
  get isIdle(): boolean {
    return this.#combined.isIdle;
  }

  /** The place of the channel that the watermark waits for, in the order given; if there is one. */
  get holder(): number | undefined {
    if (this.watermark === MAX_WATERMARK) return undefined;
    const valve = this.#combined.holder;
    const index = valve?.holder;
    if (index === undefined) return undefined;
    return this.#channels.findIndex((state) => state.valve === valve && state.index === index);
  }

  /** The places of the channels that are idle, or have ended, in the order given. */
  channelsThatAre(status: 'idle' | 'ended'): readonly number[] {
    return this.#channels.flatMap(({ valve, index }, place) =>
      valve.channelsThatAre(status).includes(index) ? [place] : [],
    );
  }

  /** Whether `next` would give something. */
  get hasData(): boolean {
    if (this.#events.length > 0) return true;
    for (const state of this.#channels) {
      if (!state.blocked && !state.ended && state.channel.hasData) return true;
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
      while (!state.blocked && !state.ended) {
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
        state.valve.channelWatermark(state.index, element.timestamp);
        return;
      case 'status':
        state.valve.channelStatus(state.index, element.status);
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
      if (!state.blocked && !state.ended) return;
    }
    this.#unblock();
    this.#events.push(element);
  }

  #unblock(): void {
    this.#aligning = undefined;
    for (const state of this.#channels) state.blocked = false;
  }

  #end(state: ChannelState): void {
    assert(!state.ended, 'G3: a channel ended twice');
    state.ended = true;
    this.#open[state.input] -= 1;
    this.#completeAlignment();
    // Event time first: what it fires may still be read by `onInputEnd`.
    state.valve.channelEnd(state.index);
    if (this.#open[state.input] === 0) {
      this.#events.push({ kind: 'end-of-input', input: state.input });
    }
  }

  #createValves(channels: readonly GateChannel[]): ReadonlyMap<0 | 1, WatermarkValve> {
    const listener = {
      watermark: () => this.#combined.update(),
      status: () => this.#combined.update(),
    };
    const valves = new Map<0 | 1, WatermarkValve>();
    for (const input of new Set(channels.map((channel) => channel.input))) {
      const edges = channels.filter((channel) => channel.input === input).map(({ edge }) => edge);
      const valve = new WatermarkValve(edges, listener);
      valves.set(input, valve);
      this.#combined.add(valve);
    }
    return valves;
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
