// The broadcast join against its definition, and what waits for the end of the right side.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cases } from '../../base/cases.test-kit.ts';
import type { BroadcastJoinSpec } from '../../graph/join-spec.ts';
import { OperatorHarness } from '../../testing/operator-harness.ts';
import type { OperatorResult, OperatorStep } from '../../testing/operator-harness.ts';
import { verifyOperator } from '../../testing/verify-operator.ts';
import { t } from '../../types/index.ts';
import type { Key } from '../../types/schema.ts';
import { BroadcastJoinOperator } from './broadcast-join-operator.ts';
import { events, Item, outputOf, run, stepsOf } from './join.test-kit.ts';
import { broadcastJoinOf, isDeletion } from './join-definitions.test-kit.ts';

const Pair = t.tuple(t.integer, t.nullable(t.integer));
function specOf(changes: Partial<BroadcastJoinSpec> = {}): BroadcastJoinSpec {
  return {
    kind: 'broadcastJoin',
    on: { left: (item: Item) => item.key, right: (item: Item) => item.key, schema: undefined },
    type: 'inner',
    join: (left: Item, right: Item | undefined) => [left.id, right?.id ?? null],
    isDeletion,
    holdUntilEnd: false,
    sides: { left: Item, right: Item },
    ...changes,
  };
}

const HARNESS = { inputs: 2, output: Pair } as const;

const changes = fc.record({
  type: fc.constantFrom('inner' as const, 'left' as const),
  holdUntilEnd: fc.boolean(),
});

describe('broadcast join', () => {
  it('is what its definition says', async () => {
    const property = fc.asyncProperty(events({ maxLength: 30 }), changes, async (list, wanted) => {
      const spec = specOf(wanted);
      const results = await run(
        { operator: new BroadcastJoinOperator(spec), ...HARNESS },
        stepsOf(list),
      );
      assert.deepEqual(outputOf(results), broadcastJoinOf(list, spec));
    });
    await fc.assert(property, { numRuns: cases(400) });
  });

  it('keeps to the contract of operators, restored at every step', async () => {
    const property = fc.asyncProperty(
      events({ maxLength: 12 }),
      changes,
      fc.nat({ max: 12 }),
      async (list, wanted, endAt) => {
        const records = list.filter(
          (event, index) => event.kind === 'record' && (index < endAt || event.side === 'left'),
        );
        const steps = [...stepsOf(records)];
        steps.splice(endAt, 0, { kind: 'end-of-input', input: 1 });
        await verifyOperator({
          create: () => new BroadcastJoinOperator(specOf(wanted)),
          ...HARNESS,
          steps,
        });
      },
    );
    await fc.assert(property, { numRuns: cases(20, 400) });
  });

  it('B2: watermarks and idleness wait with the records, and the last ones follow them', async () => {
    const harness = new OperatorHarness({
      operator: new BroadcastJoinOperator(specOf({ holdUntilEnd: true, type: 'left' })),
      ...HARNESS,
      fullAfterEveryRecord: true,
    });
    await harness.open();
    const before: OperatorStep[] = [
      record(0, 'a', 1, 10),
      record(1, 'a', 2, 10),
      { kind: 'watermark', timestamp: 5 },
      record(0, 'b', 4, 11),
      { kind: 'watermark', timestamp: 9 },
      { kind: 'epoch', id: 1 },
    ];
    for (const step of before) harness.step(step);
    assert.deepEqual(harness.results, [{ kind: 'epoch', id: 1 }]);
    harness.step({ kind: 'end-of-input', input: 1 });
    harness.step(record(0, 'a', 5, 12));
    harness.end();
    await harness.settle();
    assert.deepEqual(harness.results.map(short), [
      'epoch',
      [1, 2],
      [4, null],
      'watermark 9',
      [5, 2],
      'watermark Infinity',
      'end',
    ]);
  });

  it('takes keys of every kind, with and without a schema', async () => {
    const keys: readonly (readonly [Key, Key])[] = [
      ['a', 'b'],
      [0.5, -7],
      [true, false],
      [2n ** 60n, -1n],
      [
        ['a', 1],
        ['a', 2],
      ],
    ];
    for (const [one, other] of keys) {
      const of = (item: Item): Key => (item.key === 'one' ? one : other);
      const results = await verifyOperator({
        create: () =>
          new BroadcastJoinOperator(specOf({ on: { left: of, right: of, schema: undefined } })),
        ...HARNESS,
        steps: [record(1, 'one', 1), record(0, 'one', 2), record(0, 'other', 4)],
      });
      assert.deepEqual(outputOf(results), ['[2,1] @0'], String(one));
    }
    const on = { left: byText, right: byText, schema: t.enum('a', 'b') };
    const declared = await verifyOperator({
      create: () => new BroadcastJoinOperator(specOf({ on })),
      ...HARNESS,
      steps: [record(1, 'a', 1), record(0, 'a', 2)],
    });
    assert.deepEqual(outputOf(declared), ['[2,1] @0']);
  });

  it('T1: refuses keys of another family, and names the function that is mistaken', async () => {
    const mixed = (item: Item): Key => (item.key === 'a' ? 'a' : 1);
    const refused = {
      mixed: ['STATE_KEY_FAMILY', mixed],
      none: ['DATA_INVALID_KEY', () => undefined as never],
      thrown: ['USER_CODE_FAILED', () => thrown()],
    } as const;
    for (const [code, left] of Object.values(refused)) {
      const operator = new BroadcastJoinOperator(
        specOf({ on: { left, right: byText, schema: undefined } }),
      );
      const steps = [record(1, 'a', 1), record(0, 'b', 2)];
      await assert.rejects(run({ operator, ...HARNESS }, steps), { code });
    }
  });
});

const byText = (item: Item): string => item.key;

function thrown(): never {
  throw new RangeError('no key');
}

function record(input: 0 | 1, key: string, id: number, timestamp = 0): OperatorStep {
  return { kind: 'record', value: { key, id, at: timestamp }, timestamp, input };
}

function short(result: OperatorResult): unknown {
  if (result.kind === 'record') return result.value;
  return result.kind === 'watermark' ? `watermark ${result.timestamp}` : result.kind;
}
