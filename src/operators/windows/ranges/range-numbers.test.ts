import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cases } from '../../../base/cases.test-kit.ts';
import { Prng } from '../../../base/prng.ts';
import {
  added,
  assigned,
  eachRun,
  filled,
  lowest,
  numberAt,
  runsWithin,
  trimmed,
} from './range-numbers.ts';
import type { RangeNode, RangeNumbers, WindowRun } from './range-numbers.ts';

const LOW = -40;
const HIGH = 40;

function drawRun(random: Prng): WindowRun {
  const first = LOW + random.below(HIGH - LOW);
  return { first, last: first + random.below(HIGH - first) };
}

/** What runs are by definition: of `values`, those for which `holds`. */
function runsOf(
  values: readonly number[],
  holds: (value: number) => boolean,
): readonly WindowRun[] {
  const runs: { first: number; last: number }[] = [];
  for (const [index, value] of values.entries()) {
    if (!holds(value)) continue;
    const before = runs.at(-1);
    if (before?.last === LOW + index - 1) before.last += 1;
    else runs.push({ first: LOW + index, last: LOW + index });
  }
  return runs;
}

function nodesOf(of: RangeNumbers): number {
  const count = (node: RangeNode): number =>
    typeof node === 'number' ? 1 : 1 + count(node.left) + count(node.right);
  return of === undefined ? 0 : count(of.root);
}

for (const normal of [0, Infinity]) {
  it(`N1-N3: are what an array would be, with ${normal} as the default`, () => {
    for (let seed = 0; seed < cases(60); seed += 1) {
      const random = Prng.of(seed);
      const values = new Array<number>(HIGH - LOW).fill(normal);
      let tree: RangeNumbers = undefined;
      const set = (run: WindowRun, to: (value: number) => number): void => {
        for (let at = run.first; at <= run.last; at += 1) values[at - LOW] = to(values[at - LOW]!);
      };
      for (let step = 0; step < 40; step += 1) {
        const run = drawRun(random);
        const by = random.below(7) - 2;
        const what = random.below(4);
        if (what === 0) {
          tree = added(tree, run, by, normal);
          set(run, (value) => value + by);
        } else if (what === 1) {
          const value = random.below(3) === 0 ? normal : by;
          tree = assigned(tree, run, value, normal);
          set(run, () => value);
        } else if (what === 2 && normal === Infinity) {
          tree = filled(tree, run, by);
          set(run, (value) => (value === Infinity ? by : value));
        } else if (random.below(4) === 0) {
          tree = trimmed(tree, run.first, normal);
          set({ first: LOW, last: run.first - 1 }, () => normal);
        }
        tree = structuredClone(tree);
        const where = `seed ${seed}, step ${step}`;
        for (let at = LOW; at < HIGH; at += 1) {
          assert.equal(numberAt(tree, at, normal), values[at - LOW], where);
        }
        const bounds = { low: random.below(9) - 4, high: random.below(9) - 2 };
        const expected = runsOf(values, (v) => v >= bounds.low && v <= bounds.high && v !== normal);
        const found = runsWithin(tree, bounds, { first: LOW, last: HIGH - 1 });
        if (!(bounds.low <= normal && normal <= bounds.high))
          assert.deepEqual(found, expected, where);
        assert.equal(Math.min(lowest(tree), normal), Math.min(...values, normal), where);
        const runs: number[] = [];
        const inside = drawRun(random);
        eachRun(tree, inside, normal, (first, last, value) => {
          for (let at = first; at <= last; at += 1) runs.push(value);
        });
        assert.deepEqual(runs, values.slice(inside.first - LOW, inside.last - LOW + 1), where);
      }
    }
  });
}

it('N3: what is alike is one, and what is gone leaves nothing behind', () => {
  let tree: RangeNumbers = undefined;
  for (let at = 0; at < 4096; at += 1) {
    tree = added(tree, { first: at, last: at + 1023 }, 1, 0);
    tree = trimmed(tree, at - 1024, 0);
  }
  assert.ok(nodesOf(tree) < 3 * 4096, `${nodesOf(tree)} nodes`);
  tree = assigned(tree, { first: 3072, last: 5200 }, 7, 0);
  assert.ok(nodesOf(tree) < 60, `${nodesOf(tree)} nodes`);
  assert.equal(trimmed(tree, 6000, 0), undefined);
});

it('finds a few of many', () => {
  const all = assigned(undefined, { first: 0, last: 999 }, 5, Infinity);
  const some = assigned(all, { first: 500, last: 501 }, 9, Infinity);
  const run = { first: -10, last: 2000 };
  assert.deepEqual(runsWithin(some, { low: 9, high: 9 }, run), [{ first: 500, last: 501 }]);
  assert.deepEqual(runsWithin(some, { low: 0, high: 6 }, run, 300), [{ first: 0, last: 299 }]);
  assert.deepEqual(runsWithin(some, { low: 0, high: 6 }, run, 505), [
    { first: 0, last: 499 },
    { first: 502, last: 506 },
  ]);
});
