/**
 * Sets of the numbers from 0 to `count` - 1 that are joined step by step (union-find).
 *
 * D1. The root of a set is its smallest member.
 */
export class DisjointSets {
  readonly #parents: Int32Array;

  /** Each number in a set of its own. */
  constructor(count: number) {
    this.#parents = Int32Array.from({ length: count }, (_, index) => index);
  }

  rootOf(member: number): number {
    let at = member;
    while (this.#parents[at] !== at) {
      this.#parents[at] = this.#parents[this.#parents[at]!]!;
      at = this.#parents[at]!;
    }
    return at;
  }

  join(left: number, right: number): void {
    const a = this.rootOf(left);
    const b = this.rootOf(right);
    this.#parents[Math.max(a, b)] = Math.min(a, b);
  }
}
