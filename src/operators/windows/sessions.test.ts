/** Which sessions a span touches, against looking at all of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cases } from '../../base/cases.test-kit.ts';
import { endedBy, touchedBy } from './sessions.ts';

/** Gaps between spans, and their lengths. */
const spans = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })), {
    maxLength: 60,
  })
  .map((pairs) => {
    let at = -150;
    return pairs.map(([gap, length]) => {
      const start = at + gap;
      at = start + length;
      return { start, end: at };
    });
  });

describe('sessions of a key', () => {
  it('S1: those that a span touches are side by side, and are found', () => {
    fc.assert(
      fc.property(spans, fc.integer({ min: -200, max: 400 }), fc.nat(40), (all, start, length) => {
        const end = start + length;
        const touched = all.filter((each) => each.start <= end && each.end >= start);
        const before = all.filter((each) => each.end < start);
        const { from, to } = touchedBy(all, start, end);
        assert.deepEqual(all.slice(from, to), touched);
        assert.equal(from, before.length);
        assert.equal(endedBy(all, start), all.filter((each) => each.end <= start).length);
      }),
      { seed: 5, numRuns: cases(1000) },
    );
  });

  it('are found with few looks among many', () => {
    let looks = 0;
    const many = Array.from({ length: 100_000 }, (_, at) => ({
      get start(): number {
        looks += 1;
        return 10 * at;
      },
      get end(): number {
        looks += 1;
        return 10 * at + 5;
      },
    }));
    for (const at of [0, 1, 499_991, 777_777, 999_983, 999_993, 2_000_000]) {
      looks = 0;
      const { from, to } = touchedBy(many, at, at + 5);
      assert.ok(to - from <= 1);
      assert.ok(looks < 80, `${looks} looks for ${at}`);
    }
  });
});
