// Barriers over real channels in random interleavings: in every mode a snapshot is exactly what
// came before its barriers, processed or in flight, and nothing of what came after them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import { BarrierWorld, TIMEOUT } from './barriers-model.test-kit.ts';
import type { ChannelKind, Mode } from './barriers-model.test-kit.ts';
import { SPILL_AFTER_RECORDS } from './local-queue.ts';

const FILLS = ['', 'x'.repeat(300), 'y'.repeat(60_000), 'z'.repeat(130_000)] as const;

type Action =
  | { readonly do: 'emit'; readonly place: number; readonly count: number; readonly fill: number }
  | { readonly do: 'flush' | 'watermark' | 'end'; readonly place: number }
  | { readonly do: 'barrier'; readonly place: number; readonly isLost: boolean }
  | { readonly do: 'deliver'; readonly place: number; readonly frames: number }
  | { readonly do: 'consume'; readonly records: number }
  | { readonly do: 'pass'; readonly millis: number }
  | { readonly do: 'abort'; readonly id: number };

const place = fc.nat({ max: 3 });

function actions(faults: boolean): fc.Arbitrary<Action[]> {
  const isLost = faults ? fc.nat({ max: 9 }).map((n) => n === 0) : fc.constant(false);
  const kinds: fc.WeightedArbitrary<Action>[] = [
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('emit' as const),
        place,
        count: fc.constantFrom(1, 3, 40, 700),
        fill: fc.constantFrom(0, 0, 0, 0, 0, 1, 1, 1, 2, 3),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('flush' as const, 'watermark' as const), place }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('barrier' as const), place, isLost }) },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('deliver' as const), place, frames: fc.nat(6) }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('consume' as const),
        records: fc.constantFrom(1, 7, 200, 1000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('pass' as const), millis: fc.nat(2 * TIMEOUT) }),
    },
  ];
  if (faults) {
    kinds.push(
      { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), place }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), id: fc.nat(6) }) },
    );
  }
  return fc.array(fc.oneof(...kinds), { minLength: 30, maxLength: 120 });
}

const kinds: fc.Arbitrary<ChannelKind[]> = fc.array(
  fc.record({ remote: fc.boolean(), overtakable: fc.nat({ max: 3 }).map((n) => n > 0) }),
  { minLength: 1, maxLength: 4 },
);

function run(world: BarrierWorld, steps: readonly Action[]): void {
  const at = (index: number): number => index % world.sides.length;
  for (const step of steps) {
    switch (step.do) {
      case 'emit':
        // Large records come one by one.
        world.emit(at(step.place), step.fill > 1 ? 1 : step.count, FILLS[step.fill]!);
        break;
      case 'flush':
        world.flush(at(step.place));
        break;
      case 'watermark':
        world.watermark(at(step.place));
        break;
      case 'end':
        world.end(at(step.place));
        break;
      case 'barrier':
        world.barrier(at(step.place), step.isLost);
        break;
      case 'deliver':
        world.deliver(at(step.place), step.frames);
        break;
      case 'consume':
        world.consume(step.records);
        break;
      case 'pass':
        world.pass(step.millis);
        break;
      case 'abort':
        world.abort(step.id);
    }
  }
}

const MODES: readonly Mode[] = ['aligned', 'timeout', 'unaligned', 'at-least-once'];

describe('barriers over channels of both kinds', () => {
  for (const mode of MODES) {
    it(`A2, A4, F1: ${mode}, every checkpoint comes, exact`, () => {
      fc.assert(
        fc.property(kinds, actions(false), (channels, steps) => {
          const world = new BarrierWorld(channels, mode);
          run(world, steps);
          world.finish();
          world.verify();
          assert.deepEqual(world.superseded, []);
          // A5. Whoever has ended counts, so all that any channel has sent come in the end.
          const all = Math.max(...world.sides.map(({ lastBarrier }) => lastBarrier));
          const ids = Array.from({ length: all }, (_, index) => index + 1);
          assert.deepEqual(
            world.taken.map(({ id }) => id),
            ids,
          );
        }),
        { seed: 5, numRuns: cases(150) },
      );
    });

    it(`A3, A5: ${mode}, with barriers that never come, channels that end, and aborts`, () => {
      fc.assert(
        fc.property(kinds, actions(true), (channels, steps) => {
          const world = new BarrierWorld(channels, mode);
          run(world, steps);
          world.finish();
          world.verify();
        }),
        { seed: 6, numRuns: cases(150) },
      );
    });
  }

  it('L4: passes what a queue within the slot has spilled', () => {
    const world = new BarrierWorld([{ remote: false, overtakable: true }], 'unaligned');
    world.emit(0, SPILL_AFTER_RECORDS + 5000, '');
    world.watermark(0);
    world.emit(0, 5000, '');
    assert.ok(world.consume(10));
    world.barrier(0, false);
    world.emit(0, 3000, '');
    assert.ok(world.gate.hasUrgent);
    world.consume(1);
    assert.equal(world.taken[0]!.event.inFlight[0]!.data.isComplete, true);
    world.finish();
    world.verify();
    assert.equal(world.taken[0]!.processed[0], 10);
  });

  it('O5, N4: passes the middle of a record that goes in parts', () => {
    const world = new BarrierWorld([{ remote: true, overtakable: true }], 'unaligned');
    world.deliver(0, 10);
    // Fills the window, so that the last part of the large record waits.
    for (let i = 0; i < 12; i += 1) {
      world.emit(0, 1, FILLS[1].repeat(20));
      world.flush(0);
    }
    world.emit(0, 1, FILLS[3]);
    world.flush(0);
    world.deliver(0, 100);
    world.emit(0, 1, FILLS[3]);
    world.barrier(0, false);
    world.deliver(0, 100);
    assert.ok(world.gate.hasUrgent, 'it is announced at once');
    world.consume(1);
    world.finish();
    world.verify();
  });
});
