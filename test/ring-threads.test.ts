// The ring between real threads, one of which is terminated in the middle of writing: everything
// that is read is whole and in order, and the death is seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { nodeMemory, sharedBuffer } from '../src/env/node/memory.ts';
import { formatRing, retireRing, ringRegionBytes } from '../src/network/ring-owner.ts';
import { RingConsumer } from '../src/network/ring.ts';

const SIZE = { capacityBytes: 1 << 16, controlBytes: 1 << 10 };
const ROUNDS = 12;
const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

/** Fills every frame with a byte of its number, in small steps, for ever. */
const WRITER = `
  const { workerData } = await import('node:worker_threads');
  const { sharedRegion } = await import(${url('../src/env/node/memory.ts')});
  const { RingProducer } = await import(${url('../src/network/ring.ts')});
  const producer = RingProducer.attach(sharedRegion(workerData), 1, 1);
  for (let number = 0; ; number += 1) {
    const length = (number * 7919) % 6_000;
    let start = -1;
    while (start < 0) start = producer.reserve(length, 'data');
    for (let i = 0; i < length; i += 1) producer.bytes[start + i] = number + (i & 15);
    producer.commit(1, number, length);
  }
`;

/** Takes frames until there is none; checks each. */
function read(consumer: RingConsumer, from: number): number {
  let number = from;
  for (let frame = consumer.peek(); frame !== undefined; frame = consumer.peek()) {
    consumer.release();
    assert.equal(frame.channel, number, 'lost, doubled or reordered');
    assert.equal(frame.end - frame.start, (number * 7919) % 6_000);
    for (let i = frame.start; i < frame.end; i += 1) {
      const expected = (number + ((i - frame.start) & 15)) & 255;
      if (frame.bytes[i] !== expected) assert.fail(`R4: frame ${number} is torn`);
    }
    consumer.publish();
    number += 1;
  }
  return number;
}

test('R4, R8: a worker terminated at any moment leaves whole frames only', async (t) => {
  let frames = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const region = nodeMemory().allocate(ringRegionBytes(SIZE));
    formatRing(region, SIZE, 1);
    const consumer = RingConsumer.attach(region, 1, 2)!;
    const code = new URL(`data:text/javascript,${encodeURIComponent(WRITER)}`);
    const worker = new Worker(code, { workerData: sharedBuffer(region) });
    const failed = new Promise<never>((_, reject) => worker.once('error', reject));
    let number = 0;
    while (number < 20 + round * 7) {
      number = read(consumer, number);
      await Promise.race([turn(), failed]);
    }
    await worker.terminate();
    retireRing(region, 1, 'producer');
    number = read(consumer, number);
    assert.equal(consumer.peer, 'lost');
    frames += number;
  }
  t.diagnostic(`${frames} frames over ${ROUNDS} deaths`);
});
