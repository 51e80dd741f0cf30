/**
 * A number for each of many windows, which are numbered in the order of their ends: a tree over
 * runs of windows that have the same number, so that changing a run, and finding those that are low
 * or high, costs the logarithm of how many there are. Trees are values, and plain data: a change
 * makes new nodes along its path, and shares the rest.
 *
 * Invariants
 * N1. A node is of a power of two windows. A number stands for all of them; else `left` and `right`
 *     are its halves, with `add` still to be added to both. The root begins at `base`.
 * N2. `min` and `max` of a node are those of its windows, before what nodes above it add.
 * N3. Halves that are the same number are one. Windows outside the root have the default.
 */

/** Windows by their numbers; both ends included. */
export interface WindowRun {
  readonly first: number;
  readonly last: number;
}

interface Inner {
  readonly add: number;
  readonly min: number;
  readonly max: number;
  readonly left: RangeNode;
  readonly right: RangeNode;
}

export type RangeNode = number | Inner;

export interface RangeTree {
  readonly base: number;
  readonly level: number;
  readonly root: RangeNode;
}

/** Undefined: every window has the default. */
export type RangeNumbers = RangeTree | undefined;

/** What becomes of the number of a whole node; undefined: its halves are to be looked at. */
type Change = (node: RangeNode, above: number) => RangeNode | undefined;

function minOf(node: RangeNode): number {
  return typeof node === 'number' ? node : node.min;
}

function maxOf(node: RangeNode): number {
  return typeof node === 'number' ? node : node.max;
}

export function added(of: RangeNumbers, run: WindowRun, by: number, normal: number): RangeNumbers {
  return changed(of, run, normal, (node) => plus(node, by));
}

export function assigned(
  of: RangeNumbers,
  run: WindowRun,
  value: number,
  normal: number,
): RangeNumbers {
  if (of === undefined && value === normal) return undefined;
  return changed(of, run, normal, (_node, above) => value - above);
}

/** Gives the value to those of the windows that have `Infinity`, which is the default. */
export function filled(of: RangeNumbers, run: WindowRun, value: number): RangeNumbers {
  return changed(of, run, Infinity, (node, above) => {
    if (maxOf(node) < Infinity) return node;
    return minOf(node) === Infinity ? value - above : undefined;
  });
}

/** All windows before `first` get the default. */
export function trimmed(of: RangeNumbers, first: number, normal: number): RangeNumbers {
  if (of === undefined || first <= of.base) return of;
  if (first >= of.base + 2 ** of.level) return undefined;
  return assigned(of, { first: of.base, last: first - 1 }, normal, normal);
}

export function numberAt(of: RangeNumbers, window: number, normal: number): number {
  if (of === undefined || window < of.base || window >= of.base + 2 ** of.level) return normal;
  let { base, root: node } = of;
  let above = 0;
  for (let half = 2 ** of.level / 2; typeof node !== 'number'; half /= 2) {
    above += node.add;
    const isRight = window >= base + half;
    if (isRight) base += half;
    node = isRight ? node.right : node.left;
  }
  return node + above;
}

/** Runs of windows with a number from `low` to `high`, ascending; at most so many windows. */
export function runsWithin(
  of: RangeNumbers,
  { low, high }: { readonly low: number; readonly high: number },
  within: WindowRun,
  atMost: number = Infinity,
): readonly WindowRun[] {
  const runs: { first: number; last: number }[] = [];
  if (of === undefined) return runs;
  let left = atMost;
  const take = (from: number, to: number): void => {
    const first = Math.max(from, within.first);
    const last = Math.min(to, within.last, first + left - 1);
    if (first > last) return;
    left -= last - first + 1;
    const before = runs.at(-1);
    if (before !== undefined && before.last === first - 1) before.last = last;
    else runs.push({ first, last });
  };
  const visit = (node: RangeNode, base: number, size: number, above: number): void => {
    if (left <= 0 || base > within.last || base + size <= within.first) return;
    const [min, max] = [minOf(node) + above, maxOf(node) + above];
    if (max < low || min > high) return;
    if (typeof node === 'number' || (min >= low && max <= high)) {
      take(base, base + size - 1);
      return;
    }
    const half = size / 2;
    visit(node.left, base, half, above + node.add);
    visit(node.right, base + half, half, above + node.add);
  };
  visit(of.root, of.base, 2 ** of.level, 0);
  return runs;
}

/** Visits runs of windows that have the same number, ascending; all that are in `within`. */
export function eachRun(
  of: RangeNumbers,
  within: WindowRun,
  normal: number,
  visit: (first: number, last: number, value: number) => void,
): void {
  let [first, value] = [within.first, NaN];
  let next = within.first;
  const take = (to: number, found: number): void => {
    const last = Math.min(to, within.last);
    if (last < next) return;
    if (found !== value) {
      if (next > first) visit(first, next - 1, value);
      [first, value] = [next, found];
    }
    next = last + 1;
  };
  const walk = (node: RangeNode, base: number, size: number, above: number): void => {
    if (base > within.last || base + size <= within.first) return;
    if (typeof node === 'number') {
      take(base + size - 1, node + above);
      return;
    }
    walk(node.left, base, size / 2, above + node.add);
    walk(node.right, base + size / 2, size / 2, above + node.add);
  };
  if (of !== undefined) {
    take(of.base - 1, normal);
    walk(of.root, of.base, 2 ** of.level, 0);
  }
  take(Infinity, normal);
  if (next > first) visit(first, next - 1, value);
}

/** The lowest number of all windows, the default aside if nothing is below it. */
export function lowest(of: RangeNumbers): number {
  return of === undefined ? Infinity : minOf(of.root);
}

function plus(node: RangeNode, by: number): RangeNode {
  if (typeof node === 'number') return node + by;
  if (by === 0) return node;
  const { add, min, max, left, right } = node;
  return { add: add + by, min: min + by, max: max + by, left, right };
}

/** N2, N3 */
function joined(left: RangeNode, right: RangeNode, add: number): RangeNode {
  if (typeof left === 'number' && left === right) return left + add;
  return {
    add,
    min: Math.min(minOf(left), minOf(right)) + add,
    max: Math.max(maxOf(left), maxOf(right)) + add,
    left,
    right,
  };
}

function changed(of: RangeNumbers, run: WindowRun, normal: number, change: Change): RangeNumbers {
  const { base, level, root } = covering(of, run, normal);
  return rooted(
    base,
    level,
    inNode(root, { base, size: 2 ** level, above: 0 }, run, change),
    normal,
  );
}

interface Place {
  readonly base: number;
  readonly size: number;
  /** Added by the nodes above. */
  readonly above: number;
}

function inNode(
  node: RangeNode,
  { base, size, above }: Place,
  run: WindowRun,
  change: Change,
): RangeNode {
  if (run.first >= base + size || run.last < base) return node;
  if (run.first <= base && base + size - 1 <= run.last) {
    const whole = change(node, above);
    if (whole !== undefined) return whole;
  }
  const isLeaf = typeof node === 'number';
  const add = isLeaf ? 0 : node.add;
  const half = size / 2;
  const below = above + add;
  const before = isLeaf ? node : node.left;
  const behind = isLeaf ? node : node.right;
  const left = inNode(before, { base, size: half, above: below }, run, change);
  const right = inNode(behind, { base: base + half, size: half, above: below }, run, change);
  return left === before && right === behind ? node : joined(left, right, add);
}

/** With a root that holds the run. */
function covering(of: RangeNumbers, { first, last }: WindowRun, normal: number): RangeTree {
  let { base, level, root } = of ?? { base: first, level: 0, root: normal };
  while (first < base || last >= base + 2 ** level) {
    const isBefore = first < base;
    root = isBefore ? joined(normal, root, 0) : joined(root, normal, 0);
    if (isBefore) base -= 2 ** level;
    level += 1;
  }
  return { base, level, root };
}

/** Without halves at the top that only have the default. */
function rooted(base: number, level: number, root: RangeNode, normal: number): RangeNumbers {
  let [from, size, node] = [base, 2 ** level, root];
  while (typeof node !== 'number') {
    const { add, left, right } = node;
    const isRight = typeof left === 'number' && left + add === normal;
    if (!isRight && !(typeof right === 'number' && right + add === normal)) break;
    size /= 2;
    if (isRight) from += size;
    node = plus(isRight ? right : left, add);
  }
  if (node === normal) return undefined;
  return { base: from, level: Math.log2(size), root: node };
}
