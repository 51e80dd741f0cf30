import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds, minutes, seconds } from '../base/units.ts';
import { afterFailure, NO_RESTARTS } from './restart-strategy.ts';
import type { RestartStrategy } from './restart-strategy.ts';

/** The delays that answer failures at the given times; undefined where the job gives up. */
function delays(
  strategy: RestartStrategy,
  times: readonly number[],
  draw = 0.5,
): (number | undefined)[] {
  let history = NO_RESTARTS;
  return times.map((at) => {
    const [next, decision] = afterFailure(strategy, history, milliseconds(at), draw);
    history = next;
    return decision.restart ? decision.delay : undefined;
  });
}

test('none never restarts', () => {
  assert.deepEqual(delays({ kind: 'none' }, [0, 1]), [undefined, undefined]);
});

test('fixed-delay restarts as often as it may', () => {
  const strategy: RestartStrategy = { kind: 'fixed-delay', attempts: 2, delay: seconds(3) };
  assert.deepEqual(delays(strategy, [0, 1e9, 2e9, 3e9]), [3000, 3000, undefined, undefined]);
});

test('failure-rate counts the failures of the interval only', () => {
  const strategy: RestartStrategy = {
    kind: 'failure-rate',
    maxFailuresPerInterval: 2,
    interval: minutes(1),
    delay: seconds(1),
  };
  assert.deepEqual(delays(strategy, [0, 50_000, 61_000, 62_000]), [1000, 1000, 1000, undefined]);
  assert.deepEqual(delays(strategy, [0, 1, 59_999]), [1000, 1000, undefined]);
});

const exponential: RestartStrategy = {
  kind: 'exponential-delay',
  initialBackoff: seconds(1),
  maxBackoff: seconds(5),
  multiplier: 2,
  resetThreshold: minutes(10),
  jitter: 0.1,
  attempts: 5,
};

const APART = [0, 1001, 3002, 8003];

test('exponential-delay grows to its bound and starts over after a calm time', () => {
  assert.deepEqual(delays(exponential, APART), [1000, 2000, 4000, 5000]);
  assert.deepEqual(delays(exponential, [0, 1001, 700_000]), [1000, 2000, 1000]);
  const many = [...APART, 14_000, 20_000];
  assert.deepEqual(delays(exponential, many), [1000, 2000, 4000, 5000, 5000, undefined]);
});

test('exponential-delay: what fails during the wait is the same failure, and waits as long', () => {
  assert.deepEqual(delays(exponential, [0, 400, 999, 1000, 1500]), [1000, 600, 1, 2000, 1500]);
});

test('exponential-delay varies within its jitter and never beyond its bounds', () => {
  assert.deepEqual(delays(exponential, APART, 0), [1000, 1800, 3600, 4500]);
  assert.deepEqual(delays(exponential, [0, 1100, 3300, 8003], 0.75), [1050, 2100, 4200, 5000]);
});
