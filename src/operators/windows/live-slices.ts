/**
 * The slices that hold something, in order. New ones nearly always come last, and old ones leave
 * first, so that it is an array with a moving begin.
 *
 * Invariants
 * L1. `#starts` from `#head` on ascend strictly.
 */

/** Places before `#head` that are kept. */
const GONE_AT_MOST = 1024;

export class LiveSlices {
  #starts: number[];
  #head = 0;

  /** @param starts ascending */
  constructor(starts: readonly number[] = []) {
    this.#starts = [...starts];
  }

  get isEmpty(): boolean {
    return this.#head === this.#starts.length;
  }

  /** The earliest; there must be one. */
  get first(): number {
    return this.#starts[this.#head]!;
  }

  /** @returns whether it was not there. */
  add(start: number): boolean {
    const starts = this.#starts;
    if (this.isEmpty || starts.at(-1)! < start) {
      starts.push(start);
      return true;
    }
    const at = this.#search((candidate) => candidate >= start);
    if (starts[at] === start) return false;
    starts.splice(at, 0, start);
    return true;
  }

  removeFirst(): void {
    this.#head += 1;
    if (this.#head < GONE_AT_MOST || this.#head * 2 < this.#starts.length) return;
    this.#starts = this.#starts.slice(this.#head);
    this.#head = 0;
  }

  /**
   * The earliest slice for which `holds`, which must hold for all slices behind one for which it
   * does; undefined if there is none.
   */
  firstWhere(holds: (start: number) => boolean): number | undefined {
    return this.#starts[this.#search(holds)];
  }

  /** The earliest at or after `at`; undefined if there is none. */
  firstFrom(at: number): number | undefined {
    return this.firstWhere((start) => start >= at);
  }

  /** How many are there from `from` to before `to`. */
  count(from: number, to: number): number {
    return this.#search((start) => start >= to) - this.#search((start) => start >= from);
  }

  /** Those from `from` to before `to`. */
  between(from: number, to: number): readonly number[] {
    const begin = this.#search((start) => start >= from);
    return this.#starts.slice(
      begin,
      this.#search((start) => start >= to),
    );
  }

  *[Symbol.iterator](): Iterator<number> {
    for (let at = this.#head; at < this.#starts.length; at++) yield this.#starts[at]!;
  }

  #search(holds: (start: number) => boolean): number {
    let low = this.#head;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.#starts[middle]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
