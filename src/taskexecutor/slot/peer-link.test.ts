// Many channels over one link, whatever carries it: a channel that nobody reads stops no other, and
// a link that is lost fails both sides, once.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { t } from '../../types/index.ts';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import { ChannelFrame } from '../../network/channel-frames.ts';
import { FramePool } from '../../network/frame-pool.ts';
import type { LinkPair } from '../../network/link-contract.test-kit.ts';
import { connectionPair, ringPair } from '../../network/link-pairs.test-kit.ts';
import { NetworkMemory } from '../../network/network-memory.ts';
import { Pressure } from '../../network/pressure.ts';
import { RemoteInputChannel } from '../../network/remote-input-channel.ts';
import { RemoteOutputChannel } from '../../network/remote-output-channel.ts';
import { PeerLink } from './peer-link.ts';

const Value = t.struct({ n: t.float64, text: t.string });
const CHANNELS = 5;

/** Producers on side 0, consumers on side 1, of as many channels each. */
class World {
  readonly pair: LinkPair;
  readonly lost: [string[], string[]] = [[], []];
  readonly sides: readonly [PeerLink, PeerLink];
  readonly outputs: RemoteOutputChannel[] = [];
  readonly inputs: RemoteInputChannel[] = [];
  readonly pressures: Pressure[] = [];
  /** Numbers sent and taken, by channel. */
  readonly sent: number[] = Array.from({ length: CHANNELS }, () => 0);
  readonly taken: number[] = Array.from({ length: CHANNELS }, () => 0);
  readonly memory: NetworkMemory;

  constructor(pair: LinkPair, capacityBytes: number = 4 << 20) {
    this.pair = pair;
    this.sides = [
      new PeerLink('tm-2/0#1', (reason) => this.lost[0].push(reason)),
      new PeerLink('tm-1/0#1', (reason) => this.lost[1].push(reason)),
    ];
    const memory = new NetworkMemory({
      ...{ capacityBytes, segmentBytes: 8192, where: 'a test' },
    });
    memory.reserve({ inputs: CHANNELS, outputs: CHANNELS });
    this.memory = memory;
    const frames = new FramePool();
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      const pressure = new Pressure(() => undefined);
      const output = new RemoteOutputChannel({
        ...{ channel, codec: Value.codec, sender: this.sides[0], pressure, memory },
        flushTimeout: 100,
        scratch: () => assert.fail('nobody emits beyond its pressure'),
      });
      const input = new RemoteInputChannel({
        ...{ channel, codec: Value.codec, sender: this.sides[1], frames, memory },
      });
      this.sides[0].addOutput(channel, output);
      this.sides[1].addInput(channel, input);
      input.start();
      this.outputs.push(output);
      this.inputs.push(input);
      this.pressures.push(pressure);
    }
    this.sides[0].attach(pair.links[0]);
    this.sides[1].attach(pair.links[1]);
  }

  /** Emits records as long as the channel holds nobody. */
  emit(channel: number, records: number): void {
    for (let i = 0; i < records && !this.pressures[channel]!.isHeld; i += 1) {
      this.outputs[channel]!.add({ n: this.sent[channel]!, text: 'x'.repeat(900) }, NO_TIMESTAMP);
      this.sent[channel]! += 1;
    }
  }

  /** Takes up to `batches` of a channel: they must be the next ones, in order. */
  take(channel: number, batches: number): void {
    const input = this.inputs[channel]!;
    for (let i = 0; i < batches; i += 1) {
      const element = input.poll();
      if (element?.kind !== 'objects') return;
      for (let at = 0; at < element.size; at += 1) {
        assert.equal((element.values[at] as { n: number }).n, this.taken[channel]);
        this.taken[channel]! += 1;
      }
      input.recycle(element);
    }
  }

  /** Both loops run until nothing moves. */
  settle(): void {
    for (let idle = 0; idle < 3; idle += 1) {
      for (const side of this.sides) {
        if (side.poll()) idle = 0;
        side.flush();
      }
      if (this.pair.move(1 << 20)) idle = 0;
    }
  }
}

for (const [name, createPair] of [
  ['rings', ringPair],
  ['a connection', connectionPair],
] as const) {
  describe(`PeerLink over ${name}`, () => {
    it('a channel that nobody reads stops no other, and holds no more than its window', () => {
      const world = new World(createPair());
      world.settle();
      const slow = 2;
      for (let turn = 0; turn < 400; turn += 1) {
        for (let channel = 0; channel < CHANNELS; channel += 1) {
          world.emit(channel, 20);
          // The link's room is all channels'; it comes back at once, whoever is not read.
          world.settle();
          world.emit(channel, (turn + 1) * 20 - world.sent[channel]!);
          if (channel !== slow) world.take(channel, 100);
        }
        world.settle();
      }
      assert.ok(world.pressures[slow]!.isHeld, 'its producer waits');
      assert.equal(world.taken[slow], 0);
      assert.ok(world.inputs[slow]!.queuedCost <= world.memory.windowBytesMax);
      for (const [channel, sent] of world.sent.entries()) {
        if (channel === slow) continue;
        assert.equal(sent, 400 * 20, `channel ${channel} was held`);
        assert.ok(world.taken[channel]! > sent - 20);
      }
      for (let turn = 0; turn < 100; turn += 1) {
        world.take(slow, 10);
        world.settle();
      }
      assert.equal(world.pressures[slow]!.holds, 0, 'it goes on where it was');
      world.outputs[slow]!.flush();
      world.settle();
      world.take(slow, 10);
      assert.equal(world.taken[slow], world.sent[slow]);
    });

    it('N5: a skewed channel has the floating share while the others keep theirs, until they want it', () => {
      const world = new World(createPair(), 1 << 20);
      const { windowBytes, floating } = world.memory;
      const [hot, other, ...idle] = world.inputs;
      const fill = (channel: number): void => {
        for (let turn = 0; turn < 40; turn += 1) {
          world.emit(channel, 100);
          world.settle();
        }
        assert.ok(world.pressures[channel]!.isHeld);
      };
      world.settle();
      assert.ok(floating.capacityBytes > 4 * windowBytes);
      fill(0);
      assert.equal(hot!.floatingBytes, floating.capacityBytes, 'one channel has all of it');
      assert.ok(hot!.queuedCost > windowBytes + 0.9 * floating.capacityBytes, 'and uses it');
      world.emit(1, 40);
      world.settle();
      assert.ok(!world.pressures[1]!.isHeld && other!.queuedCost > 30_000, 'room of its own');
      fill(1);
      // Less credit than a frame takes is all that its producer can do without.
      assert.ok(hot!.askedBytes > 0 && other!.floatingBytes < 10_000, 'nothing is free yet');
      for (let turn = 0; turn < 60; turn += 1) {
        for (const channel of [0, 1]) {
          world.emit(channel, 100);
          world.take(channel, 4);
        }
        world.settle();
      }
      assert.ok(other!.floatingBytes > 0.25 * floating.capacityBytes, 'it follows the need');
      assert.ok(hot!.floatingBytes > 0.25 * floating.capacityBytes);
      const held = world.inputs.reduce((sum, input) => sum + input.floatingBytes, 0);
      assert.equal(held + floating.freeBytes, floating.capacityBytes, 'FP1');
      for (const { floatingBytes, windowBytes: own } of idle) {
        assert.deepEqual([floatingBytes, own], [0, windowBytes]);
      }
      for (const output of world.outputs) output.control({ kind: 'end' });
      for (let turn = 0; turn < 100; turn += 1) {
        for (let channel = 0; channel < CHANNELS; channel += 1) world.take(channel, 100);
        world.settle();
      }
      assert.equal(floating.freeBytes, floating.capacityBytes, 'all is free in the end');
    });

    it('whatever is read when: nothing is lost, and everybody comes to the end', () => {
      const turn = fc.record({
        channel: fc.nat({ max: CHANNELS - 1 }),
        emit: fc.nat({ max: 300 }),
        takeFrom: fc.nat({ max: CHANNELS - 1 }),
        take: fc.nat({ max: 40 }),
        settles: fc.boolean(),
        flushes: fc.boolean(),
      });
      fc.assert(
        fc.property(fc.array(turn, { maxLength: 60 }), (turns) => {
          const world = new World(createPair());
          for (const { channel, emit, takeFrom, take, settles, flushes } of turns) {
            world.emit(channel, emit);
            if (flushes) world.outputs[channel]!.flush();
            if (settles) world.settle();
            world.take(takeFrom, take);
          }
          for (const output of world.outputs) output.control({ kind: 'end' });
          for (let left = 1; left > 0;) {
            world.settle();
            for (let channel = 0; channel < CHANNELS; channel += 1) world.take(channel, 3);
            left = world.inputs.filter(({ hasData }) => hasData).length;
            world.settle();
            left += world.pressures.filter(({ isHeld }) => isHeld).length;
          }
          assert.deepEqual(world.taken, world.sent);
          assert.ok(world.inputs.every(({ hasEnded }) => hasEnded));
          assert.ok(world.outputs.every(({ hasEnded }) => hasEnded));
          world.pair.kill(0);
          world.settle();
          assert.deepEqual(world.lost, [[], []], 'Y2: after the end nobody is missed');
        }),
        { seed: 21, numRuns: 60 },
      );
    });

    it('Y2: a peer that dies in the middle is noticed once, after what it had sent', () => {
      const world = new World(createPair());
      for (let channel = 0; channel < CHANNELS; channel += 1) world.emit(channel, 50);
      world.settle();
      world.emit(1, 50);
      world.pair.kill(0);
      world.settle();
      assert.equal(world.lost[1].length, 1);
      assert.match(world.lost[1][0]!, /has died|connection was lost/);
      for (let channel = 0; channel < CHANNELS; channel += 1) world.take(channel, 100);
      assert.ok(world.taken.every((count) => count > 0 && count <= 100));
      assert.equal(world.sides[1].poll(), false, 'nothing more is done with it');
      assert.equal(world.lost[1].length, 1);
    });

    it('Y3: frames that make no sense lose the peer and nothing else', () => {
      const cases: readonly (readonly [kind: number, channel: number, bytes: Uint8Array])[] = [
        [ChannelFrame.data, 77, Uint8Array.of(0, 1, 2)],
        [ChannelFrame.credit, 0, Uint8Array.of(1)],
        [ChannelFrame.control, 0, Uint8Array.of(99)],
      ];
      for (const [kind, channel, bytes] of cases) {
        const world = new World(createPair());
        world.settle();
        world.pair.links[0].send(kind, channel, bytes, 'control');
        world.settle();
        assert.equal(world.lost[1].length, 1);
        assert.match(world.lost[1][0]!, /damaged/);
      }
    });
  });
}
