// Control elements come back from their bytes as they were.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { milliseconds } from '../base/units.ts';
import type { Timestamp } from '../base/units.ts';
import type { CheckpointOptions } from '../protocol/checkpoint.ts';
import { decodeControl, encodeControl } from './control-codec.ts';
import type { ControlElement } from './control-element.ts';

const CHECKPOINT: CheckpointOptions = {
  purpose: 'checkpoint',
  alignment: 'unaligned',
  alignedTimeout: undefined,
  format: undefined,
  location: 'file:///checkpoints/job/chk-7',
  stop: undefined,
  full: false,
};

function barrier(options: CheckpointOptions): ControlElement {
  const triggeredAt = 1_700_000_000_000 as Timestamp;
  return { kind: 'barrier', checkpointId: 7, triggeredAt, latestComplete: 5, options };
}

test('every control element comes back as it was', () => {
  const elements: ControlElement[] = [
    { kind: 'watermark', timestamp: -1 },
    { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY },
    { kind: 'epoch', id: 3 },
    { kind: 'status', status: 'idle' },
    { kind: 'status', status: 'active' },
    { kind: 'end' },
    barrier(CHECKPOINT),
    barrier({
      purpose: 'savepoint',
      alignment: 'aligned',
      alignedTimeout: milliseconds(0),
      format: 'canonical',
      location: 's3://bucket/é',
      stop: 'drain',
      full: true,
    }),
    barrier({ ...CHECKPOINT, alignment: 'at-least-once', format: 'native', stop: 'suspend' }),
  ];
  for (const element of elements) {
    const out = new ByteWriter();
    encodeControl(element, out);
    assert.deepEqual(decodeControl(new ByteReader(out.copy())), element);
  }
});

test('a barrier with a choice that nobody knows is refused', () => {
  const out = new ByteWriter();
  encodeControl(barrier(CHECKPOINT), out);
  const bytes = out.copy();
  // The purpose: behind the tag, two ids and the time of the trigger.
  bytes[25] = 9;
  assert.throws(() => decodeControl(new ByteReader(bytes)), { code: 'DATA_CORRUPT' });
});
