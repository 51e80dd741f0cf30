import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { state } from '../functions/state.ts';
import { OperatorHarness } from '../testing/operator-harness.ts';
import type { OperatorResult } from '../testing/operator-harness.ts';
import { verifyOperator } from '../testing/verify-operator.ts';
import { t } from '../types/index.ts';
import { BroadcastProcessOperator } from './broadcast-process-operator.ts';
import { CoProcessOperator } from './co-process-operator.ts';
import type { Operator } from './operator.ts';
import { KeyedProcessOperator, ProcessOperator } from './process-operator.ts';

const SPEC = { pending: state.split(t.string), seen: state.union(t.string) };

function valuesOf(results: readonly OperatorResult[]): unknown[] {
  return results.flatMap((result) => (result.kind === 'record' ? [result.value] : []));
}

/** Keeps two values and lets them go with the third. */
function inThrees(): Operator {
  return new ProcessOperator({
    emits: t.string,
    operatorState: SPEC,
    onElement(value: string, context: any) {
      const { pending, seen } = context.operatorState;
      pending.add(value);
      seen.update([...seen.values(), value].slice(-2));
      if ([...pending.values()].length < 3) return;
      context.emit(`${[...pending.values()].join('')} after ${[...seen.values()].join('')}`);
      pending.clear();
      assert.ok(pending.isEmpty);
    },
    onEnd(context: any) {
      context.emit(`left ${[...context.operatorState.pending.values()].join('')}`);
    },
  });
}

describe('operatorState', () => {
  it('is kept over snapshots at every step', async () => {
    const results = await verifyOperator({
      create: inThrees,
      output: t.string,
      steps: 'abcdefg'.split('').map((value) => ({ kind: 'record', value })),
    });
    assert.deepEqual(valuesOf(results), ['abc after bc', 'def after ef', 'left g']);
  });

  it('is there for functions of every kind', async () => {
    const emits = t.string;
    const add = (value: string, context: any): void => {
      context.operatorState.pending.addAll([value, value]);
    };
    const onEnd = (context: any): void => {
      context.emit([...context.operatorState.pending.values()].join(''));
    };
    const key = { select: (value: unknown) => value as string, schema: undefined };
    const operators: readonly [() => Operator, boolean, boolean][] = [
      [
        () => new KeyedProcessOperator(key, { emits, operatorState: SPEC, onElement: add, onEnd }),
        false,
        true,
      ],
      [
        () =>
          new CoProcessOperator({ emits, operatorState: SPEC, onLeft: add, onRight: add, onEnd }),
        true,
        false,
      ],
      [
        () =>
          new BroadcastProcessOperator([], {
            emits,
            operatorState: SPEC,
            onElement: add,
            onBroadcast: add,
            onEnd,
          }),
        true,
        false,
      ],
    ];
    for (const [create, two, keyed] of operators) {
      const results = await verifyOperator({
        create,
        inputs: two ? 2 : 1,
        keys: keyed ? [key] : undefined,
        output: emits,
        steps: [
          { kind: 'record', value: 'a' },
          { kind: 'record', value: 'b', input: two ? 1 : 0 },
        ],
      });
      assert.deepEqual(valuesOf(results), ['aabb']);
    }
  });

  it('has names of its own beside the lists that operators keep for themselves', async () => {
    const key = { select: (value: unknown) => value as string, schema: undefined };
    const results = await verifyOperator({
      create: () =>
        new KeyedProcessOperator(key, {
          emits: t.string,
          operatorState: { watermark: state.union(t.float64) },
          onElement(_value: string, context: any) {
            context.timers.onEventTime(context.timestamp);
            context.operatorState.watermark.add(-1);
          },
          onTimer(at: number, context: any) {
            context.emit(`${at} ${[...context.operatorState.watermark.values()].join()}`);
          },
        }),
      keys: [key],
      output: t.string,
      steps: [
        { kind: 'record', value: 'a', timestamp: 5 },
        { kind: 'watermark', timestamp: 5 },
        { kind: 'record', value: 'b', timestamp: 7 },
        { kind: 'watermark', timestamp: 7 },
      ],
    });
    assert.deepEqual(valuesOf(results), ['5 -1', '7 -1,-1']);
  });

  it('handles refuse what their schema does not know, and throw outside of a call', async () => {
    let kept: any;
    const harness = new OperatorHarness({
      operator: new ProcessOperator({
        emits: t.string,
        operatorState: SPEC,
        onElement(value: unknown, context: any) {
          kept = context.operatorState.pending;
          kept.add(value);
        },
      }),
      inputs: 1,
      output: t.string,
    });
    await harness.open();
    harness.step({ kind: 'record', value: 'a' });
    for (const use of [
      () => kept.add('b'),
      () => kept.addAll([]),
      () => kept.update([]),
      () => kept.values(),
      () => kept.isEmpty,
      () => kept.clear(),
    ]) {
      assert.throws(use, (error) => isEngineError(error, 'USER_CODE_OUTSIDE_CALL'));
    }
    harness.step({ kind: 'record', value: 1 });
    await harness.settle();
    assert.ok(isEngineError(harness.failure, 'STATE_VALUE_INVALID'), String(harness.failure));
    assert.match(harness.failure.message, /"operatorState\.pending"/);
  });
});
