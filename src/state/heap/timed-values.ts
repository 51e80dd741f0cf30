/**
 * The values of one key in the order of their timestamps, which can be seen as they are at one
 * moment without being copied: the content of timeline state.
 *
 * Invariants
 * D1. A single entry lies in `#time` and `#value`, and there are no arrays: most keys never have
 *     more. Several lie in both arrays from `#start` on, at the same places, with times ascending;
 *     equal times as they were added. What lies before `#start` is of no use any more.
 * D2. While `#seen`, a view may show the arrays: they are only appended to, and replaced by copies
 *     before anything else is changed in them.
 */
import type { Timeline } from '../../functions/timeline-state.ts';

/** Below it arrays grow by one: most keys have few entries, and room for more is not free. */
const EXACT = 8;
/** Places before `#start` that are worth no copy. */
const SLACK = 16;

export class TimedValues implements Timeline<unknown> {
  #time: number;
  #value: unknown;
  #times: number[] | undefined = undefined;
  #values: unknown[] | undefined = undefined;
  #start = 0;
  #seen = false;

  constructor(time: number, value: unknown) {
    this.#time = time;
    this.#value = value;
  }

  get size(): number {
    return this.#times === undefined ? 1 : this.#times.length - this.#start;
  }

  timeAt(position: number): number {
    return this.#times === undefined ? this.#time : this.#times[this.#start + position]!;
  }

  valueAt(position: number): unknown {
    return this.#times === undefined ? this.#value : this.#values![this.#start + position];
  }

  firstFrom(time: number): number {
    const times = this.#times;
    if (times === undefined) return time <= this.#time ? 0 : 1;
    let low = this.#start;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (times[middle]! < time) low = middle + 1;
      else high = middle;
    }
    return low - this.#start;
  }

  add(time: number, value: unknown): void {
    const times = this.#times ?? this.#spread();
    if (time >= times[times.length - 1]!) this.#append(times, time, value);
    else this.#insert(this.firstFrom(time + 1), time, value);
  }

  put(time: number, value: unknown): void {
    const position = this.firstFrom(time);
    if (position === this.size || this.timeAt(position) !== time) {
      this.add(time, value);
    } else if (this.#times === undefined) {
      this.#value = value;
    } else {
      this.#own();
      this.#values![this.#start + position] = value;
    }
  }

  /** Fewer than all. */
  dropFirst(count: number): void {
    if (this.#times === undefined) return;
    const from = this.#start;
    this.#start = from + count;
    if (this.#start === this.#times.length - 1) this.#gather();
    else if (this.#start > SLACK && this.#start * 2 > this.#times.length) this.#copy();
    else if (!this.#seen) this.#values!.fill(undefined, from, this.#start);
  }

  /** The entries as they are now, whatever happens later. */
  view(): TimedView {
    this.#seen = true;
    return this.peek();
  }

  /** A view that is good only until the next change, and costs later changes nothing. */
  peek(): TimedView {
    return this.#times === undefined
      ? new TimedView([this.#time], [this.#value], 0, 1)
      : new TimedView(this.#times, this.#values!, this.#start, this.#times.length);
  }

  /** D1: a single entry goes into arrays. */
  #spread(): number[] {
    this.#times = [this.#time];
    this.#values = [this.#value];
    this.#value = undefined;
    this.#start = 0;
    this.#seen = false;
    return this.#times;
  }

  /** D1: a single entry is left. */
  #gather(): void {
    this.#time = this.#times![this.#start]!;
    this.#value = this.#values![this.#start];
    this.#times = undefined;
    this.#values = undefined;
  }

  #append(times: number[], time: number, value: unknown): void {
    if (times.length < EXACT) {
      this.#times = moreTimes(times, time);
      this.#values = moreValues(this.#values!, value);
      this.#seen = false;
      return;
    }
    times.push(time);
    this.#values!.push(value);
  }

  /** As many entries move as are later than the new one. */
  #insert(position: number, time: number, value: unknown): void {
    this.#own();
    const times = this.#times!;
    const values = this.#values!;
    const to = this.#start + position;
    let i = times.length - 1;
    times.push(times[i]!);
    values.push(values[i]);
    for (; i > to; i--) {
      times[i] = times[i - 1]!;
      values[i] = values[i - 1];
    }
    times[to] = time;
    values[to] = value;
  }

  /** D2 */
  #own(): void {
    if (this.#seen) this.#copy();
  }

  #copy(): void {
    this.#times = this.#times!.slice(this.#start);
    this.#values = this.#values!.slice(this.#start);
    this.#start = 0;
    this.#seen = false;
  }
}

/** Apart from `moreValues`, so that V8 keeps the numbers of one in the array itself. */
function moreTimes(times: readonly number[], time: number): number[] {
  const length = times.length;
  const copy = new Array<number>(length + 1);
  for (let i = 0; i < length; i++) copy[i] = times[i]!;
  copy[length] = time;
  return copy;
}

function moreValues(values: readonly unknown[], value: unknown): unknown[] {
  const length = values.length;
  const copy = new Array<unknown>(length + 1);
  for (let i = 0; i < length; i++) copy[i] = values[i];
  copy[length] = value;
  return copy;
}

/** TimedValues as they were at one moment. */
export class TimedView {
  readonly #times: readonly number[];
  readonly #values: readonly unknown[];
  readonly #start: number;
  readonly size: number;

  constructor(times: readonly number[], values: readonly unknown[], start: number, end: number) {
    this.#times = times;
    this.#values = values;
    this.#start = start;
    this.size = end - start;
  }

  timeAt(position: number): number {
    return this.#times[this.#start + position]!;
  }

  valueAt(position: number): unknown {
    return this.#values[this.#start + position];
  }
}
