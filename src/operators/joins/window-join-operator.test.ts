// The join within windows against its definition; what functions, triggers and evictors see of it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cases } from '../../base/cases.test-kit.ts';
import { milliseconds } from '../../base/units.ts';
import { evictor } from '../../functions/evictor.ts';
import type {
  CoGroupFunction,
  JoinElement,
  WindowJoinFunction,
} from '../../functions/join-function.ts';
import { state } from '../../functions/state.ts';
import { trigger } from '../../functions/trigger.ts';
import { globalWindow, session, sliding, tumbling } from '../../functions/window.ts';
import type { WindowJoinSpec } from '../../graph/join-spec.ts';
import { verifyOperator } from '../../testing/verify-operator.ts';
import type { OperatorResult, OperatorStep } from '../../testing/operator-harness.ts';
import { dynamic, t } from '../../types/index.ts';
import { WindowJoin } from './join-definitions.test-kit.ts';
import type { JoinWindows } from './join-definitions.test-kit.ts';
import { byKey, events, Item, outputOf, run, stepsOf, watch } from './join.test-kit.ts';
import { WindowJoinOperator } from './window-join-operator.ts';

const Id = t.nullable(t.integer);
const Pair = t.tuple(Id, Id);

function specOf(changes: Partial<WindowJoinSpec> = {}): WindowJoinSpec {
  return {
    kind: 'windowJoin',
    leftKey: byKey,
    rightKey: byKey,
    assigner: tumbling(milliseconds(10)),
    trigger: undefined,
    evictor: undefined,
    allowedLateness: milliseconds(0),
    result: { kind: 'inner', join: ids },
    sides: { left: Item, right: Item },
    ...changes,
  };
}

function ids(left: Item | undefined, right: Item | undefined): unknown {
  return [left?.id ?? null, right?.id ?? null];
}

function specOfWindows({ size, slide, lateness, type }: JoinWindows): WindowJoinSpec {
  return specOf({
    assigner:
      size === slide
        ? tumbling(milliseconds(size))
        : sliding(milliseconds(size), milliseconds(slide)),
    allowedLateness: milliseconds(lateness),
    result: { kind: type, join: ids },
  });
}

const HARNESS = {
  inputs: 2,
  keys: [byKey, byKey],
  output: Pair,
  sideOutputs: { late: t.oneOf({ left: Item, right: Item }) },
} as const;

const windows: fc.Arbitrary<JoinWindows> = fc
  .record({
    slide: fc.integer({ min: 1, max: 6 }),
    panes: fc.integer({ min: 1, max: 3 }),
    lateness: fc.constantFrom(0, 0, 3),
    type: fc.constantFrom('inner' as const, 'left' as const, 'right' as const, 'full' as const),
  })
  .map(({ slide, panes, ...more }) => ({ ...more, slide, size: slide * panes }));

describe('join within windows', () => {
  it('is what its definition says, and keeps nothing at the end', async () => {
    const property = fc.asyncProperty(events({ maxLength: 40 }), windows, async (list, wanted) => {
      const watched = watch(new WindowJoinOperator(specOfWindows(wanted)));
      const results = await run({ operator: watched.operator, ...HARNESS }, stepsOf(list));
      const expected = new WindowJoin(list, wanted);
      assert.deepEqual(outputOf(results), expected.pairs.toSorted());
      assert.deepEqual(outputOf(results, 'late'), expected.late.toSorted());
      assert.equal(watched.state.usage.entries, 0);
    });
    await fc.assert(property, { numRuns: cases(400) });
  });

  it('keeps to the contract of operators, restored at every step', async () => {
    const property = fc.asyncProperty(events({ maxLength: 14 }), windows, async (list, wanted) => {
      await verifyOperator({
        create: () => new WindowJoinOperator(specOfWindows(wanted)),
        ...HARNESS,
        steps: stepsOf(list),
        unordered: true,
      });
    });
    await fc.assert(property, { numRuns: cases(20, 400) });
  });

  it('merges the sessions of both sides', async () => {
    const results = await verifyOperator({
      create: () => new WindowJoinOperator(specOf({ assigner: session(milliseconds(5)) })),
      ...HARNESS,
      steps: [
        record(0, 1, 1),
        record(1, 9, 2),
        record(0, 20, 3),
        // Brings the first two together.
        record(1, 5, 4),
        record(1, 30, 5),
      ],
    });
    assert.deepEqual(valuesOf(results), [
      [1, 2],
      [1, 4],
    ]);
    assert.deepEqual(
      results.flatMap((result) => (result.kind === 'record' ? [result.timestamp] : [])),
      [13, 13],
    );
  });

  it('shows triggers and evictors the side of a record', async () => {
    const results = await verifyOperator({
      create: () =>
        new WindowJoinOperator(
          specOf({
            assigner: globalWindow(),
            trigger: trigger.count(3),
            evictor: evictor.custom<JoinElement<Item, Item>>({
              evictBefore: (elements) =>
                elements.filter(({ value: { side, value } }) => side === 'right' || value.id > 1),
            }),
          }),
        ),
      ...HARNESS,
      steps: [record(0, 1, 1), record(0, 2, 2), record(1, 3, 3)],
    });
    assert.deepEqual(valuesOf(results), [[2, 3]]);
  });

  it('gives a function key, window and side outputs', async () => {
    const pairs: WindowJoinFunction<Item, Item, string, unknown, { far: typeof Pair }> = {
      emits: dynamic,
      outputs: { far: Pair },
      onPair(left, right, context) {
        if (right.at - left.at > 2) context.emitTo('far', [left.id, right.id]);
        else context.emit({ key: context.key, end: context.window.end, of: [left.id, right.id] });
      },
    };
    const results = await verifyOperator({
      create: () =>
        new WindowJoinOperator(specOf({ result: { kind: 'process', function: pairs } })),
      ...HARNESS,
      output: dynamic,
      sideOutputs: { ...HARNESS.sideOutputs, far: Pair },
      steps: [record(0, 1, 1), record(1, 2, 2), record(1, 7, 3)],
    });
    assert.deepEqual(outputOf(results), ['{"key":"a","end":10,"of":[1,2]} @9']);
    assert.deepEqual(outputOf(results, 'far'), ['[1,3] @9']);
  });

  it('names the function that is mistaken', async () => {
    const thrown = (): never => {
      throw new RangeError('no such rate');
    };
    const roles: readonly (readonly [string, WindowJoinSpec['result']])[] = [
      ['full', { kind: 'full', join: thrown }],
      ['onPair', { kind: 'process', function: { emits: dynamic, onPair: thrown } }],
      ['onGroups', { kind: 'coGroup', function: { emits: dynamic, onGroups: thrown } }],
    ];
    for (const [role, result] of roles) {
      const operator = new WindowJoinOperator(specOf({ result }));
      await assert.rejects(run({ operator, ...HARNESS }, [record(0, 1, 1), record(1, 1, 2)]), {
        code: 'USER_CODE_FAILED',
        message: new RegExp(`${role} function of "operator".*no such rate`),
      });
    }
    const promises = { emits: dynamic, onGroups: async () => undefined };
    const operator = new WindowJoinOperator(
      specOf({ result: { kind: 'coGroup', function: promises as never } }),
    );
    await assert.rejects(run({ operator, ...HARNESS }, [record(0, 1, 1)]), {
      code: 'USER_CODE_ASYNC',
      message: /onGroups/,
    });
  });
});

describe('coGroup', () => {
  it('gives both groups in their order, with state, and tells when a window is gone', async () => {
    const groups: CoGroupFunction<
      Item,
      Item,
      string,
      unknown,
      { fired: ReturnType<typeof fired> },
      { all: ReturnType<typeof fired> }
    > = {
      emits: dynamic,
      windowState: { fired: fired() },
      globalState: { all: fired() },
      onGroups(lefts, rights, context) {
        const { windowState, globalState, key } = context;
        windowState.fired.set(windowState.fired.get() + 1);
        globalState.all.set(globalState.all.get() + 1);
        context.emit({
          key,
          lefts: lefts.map(({ id }) => id),
          rights: rights.map(({ id }) => id),
          fired: [windowState.fired.get(), globalState.all.get()],
        });
      },
    };
    const results = await verifyOperator({
      create: () =>
        new WindowJoinOperator(
          specOf({
            result: { kind: 'coGroup', function: groups },
            allowedLateness: milliseconds(5),
          }),
        ),
      ...HARNESS,
      output: dynamic,
      steps: [
        record(1, 3, 1),
        record(0, 2, 2),
        record(1, 1, 3),
        { kind: 'watermark', timestamp: 9 },
        record(0, 4, 4),
        record(0, 11, 5),
        { kind: 'watermark', timestamp: 14 },
        record(0, 5, 6),
      ],
    });
    assert.deepEqual(valuesOf(results), [
      { key: 'a', lefts: [2], rights: [1, 3], fired: [1, 1] },
      { key: 'a', lefts: [2, 4], rights: [1, 3], fired: [2, 2] },
      { key: 'a', lefts: [5], rights: [], fired: [1, 3] },
    ]);
    assert.deepEqual(outputOf(results, 'late'), [
      '{"side":"left","value":{"key":"a","id":6,"at":5}} @5',
    ]);
  });

  it('opens, closes and clears what it is given', async () => {
    const calls: string[] = [];
    const operator = new WindowJoinOperator(
      specOf({
        result: {
          kind: 'coGroup',
          function: {
            emits: dynamic,
            open: ({ operatorName }) => void calls.push(`open ${operatorName}`),
            close: () => void calls.push('close'),
            onGroups: (lefts) => void calls.push(`groups ${lefts.length}`),
            onClear: ({ window }) => void calls.push(`clear ${window.end}`),
          },
        },
      }),
    );
    await run({ operator, ...HARNESS }, [record(0, 1, 1)]);
    assert.deepEqual(calls, ['open operator', 'groups 1', 'clear 10', 'close']);
  });
});

const fired = () => state.value(t.int32, { initial: 0 });

function record(input: 0 | 1, timestamp: number, id: number): OperatorStep {
  return { kind: 'record', value: { key: 'a', id, at: timestamp }, timestamp, input };
}

function valuesOf(results: readonly OperatorResult[]): readonly unknown[] {
  return results.flatMap((result) =>
    result.kind === 'record' && result.tag === undefined ? [result.value] : [],
  );
}
