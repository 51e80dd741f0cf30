/**
 * Queues inside a slot and channels between slots: nothing lost, doubled or reordered, bounds kept.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ScratchFile } from '../env/env.ts';
import { t } from '../types/index.ts';
import { NO_TIMESTAMP } from './batch.ts';
import type { Batch } from './batch.ts';
import {
  ChannelFrame,
  CONSUMER_WAITS_BYTES,
  FRAME_PAYLOAD_BYTES_MAX,
  frameCost,
} from './channel-frames.ts';
import type { FrameSender } from './channel-frames.ts';
import { deliver } from './channel-delivery.test-kit.ts';
import type { ControlElement } from './control-element.ts';
import { FLUSH_AT_ONCE, FLUSH_WHEN_FULL, FlushRound } from './flush-round.ts';
import { FramePool } from './frame-pool.ts';
import type { InputChannel } from './input-channel.ts';
import { LocalQueue, SPILL_AFTER_RECORDS } from './local-queue.ts';
import { NetworkMemory, windowBytesMin } from './network-memory.ts';
import type { OutputChannel } from './output-channel.ts';
import { Pressure } from './pressure.ts';
import { RemoteInputChannel } from './remote-input-channel.ts';
import { RemoteOutputChannel } from './remote-output-channel.ts';
import { Spill } from './spill.ts';

const Value = t.struct({ n: t.float64, text: t.string });

type Action =
  | {
      readonly kind: 'record';
      readonly n: number;
      readonly text: string;
      readonly timestamp: number;
      readonly keyGroup: number;
    }
  | { readonly kind: 'watermark'; readonly timestamp: number }
  | { readonly kind: 'flush' }
  | { readonly kind: 'consume'; readonly elements: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      n: fc.integer(),
      text: fc.oneof(
        fc.string({ maxLength: 20 }),
        fc.constantFrom('x'.repeat(9000), 'y'.repeat(120_000), 'z'.repeat(400_000)),
      ),
      timestamp: fc.constantFrom(NO_TIMESTAMP, 1, 2.5e12),
      keyGroup: fc.constantFrom(-1, 3, 32767),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('watermark' as const), timestamp: fc.integer() }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'flush' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('consume' as const), elements: fc.nat({ max: 3 }) }),
  },
);

/** A scratch file in memory: the contract's semantics are those of an array of bytes. */
class MemoryScratch implements ScratchFile {
  #bytes = new Uint8Array(0);

  get size(): number {
    return this.#bytes.length;
  }

  append(bytes: Uint8Array): void {
    const grown = new Uint8Array(this.#bytes.length + bytes.length);
    grown.set(this.#bytes);
    grown.set(bytes, this.#bytes.length);
    this.#bytes = grown;
  }

  read(into: Uint8Array, position: number): void {
    into.set(this.#bytes.subarray(position, position + into.length));
  }

  [Symbol.dispose](): void {}
}

function flatten(element: Batch | ControlElement): unknown[] {
  if (element.kind !== 'objects') return [element];
  return Array.from({ length: element.size }, (_, i) => [
    element.values[i],
    element.timestampAt(i),
    element.hasKeyGroups ? element.keyGroups![i] : -1,
  ]);
}

/** Runs the actions; what comes out must be what went in, in order. */
function run(
  actions: readonly Action[],
  output: OutputChannel,
  input: InputChannel,
  settle: () => void,
): void {
  const sent: unknown[] = [];
  const got: unknown[] = [];
  const consume = (limit: number): boolean => {
    for (let i = 0; i < limit; i += 1) {
      const element = input.poll();
      if (element === undefined) return false;
      got.push(...flatten(element));
      if (element.kind === 'objects' || element.kind === 'rows') input.recycle(element);
    }
    return true;
  };
  for (const each of actions) {
    if (each.kind === 'record') {
      const value = { n: each.n, text: each.text };
      sent.push([value, each.timestamp, each.keyGroup]);
      if (each.keyGroup < 0) output.add(value, each.timestamp);
      else output.addKeyed(value, each.timestamp, each.keyGroup);
    } else if (each.kind === 'watermark') {
      const element = { kind: 'watermark', timestamp: each.timestamp } as const;
      sent.push(element);
      output.control(element);
    } else if (each.kind === 'flush') {
      output.flush();
    } else {
      settle();
      consume(each.elements);
    }
  }
  output.flush();
  for (let idle = 0; idle < 60; idle += 1) {
    settle();
    while (consume(1)) {
      settle();
      idle = 0;
    }
  }
  assert.deepEqual(got, sent);
}

/** A link whose room is drawn at random: frames are delivered when `settle` runs, in order. */
class FlakySender implements FrameSender {
  readonly #room: Iterator<boolean>;
  readonly queued: { kind: number; bytes: Uint8Array }[] = [];
  underWay = 0;
  mostUnderWay = 0;

  constructor(room: Iterator<boolean>) {
    this.#room = room;
  }

  send(kind: number, _channel: number, bytes: Uint8Array): boolean {
    if (this.#room.next().value !== true) return false;
    this.underWay += frameCost(bytes.length);
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    assert.ok(bytes.length <= FRAME_PAYLOAD_BYTES_MAX);
    this.queued.push({ kind, bytes: new Uint8Array(bytes) });
    return true;
  }

  sendControl(kind: number, _channel: number, bytes: Uint8Array): void {
    this.queued.push({ kind, bytes: new Uint8Array(bytes) });
  }
}

describe('LocalQueue', () => {
  const queue = (): { queue: LocalQueue; pressure: Pressure } => {
    const pressure = new Pressure(() => undefined);
    return {
      pressure,
      queue: new LocalQueue(pressure, new Spill(() => new MemoryScratch(), Value.codec), 100),
    };
  };

  it('L1: gives back what was put in, in order', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const { queue: channel, pressure } = queue();
        // A LocalQueue takes keyed or unkeyed records, as its edge is: one kind per run.
        const keyed = actions.some((each) => each.kind === 'record' && each.keyGroup >= 0);
        const uniform = actions.map((each) =>
          each.kind === 'record'
            ? { ...each, keyGroup: keyed ? Math.abs(each.keyGroup) : -1 }
            : each,
        );
        run(uniform, channel, channel, () => undefined);
        assert.equal(pressure.holds, 0, 'L2: an empty queue holds nobody');
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  it('L3: overdraft of one call spills and comes back in order, control elements in their place', () => {
    const { queue: channel, pressure } = queue();
    const count = SPILL_AFTER_RECORDS * 2 + 77;
    for (let n = 0; n < count; n += 1) {
      channel.add({ n, text: '' }, NO_TIMESTAMP);
      if (n === count - 5) channel.control({ kind: 'watermark', timestamp: 5 });
    }
    channel.flush();
    assert.equal(pressure.holds, 1, 'L2: one hold');
    assert.equal(channel.queuedRecords, count);
    let expected = 0;
    for (let element = channel.poll(); element !== undefined; element = channel.poll()) {
      if (element.kind === 'watermark') assert.equal(expected, count - 4);
      if (element.kind !== 'objects') continue;
      for (let i = 0; i < element.size; i += 1) {
        assert.equal((element.values[i] as { n: number }).n, expected);
        expected += 1;
      }
      channel.recycle(element);
    }
    assert.equal(expected, count);
    assert.equal(pressure.holds, 0);
    assert.equal(channel.queuedRecords, 0);
  });
});

interface Ends {
  readonly output: RemoteOutputChannel;
  readonly input: RemoteInputChannel;
  readonly pressure: Pressure;
  readonly memory: NetworkMemory;
  readonly frames: FramePool;
  /** Scratch files that were made. */
  readonly scratches: MemoryScratch[];
}

function ends(
  forth: FrameSender,
  back: FrameSender,
  options: { segmentBytes?: number; spareBytes?: number; flushTimeout?: number } = {},
): Ends {
  const { segmentBytes = 16_384, spareBytes = 1 << 20, flushTimeout = 100 } = options;
  const capacityBytes = windowBytesMin(segmentBytes) + 2 * segmentBytes + spareBytes;
  const memory = new NetworkMemory({ capacityBytes, segmentBytes, where: 'a test' });
  memory.reserve({ inputs: 1, outputs: 1 });
  const pressure = new Pressure(() => undefined);
  const scratches: MemoryScratch[] = [];
  const frames = new FramePool();
  const output = new RemoteOutputChannel({
    ...{ channel: 5, codec: Value.codec, sender: forth, pressure, memory, flushTimeout },
    scratch: () => {
      const scratch = new MemoryScratch();
      scratches.push(scratch);
      return scratch;
    },
  });
  const inputOptions = { channel: 5, codec: Value.codec, sender: back, memory, frames };
  return {
    output,
    input: new RemoteInputChannel(inputOptions),
    pressure,
    memory,
    frames,
    scratches,
  };
}

describe('RemoteOutputChannel and RemoteInputChannel', () => {
  it('O1 to O6, N1, N5: lose, double and reorder nothing, and stay within credit and memory, whatever room the link has', () => {
    let spills = 0;
    let grown = 0;
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 300 }),
        fc.infiniteStream(fc.boolean()),
        fc.record({
          segmentBytes: fc.constantFrom(1024, 4096, 32_768, 1 << 18),
          spareBytes: fc.constantFrom(0, 60_000, 1 << 22),
        }),
        fc.infiniteStream(fc.nat({ max: 10 })),
        (actions, room, sizes, parts) => {
          const asks = parts[Symbol.iterator]();
          const forth = new FlakySender(room[Symbol.iterator]());
          const back = new FlakySender(room[Symbol.iterator]());
          const { output, input, pressure, memory, scratches } = ends(forth, back, sizes);
          let opened = 0;
          run(actions, output, input, () => {
            // The consumer comes later than the producer's first frames.
            opened += 1;
            if (opened === 2) input.start();
            for (const frame of forth.queued.splice(0)) {
              const isData = frame.kind === ChannelFrame.data || frame.kind === ChannelFrame.part;
              if (isData) forth.underWay -= frameCost(frame.bytes.length);
              deliver(frame, output, input);
            }
            for (const frame of back.queued.splice(0)) deliver(frame, output, input);
            const part = asks.next().value / 10;
            const mayGo = Math.ceil((input.floatingBytes - input.askedBytes) * part);
            if (part > 0.5 && mayGo > 0) input.askBack(mayGo);
            output.drain();
            assert.equal(pressure.holds, output.queuedFrames > gathering(output) ? 1 : 0, 'O3');
            assert.ok(memory.reservedBytes + memory.overdraftBytes <= memory.capacityBytes, 'M1');
          });
          assert.equal(pressure.holds, 0, 'O3: nothing waits, nobody is held');
          assert.ok(forth.mostUnderWay <= memory.windowBytesMax, 'O1: within the window');
          if (forth.mostUnderWay > memory.windowBytes) grown += 1;
          assert.equal(input.askedBytes, 0, 'O6: what was asked for was given back');
          const { floating } = memory;
          assert.equal(floating.freeBytes + input.floatingBytes, floating.capacityBytes, 'FP1');
          assert.equal(memory.overdraftBytes, 0, 'M3: all overdraft was given back');
          assert.equal(output.queuedFrames + output.queuedBytes, 0);
          assert.equal(input.queuedFrames + input.queuedBytes, 0);
          spills += scratches.length;
        },
      ),
      { seed: 13, numRuns: 300 },
    );
    assert.ok(spills > 20, `only ${spills} runs went to a scratch file`);
    assert.ok(grown > 5, `only ${grown} runs had more under way than the channel's own window`);
  });

  it('O1: sends nothing before the first credit, then as far as it reaches', () => {
    const forth = new FlakySender(forever(true));
    const { output, pressure } = ends(forth, forth);
    output.add({ n: 1, text: 'x'.repeat(20_000) }, NO_TIMESTAMP);
    output.add({ n: 2, text: 'y'.repeat(20_000) }, NO_TIMESTAMP);
    output.add({ n: 3, text: '' }, NO_TIMESTAMP);
    output.control({ kind: 'watermark', timestamp: 3 });
    assert.equal(forth.queued.length, 0);
    assert.equal(pressure.holds, 1);
    output.credited(40_000);
    const kinds = (): number[] => forth.queued.map(({ kind }) => kind);
    const { data, backlog } = ChannelFrame;
    assert.deepEqual(kinds(), [data, backlog], 'O6: the second frame is larger than the credit');
    output.add({ n: 4, text: '' }, NO_TIMESTAMP);
    output.drain();
    assert.equal(kinds().length, 2, 'O6: it is told once');
    assert.equal(pressure.holds, 1);
    output.credited(frameCost(forth.queued[0]!.bytes.length));
    assert.deepEqual(kinds(), [data, backlog, data, data, ChannelFrame.control]);
    assert.equal(pressure.holds, 0);
    assert.throws(() => output.credited(40_000), /O1/, 'a consumer cannot give what it has not');
  });

  it('data leaves from an aligned place, however many records a frame has', () => {
    const places: number[] = [];
    const sender: FrameSender = {
      send: (_kind, _channel, bytes) => places.push(bytes.byteOffset % 8) > 0,
      sendControl: () => undefined,
    };
    const { output, memory } = ends(sender, sender);
    output.credited(memory.windowBytes);
    for (const records of [1, 2, 127, 128, 400]) {
      for (let n = 0; n < records; n += 1) output.add({ n, text: 'x' }, NO_TIMESTAMP);
      output.flush();
    }
    assert.deepEqual(places, [0, 0, 0, 0, 0]);
  });

  it('O7: what cannot be encoded fails the call, and every later one that may hand over', () => {
    const forth = new FlakySender(forever(true));
    const { output, memory } = ends(forth, forth);
    output.credited(memory.windowBytes);
    const refused = { code: 'DATA_NOT_SERIALIZABLE' };
    const emit = (records: number): void => {
      for (let n = 0; n < records; n += 1) output.add({ n, text: '' }, NO_TIMESTAMP);
    };
    emit(7);
    const { most } = output.gathering;
    assert.ok(most > 2, 'several gather');
    output.add({ n: 'seven', text: '' }, NO_TIMESTAMP);
    assert.throws(() => emit(most), refused);
    const sent = forth.queued.length;
    // A user's function that goes on as if nothing were would lose what was with it.
    assert.throws(() => output.add({ n: 8, text: '' }, NO_TIMESTAMP), refused);
    assert.throws(() => output.addKeyed({ n: 8, text: '' }, NO_TIMESTAMP, 1), refused);
    assert.throws(() => output.flush(), refused);
    assert.throws(() => output.control({ kind: 'watermark', timestamp: 3 }), refused);
    assert.equal(forth.queued.length, sent);
    output.abandon();
    assert.equal(output.flush(), false);
  });

  it('O7: what gathers is bounded by the size of records, not only by their number', () => {
    const forth = new FlakySender(forever(true));
    const { output } = ends(forth, forth, { segmentBytes: 16_384, spareBytes: 1 << 24 });
    const { gathering } = output;
    const mostAfter = (text: string): number => {
      for (let n = 0; n < 2000; n += 1) {
        output.add({ n, text }, NO_TIMESTAMP);
      }
      return gathering.most;
    };
    assert.equal(gathering.most, 1, 'nothing is known yet');
    assert.equal(mostAfter(''), 512);
    const size = 8 + 2 + 1000;
    assert.equal(mostAfter('x'.repeat(1000)), Math.floor(16_384 / size));
    assert.equal(mostAfter('x'.repeat(20_000)), 1);
  });

  it('N1: a producer that sends more than its credit breaks the protocol', () => {
    const back = new FlakySender(forever(true));
    const { input, memory } = ends(back, back, { spareBytes: 0 });
    input.start();
    const frame = new Uint8Array(16_000);
    for (let cost = 0; cost + frameCost(16_000) <= memory.windowBytes; cost += frameCost(16_000)) {
      input.receive(ChannelFrame.data, frame, 0, frame.length);
    }
    assert.throws(
      () => input.receive(ChannelFrame.data, frame, 0, 16_000),
      /more than it had credit/,
    );
  });

  it('N3: nearly all credit is back when the gate has taken everything, and in portions before', () => {
    const forth = new FlakySender(forever(true));
    const back = new FlakySender(forever(true));
    const { output, input, memory } = ends(forth, back);
    const credit = (): number =>
      back.queued
        .splice(0)
        .map(({ bytes }) => new DataView(bytes.buffer).getUint32(0, true))
        .reduce((sum, each) => sum + each, 0);
    input.start();
    assert.equal(credit(), memory.windowBytes);
    output.credited(memory.windowBytes);
    for (let n = 0; n < 3; n += 1) {
      output.add({ n, text: 'x'.repeat(3000) }, NO_TIMESTAMP);
      output.flush();
    }
    let cost = 0;
    for (const { kind, bytes } of forth.queued.splice(0)) {
      cost += frameCost(bytes.length);
      input.receive(kind, bytes, 0, bytes.length);
    }
    input.poll();
    input.poll();
    assert.equal(credit(), 0, 'two small frames are no portion');
    input.poll();
    assert.equal(credit(), cost);
    output.credited(cost);
    output.add({ n: 3, text: 'x'.repeat(3000) }, NO_TIMESTAMP);
    output.flush();
    for (const { kind, bytes } of forth.queued.splice(0)) {
      input.receive(kind, bytes, 0, bytes.length);
    }
    input.poll();
    assert.equal(credit(), 0, 'less than CREDIT_KEPT_BYTES_MAX is kept');
  });

  it('hands over what has gathered when the consumer waits, else after the time-out', () => {
    const forth = new FlakySender(forever(true));
    const { output, memory } = ends(forth, forth, { flushTimeout: 100 });
    const round = new FlushRound();
    const look = (now: number): number => {
      round.begin(now);
      output.flushIfDue(round);
      return forth.queued.length;
    };
    output.add({ n: 1, text: '' }, NO_TIMESTAMP);
    assert.equal(look(0), 0, 'nobody is there yet');
    output.credited(memory.windowBytes);
    assert.equal(look(1), 1, 'the consumer waits');
    output.add({ n: 2, text: '' }, NO_TIMESTAMP);
    assert.equal(look(1), 2, 'one small frame under way is as good as none');
    output.add({ n: 3, text: 'x'.repeat(CONSUMER_WAITS_BYTES) }, NO_TIMESTAMP);
    output.add({ n: 4, text: '' }, NO_TIMESTAMP);
    assert.equal(look(2), 3, 'it has not taken the large one');
    assert.equal(round.next, 102);
    assert.equal(look(101), 3);
    assert.equal(look(102), 4, 'the time is over');
    assert.equal(round.next, Number.POSITIVE_INFINITY);
    output.add({ n: 5, text: '' }, NO_TIMESTAMP);
    assert.equal(look(103), 4);
    for (const { bytes } of forth.queued.splice(0)) output.credited(frameCost(bytes.length));
    assert.equal(look(104), 1, 'it has taken all');
  });

  it('waits for a full buffer, or not at all, where it is told to', () => {
    for (const flushTimeout of [FLUSH_WHEN_FULL, FLUSH_AT_ONCE]) {
      const forth = new FlakySender(forever(true));
      const { output, memory } = ends(forth, forth, { flushTimeout, segmentBytes: 4096 });
      output.credited(memory.windowBytes);
      const round = new FlushRound();
      const sizes: number[] = [];
      for (let now = 0; now < 1000; now += 1) {
        output.add({ n: now, text: 'abc' }, NO_TIMESTAMP);
        round.begin(now * 1000);
        output.flushIfDue(round);
        assert.equal(round.next, Number.POSITIVE_INFINITY);
        for (const { bytes } of forth.queued.splice(0)) {
          sizes.push(bytes.length);
          output.credited(frameCost(bytes.length));
        }
      }
      if (flushTimeout === FLUSH_AT_ONCE) assert.equal(sizes.length, 1000);
      else assert.ok(sizes.length < 5 && sizes.every((size) => size > 4000 && size <= 4096));
    }
  });

  it('O4: an abandoned channel gives back what it held', () => {
    const forth = new FlakySender(forever(true));
    const { output, memory, scratches } = ends(forth, forth, { spareBytes: 1 << 18 });
    for (let n = 0; n < 40; n += 1) output.add({ n, text: 'x'.repeat(15_000) }, NO_TIMESTAMP);
    assert.ok(memory.overdraftBytes > 0 && scratches.length === 1);
    output.abandon();
    assert.equal(memory.overdraftBytes, 0);
    assert.equal(output.queuedBytes, 0);
    output.add({ n: 1, text: 'x'.repeat(30_000) }, NO_TIMESTAMP);
    assert.equal(output.queuedFrames, 0, 'what comes later is dropped');
  });
});

/** 1 if records have gathered that no frame holds yet. */
function gathering(output: RemoteOutputChannel): number {
  return output.gatheredRecords > 0 ? 1 : 0;
}

function* forever(value: boolean): Generator<boolean> {
  for (;;) yield value;
}
