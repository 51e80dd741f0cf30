/**
 * InputGate against a naive reading of its invariants, over random interleavings of random
 * channels.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ObjectBatch } from './batch.ts';
import type { Batch } from './batch.ts';
import type { ControlElement } from './control-element.ts';
import { END } from './control-element.ts';
import { InputGate } from './input-gate.ts';
import { QueueChannel, STILL } from './input-gate.test-kit.ts';

type Element = Batch | ControlElement;

/** A step of one producer; numbers are records, watermarks grow by the given amount. */
type Step = { record: number } | { advance: number } | { status: 'active' | 'idle' } | 'epoch';

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ record: fc.integer({ min: 0, max: 999 }) }) },
  { weight: 2, arbitrary: fc.record({ advance: fc.integer({ min: 0, max: 5 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ status: fc.constantFrom('active' as const, 'idle' as const) }),
  },
);

const scripts = fc.integer({ min: 1, max: 4 }).chain((channels) =>
  fc.integer({ min: 0, max: 3 }).chain((epochs) =>
    fc.array(
      fc.array(fc.array(step, { maxLength: 5 }), { minLength: epochs + 1, maxLength: epochs + 1 }),
      {
        minLength: channels,
        maxLength: channels,
      },
    ),
  ),
);

interface Delivered {
  readonly channel: number;
  readonly epoch: number;
  readonly value: number;
}

/** The elements of one channel: its parts, with an epoch mark between any two, and the end. */
function elementsOf(parts: readonly (readonly Step[])[], channel: number): Element[] {
  let watermark = 0;
  return parts.flatMap((steps, epoch): Element[] => {
    const elements = steps.map((each): Element => {
      if (each === 'epoch') throw new Error('not generated');
      if ('status' in each) return { kind: 'status', status: each.status };
      if ('advance' in each) {
        watermark += each.advance;
        return { kind: 'watermark', timestamp: watermark };
      }
      const batch = new ObjectBatch();
      batch.append({ channel, epoch, value: each.record } satisfies Delivered, 0);
      return batch;
    });
    const last: Element = epoch === parts.length - 1 ? END : { kind: 'epoch', id: epoch };
    return [...elements, last];
  });
}

describe('InputGate', () => {
  it('G1: delivers every record once, in order by channel, and none across an epoch mark', () => {
    fc.assert(
      fc.property(scripts, fc.infiniteStream(fc.nat({ max: 7 })), (script, choices) => {
        const channels = script.map(() => new QueueChannel());
        const waiting = script.map((parts, channel) => elementsOf(parts, channel));
        const gate = new InputGate(
          channels.map((channel) => ({ channel, input: 0 as const, edge: 0 })),
          STILL,
        );
        const delivered: Delivered[] = [];
        const epochs: number[] = [];
        let watermark = Number.NEGATIVE_INFINITY;
        let ends = 0;
        const drain = (): void => {
          for (let next = gate.next(); next !== undefined; next = gate.next()) {
            if (next.kind === 'objects') {
              const record = next.values[0] as Delivered;
              assert.equal(record.epoch, epochs.length, 'a record crossed an epoch mark');
              delivered.push(record);
            } else if (next.kind === 'epoch') {
              epochs.push(next.id);
            } else if (next.kind === 'watermark') {
              assert.ok(next.timestamp > watermark, 'G2: watermarks ascend');
              watermark = next.timestamp;
            } else if (next.kind === 'end-of-input') {
              ends += 1;
            }
          }
        };
        for (const choice of choices) {
          const open = waiting.filter(({ length }) => length > 0);
          if (open.length === 0) break;
          const elements = open[choice % open.length]!;
          channels[waiting.indexOf(elements)]!.queue.push(elements.shift()!);
          if (choice > 3) drain();
        }
        drain();
        assert.equal(ends, 1, 'G3');
        assert.ok(gate.isFinished);
        assert.equal(watermark, Number.POSITIVE_INFINITY);
        assert.deepEqual(
          epochs,
          script[0]!.slice(1).map((_part, index) => index),
        );
        for (const [channel, parts] of script.entries()) {
          const sent = parts
            .flat()
            .flatMap((each) => (each !== 'epoch' && 'record' in each ? [each.record] : []));
          assert.deepEqual(
            delivered.filter((record) => record.channel === channel).map(({ value }) => value),
            sent,
          );
        }
      }),
      { seed: 7, numRuns: 2000 },
    );
  });

  it('G2: the watermark is the minimum over active channels', () => {
    const channels = [new QueueChannel(), new QueueChannel()];
    const gate = new InputGate(
      channels.map((channel) => ({ channel, input: 0 as const, edge: 0 })),
      STILL,
    );
    const next = (): unknown => gate.next();
    channels[0]!.queue.push({ kind: 'watermark', timestamp: 10 });
    assert.equal(next(), undefined);
    assert.equal(gate.holder, 1);
    channels[1]!.queue.push({ kind: 'watermark', timestamp: 4 });
    assert.deepEqual(next(), { kind: 'watermark', timestamp: 4 });
    channels[1]!.queue.push({ kind: 'status', status: 'idle' });
    assert.deepEqual(next(), { kind: 'watermark', timestamp: 10 });
    assert.equal(gate.holder, 0);
    channels[1]!.queue.push({ kind: 'status', status: 'active' });
    channels[1]!.queue.push({ kind: 'watermark', timestamp: 6 });
    assert.equal(next(), undefined, 'G4: waking up does not take the watermark back');
    assert.equal(gate.watermark, 10);
    channels[0]!.queue.push({ kind: 'watermark', timestamp: 20 });
    assert.deepEqual(next(), { kind: 'watermark', timestamp: 20 }, 'G4: nor does it hold it');
    channels[0]!.queue.push({ kind: 'status', status: 'idle' });
    channels[1]!.queue.push({ kind: 'status', status: 'idle' });
    assert.deepEqual(next(), { kind: 'status', status: 'idle' });
    assert.deepEqual([gate.isIdle, gate.holder], [true, undefined]);
    channels[0]!.queue.push({ kind: 'status', status: 'active' });
    assert.deepEqual(next(), { kind: 'status', status: 'active' });
  });

  it('G4: an input that wakes holds the watermark of both where it is', () => {
    const [left, right] = [new QueueChannel(), new QueueChannel()];
    const gate = new InputGate(
      [
        { channel: left, input: 0, edge: 0 },
        { channel: right, input: 1, edge: 1 },
      ],
      STILL,
    );
    left.queue.push({ kind: 'status', status: 'idle' });
    assert.equal(gate.next(), undefined);
    right.queue.push({ kind: 'watermark', timestamp: 8 });
    assert.deepEqual(gate.next(), { kind: 'watermark', timestamp: 8 });
    left.queue.push({ kind: 'status', status: 'active' });
    right.queue.push({ kind: 'watermark', timestamp: 9 });
    assert.equal(gate.next(), undefined);
    assert.equal(gate.holder, 0);
    left.queue.push({ kind: 'watermark', timestamp: 10 });
    assert.deepEqual(gate.next(), { kind: 'watermark', timestamp: 9 });
    assert.equal(gate.holder, 1);
  });

  it('G3: each of two inputs ends for itself, event time before the end', () => {
    const left = new QueueChannel();
    const right = new QueueChannel();
    const gate = new InputGate(
      [
        { channel: left, input: 0, edge: 0 },
        { channel: right, input: 1, edge: 1 },
      ],
      STILL,
    );
    left.queue.push(END);
    right.queue.push({ kind: 'watermark', timestamp: 3 });
    assert.deepEqual(gate.next(), { kind: 'end-of-input', input: 0 });
    assert.deepEqual(gate.next(), { kind: 'watermark', timestamp: 3 });
    right.queue.push(END);
    assert.deepEqual(gate.next(), { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY });
    assert.deepEqual(gate.next(), { kind: 'end-of-input', input: 1 });
    assert.equal(gate.next(), undefined);
    assert.ok(gate.isFinished);
  });

  it('G2: an input that is finished is at +infinity, also beside one that is idle', () => {
    for (const inputs of [1, 2]) {
      const [fast, slow] = [new QueueChannel(), new QueueChannel()];
      const gate = new InputGate(
        [
          { channel: fast, input: 0, edge: 0 },
          { channel: slow, input: inputs === 1 ? 0 : 1, edge: 1 },
        ],
        STILL,
      );
      slow.queue.push({ kind: 'watermark', timestamp: 3 });
      fast.queue.push({ kind: 'watermark', timestamp: 8 });
      assert.deepEqual(gate.next(), { kind: 'watermark', timestamp: 3 });
      fast.queue.push({ kind: 'watermark', timestamp: Number.POSITIVE_INFINITY });
      fast.queue.push(END);
      if (inputs === 2) assert.deepEqual(gate.next(), { kind: 'end-of-input', input: 0 });
      assert.equal(gate.next(), undefined, 'an active one holds event time alone');
      slow.queue.push({ kind: 'status', status: 'idle' });
      assert.deepEqual(gate.next(), { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY });
      assert.deepEqual([gate.channelsThatAre('ended'), gate.channelsThatAre('idle')], [[0], [1]]);
      slow.queue.push({ kind: 'status', status: 'active' });
      slow.queue.push({ kind: 'watermark', timestamp: 9 });
      assert.equal(gate.next(), undefined, 'it is late: event time does not come back');
      assert.equal(gate.watermark, Number.POSITIVE_INFINITY);
      slow.queue.push({ kind: 'watermark', timestamp: Number.POSITIVE_INFINITY });
      slow.queue.push(END);
      const input = inputs === 1 ? 0 : 1;
      assert.deepEqual(gate.next(), { kind: 'end-of-input', input }, 'no second end of event time');
    }
  });

  it('G2: a finished input that meets idle ones wakes the whole before it is at +infinity', () => {
    const [fast, slow] = [new QueueChannel(), new QueueChannel()];
    const gate = new InputGate(
      [
        { channel: fast, input: 0, edge: 0 },
        { channel: slow, input: 1, edge: 1 },
      ],
      STILL,
    );
    for (const { queue } of [fast, slow]) queue.push({ kind: 'status', status: 'idle' });
    assert.deepEqual(gate.next(), { kind: 'status', status: 'idle' });
    fast.queue.push(END);
    assert.deepEqual(gate.next(), { kind: 'status', status: 'active' });
    assert.deepEqual(gate.next(), { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY });
    assert.deepEqual(gate.next(), { kind: 'end-of-input', input: 0 });
  });

  it('G2: a subtask that ends does not finish its stream, and counts with what it had reached', () => {
    const [first, second] = [new QueueChannel(), new QueueChannel()];
    const gate = new InputGate(
      [
        { channel: first, input: 0, edge: 0 },
        { channel: second, input: 0, edge: 0 },
      ],
      STILL,
    );
    second.queue.push({ kind: 'watermark', timestamp: 3 });
    first.queue.push({ kind: 'watermark', timestamp: 8 });
    assert.deepEqual(gate.next(), { kind: 'watermark', timestamp: 3 });
    first.queue.push(END);
    second.queue.push({ kind: 'status', status: 'idle' });
    assert.deepEqual(gate.next(), { kind: 'watermark', timestamp: 8 });
    assert.deepEqual(gate.next(), { kind: 'status', status: 'idle' });
    second.queue.push({ kind: 'status', status: 'active' });
    second.queue.push({ kind: 'watermark', timestamp: 9 });
    assert.deepEqual(gate.next(), { kind: 'status', status: 'active' });
    assert.deepEqual(gate.next(), { kind: 'watermark', timestamp: 9 }, 'not the end of time');
    second.queue.push(END);
    assert.deepEqual(gate.next(), { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY });
  });

  it('a newer barrier gives up the alignment of one that never came everywhere', () => {
    const channels = [new QueueChannel(), new QueueChannel()];
    const gate = new InputGate(
      channels.map((channel) => ({ channel, input: 0 as const, edge: 0 })),
      STILL,
    );
    const mark = (id: number): ControlElement => ({ kind: 'epoch', id });
    channels[0]!.queue.push(mark(1));
    channels[0]!.queue.push(mark(2));
    assert.equal(gate.next(), undefined);
    channels[1]!.queue.push(mark(2));
    assert.deepEqual(gate.next(), mark(2));
  });
});
