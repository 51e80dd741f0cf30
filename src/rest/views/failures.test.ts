import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withinLimit } from './failures.ts';
import type { RootExceptionInfo } from './failures.ts';

function failure(length: number, ...concurrent: readonly number[]): RootExceptionInfo {
  const of = (size: number) => ({
    ...{ exceptionName: 'millrace.X', stacktrace: 'x'.repeat(size), timestamp: 1 },
    failureLabels: {},
  });
  return { ...of(length), concurrentExceptions: concurrent.map(of) };
}

test('an answer holds the newest failures within its limit, and says when some are left out', () => {
  const sizes = (failures: readonly RootExceptionInfo[], limit?: number): unknown => {
    const { entries, cut } = withinLimit(failures, limit);
    const each = entries.map(({ stacktrace, concurrentExceptions: others }) => [
      stacktrace.length,
      ...others.map((other) => other.stacktrace.length),
    ]);
    return [each, cut];
  };
  const failures = [failure(10, 5, 5), failure(10), failure(10)];
  assert.deepEqual(sizes(failures), [[[10, 5, 5], [10], [10]], false]);
  assert.deepEqual(sizes(failures, 30), [[[10, 5, 5], [10]], true]);
  assert.deepEqual(sizes(failures, 15), [[[10, 5]], true]);
  assert.deepEqual(sizes(failures, 5), [[[10, 5]], true], 'the newest is always told');
  assert.deepEqual(sizes([]), [[], false]);
  const many = Array.from({ length: 1000 }, () => failure(100_000, 8000, 8000));
  assert.ok(JSON.stringify(withinLimit(many).entries).length < 1.2 * 1024 * 1024);
});
