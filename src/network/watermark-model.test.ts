// Event time of a gate with one or two inputs of several channels, against the rules evaluated
// naively after every step.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import { END } from './control-element.ts';
import { InputGate } from './input-gate.ts';
import { QueueChannel, STILL } from './input-gate.test-kit.ts';

interface Step {
  readonly channel: number;
  readonly does: 'ascends' | 'idle' | 'active' | 'last' | 'ends';
  readonly by: number;
}

interface ChannelModel {
  readonly input: 0 | 1;
  /** The stream of that input that it is a subtask of. */
  readonly edge: number;
  watermark: number;
  status: 'active' | 'idle' | 'ended';
}

/** One of those that are put together: a channel of an input, or an input. */
interface Part {
  /** If it has ended, the last one before its end. */
  readonly watermark: number;
  readonly status: 'active' | 'idle' | 'ended';
}

/** The definition. `lagging`: whether an active part that is behind holds the others. */
function together(
  parts: readonly Part[],
  before: number,
  { lagging, finished }: { readonly lagging: 'holds' | 'counts not'; readonly finished: boolean },
): Part {
  const active = parts.filter(({ status }) => status === 'active');
  if (active.length === 0) {
    if (finished) return { watermark: Infinity, status: 'active' };
    // Who has ended counts with what it had reached.
    return { watermark: Math.max(before, ...parts.map((part) => part.watermark)), status: 'idle' };
  }
  const counting =
    lagging === 'holds' ? active : active.filter(({ watermark }) => watermark >= before);
  const least = Math.min(...counting.map(({ watermark }) => watermark));
  const watermark = counting.length === 0 ? before : Math.max(before, least);
  return { watermark, status: 'active' };
}

/** Of the channels of one input: whether one of its streams has ended in all its subtasks. */
function isAnyFinished(channels: readonly ChannelModel[]): boolean {
  const ended = (edge: number): boolean =>
    channels.every((each) => each.edge !== edge || each.status === 'ended');
  return channels.some(({ edge }) => ended(edge));
}

const step: fc.Arbitrary<Step> = fc.record({
  channel: fc.nat(5),
  does: fc.oneof(
    { weight: 6, arbitrary: fc.constant('ascends' as const) },
    { weight: 3, arbitrary: fc.constantFrom('idle' as const, 'active' as const) },
    { weight: 1, arbitrary: fc.constantFrom('last' as const, 'ends' as const) },
  ),
  by: fc.nat(30),
});

it('watermarks and idleness of a gate are those of the definition', () => {
  const inputs = fc.oneof(
    fc.array(fc.constant(0 as const), { minLength: 1, maxLength: 4 }),
    fc
      .array(fc.constantFrom(0 as const, 1 as const), { minLength: 1, maxLength: 4 })
      .map((more): (0 | 1)[] => [0, 1, ...more]),
  );
  const edges = fc.array(fc.nat(2), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(inputs, edges, fc.array(step, { maxLength: 60 }), (sides, edgeOf, steps) => {
      const channels = sides.map(() => new QueueChannel());
      const gate = new InputGate(
        channels.map((channel, index) => ({
          channel,
          input: sides[index]!,
          edge: 3 * sides[index]! + edgeOf[index]!,
        })),
        STILL,
      );
      const models = sides.map((input, index): ChannelModel => {
        return { input, edge: edgeOf[index]!, watermark: -Infinity, status: 'active' };
      });
      const sent = sides.map(() => -Infinity);
      let expected: Part = { watermark: -Infinity, status: 'active' };
      const perInput = new Map<0 | 1, Part>();
      let watermark = -Infinity;
      let idle = false;
      const ended = sides.map(() => false);
      for (const { channel, does, by } of steps) {
        const index = channel % sides.length;
        const model = models[index]!;
        const { queue } = channels[index]!;
        if (ended[index]) continue;
        if (model.status === 'ended' && does !== 'ends') continue;
        if (does === 'ascends') {
          // Between its watermarks a channel may be idle; it says nothing then.
          if (model.status === 'idle') continue;
          sent[index] = (sent[index] === -Infinity ? 0 : sent[index]!) + by;
          queue.push({ kind: 'watermark', timestamp: sent[index] });
          model.watermark = sent[index];
        } else if (does === 'idle' || does === 'active') {
          queue.push({ kind: 'status', status: does });
          model.status = does;
        } else {
          if (does === 'last') queue.push({ kind: 'watermark', timestamp: Infinity });
          else {
            queue.push(END);
            ended[index] = true;
          }
          model.status = 'ended';
        }
        for (let event = gate.next(); event !== undefined; event = gate.next()) {
          if (event.kind === 'watermark') {
            assert.ok(event.timestamp > watermark, 'G2: watermarks ascend');
            assert.equal(idle, false, 'an idle input says nothing');
            watermark = event.timestamp;
          } else if (event.kind === 'status') {
            assert.equal(idle, event.status === 'active', 'a status is told when it changes');
            idle = event.status === 'idle';
          } else assert.equal(event.kind, 'end-of-input');
        }
        for (const input of new Set(sides)) {
          const mine = models.filter((each) => each.input === input);
          const before = perInput.get(input)?.watermark ?? -Infinity;
          const finished = isAnyFinished(mine);
          perInput.set(input, together(mine, before, { lagging: 'counts not', finished }));
        }
        const byInput = [...perInput.values()];
        const none = { lagging: 'holds', finished: false } as const;
        expected = together(byInput, expected.watermark, none);
        const wanted = expected.watermark;
        assert.equal(watermark, wanted, `after ${does} of channel ${index}`);
        assert.equal(idle, expected.status === 'idle', `after ${does} of channel ${index}`);
        assert.equal(gate.watermark, wanted);
        requireHolder(gate, models, perInput);
      }
    }),
    { seed: 4, numRuns: cases(1000) },
  );
});

/**
 * Whoever is named as holding the watermark would let it go on by going on: with it far ahead, the
 * definition gives more, or another one is as far behind.
 */
function requireHolder(
  gate: InputGate,
  models: readonly ChannelModel[],
  perInput: ReadonlyMap<0 | 1, Part>,
): void {
  const { holder } = gate;
  if (gate.isIdle || gate.watermark === Infinity) {
    assert.equal(holder, undefined);
    return;
  }
  assert.ok(holder !== undefined);
  const { input, watermark, status } = models[holder]!;
  assert.equal(status, 'active');
  const active = [...perInput.values()].filter((part) => part.status === 'active');
  assert.equal(perInput.get(input)!.watermark, Math.min(...active.map((part) => part.watermark)));
  const counting = models.filter(
    (each) =>
      each.input === input &&
      each.status === 'active' &&
      each.watermark >= perInput.get(input)!.watermark,
  );
  if (counting.length > 0) {
    assert.equal(watermark, Math.min(...counting.map((each) => each.watermark)));
  }
}
