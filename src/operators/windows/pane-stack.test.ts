/** The panes of a key against merging all of them again and again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PaneStack } from './pane-stack.ts';

/** Merging texts shows order, and that each pane is in it once. */
const concatenate = (left: unknown, right: unknown): string => `${String(left)}${String(right)}`;

const moves = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('push' as const), by: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('evict' as const), by: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ kind: fc.constant('clear' as const), by: fc.constant(0) }),
  ),
  { maxLength: 120 },
);

describe('the panes of a key', () => {
  it('P1, P2: always the merge of the panes that are left, in order', () => {
    fc.assert(
      fc.property(moves, (steps) => {
        const stack = new PaneStack(concatenate);
        let panes: { start: number; value: string }[] = [];
        let last = 0;
        let from = 0;
        for (const { kind, by } of steps) {
          if (kind === 'push') {
            last += by;
            stack.push(last, `<${last}>`);
            panes.push({ start: last, value: `<${last}>` });
          } else if (kind === 'evict') {
            from += by;
            stack.evict(from);
            panes = panes.filter(({ start }) => start >= from);
          } else {
            stack.clear();
            panes = [];
          }
          assert.equal(stack.isEmpty, panes.length === 0);
          if (panes.length > 0) {
            assert.equal(stack.total(), panes.map(({ value }) => value).join(''));
          }
        }
      }),
    );
  });

  it('merges about twice a pane, however many panes a window has', () => {
    let merges = 0;
    const stack = new PaneStack((left, right) => {
      merges += 1;
      return (left as number) + (right as number);
    });
    for (let start = 0; start < 10_000; start++) {
      stack.push(start, 1);
      stack.evict(start - 999);
      assert.equal(stack.total(), Math.min(start + 1, 1000));
    }
    assert.ok(merges < 10_000 * 3.1, `${merges} merges`);
  });
});
