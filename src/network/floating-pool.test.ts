// The pool between channels that want, have and give back: nothing of it is lost or given twice, it
// follows the need, and all of it is free in the end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FloatingPool } from './floating-pool.ts';
import type { FloatingUser } from './floating-pool.ts';

const KIB = 1024;

class User implements FloatingUser {
  floatingBytes = 0;
  askedBytes = 0;

  granted(bytes: number): void {
    assert.ok(bytes > 0);
    this.floatingBytes += bytes;
  }

  askBack(bytes: number): void {
    assert.ok(bytes > 0 && this.askedBytes + bytes <= this.floatingBytes, 'FP3');
    this.askedBytes += bytes;
  }

  giveBack(pool: FloatingPool, bytes: number): void {
    this.askedBytes -= bytes;
    this.floatingBytes -= bytes;
    pool.release(this, bytes);
  }
}

function poolOf(capacityBytes: number): FloatingPool {
  const pool = new FloatingPool();
  pool.open(capacityBytes);
  return pool;
}

test('FP1, FP2: nothing is lost or given twice, and nothing is free while somebody waits', () => {
  const step = fc.record({
    user: fc.nat({ max: 4 }),
    what: fc.constantFrom('want', 'give', 'leave'),
    bytes: fc.integer({ min: 1, max: 512 * KIB }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pool = poolOf(1024 * KIB);
      const users = Array.from({ length: 5 }, () => new User());
      const held = (): number => users.reduce((sum, each) => sum + each.floatingBytes, 0);
      for (const { user: index, what, bytes } of steps) {
        const user = users[index]!;
        if (what === 'want') {
          const before = user.floatingBytes;
          pool.request(user, bytes);
          if (user.floatingBytes - before < bytes) assert.equal(pool.freeBytes, 0, 'FP2');
        } else if (what === 'give') {
          user.giveBack(pool, Math.min(bytes, user.askedBytes));
        } else {
          const all = user.floatingBytes;
          user.floatingBytes = 0;
          user.askedBytes = 0;
          pool.leave(user, all);
        }
        assert.equal(pool.freeBytes + held(), pool.capacityBytes, 'FP1');
      }
      for (const user of users) {
        const all = user.floatingBytes;
        user.floatingBytes = 0;
        user.askedBytes = 0;
        pool.leave(user, all);
      }
      // Who leaves wants nothing any more, so that the last one leaves all of it free.
      assert.equal(pool.freeBytes, pool.capacityBytes);
    }),
    { seed: 5, numRuns: 300 },
  );
});

test('FP3: the richest gives half of what it has beyond the one that waits, and then no more', () => {
  const pool = poolOf(1000 * KIB);
  const [rich, poor] = [new User(), new User()];
  pool.request(rich, 1500 * KIB);
  assert.equal(rich.floatingBytes, 1000 * KIB, 'and it would take more');
  pool.request(poor, 900 * KIB);
  assert.deepEqual([rich.askedBytes, poor.floatingBytes], [500 * KIB, 0]);
  rich.giveBack(pool, 300 * KIB);
  assert.equal(poor.floatingBytes, 300 * KIB, 'as it comes');
  rich.giveBack(pool, 200 * KIB);
  assert.deepEqual([rich.floatingBytes, poor.floatingBytes], [500 * KIB, 500 * KIB]);
  pool.request(rich, 100 * KIB);
  assert.deepEqual([rich.askedBytes, poor.askedBytes], [0, 0], 'they have the same');
});

test('FP2: who waits has it as soon as another channel has ended', () => {
  const pool = poolOf(100 * KIB);
  const [first, second, third] = [new User(), new User(), new User()];
  pool.request(first, 100 * KIB);
  pool.request(second, 60 * KIB);
  pool.request(third, 60 * KIB);
  first.floatingBytes = 0;
  pool.leave(first, 100 * KIB);
  assert.deepEqual(
    [second.floatingBytes, third.floatingBytes, pool.freeBytes],
    [60 * KIB, 40 * KIB, 0],
  );
});

test('who waits asks again: nobody for what is on its way, and who has become rich for the rest', () => {
  const pool = poolOf(1000 * KIB);
  const [first, second, third] = [new User(), new User(), new User()];
  pool.request(first, 600 * KIB);
  pool.request(second, 400 * KIB);
  pool.request(third, 400 * KIB);
  assert.deepEqual([first.askedBytes, second.askedBytes], [300 * KIB, 0]);
  pool.request(third, 400 * KIB);
  assert.deepEqual([first.askedBytes, second.askedBytes], [300 * KIB, 100 * KIB]);
  pool.request(third, 400 * KIB);
  assert.deepEqual([first.askedBytes, second.askedBytes], [300 * KIB, 100 * KIB]);
  first.giveBack(pool, 300 * KIB);
  second.giveBack(pool, 100 * KIB);
  assert.equal(third.floatingBytes, 400 * KIB);
});
