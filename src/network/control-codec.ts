/** The bytes of a control element: a tag, then its fields. */
import type { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';
import type { Duration, Timestamp } from '../base/units.ts';
import type { CheckpointOptions } from '../protocol/checkpoint.ts';
import type { ControlElement } from './control-element.ts';
import { END, STOPPED } from './control-element.ts';

const Tag = { watermark: 1, barrier: 2, epoch: 3, active: 4, idle: 5, end: 6, stopped: 7 } as const;
const PURPOSES = ['checkpoint', 'savepoint'] as const;
const FORMATS = [undefined, 'canonical', 'native'] as const;
const STOPS = [undefined, 'drain', 'suspend'] as const;
const ALIGNMENTS = ['aligned', 'unaligned', 'at-least-once'] as const;

export function encodeControl(element: ControlElement, out: ByteWriter): void {
  switch (element.kind) {
    case 'watermark':
      out.uint8(Tag.watermark);
      out.float64(element.timestamp);
      return;
    case 'barrier':
      out.uint8(Tag.barrier);
      out.float64(element.checkpointId);
      out.float64(element.triggeredAt);
      out.float64(element.latestComplete);
      encodeOptions(element.options, out);
      return;
    case 'epoch':
      out.uint8(Tag.epoch);
      out.float64(element.id);
      return;
    case 'status':
      out.uint8(element.status === 'idle' ? Tag.idle : Tag.active);
      return;
    case 'end':
      out.uint8(element.stopped === true ? Tag.stopped : Tag.end);
  }
}

export function decodeControl(input: ByteReader): ControlElement {
  const tag = input.uint8();
  switch (tag) {
    case Tag.watermark:
      return { kind: 'watermark', timestamp: input.float64() };
    case Tag.barrier: {
      const checkpointId = input.float64();
      const triggeredAt = input.float64() as Timestamp;
      const latestComplete = input.float64();
      const options = decodeOptions(input);
      return { kind: 'barrier', checkpointId, triggeredAt, latestComplete, options };
    }
    case Tag.epoch:
      return { kind: 'epoch', id: input.float64() };
    case Tag.active:
      return { kind: 'status', status: 'active' };
    case Tag.idle:
      return { kind: 'status', status: 'idle' };
    case Tag.end:
      return END;
    case Tag.stopped:
      return STOPPED;
    default:
      throw new EngineError('DATA_CORRUPT', {
        what: 'a control element',
        reason: `unknown tag ${tag}`,
      });
  }
}

function encodeOptions(options: CheckpointOptions, out: ByteWriter): void {
  out.uint8(PURPOSES.indexOf(options.purpose));
  out.uint8(ALIGNMENTS.indexOf(options.alignment));
  out.float64(options.alignedTimeout ?? -1);
  out.uint8(FORMATS.indexOf(options.format));
  out.uint8(STOPS.indexOf(options.stop));
  out.uint8(options.full ? 1 : 0);
  out.string(options.location);
}

function decodeOptions(input: ByteReader): CheckpointOptions {
  const purpose = pick(PURPOSES, input.uint8());
  const alignment = pick(ALIGNMENTS, input.uint8());
  const timeout = input.float64();
  return {
    ...{ purpose, alignment },
    alignedTimeout: timeout < 0 ? undefined : (timeout as Duration),
    format: pick(FORMATS, input.uint8()),
    stop: pick(STOPS, input.uint8()),
    full: input.uint8() === 1,
    location: input.string(),
  };
}

function pick<T>(choices: readonly T[], index: number): T {
  if (index < choices.length) return choices[index]!;
  throw new EngineError('DATA_CORRUPT', { what: 'a barrier', reason: `no choice ${index}` });
}
