/**
 * The input of one task: all channels of all its edges. It picks channels in turn, aligns barriers
 * and epoch marks, and merges watermarks and idleness, so that the task sees one sequence of
 * batches and aligned control elements.
 *
 * Invariants
 * G1. A channel that has delivered the element being aligned is not read until all active channels
 *     have (see BarrierAlignment).
 * G2. Watermarks given out ascend strictly; they are the minimum over inputs that are active, each
 *     of which has its own valve over its channels. One that is finished is active, at +infinity.
 *     While none is active, they are the greatest that any has had.
 * G3. `end-of-input` comes once per input, after the last record of all its channels.
 * G4. Who becomes active again does not take the watermark back: a channel does not count until it
 *     has caught up (see WatermarkValve), an input holds it where it is.
 * G5. A barrier that overtakes is in `urgent`, not among the events of `next`. What is in flight
 *     has been captured from the moment at which it was put there; so nothing of the input may be
 *     processed before it is taken.
 * G6. Restored data is given out before anything of the channels, and nothing overtakes it.
 */
import { assert } from '../base/assert.ts';
import type { Clock } from '../env/env.ts';
import { BarrierAlignment } from './barrier-alignment.ts';
import type { AlignedChannel, ReadyBarrier } from './barrier-alignment.ts';
import type { Batch } from './batch.ts';
import { CombinedWatermark } from './combined-watermark.ts';
import { MAX_WATERMARK } from './control-element.ts';
import type {
  BarrierElement,
  ControlElement,
  EndElement,
  EpochMarkElement,
  WatermarkElement,
} from './control-element.ts';
import { Deque } from './deque.ts';
import { InFlight } from './in-flight.ts';
import type { EdgeParallelism } from './in-flight.ts';
import type { InputChannel } from './input-channel.ts';
import { WatermarkValve } from './watermark-valve.ts';

export interface GateChannel {
  readonly channel: InputChannel;
  readonly input: 0 | 1;
  /** The edge of the graph that it is a part of: a number that channels of other edges lack. */
  readonly edge: number;
  /** If an unaligned barrier may pass what is in it: what a later attempt must know of its edge. */
  readonly overtakable?: EdgeParallelism | undefined;
}

export interface GateOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'after'>;
  /** Something is urgent, outside of a call of the gate. */
  wake(): void;
}

/** A barrier whose turn it is for the task. */
export interface AlignedBarrier {
  readonly kind: 'barrier';
  readonly barrier: BarrierElement;
  /** Monotonic time at which it was first heard of. */
  readonly since: number;
  /** By the places of their channels; what is not complete yet is still being captured. */
  readonly inFlight: readonly { readonly place: number; readonly data: InFlight }[];
}

export type GateEvent =
  | { readonly kind: 'watermark'; readonly timestamp: number }
  | { readonly kind: 'status'; readonly status: 'active' | 'idle' }
  | AlignedBarrier
  /** Its barrier has come from a channel, and never will from another. */
  | { readonly kind: 'superseded'; readonly checkpointId: number; readonly by: number }
  | EpochMarkElement
  | { readonly kind: 'end-of-input'; readonly input: 0 | 1; readonly stopped?: true };

/** Data that was in flight before a restart. */
export interface RestoredElement {
  readonly input: 0 | 1;
  /** The place of the channel on which it had come, if that is the same one still. */
  readonly place: number | undefined;
  readonly element: Batch | WatermarkElement;
}

interface ChannelState extends AlignedChannel {
  readonly channel: InputChannel;
  readonly place: number;
  readonly input: 0 | 1;
  readonly valve: WatermarkValve;
  /** In the valve. */
  readonly index: number;
  readonly parallelism: EdgeParallelism | undefined;
}

export class InputGate {
  readonly #channels: ChannelState[];
  #events: GateEvent[] = [];
  /** G5 */
  #urgent: AlignedBarrier | undefined;
  readonly #open: [number, number] = [0, 0];
  #turn = 0;
  readonly #alignment: BarrierAlignment<ChannelState>;
  /** G6 */
  #restored: Deque<RestoredElement> | undefined;
  readonly #valves: ReadonlyMap<0 | 1, WatermarkValve>;
  readonly #combined: CombinedWatermark<WatermarkValve>;
  readonly #options: GateOptions;
  /** Set with each batch that `next` returns. */
  input: 0 | 1 = 0;
  #source: ChannelState | undefined;
  /** Of `#source`, while its records are being processed. */
  #batch: Batch | undefined;
  #stopped = false;

  constructor(channels: readonly GateChannel[], options: GateOptions) {
    this.#options = options;
    this.#combined = new CombinedWatermark({
      watermark: (timestamp) => this.#events.push({ kind: 'watermark', timestamp }),
      status: (status) => this.#events.push({ kind: 'status', status }),
    });
    this.#valves = this.#createValves(channels);
    this.#channels = channels.map(({ channel, input, overtakable }, place) => ({
      ...{ channel, place, input },
      valve: this.#valves.get(input)!,
      index: this.#open[input]++,
      ...{ ended: false, blocked: false, parallelism: overtakable },
      overtakable: overtakable !== undefined,
    }));
    this.#alignment = new BarrierAlignment({
      channels: this.#channels,
      clock: options.clock,
      ready: (ready) => this.#ready(ready),
      epoch: (mark) => this.#events.push(mark),
      superseded: (checkpointId, by) => this.#supersede(checkpointId, by),
    });
    for (const state of this.#channels) {
      if (!state.overtakable) continue;
      state.channel.onBarrier = (barrier) => this.#alignment.announced(state, barrier);
    }
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
    if (this.#events.length > 0 || this.#restored !== undefined) return true;
    for (const state of this.#channels) {
      if (!state.blocked && !state.ended && state.channel.hasData) return true;
    }
    return false;
  }

  /** G5 */
  get hasUrgent(): boolean {
    return this.#urgent !== undefined;
  }

  /** G5. The barrier that has overtaken, once. */
  takeUrgent(): AlignedBarrier | undefined {
    const urgent = this.#urgent;
    this.#urgent = undefined;
    return urgent;
  }

  /** True when every channel has ended and every event was taken. */
  get isFinished(): boolean {
    return this.#open[0] === 0 && this.#open[1] === 0 && this.#events.length === 0;
  }

  /** Before the first call of `next` (G6). */
  restore(elements: readonly RestoredElement[]): void {
    if (elements.length === 0) return;
    this.#restored = new Deque();
    for (const element of elements) this.#restored.push(element);
    this.#alignment.mayOvertake = false;
  }

  /** Begins a checkpoint whose barrier no channel will bring: all its producers have finished. */
  trigger(barrier: BarrierElement): void {
    this.#alignment.triggered(barrier);
  }

  /** The checkpoint will not be: its barrier is passed over, and nothing waits for it. */
  abort(checkpointId: number): void {
    this.#alignment.abort(checkpointId);
    if (this.#urgent?.barrier.checkpointId !== checkpointId) return;
    this.#urgent = undefined;
    this.stopCapture();
  }

  /** What was being captured is not wanted any more. */
  stopCapture(): void {
    for (const { channel } of this.#channels) channel.stopCapture();
  }

  /** The next batch (`input` says of which side) or aligned event. */
  next(): Batch | GateEvent | undefined {
    if (this.#events.length > 0) return this.#events.shift();
    if (this.#restored !== undefined) {
      const batch = this.#nextRestored();
      if (batch !== undefined) return batch;
      if (this.#events.length > 0) return this.#events.shift();
    }
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
          this.#batch = element;
          return element;
        }
        this.#control(state, element);
        if (this.#urgent !== undefined) return undefined;
        if (this.#events.length > 0) return this.#events.shift();
        // Control may have let other channels go on: look at all of them again.
        visits = 0;
      }
    }
    return undefined;
  }

  /** Gives back the last batch that `next` returned. */
  recycle(batch: Batch): void {
    this.#batch = undefined;
    this.#source?.channel.recycle(batch);
  }

  close(): void {
    this.#alignment.close();
    for (const { channel } of this.#channels) channel.close();
  }

  /** G6. Watermarks on the way are events. */
  #nextRestored(): Batch | undefined {
    for (;;) {
      const next = this.#restored!.shift();
      if (next === undefined) {
        this.#restored = undefined;
        this.#alignment.mayOvertake = true;
        return undefined;
      }
      const { input, place, element } = next;
      if (element.kind !== 'watermark') {
        this.input = input;
        this.#source = undefined;
        return element;
      }
      if (place === undefined) continue;
      const { valve, index } = this.#channels[place]!;
      valve.channelWatermark(index, element.timestamp);
      if (this.#events.length > 0) return undefined;
    }
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
        this.#alignment.arrived(state, element);
        return;
      case 'end':
        this.#end(state, element);
    }
  }

  #ready({ barrier, overtaken, since }: ReadyBarrier<ChannelState>): void {
    const { checkpointId } = barrier;
    const inFlight = overtaken.map((state) => {
      const { channel, place, parallelism } = state;
      const data = new InFlight(parallelism!);
      channel.capture(checkpointId, data, state === this.#source ? this.#batch : undefined);
      return { place, data };
    });
    const event: AlignedBarrier = { kind: 'barrier', barrier, since, inFlight };
    if (overtaken.length === 0) {
      this.#events.push(event);
      return;
    }
    this.#overtakeEvents(checkpointId);
    this.#urgent = event;
    this.#options.wake();
  }

  /** Older barriers that nobody has taken yet must not come after it. */
  #overtakeEvents(by: number): void {
    this.#events = this.#events.map((event) =>
      event.kind === 'barrier'
        ? { kind: 'superseded', checkpointId: event.barrier.checkpointId, by }
        : event,
    );
    const urgent = this.#urgent;
    if (urgent !== undefined) this.#supersede(urgent.barrier.checkpointId, by);
  }

  #supersede(checkpointId: number, by: number): void {
    this.#events.push({ kind: 'superseded', checkpointId, by });
  }

  #end(state: ChannelState, { stopped }: EndElement): void {
    assert(!state.ended, 'G3: a channel ended twice');
    state.ended = true;
    this.#open[state.input] -= 1;
    this.#alignment.ended();
    // Event time first: what it fires may still be read by `onInputEnd`.
    if (stopped === true) this.#stopped = true;
    else state.valve.channelEnd(state.index);
    if (this.#open[state.input] === 0) {
      const end = { kind: 'end-of-input', input: state.input } as const;
      this.#events.push(this.#stopped ? { ...end, stopped: true } : end);
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
