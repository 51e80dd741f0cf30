// The guard forbids what differs from worker to worker, allows what does not, and leaves no trace.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../src/base/errors.ts';
import { guardGlobals } from '../src/graph/build-guard.ts';

test('clock, randomness, timers and fetch throw while the build runs, naming the call', () => {
  const calls: readonly (readonly [string, () => unknown])[] = [
    ['Date.now()', () => Date.now()],
    ['new Date()', () => new Date()],
    ['Date()', () => Date()],
    ['Math.random()', () => Math.random()],
    ['performance.now()', () => performance.now()],
    ['crypto.randomUUID()', () => crypto.randomUUID()],
    ['setTimeout()', () => setTimeout(() => {}, 1)],
    ['fetch()', () => fetch('http://localhost')],
  ];
  for (const [name, call] of calls) {
    assert.throws(
      () => guardGlobals(globalThis).run('my-job', call),
      (error) =>
        isEngineError(error, 'GRAPH_BUILD_FORBIDDEN') && error.message.includes(`called ${name},`),
      name,
    );
  }
});

test('what is given by its arguments stays allowed', () => {
  const built = guardGlobals(globalThis).run('my-job', () => [
    new Date(0).toISOString(),
    Date.UTC(2001, 0, 1),
    Date.parse('2001-01-01T00:00:00Z'),
    new Date(5) instanceof Date,
    Math.max(1, 2),
  ]);
  assert.deepEqual(built, ['1970-01-01T00:00:00.000Z', 978307200000, 978307200000, true, 2]);
});

test('a global that Node loads when it is looked at is not loaded by the guard', () => {
  let loads = 0;
  const clock = { now: () => 1 };
  const lazy = { configurable: true, enumerable: false } as const;
  const get = (): object => ((loads += 1), clock);
  const globals: object = Object.defineProperty({ Date }, 'performance', { ...lazy, get });
  const before = Object.getOwnPropertyDescriptor(globals, 'performance');
  const { now } = clock;
  guardGlobals(globals).run('my-job', () => undefined);
  assert.equal(loads, 0);
  assert.deepEqual(Object.getOwnPropertyDescriptor(globals, 'performance'), before);

  const seen = globals as { readonly performance: typeof clock };
  assert.throws(
    () => guardGlobals(globals).run('my-job', () => seen.performance.now()),
    (error) => isEngineError(error, 'GRAPH_BUILD_FORBIDDEN'),
  );
  assert.deepEqual(Object.getOwnPropertyDescriptor(globals, 'performance'), before);
  assert.equal(seen.performance.now, now);
});

test('everything is as it was afterwards, also after a throw', () => {
  const names = ['Date', 'setTimeout', 'fetch'] as const;
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
  const random = Object.getOwnPropertyDescriptor(Math, 'random');
  const now = Object.getOwnPropertyDescriptor(performance, 'now');
  assert.throws(
    () =>
      guardGlobals(globalThis).run('my-job', () => {
        throw new Error('mine');
      }),
    /mine/,
  );
  assert.deepEqual(
    names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name)),
    before,
  );
  assert.deepEqual(Object.getOwnPropertyDescriptor(Math, 'random'), random);
  assert.deepEqual(Object.getOwnPropertyDescriptor(performance, 'now'), now);
  assert.ok(Date.now() > 0);
});
