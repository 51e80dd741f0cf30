/**
 * The panes of one key in a window that moves forward: what of it lies in which slice, and the
 * whole merged, at a cost that does not depend on how many panes there are. New panes come in at
 * the back and old ones leave at the front; the front half of the panes holds merged values of each
 * pane with all that follow it there, and is made anew from the back half whenever it has run out.
 *
 * Invariants
 * P1. `#starts` from `#head` on are the starts of the panes, ascending.
 * P2. For panes from `#head` to before `#split`, `#values` holds the merge of the pane with those
 *     behind it up to `#split`; from `#split` on the pane itself. `#back` is the merge of the
 *     latter, undefined if there is none.
 */

export type Merge = (left: unknown, right: unknown) => unknown;

/** Panes that have left, and still have a place in the arrays. */
const GONE_AT_MOST = 32;

export class PaneStack {
  readonly #merge: Merge;
  #starts: number[] = [];
  #values: unknown[] = [];
  #head = 0;
  #split = 0;
  #back: unknown = undefined;

  constructor(merge: Merge) {
    this.#merge = merge;
  }

  get isEmpty(): boolean {
    return this.#head === this.#starts.length;
  }

  /** A pane that is later than all others. */
  push(start: number, value: unknown): void {
    this.#starts.push(start);
    this.#values.push(value);
    this.#back = this.#back === undefined ? value : this.#merge(this.#back, value);
  }

  /** Drops the panes that begin before `start`. */
  evict(start: number): void {
    const starts = this.#starts;
    let head = this.#head;
    if (head === starts.length || starts[head]! >= start) return;
    while (head < starts.length && starts[head]! < start) head += 1;
    this.#head = head;
    if (head > this.#split) this.#flip();
    if (head > GONE_AT_MOST && head * 2 > starts.length) this.#compact();
  }

  /** All panes merged, in the order of time. There must be one. */
  total(): unknown {
    if (this.#head === this.#split) return this.#back;
    const front = this.#values[this.#head];
    return this.#back === undefined ? front : this.#merge(front, this.#back);
  }

  clear(): void {
    this.#starts = [];
    this.#values = [];
    this.#head = 0;
    this.#split = 0;
    this.#back = undefined;
  }

  /** P2: all panes become the front. */
  #flip(): void {
    const values = this.#values;
    const end = values.length;
    for (let at = end - 2; at >= this.#head; at--) {
      values[at] = this.#merge(values[at], values[at + 1]);
    }
    this.#split = end;
    this.#back = undefined;
  }

  #compact(): void {
    this.#starts = this.#starts.slice(this.#head);
    this.#values = this.#values.slice(this.#head);
    this.#split -= this.#head;
    this.#head = 0;
  }
}
