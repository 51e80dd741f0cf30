import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cases } from '../../../base/cases.test-kit.ts';
import { hashInt32 } from '../hash-slots.ts';
import { open } from '../heap-backend.test-kit.ts';
import { TimerSpread } from './timer-spread.ts';

/** Times of timers as they come. */
const SHAPES: Readonly<Record<string, (n: number) => number>> = {
  inARow: (n) => n,
  later: (n) => 1_700_000_000_000 + n * 37,
  before1970: (n) => n * 5 - 20_000,
  disorder: (n) => n + (hashInt32(n) % 500),
  windows: (n) => Math.ceil((n + 1) / 1000) * 1000 - 1,
  fewWindows: (n) => Math.ceil((n + 1) / 4000) * 2 ** 30,
  atOnce: () => 86_400_000,
  farApart: (n) => (n % 100) * 2 ** 40 + n,
  growing: (n) => Math.floor(1.004 ** n) % 2 ** 53,
  extremes: (n) => (n % 2 === 0 ? Number.MIN_SAFE_INTEGER + n : Number.MAX_SAFE_INTEGER - n),
};
const shapes = fc.constantFrom(...Object.keys(SHAPES));

function eachOf(times: readonly number[]): (visit: (time: number) => void) => void {
  return (visit) => times.forEach((time) => visit(time));
}

/** What a timer finds in its chain in the mean, itself left out. */
function meanPassed(spread: TimerSpread, heads: number, times: readonly number[]): number {
  const chains = new Int32Array(heads);
  let passed = 0;
  for (const [i, time] of times.entries()) {
    const head = spread.headOf(time, hashInt32(i));
    assert.ok(head >= 0 && head < heads, `H2: head ${head} of ${heads}`);
    passed += chains[head]!;
    chains[head]! += 1;
  }
  return passed / times.length;
}

describe('the spread of timers', () => {
  test('H2, H3: whatever the times are, chains stay as short as with one page', () => {
    const sizes = fc.tuple(
      fc.integer({ min: 3, max: 14 }),
      fc.double({ min: 0.3, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(shapes, sizes, (shape, [exponent, part]) => {
        const heads = 2 ** exponent;
        const times = Array.from({ length: Math.ceil(heads * part) }, (_, n) => SHAPES[shape]!(n));
        const spread = new TimerSpread(8);
        spread.choose(heads, eachOf(times));
        // Half of what is there in the end is passed by one that is added, but for chance.
        const most = 0.5 * (part + 0.5) + 0.3;
        const mean = meanPassed(spread, heads, times);
        if (heads >= 256) assert.ok(mean < most, `${mean}, at most ${most}`);
      }),
      { numRuns: cases(100, 1000) },
    );
  });

  test('what is set in a row lies together, and so does what fires', () => {
    const heads = 2 ** 16;
    const spread = new TimerSpread(8);
    spread.choose(heads, eachOf(Array.from({ length: 50_000 }, (_, n) => 1000 + n)));
    for (const from of [1000, 30_000, 51_000, 1_000_000]) {
      const pages = new Set<number>();
      for (let n = 0; n < 400; n++) pages.add(spread.headOf(from + n, hashInt32(n)) >>> 8);
      assert.ok(pages.size <= 4, `${pages.size} pages of 256`);
    }
  });

  test('H3: times that are crowded after the choice have larger pages after the next one', () => {
    const heads = 2 ** 14;
    const spread = new TimerSpread(8);
    const even = Array.from({ length: heads }, (_, n) => n);
    assert.ok(spread.choose(heads, eachOf(even)));
    for (let n = 0; n < heads * 4; n++) spread.notePassed(2);
    assert.ok(!spread.isCrowded, 'chains of usual length');
    let choices = 0;
    for (let pages = heads / 256; pages > 1; pages /= 4) {
      let added = 0;
      for (; !spread.isCrowded; added++) spread.notePassed(20);
      assert.ok(added > heads / 20 && added < heads / 10, `${added}`);
      spread.choose(heads, eachOf(even));
      choices += 1;
      const used = new Set(even.map((time) => spread.headOf(time, 0)));
      assert.equal(used.size, Math.max(pages / 4, 1));
    }
    assert.equal(choices, 3);
    // With one page, times are looked at again after a while.
    for (let n = 0; n <= heads * 8; n++) spread.notePassed(20);
    assert.ok(spread.isCrowded);
    assert.ok(spread.choose(heads, eachOf(even)), 'smaller pages again');
    assert.ok(new Set(even.map((time) => spread.headOf(time, 0))).size > 1);
  });

  test('nothing is moved where one page goes on', () => {
    const spread = new TimerSpread(8);
    const atOnce = eachOf(Array.from({ length: 1000 }, () => 7));
    assert.ok(spread.choose(1024, atOnce));
    for (let n = 0; n <= 8 * 1024; n++) spread.notePassed(0);
    assert.ok(spread.isCrowded);
    assert.ok(!spread.choose(1024, atOnce));
    assert.ok(!spread.isCrowded);
  });
});

describe('a queue of thousands of timers', () => {
  const changes = fc.record({
    shape: shapes,
    later: shapes,
    live: fc.integer({ min: 600, max: 5000 }),
    keys: fc.integer({ min: 1, max: 5000 }),
    deleted: fc.integer({ min: 2, max: 40 }),
  });

  test('H1: each fires once and in order, also when times are others than those before', () => {
    fc.assert(
      fc.property(changes, ({ shape, later, live, keys, deleted }) => {
        const backend = open();
        const queue = backend.registerTimers<undefined>('timers', undefined);
        const model = new Map<string, number>();
        const keyOf = (n: number): number => hashInt32(n % keys) % 1_000_003;
        const idOf = (key: number, time: number): string => `${key} ${time}`;
        const change = (n: number, at: number): void => {
          const key = keyOf(n);
          backend.setCurrentKey(key, 0);
          if (n % deleted === 1) {
            queue.delete(at, undefined);
            model.delete(idOf(key, at));
          } else {
            queue.register(at, undefined);
            model.set(idOf(key, at), at);
          }
        };
        const pop = (): void => {
          const least = queue.next;
          assert.ok(queue.pop(Infinity));
          assert.equal(queue.at, least);
          assert.ok(model.delete(idOf(backend.currentKey as number, least)), 'fired twice');
        };
        for (let n = 0; n < live * 2; n++) {
          const at = SHAPES[n < live ? shape : later]!(n);
          change(n, at);
          if (n % 7 === 0) change(n, at);
          if (n % 11 === 0 && n > 40) change(n - 40, SHAPES[shape]!(n - 40));
          if (n > live && queue.size > live) pop();
          assert.equal(queue.size, model.size);
        }
        const left = [...model.values()].sort((a, b) => a - b);
        for (const time of left) {
          assert.equal(queue.next, time);
          pop();
        }
        assert.equal(queue.next, Infinity);
      }),
      { numRuns: cases(40, 1000) },
    );
  });
});
