// How the memory of a slot's channels is shared out: never more than there is, never less than each
// needs, and an error with the numbers where that is not possible.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../base/errors.ts';
import { CREDIT_KEPT_BYTES_MAX, FRAME_PAYLOAD_BYTES_MAX, frameCost } from './channel-frames.ts';
import { NetworkMemory, windowBytesMin } from './network-memory.ts';

const KIB = 1024;

function memoryOf(capacityBytes: number, segmentBytes: number): NetworkMemory {
  return new NetworkMemory({ capacityBytes, segmentBytes, where: 'Slot 3 of taskmanager-1' });
}

test('M1, M2: every channel has its minimum, and all together no more than there is', () => {
  let refused = 0;
  fc.assert(
    fc.property(
      fc.nat({ max: 3000 }),
      fc.nat({ max: 3000 }),
      fc.integer({ min: 64 * KIB, max: 512 * KIB * KIB }),
      fc.constantFrom(1, 4, 32, 128).map((kib) => kib * KIB),
      (inputs, outputs, capacityBytes, segmentBytes) => {
        const memory = memoryOf(capacityBytes, segmentBytes);
        try {
          memory.reserve({ inputs, outputs });
        } catch (thrown) {
          assert.ok(isEngineError(thrown, 'NETWORK_MEMORY_INSUFFICIENT'));
          assert.equal(memory.reservedBytes, 0, 'M2: all or nothing');
          refused += 1;
          return;
        }
        const { floating } = memory;
        const own = inputs * memory.windowBytes + outputs * 2 * memory.segmentBytes;
        const used = own + floating.capacityBytes;
        assert.equal(memory.reservedBytes, used);
        assert.equal(memory.usedBytes, own, 'nobody has any of the pool');
        assert.ok(used <= capacityBytes, 'M1');
        assert.ok(memory.segmentBytes <= segmentBytes);
        assert.ok(memory.segmentBytes >= Math.min(segmentBytes, 4 * KIB));
        const least = frameCost(FRAME_PAYLOAD_BYTES_MAX) + CREDIT_KEPT_BYTES_MAX;
        if (inputs > 0) assert.ok(memory.windowBytes >= least);
      },
    ),
    { seed: 3, numRuns: 1000 },
  );
  assert.ok(refused > 50, `only ${refused} were refused`);
});

test('few channels share a large pool, have whole segments, and leave overdraft', () => {
  const memory = memoryOf(64 * KIB * KIB, 32 * KIB);
  memory.reserve({ inputs: 4, outputs: 4 });
  assert.equal(memory.windowBytes, 64 * KIB);
  assert.equal(memory.windowBytesMax, 512 * KIB);
  assert.equal(memory.floating.capacityBytes, 4 * (512 - 64) * KIB);
  assert.equal(memory.segmentBytes, 32 * KIB);
  const rest = memory.capacityBytes - memory.reservedBytes;
  assert.equal(rest, (64 * KIB - 4 * 512 - 4 * 64) * KIB);
  assert.ok(memory.takeOverdraft(rest));
  assert.equal(memory.takeOverdraft(1), false);
  memory.giveOverdraft(rest);
  assert.throws(() => memory.giveOverdraft(1), /M3/);
});

test('a slot without channels to others reserves nothing, and all of it is overdraft', () => {
  const memory = memoryOf(0, 32 * KIB);
  memory.reserve({ inputs: 0, outputs: 0 });
  assert.equal(memory.reservedBytes, 0);
});

test('M2: the error names the slot, the numbers and the options', () => {
  const memory = memoryOf(10 * KIB * KIB, 32 * KIB);
  assert.throws(
    () => memory.reserve({ inputs: 200, outputs: 10 }),
    (thrown) => {
      assert.ok(isEngineError(thrown, 'NETWORK_MEMORY_INSUFFICIENT'));
      assert.match(
        thrown.message,
        /^Slot 3 of taskmanager-1 needs 12880 KiB of network memory for 200 channels from other slots and 10 to others, and has 10240 KiB\.$/,
      );
      assert.match(thrown.fix ?? '', /taskmanager\.memory\.network\.max/);
      assert.equal(thrown.retry, 'never');
      return true;
    },
  );
  assert.equal(windowBytesMin(32 * KIB), 64 * KIB);
});
