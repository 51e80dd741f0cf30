/** Ranges of windows against plain sets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { holdsAll, NO_ENDS, partsOf, withoutRange, withRange } from './end-ranges.ts';
import type { EndRange, EndRanges } from './end-ranges.ts';

const STEP = 10;
const range = fc
  .record({ begin: fc.integer({ min: -30, max: 30 }), more: fc.nat(12) })
  .map(({ begin, more }): EndRange => ({ first: STEP * begin, last: STEP * (begin + more) }));
const move = fc.record({ adds: fc.boolean(), range });

function endsOf({ first, last }: EndRange): number[] {
  const ends: number[] = [];
  for (let end = first; end <= last; end += STEP) ends.push(end);
  return ends;
}

describe('ranges of windows', () => {
  it('E1: are the sets that they stand for', () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), range, (moves, asked) => {
        let ranges: EndRanges = NO_ENDS;
        const set = new Set<number>();
        for (const each of moves) {
          const before = JSON.stringify(ranges);
          const next = (each.adds ? withRange : withoutRange)(ranges, each.range, STEP);
          assert.equal(JSON.stringify(ranges), before, 'they are values');
          ranges = next;
          for (const end of endsOf(each.range)) {
            if (each.adds) set.add(end);
            else set.delete(end);
          }
          for (let at = 0; at + 2 < ranges.length; at += 2) {
            assert.ok(ranges[at]! <= ranges[at + 1]!, 'E1');
            assert.ok(ranges[at + 1]! + STEP < ranges[at + 2]!, 'E1');
          }
          const all: EndRange = { first: -1000, last: 1000 };
          const present = partsOf(ranges, all, 'present', STEP).flatMap(endsOf);
          assert.deepEqual(
            present,
            [...set].sort((a, b) => a - b),
          );
        }
        const ends = endsOf(asked);
        const present = ends.filter((end) => set.has(end));
        const absent = ends.filter((end) => !set.has(end));
        assert.deepEqual(partsOf(ranges, asked, 'present', STEP).flatMap(endsOf), present);
        assert.deepEqual(partsOf(ranges, asked, 'absent', STEP).flatMap(endsOf), absent);
        assert.equal(holdsAll(ranges, asked.first, asked.last), absent.length === 0);
      }),
      { seed: 11, numRuns: 2000 },
    );
  });
});
