import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PreparedRegion } from './interleaving-party.test-kit.ts';
import { RING_GENERATION_MAX } from './ring-layout.ts';
import { formatRing, renewRing, retireRing, ringRegionBytes } from './ring-owner.ts';
import type { RingSize } from './ring-owner.ts';
import { RingConsumer, RingProducer } from './ring.ts';

function ringOf(size: RingSize, generation = 1): PreparedRegion {
  const region = new PreparedRegion(ringRegionBytes(size));
  formatRing(region, size, generation);
  return region;
}

function sides(
  region: PreparedRegion,
  generation = 1,
): { producer: RingProducer; consumer: RingConsumer } {
  const producer = RingProducer.attach(region, generation, 1);
  const consumer = RingConsumer.attach(region, generation, 2);
  assert.ok(producer !== undefined && consumer !== undefined);
  return { producer, consumer };
}

describe('Ring', () => {
  it('R2, R3, R5, R6: is a queue, whatever sizes and orders', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('write' as const),
        bytes: fc.nat(150),
        // Less than was reserved may be committed.
        unused: fc.nat(30),
        room: fc.constantFrom('data' as const, 'control' as const),
      }),
      fc.record({ kind: fc.constant('read' as const), count: fc.nat(6), publish: fc.boolean() }),
    );
    let refused = 0;
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200 }),
        fc.constantFrom(0, 64, 128),
        (steps, controlBytes) => {
          const { producer, consumer } = sides(ringOf({ capacityBytes: 512, controlBytes }));
          const model: { channel: number; bytes: Uint8Array }[] = [];
          let number = 0;
          for (const each of steps) {
            if (each.kind === 'write') {
              const start = producer.reserve(each.bytes + each.unused, each.room);
              number += 1;
              if (start < 0) {
                refused += 1;
                assert.ok(model.length > 0, 'R6: an empty ring takes any frame');
                continue;
              }
              const bytes = new Uint8Array(each.bytes).map((_, i) => number * 13 + i);
              producer.bytes.set(bytes, start);
              producer.commit(number % 255, number * 0x1234_5679, each.bytes);
              model.push({ channel: (number * 0x1234_5679) >>> 0, bytes });
            } else {
              for (let i = 0; i < each.count; i += 1) {
                const frame = consumer.peek();
                const expected = model[0];
                assert.equal(frame === undefined, expected === undefined);
                if (frame === undefined || expected === undefined) break;
                assert.equal(frame.channel, expected.channel);
                assert.deepEqual(frame.bytes.slice(frame.start, frame.end), expected.bytes);
                consumer.release();
                model.shift();
              }
              if (each.publish || model.length === 0) consumer.publish();
            }
          }
        },
      ),
      { seed: 7, numRuns: 500 },
    );
    assert.ok(refused > 0);
  });

  it('R2: cursors go past 2^31 and 2^32', () => {
    const size = { capacityBytes: 1 << 22, controlBytes: 0 };
    const { producer, consumer } = sides(ringOf(size));
    const frameBytes = producer.payloadBytesMax;
    const frames = Math.ceil((2 ** 32 * 8 * 1.01) / frameBytes);
    for (let i = 0; i < frames; i += 1) {
      const length = frameBytes - (i % 100);
      const start = producer.reserve(length, 'data');
      assert.ok(start >= 0);
      producer.bytes[start] = i;
      producer.bytes[start + length - 1] = i + 1;
      producer.commit(3, i, length);
      const frame = consumer.peek();
      assert.ok(frame !== undefined);
      assert.equal(frame.channel, i);
      assert.equal(frame.end - frame.start, length);
      assert.equal(frame.bytes[frame.start], i & 255);
      assert.equal(frame.bytes[frame.end - 1], (i + 1) & 255);
      consumer.release();
      consumer.publish();
      assert.equal(consumer.peek(), undefined);
    }
  });

  it('R7: says that the producer waits, once, and the producer sees the room', () => {
    const { producer, consumer } = sides(ringOf({ capacityBytes: 64, controlBytes: 0 }));
    for (let i = 0; i < 2; i += 1) {
      assert.ok(producer.reserve(24, 'data') >= 0);
      producer.commit(1, i, 24);
    }
    assert.equal(producer.hasRoomAgain, false, 'nothing was refused');
    assert.equal(producer.reserve(24, 'data'), -1);
    assert.equal(producer.hasRoomAgain, false);
    consumer.peek();
    consumer.release();
    assert.equal(producer.hasRoomAgain, false, 'not published');
    assert.equal(consumer.publish(), true);
    assert.equal(consumer.publish(), false);
    assert.equal(producer.hasRoomAgain, true);
    producer.forgetRefusal();
    assert.equal(producer.hasRoomAgain, false);
  });

  it('R5: a reservation that is not committed leaves nothing', () => {
    const { producer, consumer } = sides(ringOf({ capacityBytes: 64, controlBytes: 0 }));
    producer.bytes.fill(9, producer.reserve(24, 'data'));
    producer.reserve(5, 'data');
    assert.equal(consumer.peek(), undefined);
    producer.commit(1, 2, 0);
    assert.equal(consumer.peek()?.channel, 2);
    assert.throws(() => producer.commit(1, 2, 0), /R5: commit of more than was reserved/);
    assert.throws(() => producer.reserve(25, 'data'), /R5: a frame larger/);
  });

  it('R9: a generation is attached to once, and not once it is over', () => {
    const region = ringOf({ capacityBytes: 64, controlBytes: 0 }, 5);
    assert.equal(RingProducer.attach(region, 4, 1), undefined);
    const { producer, consumer } = sides(region, 5);
    assert.equal(RingProducer.attach(region, 5, 1), undefined);
    producer.reserve(3, 'data');
    producer.commit(1, 1, 3);
    retireRing(region, 5, 'producer');
    retireRing(region, 5, 'producer');
    assert.equal(renewRing(region, 6), false, 'the consumer still reads');
    assert.equal(consumer.peer, 'open', 'R8: there is a frame');
    consumer.peek();
    consumer.release();
    assert.equal(consumer.peer, 'lost');
    consumer.close();
    assert.equal(renewRing(region, 6), true);
    assert.equal(RingConsumer.attach(region, 5, 2), undefined);
    const next = sides(region, 6);
    assert.equal(next.consumer.peek(), undefined);
    retireRing(region, 5, 'producer');
    assert.equal(next.consumer.peer, 'open', 'an old death does not touch the next generation');
    next.producer.close();
    retireRing(region, 6, 'producer');
    assert.equal(next.consumer.peer, 'closed', 'who has closed has not died');
    assert.equal(RING_GENERATION_MAX * 4 + 3, 0x3fff_ffff);
  });

  it('R1: sizes that cannot work are refused', () => {
    const bad = (size: RingSize): void => {
      assert.throws(() => formatRing(new PreparedRegion(ringRegionBytes(size)), size, 1), /R1/);
    };
    bad({ capacityBytes: 100, controlBytes: 0 });
    bad({ capacityBytes: 16, controlBytes: 0 });
    bad({ capacityBytes: 64, controlBytes: 64 });
    bad({ capacityBytes: 64, controlBytes: 4 });
  });
});
