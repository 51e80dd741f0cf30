// What the channels of a task tell: of each kind what went through, what waits, and how full it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import type { FrameSender } from '../../network/channel-frames.ts';
import { ChannelFrame } from '../../network/channel-frames.ts';
import { FramePool } from '../../network/frame-pool.ts';
import { LOCAL_QUEUE_BATCHES, LocalQueue } from '../../network/local-queue.ts';
import { NetworkMemory } from '../../network/network-memory.ts';
import { Pressure } from '../../network/pressure.ts';
import { RemoteInputChannel } from '../../network/remote-input-channel.ts';
import { RemoteOutputChannel } from '../../network/remote-output-channel.ts';
import { Spill } from '../../network/spill.ts';
import { NO_EXCHANGE } from '../../protocol/slot-messages.ts';
import { t } from '../../types/index.ts';
import { TaskChannels } from './task-channels.ts';

const SEGMENT = 1024;
const { codec } = t.string;

function memoryOf(): NetworkMemory {
  const memory = new NetworkMemory({
    ...{ capacityBytes: 1 << 22, segmentBytes: SEGMENT, where: 'a test' },
  });
  memory.reserve({ inputs: 2, outputs: 1 });
  return memory;
}

const silent: FrameSender = { send: () => false, sendControl: () => undefined };

function inputOf(memory: NetworkMemory): RemoteInputChannel {
  const frames = new FramePool();
  return new RemoteInputChannel({ channel: 1, codec, sender: silent, memory, frames });
}

/** A frame of one record. */
function frameOf(text: string): Uint8Array {
  const frames: Uint8Array[] = [];
  const output = outputOf(memoryOf(), {
    send: (_kind, _channel, bytes) => frames.push(new Uint8Array(bytes)) > 0,
    sendControl: () => undefined,
  });
  output.credited(1 << 20);
  output.add(text, NO_TIMESTAMP);
  output.flush();
  return frames[0]!;
}

function outputOf(memory: NetworkMemory, sender: FrameSender): RemoteOutputChannel {
  return new RemoteOutputChannel({
    ...{ channel: 1, codec, sender, memory, flushTimeout: 100 },
    pressure: new Pressure(() => undefined),
    scratch: () => assert.fail('nothing spills here'),
  });
}

test('a task without anything in its channels', () => {
  const channels = new TaskChannels(memoryOf());
  assert.deepEqual(channels.read(), NO_EXCHANGE);
});

test('inputs of the process and of others are counted apart, and fill the pool', () => {
  const memory = memoryOf();
  const channels = new TaskChannels(memory);
  const [near, far] = [inputOf(memory), inputOf(memory)];
  channels.nearInputs.push(near);
  channels.farInputs.push(far);
  far.backlog();
  const frame = frameOf('x'.repeat(30_000));
  near.receive(ChannelFrame.data, frame, 0, frame.length);
  for (let i = 0; i < 3; i += 1) far.receive(ChannelFrame.data, frame, 0, frame.length);
  const full = channels.read();
  assert.equal(full.bytesInLocal, frame.length);
  assert.equal(full.bytesInRemote, 3 * frame.length);
  assert.deepEqual([full.buffersInLocal, full.buffersInRemote], [1, 3]);
  assert.deepEqual([full.inputQueueLength, full.inputQueueSize], [4, 4 * frame.length]);
  const cost = near.queuedCost;
  const pool = memory.floating.capacityBytes;
  assert.equal(full.inPoolUsage, (4 * cost) / (2 * memory.windowBytes + pool));
  assert.ok(full.inputExclusiveBuffersUsage > 0.7, 'one of the two is over its minimum');
  assert.ok(full.inputFloatingBuffersUsage > 0 && full.inputFloatingBuffersUsage < 0.2);
  for (const input of [near, far]) while (input.poll() !== undefined);
  assert.deepEqual(
    {
      ...channels.read(),
      bytesInLocal: 0,
      bytesInRemote: 0,
      buffersInLocal: 0,
      buffersInRemote: 0,
    },
    NO_EXCHANGE,
  );
});

test('what output waits for its consumers fills the other pool', () => {
  const memory = memoryOf();
  const channels = new TaskChannels(memory);
  const output = outputOf(memory, silent);
  channels.outputs.push(output);
  output.add('x'.repeat(400), NO_TIMESTAMP);
  const gathering = channels.read();
  assert.equal(gathering.outputQueueLength, 1);
  assert.equal(gathering.outPoolUsage, gathering.outputQueueSize / (2 * SEGMENT));
  for (let i = 0; i < 50; i += 1) output.add('x'.repeat(400), NO_TIMESTAMP);
  const overdrawn = channels.read();
  assert.ok(overdrawn.outputQueueSize > 50 * 400);
  assert.equal(overdrawn.outPoolUsage, 1);
  assert.equal(overdrawn.buffersOut, 0, 'nothing was sent');
});

test('queues within the slot count batches on both sides', () => {
  const channels = new TaskChannels(memoryOf());
  const spill = new Spill(() => assert.fail('nothing spills here'), codec);
  const queue = new LocalQueue(new Pressure(() => undefined), spill, 100);
  channels.inputQueues.push(queue);
  channels.outputQueues.push(queue);
  for (let i = 0; i < 2; i += 1) {
    queue.add('x', NO_TIMESTAMP);
    queue.flush();
  }
  const { buffersOut, buffersInLocal, inputQueueLength, outputQueueLength, outPoolUsage } =
    channels.read();
  assert.deepEqual([buffersOut, buffersInLocal], [2, 2]);
  assert.deepEqual([inputQueueLength, outputQueueLength], [2, 2]);
  assert.equal(outPoolUsage, 2 / LOCAL_QUEUE_BATCHES);
});
