// When a slot's loop hands over what its tasks have emitted: at once to a consumer that waits, else
// when the consumer has taken what came before, and no later than the time-out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../../base/byte-reader.ts';
import type { Timestamp } from '../../base/units.ts';
import type { SharedRegion } from '../../env/env.ts';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import { BatchFlag } from '../../network/batch-codec.ts';
import { CONSUMER_WAITS_BYTES, frameCost } from '../../network/channel-frames.ts';
import { Doorbell } from '../../network/doorbell.ts';
import { FLUSH_AT_ONCE, FLUSH_WHEN_FULL } from '../../network/flush-round.ts';
import { InputGate } from '../../network/input-gate.ts';
import { STILL } from '../../network/input-gate.test-kit.ts';
import { LocalQueue } from '../../network/local-queue.ts';
import { NetworkMemory } from '../../network/network-memory.ts';
import { Pressure } from '../../network/pressure.ts';
import { createRecordWriter } from '../../network/record-writer.ts';
import { RemoteOutputChannel } from '../../network/remote-output-channel.ts';
import { Spill } from '../../network/spill.ts';
import { OperatorChain } from '../../operators/operator-chain.ts';
import type { Downstream, OneInputOperator, OperatorContext } from '../../operators/operator.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { t } from '../../types/index.ts';
import { SlotLoop } from './slot-loop.ts';
import type { PolledLink } from './slot-loop.ts';
import { Task } from './task.ts';

/** Three of them are more than a consumer that waits for more has before it. */
const TEXT = 'x'.repeat(CONSUMER_WAITS_BYTES / 3 + 1);

class Identity implements OneInputOperator {
  readonly #work: () => void;
  #output!: Downstream;

  /** @param work done for each record */
  constructor(work: () => void) {
    this.#work = work;
  }

  open({ output }: OperatorContext): void {
    this.#output = output;
  }

  process(value: unknown, timestamp: number): void {
    this.#work();
    this.#output.process(value, timestamp);
  }

  close(): void {}
}

/** Of the batch in a frame. */
function recordsIn(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes);
  if ((reader.uint8() & BatchFlag.padded) !== 0) reader.uint8();
  return reader.varint();
}

/** The word of a doorbell that nobody rings. */
function silence(): SharedRegion {
  const refuse = (): never => assert.fail('a doorbell only loads, stores, exchanges and waits');
  let word = 0;
  return {
    byteLength: 8,
    bytes: new Uint8Array(8),
    load: () => word,
    store: (_word, value) => void (word = value),
    exchange: (_word, value) => {
      const before = word;
      word = value;
      return before;
    },
    compareExchange: refuse,
    add: refuse,
    wait: () => undefined,
    notify: refuse,
  };
}

/** A slot with one task that hands records on to another slot. */
class World {
  readonly clock = new ManualClock(0 as Timestamp);
  readonly loop: SlotLoop;
  readonly output: RemoteOutputChannel;
  readonly #input: LocalQueue;
  /** Costs of frames sent that the consumer has not taken. */
  readonly #untaken: number[] = [];
  /** Credit on its way. */
  #credit = 0;
  /** Records of each frame, and when it left. */
  readonly frames: { readonly records: number; readonly at: number }[] = [];
  flushes = 0;
  /** Milliseconds that a record takes. */
  recordMillis = 0;

  constructor(flushTimeout: number) {
    const { clock } = this;
    this.loop = new SlotLoop({ clock, doorbell: new Doorbell(silence(), 0) });
    const pressure = new Pressure(() => undefined);
    const memory = new NetworkMemory({
      ...{ capacityBytes: 1 << 20, segmentBytes: 32_768, where: 'a test' },
    });
    memory.reserve({ inputs: 0, outputs: 1 });
    this.output = new RemoteOutputChannel({
      ...{ channel: 0, codec: t.string.codec, pressure, memory, flushTimeout },
      sender: {
        send: (_kind, _channel, bytes) => {
          this.#untaken.push(frameCost(bytes.length));
          this.frames.push({ records: recordsIn(bytes), at: clock.monotonic() });
          return true;
        },
        sendControl: () => assert.fail('no control is emitted here'),
      },
      scratch: () => assert.fail('nothing spills here'),
    });
    this.output.credited(1 << 20);
    const spill = new Spill(() => assert.fail('nothing spills here'), t.string.codec);
    this.#input = new LocalQueue(new Pressure(() => undefined), spill, FLUSH_AT_ONCE);
    this.loop.setLinks([this.#link()]);
    this.loop.setTasks([this.#task(pressure, flushTimeout)]);
  }

  /** Records come, and the loop runs until it sleeps. */
  emit(records: number): void {
    for (let i = 0; i < records; i += 1) this.#input.add(TEXT, NO_TIMESTAMP);
    this.#input.flush();
    this.loop.wake();
    this.clock.runSoon();
  }

  /** The consumer takes everything, and its credit comes. */
  take(): void {
    this.#credit = this.#untaken.splice(0).reduce((sum, cost) => sum + cost, 0);
    this.loop.wake();
    this.clock.runSoon();
  }

  pass(millis: number): void {
    const until = (this.clock.now() + millis) as Timestamp;
    while (this.clock.fireNext(until)) this.clock.runSoon();
    this.clock.runSoon();
  }

  #link(): PolledLink {
    const poll = (): boolean => {
      if (this.#credit === 0) return false;
      this.output.credited(this.#credit);
      this.#credit = 0;
      return true;
    };
    const hasInput = (): boolean => this.#credit > 0;
    return {
      poll,
      get hasInput() {
        return hasInput();
      },
      flush: () => void (this.flushes += 1),
    };
  }

  #task(pressure: Pressure, flushTimeout: number): Task {
    const writer = createRecordWriter({
      ...{ channels: [this.output], partitioner: { kind: 'forward' }, subtask: 0 },
      ...{ maxParallelism: 128, parallelism: 1, operator: 'identity', random: () => 0 },
      verifier: undefined,
    });
    const operator = new Identity(() => this.clock.jumpTo(this.#afterRecord()));
    const member = { id: 'i', name: 'i', operator, outputs: [{ tag: undefined, writer }] };
    const task = new Task({
      ...{ chain: new OperatorChain([member]), producers: [], pressure, flushTimeout },
      gate: new InputGate([{ channel: this.#input, input: 0, edge: 0 }], STILL),
      clock: this.clock,
      commit: undefined,
      locate: (error) => error,
      listener: {
        running: () => undefined,
        readyToCommit: () => undefined,
        wake: () => this.loop.wake(),
        ended: (_state, error) => assert.ifError(error),
      },
      contextOf: (_member, outputs) => ({ output: outputs.main }) as unknown as OperatorContext,
    });
    this.started = task.start();
    return task;
  }

  #afterRecord(): Timestamp {
    return (this.clock.now() + this.recordMillis) as Timestamp;
  }

  started: Promise<void> = Promise.resolve();

  static async start(flushTimeout: number): Promise<World> {
    const world = new World(flushTimeout);
    await world.started;
    world.clock.runSoon();
    return world;
  }
}

test('L2: a consumer that waits gets what there is at the end of the slice', async () => {
  const world = await World.start(100);
  world.emit(3);
  assert.deepEqual(world.frames, [{ records: 3, at: 0 }]);
  assert.ok(world.flushes > 0);
});

test('L2: one that has not taken the last frame gets the next when it has', async () => {
  const world = await World.start(100);
  world.emit(3);
  world.emit(2);
  world.pass(40);
  world.emit(1);
  assert.equal(world.frames.length, 1);
  world.take();
  assert.deepEqual(world.frames.slice(1), [{ records: 3, at: 40 }]);
});

test('L2: or when the time-out of its first record is over', async () => {
  const world = await World.start(100);
  world.emit(3);
  world.pass(10);
  world.emit(2);
  world.pass(90);
  world.emit(2);
  assert.equal(world.frames.length, 1);
  world.pass(9);
  assert.equal(world.frames.length, 1);
  world.pass(1);
  assert.deepEqual(world.frames.slice(1), [{ records: 4, at: 110 }]);
  world.emit(1);
  world.pass(99);
  assert.equal(world.frames.length, 2);
  world.pass(1);
  assert.deepEqual(world.frames.slice(2), [{ records: 1, at: 210 }]);
});

test('a full frame leaves whatever the consumer does', async () => {
  for (const flushTimeout of [100, FLUSH_WHEN_FULL]) {
    const world = await World.start(flushTimeout);
    world.emit(3);
    world.emit(100);
    const full = world.frames.filter(({ records }) => records === 5);
    assert.ok(full.length >= 19, `with ${flushTimeout}`);
  }
});

test('a time-out of 0 hands over after every step, none at all only what is full', async () => {
  const atOnce = await World.start(FLUSH_AT_ONCE);
  for (let n = 0; n < 5; n += 1) atOnce.emit(1);
  assert.equal(atOnce.frames.length, 5);
  const whenFull = await World.start(FLUSH_WHEN_FULL);
  whenFull.emit(4);
  whenFull.take();
  whenFull.pass(100_000);
  assert.equal(whenFull.frames.length, 0);
});

test('T5: slow records have a step each, the first ones of an attempt, too', async () => {
  const world = await World.start(FLUSH_AT_ONCE);
  world.recordMillis = 10;
  world.emit(4);
  assert.deepEqual(
    world.frames,
    [10, 20, 30, 40].map((at) => ({ records: 1, at })),
  );
});
