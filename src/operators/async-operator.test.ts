/** AsyncOperator: order, capacity, retries and time-outs, without any waiting. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { milliseconds } from '../base/units.ts';
import { OperatorHarness } from '../testing/operator-harness.ts';
import type { OperatorResult, OperatorStep } from '../testing/operator-harness.ts';
import { verifyOperator } from '../testing/verify-operator.ts';
import { t } from '../types/index.ts';
import { AsyncOperator } from './async-operator.ts';

const records = (...values: unknown[]): OperatorStep[] =>
  values.map((value) => ({ kind: 'record', value }));
const valuesOf = (results: readonly OperatorResult[]): unknown[] =>
  results.flatMap((result) => (result.kind === 'record' ? [result.value] : []));

describe('AsyncOperator', () => {
  const SECOND = milliseconds(1000);

  it('ordered: results in the order of the input, whatever order they come in', async () => {
    const results = await verifyOperator({
      create: () =>
        new AsyncOperator(
          {
            async call(value) {
              for (let i = 0; i < 10 - (value as number); i += 1) await Promise.resolve();
              return (value as number) * 10;
            },
          },
          { timeout: SECOND, capacity: 3 },
          t.float64,
        ),
      output: t.float64,
      steps: [...records(1, 9, 5), { kind: 'watermark', timestamp: 7 }, ...records(2, 8)],
    });
    assert.deepEqual(
      results.map((result) => (result.kind === 'record' ? result.value : result.kind)),
      [10, 90, 50, 'watermark', 20, 80, 'watermark', 'end'],
    );
  });

  it('unordered: results as they come, but never across a watermark or an epoch mark', async () => {
    const results = await verifyOperator({
      create: () =>
        new AsyncOperator(
          {
            async call(value) {
              for (let i = 0; i < (value as number); i += 1) await Promise.resolve();
              return value;
            },
          },
          { order: 'unordered', timeout: SECOND },
          t.float64,
        ),
      output: t.float64,
      unordered: true,
      steps: [
        ...records(20, 1),
        { kind: 'watermark', timestamp: 7 },
        { kind: 'epoch', id: 1 },
        ...records(9, 2),
      ],
    });
    const shape = results.map((result) => (result.kind === 'record' ? result.value : result.kind));
    assert.deepEqual(new Set(shape.slice(0, 2)), new Set([1, 20]));
    assert.deepEqual(shape.slice(2, 4), ['watermark', 'epoch']);
  });

  const driven = (
    options: ConstructorParameters<typeof AsyncOperator>[1],
    fn: ConstructorParameters<typeof AsyncOperator>[0],
  ): OperatorHarness =>
    new OperatorHarness({
      operator: new AsyncOperator(fn, options, t.float64),
      inputs: 1,
      output: t.float64,
    });

  it('A1: holds its input at capacity', async () => {
    let calls = 0;
    const finish: ((value: number) => void)[] = [];
    const harness = driven(
      { timeout: SECOND, capacity: 2 },
      {
        call() {
          calls += 1;
          return new Promise((resolve) => {
            finish.push(resolve);
          });
        },
      },
    );
    await harness.open();
    for (const step of records(1, 2, 3, 4)) harness.step(step);
    await harness.settle();
    assert.equal(calls, 2);
    finish[0]!(1);
    await harness.settle();
    assert.equal(calls, 3);
    await harness.close();
  });

  it('retries with delay, then gives up with the cause', async () => {
    const attempts: number[] = [];
    const harness = driven(
      {
        timeout: milliseconds(10_000),
        retry: {
          kind: 'exponential',
          attempts: 3,
          initialDelay: SECOND,
          maxDelay: milliseconds(1500),
          multiplier: 2,
        },
      },
      {
        async call(_value, { attempt }) {
          attempts.push(attempt);
          throw new Error(`no ${attempt}`);
        },
      },
    );
    await harness.open();
    harness.step({ kind: 'record', value: 1 });
    await harness.settle();
    harness.step({ kind: 'advance', by: milliseconds(999) });
    await harness.settle();
    assert.deepEqual(attempts, [1]);
    harness.step({ kind: 'advance', by: milliseconds(1) });
    await harness.settle();
    harness.step({ kind: 'advance', by: milliseconds(1500) });
    await harness.settle();
    assert.deepEqual(attempts, [1, 2, 3]);
    assert.match((harness.failure as Error).message, /no 3/);
  });

  it('a time-out aborts the call, and fails or takes onTimeout', async () => {
    let aborted = false;
    const never = {
      call(_value: unknown, { signal }: { signal: AbortSignal }): Promise<unknown> {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        return new Promise(() => undefined);
      },
    };
    const failing = driven({ timeout: SECOND }, never);
    await failing.open();
    failing.step({ kind: 'record', value: 1 });
    failing.step({ kind: 'advance', by: SECOND });
    await failing.settle();
    assert.equal((failing.failure as { code: string }).code, 'USER_CODE_TIMED_OUT');
    assert.ok(aborted);
    const falling = driven(
      { timeout: SECOND },
      { ...never, onTimeout: (value) => -(value as number) },
    );
    await falling.open();
    falling.step({ kind: 'record', value: 4 });
    falling.step({ kind: 'advance', by: SECOND });
    await falling.settle();
    assert.deepEqual(valuesOf(falling.results), [-4]);
    await falling.close();
  });
});
