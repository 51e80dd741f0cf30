/**
 * The panes of one key in a window that moves forward: what of it lies in which slice, and the
 * whole merged, at a cost that does not depend on how many panes there are. New panes come in at
 * the back and old ones leave at the front; the front half of the panes holds merged values of each
 * pane with all that follow it there, and is made anew from the back half whenever it has run out.
 * Most keys have few panes, and in most windows nothing comes or goes: a single pane needs no
 * arrays, and the total is kept.
 *
 * Invariants
 * P1. `#places` from `#head` on are the places of the panes, ascending. Undefined: there is one
 *     pane, at `#oldest`, whose value is `#back`; or none, if `isEmpty`.
 * P2. For panes from `#head` to before `#split`, `#values` holds the merge of the pane with those
 *     behind it up to `#split`; from `#split` on the pane itself. `#back` is the merge of the
 *     latter, undefined if there is none.
 * P3. `#oldest` is the place of the first pane, if there is one. `#total` is the merge of all, or
 *     undefined where that has to be found.
 */

export type Merge = (left: unknown, right: unknown) => unknown;

/** Panes that have left, and still have a place in the arrays. */
const GONE_AT_MOST = 32;

export class PaneStack {
  readonly #merge: Merge;
  #isEmpty = true;
  #oldest = 0;
  #total: unknown = undefined;
  #back: unknown = undefined;
  #places: number[] | undefined = undefined;
  #values: unknown[] | undefined = undefined;
  #head = 0;
  #split = 0;

  constructor(merge: Merge) {
    this.#merge = merge;
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** A pane at a place that is later than all others. Small whole numbers are fast. */
  push(place: number, value: unknown): void {
    if (this.#isEmpty) {
      this.#isEmpty = false;
      this.#oldest = place;
      this.#back = value;
      this.#total = value;
      return;
    }
    if (this.#places === undefined) {
      this.#places = [this.#oldest];
      this.#values = [this.#back];
      this.#split = 0;
    }
    this.#places.push(place);
    this.#values!.push(value);
    this.#back = this.#back === undefined ? value : this.#merge(this.#back, value);
    this.#total = undefined;
  }

  /** Drops the panes before `place`. */
  evict(place: number): void {
    if (this.#oldest < place && !this.#isEmpty) this.#evict(place);
  }

  /** All panes merged, in the order of time. There must be one. */
  total(): unknown {
    return this.#total ?? (this.#total = this.#merged());
  }

  clear(): void {
    this.#isEmpty = true;
    this.#total = undefined;
    this.#back = undefined;
    this.#places = undefined;
    this.#values = undefined;
    this.#head = 0;
  }

  #evict(place: number): void {
    const places = this.#places ?? [];
    let head = this.#head;
    while (head < places.length && places[head]! < place) head += 1;
    if (head >= places.length) {
      this.clear();
      return;
    }
    this.#oldest = places[head]!;
    this.#total = undefined;
    this.#head = head;
    if (head > this.#split) this.#flip(this.#values!);
    if (head > GONE_AT_MOST && head * 2 > places.length) this.#compact(places, this.#values!);
  }

  #merged(): unknown {
    const values = this.#values;
    if (values === undefined || this.#head === this.#split) return this.#back;
    const front = values[this.#head];
    return this.#back === undefined ? front : this.#merge(front, this.#back);
  }

  /** P2: all panes become the front. */
  #flip(values: unknown[]): void {
    const end = values.length;
    for (let at = end - 2; at >= this.#head; at--) {
      values[at] = this.#merge(values[at], values[at + 1]);
    }
    this.#split = end;
    this.#back = undefined;
  }

  #compact(places: number[], values: unknown[]): void {
    this.#places = places.slice(this.#head);
    this.#values = values.slice(this.#head);
    this.#split -= this.#head;
    this.#head = 0;
  }
}
