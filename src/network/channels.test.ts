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
import { CHANNEL_WINDOW_BYTES, ChannelFrame, FRAME_PAYLOAD_BYTES_MAX } from './channel-frames.ts';
import type { FrameSender } from './channel-frames.ts';
import type { ControlElement } from './control-element.ts';
import type { InputChannel } from './input-channel.ts';
import { LocalQueue, SPILL_AFTER_RECORDS } from './local-queue.ts';
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
    this.underWay += bytes.length;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    assert.ok(bytes.length <= FRAME_PAYLOAD_BYTES_MAX);
    this.queued.push({ kind, bytes });
    return true;
  }

  sendControl(kind: number, _channel: number, bytes: Uint8Array): void {
    this.queued.push({ kind, bytes });
  }
}

describe('LocalQueue', () => {
  const queue = (): { queue: LocalQueue; pressure: Pressure } => {
    const pressure = new Pressure(() => undefined);
    return {
      pressure,
      queue: new LocalQueue(pressure, new Spill(() => new MemoryScratch(), Value.codec)),
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

describe('RemoteOutputChannel and RemoteInputChannel', () => {
  it('O2, N1: lose, double and reorder nothing, and stay within the credit, whatever room the link has', () => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 300 }),
        fc.infiniteStream(fc.boolean()),
        (actions, room) => {
          const forth = new FlakySender(room[Symbol.iterator]());
          const back = new FlakySender(room[Symbol.iterator]());
          const pressure = new Pressure(() => undefined);
          const output = new RemoteOutputChannel(5, Value.codec, forth, pressure);
          const input = new RemoteInputChannel(5, Value.codec, back);
          let opened = 0;
          run(actions, output, input, () => {
            // The consumer comes later than the producer's first frames.
            opened += 1;
            if (opened === 2) input.start();
            for (const { kind, bytes } of forth.queued.splice(0)) {
              forth.underWay -= kind === ChannelFrame.control ? 0 : bytes.length;
              input.receive(kind, bytes, 0, bytes.length);
            }
            for (const { bytes } of back.queued.splice(0)) {
              output.credited(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true));
            }
            output.drain();
          });
          assert.equal(pressure.holds, 0, 'O3: nothing waits, nobody is held');
          assert.ok(forth.mostUnderWay <= CHANNEL_WINDOW_BYTES, 'O1: within the window');
        },
      ),
      { seed: 13, numRuns: 300 },
    );
  });

  it('O1: sends nothing before the first credit, then as far as it reaches', () => {
    const forth = new FlakySender(forever(true));
    const pressure = new Pressure(() => undefined);
    const output = new RemoteOutputChannel(1, Value.codec, forth, pressure);
    output.add({ n: 1, text: 'x'.repeat(20_000) }, NO_TIMESTAMP);
    output.add({ n: 2, text: '' }, NO_TIMESTAMP);
    output.control({ kind: 'end' });
    assert.equal(forth.queued.length, 0);
    assert.equal(pressure.holds, 1);
    output.credited(19_999);
    assert.equal(forth.queued.length, 0, 'the first frame is larger than the credit');
    output.credited(20);
    assert.deepEqual(
      forth.queued.map(({ kind }) => kind),
      [ChannelFrame.data],
    );
    output.credited(1000);
    assert.equal(forth.queued.length, 3);
    assert.equal(pressure.holds, 0);
  });
});

function* forever(value: boolean): Generator<boolean> {
  for (;;) yield value;
}
