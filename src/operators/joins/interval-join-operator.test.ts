// The interval join against its definition: all pairs, filtered.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cases } from '../../base/cases.test-kit.ts';
import type { IntervalJoinFunction } from '../../functions/join-function.ts';
import type { IntervalJoinSpec } from '../../graph/join-spec.ts';
import { OperatorHarness } from '../../testing/operator-harness.ts';
import type { OperatorStep } from '../../testing/operator-harness.ts';
import { verifyOperator } from '../../testing/verify-operator.ts';
import { dynamic, t } from '../../types/index.ts';
import { IntervalJoinOperator } from './interval-join-operator.ts';
import { byKey, events, Item, outputOf, run, stepsOf, watch } from './join.test-kit.ts';
import { intervalJoinOf } from './join-definitions.test-kit.ts';
import type { Bounds } from './join-definitions.test-kit.ts';

const Pair = t.tuple(t.integer, t.integer);

function specOf({ lower, upper }: Bounds, pairs?: IntervalJoinSpec['pairs']): IntervalJoinSpec {
  return {
    kind: 'intervalJoin',
    leftKey: byKey,
    rightKey: byKey,
    lower,
    upper,
    pairs: pairs ?? { kind: 'inner', join: (left: Item, right: Item) => [left.id, right.id] },
    sides: { left: Item, right: Item },
  };
}

const HARNESS = {
  inputs: 2,
  keys: [byKey, byKey],
  output: Pair,
  sideOutputs: { lateLeft: Item, lateRight: Item },
} as const;

const bounds: fc.Arbitrary<Bounds> = fc
  .tuple(fc.integer({ min: -9, max: 9 }), fc.nat({ max: 9 }))
  .map(([lower, width]) => ({ lower, upper: lower + width }));

describe('interval join', () => {
  it('J1: is what its definition says, and keeps nothing at the end', async () => {
    const property = fc.asyncProperty(events({ maxLength: 40 }), bounds, async (list, between) => {
      const watched = watch(new IntervalJoinOperator(specOf(between)));
      const results = await run({ operator: watched.operator, ...HARNESS }, stepsOf(list));
      const expected = intervalJoinOf(list, between);
      assert.deepEqual(outputOf(results), expected.pairs);
      assert.deepEqual(outputOf(results, 'lateLeft'), expected.left);
      assert.deepEqual(outputOf(results, 'lateRight'), expected.right);
      assert.equal(watched.state.usage.entries, 0);
    });
    await fc.assert(property, { numRuns: cases(500) });
  });

  it('keeps to the contract of operators, restored at every step', async () => {
    const property = fc.asyncProperty(events({ maxLength: 14 }), bounds, async (list, between) => {
      await verifyOperator({
        create: () => new IntervalJoinOperator(specOf(between)),
        ...HARNESS,
        steps: stepsOf(list),
      });
    });
    await fc.assert(property, { numRuns: cases(20, 400) });
  });

  it('J1: drops what has expired as soon as the watermark says so', async () => {
    const watched = watch(new IntervalJoinOperator(specOf({ lower: -2, upper: 5 })));
    const harness = new OperatorHarness({ operator: watched.operator, ...HARNESS });
    await harness.open();
    // Of each side, and the timer of the key.
    const expected = [
      [record(0, 12), 2],
      [record(0, 10), 2],
      [record(1, 20), 3],
      [watermark(14), 3],
      [watermark(16), 3],
      [watermark(17), 2],
      [watermark(21), 2],
      [watermark(22), 0],
    ] as const;
    for (const [step, entries] of expected) {
      harness.step(step);
      assert.equal(watched.state.usage.entries, entries, JSON.stringify(step));
    }
    await harness.close();
  });

  it('gives a function both times, and its side outputs', async () => {
    const pairs: IntervalJoinFunction<Item, Item, unknown, { far: typeof Pair }> = {
      emits: dynamic,
      outputs: { far: Pair },
      onPair(left, right, context) {
        const { leftTimestamp, rightTimestamp, timestamp } = context;
        if (rightTimestamp - leftTimestamp > 2) context.emitTo('far', [left.id, right.id]);
        else context.emit({ leftTimestamp, rightTimestamp, timestamp });
      },
    };
    const results = await verifyOperator({
      create: () =>
        new IntervalJoinOperator(
          specOf({ lower: -5, upper: 5 }, { kind: 'process', function: pairs }),
        ),
      ...HARNESS,
      output: dynamic,
      sideOutputs: { ...HARNESS.sideOutputs, far: Pair },
      steps: [record(0, 10, 1), record(1, 8, 2), record(1, 14, 3)],
    });
    assert.deepEqual(outputOf(results), [
      '{"leftTimestamp":10,"rightTimestamp":8,"timestamp":10} @10',
    ]);
    assert.deepEqual(outputOf(results, 'far'), ['[1,3] @14']);
  });

  it('names operator and record where event time is missing', async () => {
    const operator = new IntervalJoinOperator(specOf({ lower: 0, upper: 5 }));
    const step: OperatorStep = { kind: 'record', value: { key: 'a', id: 7, at: 0 }, input: 1 };
    await assert.rejects(run({ operator, ...HARNESS }, [step]), {
      code: 'DATA_NO_TIMESTAMP',
      message: /"operator".*"id":7/,
    });
  });

  it('names the function that is mistaken', async () => {
    const join = (): never => {
      throw new RangeError('no such rate');
    };
    const operator = new IntervalJoinOperator(
      specOf({ lower: 0, upper: 5 }, { kind: 'inner', join }),
    );
    await assert.rejects(run({ operator, ...HARNESS }, [record(0, 1), record(1, 1)]), {
      code: 'USER_CODE_FAILED',
      message: /inner function of "operator".*no such rate/,
    });
  });
});

function record(input: 0 | 1, timestamp: number, id = 0): OperatorStep {
  return { kind: 'record', value: { key: 'a', id, at: timestamp }, timestamp, input };
}

function watermark(timestamp: number): OperatorStep {
  return { kind: 'watermark', timestamp };
}
