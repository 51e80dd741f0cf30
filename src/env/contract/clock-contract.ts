/** The contract of `Clock`, sentence by sentence, for every environment. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { days, milliseconds } from '../../base/units.ts';
import type { Clock } from '../env.ts';
import { nextTurn, withRig } from './rig.test-kit.ts';
import type { ClockRig, MakeRig } from './rig.test-kit.ts';

/**
 * @example clockContract('the real clock', () => ({ clock: nodeClock(), run: (body) => body(),
 * ... }))
 */
export function clockContract(name: string, make: MakeRig<ClockRig>): void {
  describe(`Clock: ${name}`, () => {
    timerContract(make);

    test('now is a whole number of milliseconds', () =>
      withRig(make, async ({ clock }) => {
        assert.ok(Number.isSafeInteger(clock.now()));
      }));

    test('monotonic never goes back', () =>
      withRig(make, async ({ clock }) => {
        let last = clock.monotonic();
        for (let i = 0; i < 1000; i += 1) {
          if (i % 100 === 0) await nextTurn(clock);
          const time = clock.monotonic();
          assert.ok(time >= last);
          last = time;
        }
      }));

    test('cpuTime never goes back', () =>
      withRig(make, async ({ clock }) => {
        const before = clock.cpuTime();
        await pause(clock, 2);
        assert.ok(clock.cpuTime() >= before);
      }));

    test('soon calls back in a later turn, after the microtasks of this one', () =>
      withRig(make, async ({ clock }) => {
        const order: string[] = [];
        const called = new Promise<void>((resolve) =>
          clock.soon(() => {
            order.push('soon');
            resolve();
          }),
        );
        order.push('returned');
        await Promise.resolve();
        await Promise.resolve();
        order.push('microtask');
        await called;
        assert.deepEqual(order, ['returned', 'microtask', 'soon']);
      }));
  });
}

function timerContract(make: MakeRig<ClockRig>): void {
  test('after calls back once, not before the delay is over', () =>
    withRig(make, async ({ clock }) => {
      for (const delay of [0, 0.3, 1, 1.7, 5, 12.5, 20]) {
        const start = clock.monotonic();
        let calls = 0;
        await new Promise<void>((resolve) => {
          clock.after(milliseconds(delay), () => {
            calls += 1;
            resolve();
          });
          assert.equal(calls, 0, 'it never calls back inside the call');
        });
        const waited = clock.monotonic() - start;
        assert.ok(waited >= delay, `${waited} ms is less than ${delay}`);
        await pause(clock, 3);
        assert.equal(calls, 1);
      }
    }));

  test('a timer that is disposed of does not call back, one that has is not disturbed by it', () =>
    withRig(make, async ({ clock }) => {
      let calls = 0;
      const cancelled = clock.after(milliseconds(2), () => (calls += 1));
      cancelled[Symbol.dispose]();
      cancelled[Symbol.dispose]();
      const called = clock.after(milliseconds(2), () => (calls += 10));
      await pause(clock, 10);
      called[Symbol.dispose]();
      assert.equal(calls, 10);
    }));

  test('a timer can be disposed of by the callback of another that is due with it', () =>
    withRig(make, async ({ clock }) => {
      let calls = 0;
      const timers: Disposable[] = [];
      const cancelOthers = (): void => {
        calls += 1;
        for (const timer of timers) timer[Symbol.dispose]();
      };
      for (let i = 0; i < 4; i += 1) timers.push(clock.after(milliseconds(5), cancelOthers));
      await pause(clock, 15);
      assert.equal(calls, 1);
    }));

  test('timers of different delays call back in the order of their delays', () =>
    withRig(make, async ({ clock }) => {
      const order: number[] = [];
      for (const delay of [30, 10, 20]) clock.after(milliseconds(delay), () => order.push(delay));
      await pause(clock, 40);
      assert.deepEqual(order, [10, 20, 30]);
    }));

  test('a delay of many days does not call back at once', () =>
    withRig(make, async ({ clock }) => {
      let called = false;
      using _timer = clock.after(days(60), () => {
        called = true;
      });
      await pause(clock, 10);
      assert.equal(called, false);
    }));
}

function pause(clock: Clock, delay: number): Promise<void> {
  return new Promise((resolve) => clock.after(milliseconds(delay), resolve));
}
