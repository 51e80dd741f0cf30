/**
 * A list whose elements have times: the content of list state with a time-to-live. Like the arrays
 * of plain list state it is only ever appended to, and replaced by another where elements are to
 * go, so that it is seen as it is at one moment by its length.
 *
 * Invariants
 * S1. An element and its time are at the same place, below `length`. Behind it there may be what
 *     was appended to the list that this one was frozen from.
 * S2. `least` is at or before all times.
 */
export class StampedList {
  readonly items: unknown[];
  readonly times: number[];
  /** S1 */
  length: number;
  /** S2 */
  least: number;

  private constructor(items: unknown[], times: number[], least: number) {
    this.items = items;
    this.times = times;
    this.length = items.length;
    this.least = least;
  }

  /** All elements have the same time. The array belongs to the list from now on. */
  static of(items: unknown[], time: number): StampedList {
    return new StampedList(items, Array<number>(items.length).fill(time), time);
  }

  append(value: unknown, time: number): void {
    this.items.push(value);
    this.times.push(time);
    this.length += 1;
    if (time < this.least) this.least = time;
  }

  appendAll(list: StampedList): void {
    for (let i = 0; i < list.length; i++) this.append(list.items[i], list.times[i]!);
  }

  /** The list as it is now, whatever is appended later. */
  freeze(): StampedList {
    const frozen = new StampedList(this.items, this.times, this.least);
    frozen.length = this.length;
    return frozen;
  }

  holdsAfter(cutoff: number): boolean {
    if (this.length > 0 && this.least > cutoff) return true;
    for (let i = 0; i < this.length; i++) if (this.times[i]! > cutoff) return true;
    return false;
  }

  /** Itself where nothing is at or before `cutoff`, else a list of the others. */
  after(cutoff: number): StampedList {
    if (this.least > cutoff) return this;
    const items: unknown[] = [];
    const times: number[] = [];
    let least = Infinity;
    for (let i = 0; i < this.length; i++) {
      const time = this.times[i]!;
      if (time <= cutoff) continue;
      items.push(this.items[i]);
      times.push(time);
      if (time < least) least = time;
    }
    return items.length === this.length ? this : new StampedList(items, times, least);
  }

  /** The elements, all with that time. */
  stamped(time: number): StampedList {
    return StampedList.of(this.items.slice(0, this.length), time);
  }
}
