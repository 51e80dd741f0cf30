// The temporal join against its definition.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cases } from '../../base/cases.test-kit.ts';
import type { OneSidedJoin, TemporalJoinSpec } from '../../graph/join-spec.ts';
import { verifyOperator } from '../../testing/verify-operator.ts';
import { OperatorHarness } from '../../testing/operator-harness.ts';
import type { HarnessSnapshot, OperatorStep } from '../../testing/operator-harness.ts';
import { t } from '../../types/index.ts';
import { byKey, events, Item, outputOf, run, stepsOf, watch } from './join.test-kit.ts';
import { isDeletion, TemporalJoin } from './join-definitions.test-kit.ts';
import { temporalJoinOperator } from './temporal-join-operator.ts';

const Pair = t.tuple(t.integer, t.nullable(t.integer));

function specOf(type: OneSidedJoin, time: 'event' | 'processing' = 'event'): TemporalJoinSpec {
  return {
    kind: 'temporalJoin',
    leftKey: byKey,
    rightKey: byKey,
    time,
    type,
    join: (left: Item, right: Item | undefined) => [left.id, right?.id ?? null],
    isDeletion,
    sides: { left: Item, right: Item },
  };
}

const HARNESS = {
  inputs: 2,
  keys: [byKey, byKey],
  output: Pair,
  sideOutputs: { lateLeft: Item, lateRight: Item },
} as const;

const type = fc.constantFrom<OneSidedJoin>('inner', 'left');

describe('temporal join by event time', () => {
  it('V1: is what its definition says, and keeps one version of each key', async () => {
    const property = fc.asyncProperty(events({ maxLength: 40 }), type, async (list, wanted) => {
      const watched = watch(temporalJoinOperator(specOf(wanted)));
      const results = await run({ operator: watched.operator, ...HARNESS }, stepsOf(list));
      const expected = new TemporalJoin(list, wanted);
      assert.deepEqual(outputOf(results), expected.joined.toSorted());
      assert.deepEqual(outputOf(results, 'lateLeft'), expected.late.left.toSorted());
      assert.deepEqual(outputOf(results, 'lateRight'), expected.late.right.toSorted());
      const versioned = new Set(
        list.flatMap((event) =>
          event.kind === 'record' && event.side === 'right' ? [event.item.key] : [],
        ),
      );
      assert.equal(watched.state.usage.entries, versioned.size + expected.cleared.size);
    });
    await fc.assert(property, { numRuns: cases(500) });
  });

  it('keeps to the contract of operators, restored at every step', async () => {
    const property = fc.asyncProperty(events({ maxLength: 14 }), type, async (list, wanted) => {
      await verifyOperator({
        create: () => temporalJoinOperator(specOf(wanted)),
        ...HARNESS,
        steps: stepsOf(list),
        // Keys with timers of one time come in any order.
        unordered: true,
      });
    });
    await fc.assert(property, { numRuns: cases(20, 400) });
  });

  it('emits in the order of time, before the watermark', async () => {
    const results = await verifyOperator({
      create: () => temporalJoinOperator(specOf('left')),
      ...HARNESS,
      steps: [
        record(1, 10, 1),
        record(0, 14, 4),
        record(0, 12, 5),
        record(1, 13, 2),
        record(0, 9, 6),
        { kind: 'watermark', timestamp: 13 },
      ],
    });
    assert.deepEqual(
      results.map((result) => ('value' in result ? result.value : result)),
      [
        [6, null],
        [5, 1],
        { kind: 'watermark', timestamp: 13 },
        [4, 2],
        { kind: 'watermark', timestamp: Infinity },
        { kind: 'end' },
      ],
    );
  });

  it('a watermark that is given again after a restore joins no late record before its time', async () => {
    const open = async (from?: HarnessSnapshot): Promise<OperatorHarness> => {
      const operator = temporalJoinOperator(specOf('left'));
      const harness = new OperatorHarness({ operator, ...HARNESS });
      await harness.open(from);
      return harness;
    };
    const before = await open();
    before.step({ kind: 'watermark', timestamp: 5 });
    before.step(record(0, 5, 1));
    const after = await open(await before.snapshot());
    await before.close();
    after.step({ kind: 'watermark', timestamp: 5 });
    assert.deepEqual(outputOf(after.results), []);
    after.step(record(1, 4, 2));
    after.step({ kind: 'watermark', timestamp: 6 });
    assert.deepEqual(outputOf(after.results), ['[1,2] @5']);
    await after.close();
  });

  it('names operator and record where event time is missing', async () => {
    for (const input of [0, 1] as const) {
      const operator = temporalJoinOperator(specOf('inner'));
      const step: OperatorStep = { kind: 'record', value: { key: 'a', id: 7, at: 0 }, input };
      await assert.rejects(run({ operator, ...HARNESS }, [step]), {
        code: 'DATA_NO_TIMESTAMP',
        message: /"operator".*"id":7/,
      });
    }
  });

  it('says that isDeletion must be boolean', async () => {
    const operator = temporalJoinOperator({ ...specOf('inner'), isDeletion: (() => 1) as never });
    await assert.rejects(run({ operator, ...HARNESS }, [record(1, 1, 1), record(0, 1, 2)]), {
      code: 'USER_CODE_NOT_BOOLEAN',
      message: /isDeletion function of "operator" returned number/,
    });
  });
});

describe('temporal join by processing time', () => {
  it('joins at once with the latest version', async () => {
    const untimed = (input: 0 | 1, id: number): OperatorStep => ({
      kind: 'record',
      value: { key: 'a', id, at: 0 },
      input,
    });
    const steps = [
      untimed(0, 10),
      untimed(1, 1),
      untimed(0, 11),
      untimed(1, 2),
      untimed(0, 12),
      untimed(1, 3),
      untimed(0, 14),
    ];
    const of = async (wanted: OneSidedJoin): Promise<readonly unknown[]> => {
      const results = await verifyOperator({
        create: () => temporalJoinOperator(specOf(wanted, 'processing')),
        ...HARNESS,
        sideOutputs: {},
        steps,
      });
      return results.flatMap((result) => (result.kind === 'record' ? [result.value] : []));
    };
    const joined = [
      [11, 1],
      [12, 2],
    ];
    assert.deepEqual(await of('inner'), joined);
    assert.deepEqual(await of('left'), [[10, null], ...joined, [14, null]]);
  });

  it('keeps nothing of a deleted key, and the time of left records', async () => {
    const watched = watch(temporalJoinOperator(specOf('left', 'processing')));
    const steps = [record(1, 5, 1), record(0, 6, 2), record(1, 7, 3)];
    const results = await run({ operator: watched.operator, ...HARNESS }, steps);
    assert.deepEqual(outputOf(results), ['[2,1] @6']);
    assert.equal(watched.state.usage.entries, 0);
  });
});

function record(input: 0 | 1, timestamp: number, id: number): OperatorStep {
  return { kind: 'record', value: { key: 'a', id, at: timestamp }, timestamp, input };
}
