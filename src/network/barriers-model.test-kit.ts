/**
 * Producers, channels of both kinds and one gate, driven step by step, against what they have been
 * told: for every checkpoint that comes out, what was processed, what was in flight to the consumer
 * and what was in flight from the producers is together exactly what came before the barrier.
 */
import assert from 'node:assert/strict';
import type { Duration, Timestamp } from '../base/units.ts';
import type { ScratchFile } from '../env/env.ts';
import type { CheckpointOptions } from '../protocol/checkpoint.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { t } from '../types/index.ts';
import type { Batch } from './batch.ts';
import { NO_TIMESTAMP } from './batch.ts';
import { deliver } from './channel-delivery.test-kit.ts';
import type { FrameSender } from './channel-frames.ts';
import type { BarrierElement } from './control-element.ts';
import { END } from './control-element.ts';
import { FLUSH_WHEN_FULL } from './flush-round.ts';
import { FramePool } from './frame-pool.ts';
import { decodeInFlight, InFlight } from './in-flight.ts';
import type { AlignedBarrier, GateEvent } from './input-gate.ts';
import { InputGate } from './input-gate.ts';
import type { InputChannel } from './input-channel.ts';
import { LocalQueue } from './local-queue.ts';
import { NetworkMemory } from './network-memory.ts';
import type { OutputChannel } from './output-channel.ts';
import { Pressure } from './pressure.ts';
import { RemoteInputChannel } from './remote-input-channel.ts';
import { RemoteOutputChannel } from './remote-output-channel.ts';
import { Spill } from './spill.ts';

const Value = t.struct({ n: t.float64, fill: t.string });
type Record = { readonly n: number; readonly fill: string };

const PARALLELISM = { producer: 3, consumer: 2 };
export const TIMEOUT = 50;

export interface ChannelKind {
  readonly remote: boolean;
  readonly overtakable: boolean;
}

export type Mode = 'aligned' | 'timeout' | 'unaligned' | 'at-least-once';

interface Side {
  readonly kind: ChannelKind;
  readonly output: OutputChannel;
  readonly input: InputChannel;
  /** Lets frames that are under way come. */
  deliver(frames: number): void;
  /** How many records came before the barrier of each checkpoint. */
  readonly before: Map<number, number>;
  /** That had left it when they were overtaken. */
  readonly passed: Map<number, InFlight>;
  sent: number;
  lastBarrier: number;
  ended: boolean;
  processed: number;
}

export interface Taken {
  readonly id: number;
  readonly processed: readonly number[];
  readonly event: AlignedBarrier;
}

export class BarrierWorld {
  readonly clock = new ManualClock(1000 as Timestamp);
  readonly sides: readonly Side[];
  readonly gate: InputGate;
  readonly taken: Taken[] = [];
  readonly superseded: number[] = [];
  readonly aborted = new Set<number>();
  readonly #mode: Mode;
  readonly #triggeredAt = new Map<number, number>();
  #batch: Batch | undefined;
  #place = -1;
  ends = 0;

  constructor(kinds: readonly ChannelKind[], mode: Mode) {
    this.#mode = mode;
    this.sides = kinds.map((kind) => side(kind));
    this.gate = new InputGate(
      this.sides.map(({ input, kind }, edge) => ({
        channel: watched(input, () => (this.#place = edge)),
        ...{ input: 0, edge, overtakable: kind.overtakable ? PARALLELISM : undefined },
      })),
      { clock: this.clock, wake: () => undefined },
    );
  }

  emit(place: number, count: number, fill: string): void {
    const each = this.sides[place]!;
    if (each.ended) return;
    for (let i = 0; i < count; i += 1) {
      each.output.addKeyed({ n: each.sent, fill } satisfies Record, NO_TIMESTAMP, 1);
      each.sent += 1;
    }
  }

  flush(place: number): void {
    this.sides[place]!.output.flush();
  }

  watermark(place: number): void {
    const each = this.sides[place]!;
    if (!each.ended) each.output.control({ kind: 'watermark', timestamp: each.sent });
  }

  /** The next barrier of that producer; `isLost`: it never hears of the checkpoint. */
  barrier(place: number, isLost: boolean): void {
    const each = this.sides[place]!;
    if (each.ended || !this.#mayFollow(each.lastBarrier)) return;
    each.lastBarrier += 1;
    const id = each.lastBarrier;
    if (isLost) return;
    const barrier = this.#barrierOf(id);
    each.before.set(id, each.sent);
    if (this.#mode === 'unaligned' && each.kind.overtakable) {
      each.output.overtake(barrier, passed(each, id));
    } else each.output.control(barrier);
  }

  /** Where barriers overtake there is one checkpoint at a time. */
  #mayFollow(id: number): boolean {
    if (this.#mode === 'aligned' || this.#mode === 'at-least-once') return true;
    if (id === 0 || this.aborted.has(id)) return true;
    const taken = this.taken.find((each) => each.id === id);
    if (taken === undefined) return false;
    const isEverywhere = this.sides.every(({ before, ended }) => ended || before.has(id));
    return isEverywhere && taken.event.inFlight.every(({ data }) => data.isComplete);
  }

  end(place: number): void {
    const each = this.sides[place]!;
    if (each.ended) return;
    each.output.control(END);
    each.ended = true;
  }

  abort(id: number): void {
    this.aborted.add(id);
    this.gate.abort(id);
  }

  deliver(place: number, frames: number): void {
    this.sides[place]!.deliver(frames);
  }

  /** Time passes: what has waited too long waits no longer, in outputs and in the gate. */
  pass(millis: number): void {
    const until = (this.clock.now() + millis) as Timestamp;
    while (this.clock.fireNext(until));
    if (this.#mode !== 'timeout') return;
    for (const [id, at] of this.#triggeredAt) {
      if (at + TIMEOUT > until) continue;
      for (const each of this.sides) {
        if (each.kind.overtakable && each.output.holds(id)) {
          each.output.timeOut(id, passed(each, id));
        }
      }
    }
  }

  /** One step of the consumer, of at most so many records. @returns whether it did anything. */
  consume(records: number): boolean {
    const urgent = this.gate.takeUrgent();
    if (urgent !== undefined) {
      this.#take(urgent);
      return true;
    }
    if (this.#batch === undefined) {
      const next = this.gate.next();
      if (next === undefined) return this.gate.hasUrgent;
      if (next.kind !== 'objects') {
        this.#event(next as GateEvent);
        return true;
      }
      this.#batch = next;
    }
    const batch = this.#batch;
    const each = this.sides[this.#place]!;
    assert.ok(batch.kind === 'objects');
    for (let i = 0; i < records && batch.cursor < batch.size; i += 1) {
      const { n } = batch.values[batch.cursor] as Record;
      assert.equal(n, each.processed, 'G1: records of a channel come in order, each once');
      each.processed += 1;
      batch.cursor += 1;
    }
    if (batch.cursor === batch.size) {
      this.#batch = undefined;
      this.gate.recycle(batch);
    }
    return true;
  }

  /** All ends, and everything is read. */
  finish(): void {
    for (const place of this.sides.keys()) this.end(place);
    for (;;) {
      for (const each of this.sides) each.deliver(1000);
      if (!this.consume(1000) && this.sides.every(({ input }) => !input.hasData)) break;
    }
    assert.equal(this.ends, 1, 'G3');
    assert.ok(this.gate.isFinished);
    for (const { processed, sent } of this.sides) assert.equal(processed, sent, 'nothing is lost');
  }

  /** After `finish`. */
  verify(): void {
    const ids = this.taken.map(({ id }) => id);
    assert.deepEqual(
      ids,
      [...new Set(ids)].toSorted((a, b) => a - b),
      'A2: ascending, each once',
    );
    for (const taken of this.taken) this.#verify(taken);
  }

  #verify({ id, processed, event }: Taken): void {
    const isWhole = this.sides.every(
      ({ before, lastBarrier }) => before.has(id) || lastBarrier < id,
    );
    if (!isWhole) return;
    for (const [place, each] of this.sides.entries()) {
      const before = each.before.get(id) ?? each.sent;
      const captured = event.inFlight.find((flight) => flight.place === place)?.data;
      const at = `channel ${place} of checkpoint ${id}`;
      if (this.#mode === 'at-least-once') {
        assert.ok(processed[place]! >= before, `${at}: what came before it was processed`);
        continue;
      }
      if (captured !== undefined) assert.ok(captured.isComplete, `${at} is complete at the end`);
      const passedHere = each.passed.get(id);
      const records = [...recordsOf(captured), ...recordsOf(passedHere)];
      const expected = Array.from(
        { length: before - processed[place]! },
        (_, index) => processed[place]! + index,
      );
      assert.deepEqual(records, expected, `${at}: processed and in flight make what came before`);
      if (!each.kind.overtakable) assert.equal(captured, undefined, `${at} stays aligned`);
      if (this.#mode === 'aligned') assert.equal(records.length, 0, `${at} was aligned`);
    }
  }

  #event(event: GateEvent): void {
    if (event.kind === 'barrier') this.#take(event);
    else if (event.kind === 'superseded') this.superseded.push(event.checkpointId);
    else if (event.kind === 'end-of-input') this.ends += 1;
  }

  #take(event: AlignedBarrier): void {
    const { checkpointId: id } = event.barrier;
    assert.ok(!this.aborted.has(id), 'A2: an aborted checkpoint does not come');
    this.taken.push({ id, processed: this.sides.map(({ processed }) => processed), event });
  }

  #barrierOf(checkpointId: number): BarrierElement {
    const at = this.#triggeredAt.get(checkpointId) ?? this.clock.now();
    this.#triggeredAt.set(checkpointId, at);
    return barrierElement(checkpointId, this.#mode, at as Timestamp);
  }
}

function barrierElement(
  checkpointId: number,
  mode: Mode,
  triggeredAt: Timestamp = 0 as Timestamp,
): BarrierElement {
  const options: CheckpointOptions = {
    ...{ purpose: 'checkpoint', location: 'memory:', format: undefined, stop: undefined },
    alignment: mode === 'timeout' ? 'aligned' : mode,
    alignedTimeout: mode === 'timeout' ? (TIMEOUT as Duration) : undefined,
    full: false,
  };
  return { kind: 'barrier', checkpointId, triggeredAt, latestComplete: 0, options };
}

function passed(each: Side, id: number): InFlight {
  const data = new InFlight(PARALLELISM);
  each.passed.set(id, data);
  return data;
}

function recordsOf(data: InFlight | undefined): number[] {
  if (data === undefined) return [];
  const { elements, parallelism } = decodeInFlight(data.bytes(), Value.codec, 'a test');
  assert.deepEqual(parallelism, PARALLELISM);
  let next = -1;
  return elements.flatMap((element) => {
    if (element.kind === 'watermark') {
      // It is at its place between the records.
      if (next !== -1) assert.equal(element.timestamp, next);
      return [];
    }
    assert.ok(element.kind === 'objects');
    const numbers = element.values.slice(0, element.size).map((value) => (value as Record).n);
    if (numbers.length > 0) next = numbers.at(-1)! + 1;
    return numbers;
  });
}

/** Tells from which channel a batch was polled. */
function watched(input: InputChannel, polled: () => void): InputChannel {
  return {
    get hasData() {
      return input.hasData;
    },
    poll: () => {
      const element = input.poll();
      if (element?.kind === 'objects') polled();
      return element;
    },
    recycle: (batch) => input.recycle(batch),
    close: () => input.close(),
    get onBarrier() {
      return input.onBarrier;
    },
    set onBarrier(listener) {
      input.onBarrier = listener;
    },
    capture: (id, into, open) => input.capture(id, into, open),
    stopCapture: () => input.stopCapture(),
  };
}

function side(kind: ChannelKind): Side {
  const made = kind.remote ? remote() : local();
  return {
    ...{ kind, ...made, before: new Map(), passed: new Map() },
    ...{ sent: 0, lastBarrier: 0, ended: false, processed: 0 },
  };
}

function local(): Pick<Side, 'output' | 'input' | 'deliver'> {
  const spill = new Spill(() => new MemoryScratch(), Value.codec);
  const queue = new LocalQueue(new Pressure(() => undefined), spill, FLUSH_WHEN_FULL);
  return { output: queue, input: queue, deliver: () => undefined };
}

/** Over a link on which frames are under way until they are delivered. */
function remote(): Pick<Side, 'output' | 'input' | 'deliver'> {
  const wire: { readonly kind: number; readonly bytes: Uint8Array }[] = [];
  const backWire: { readonly kind: number; readonly bytes: Uint8Array }[] = [];
  const forth: FrameSender = {
    send: (kind, _channel, bytes) => {
      wire.push({ kind, bytes: new Uint8Array(bytes) });
      return true;
    },
    sendControl: (kind, _channel, bytes) => void wire.push({ kind, bytes: new Uint8Array(bytes) }),
  };
  const back: FrameSender = {
    send: () => true,
    sendControl: (kind, _channel, bytes) =>
      void backWire.push({ kind, bytes: new Uint8Array(bytes) }),
  };
  const memory = new NetworkMemory({ capacityBytes: 260_000, segmentBytes: 4096, where: 'a test' });
  memory.reserve({ inputs: 1, outputs: 1 });
  const memoryOwn = { windowBytes: memory.windowBytes, floating: memory.floating };
  const output = new RemoteOutputChannel({
    ...{ channel: 1, codec: Value.codec, sender: forth, memory },
    pressure: new Pressure(() => undefined),
    flushTimeout: FLUSH_WHEN_FULL,
    scratch: () => new MemoryScratch(),
  });
  const input = new RemoteInputChannel({
    ...{ channel: 1, codec: Value.codec, sender: back, frames: new FramePool() },
    // No part of the pool, so that much waits.
    memory: { ...memoryOwn, windowBytesMax: memoryOwn.windowBytes },
  });
  input.start();
  const deliverSome = (frames: number): void => {
    for (let i = 0; i < frames; i += 1) {
      const answer = backWire.shift();
      if (answer !== undefined) deliver(answer, output, input);
      const frame = wire.shift();
      if (frame !== undefined) deliver(frame, output, input);
      if (answer === undefined && frame === undefined) return;
    }
  };
  return { output, input, deliver: deliverSome };
}

/** A scratch file in memory. */
class MemoryScratch implements ScratchFile {
  #bytes: Buffer = Buffer.alloc(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): void {
    if (this.#size + bytes.length > this.#bytes.length) {
      const grown = Buffer.alloc(2 * (this.#size + bytes.length));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  read(into: Uint8Array, position: number): void {
    into.set(this.#bytes.subarray(position, position + into.length));
  }

  [Symbol.dispose](): void {}
}
