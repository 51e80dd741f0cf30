/**
 * A heap of the times of timers, each with a number that its owner knows a timer by. Nodes
 * have four children, side by side in memory; times and numbers lie in two arrays, since going down
 * compares times alone.
 *
 * Invariants
 * Q1. Nodes are at FIRST .. FIRST + size - 1; no time is less than that of its parent. The children
 *     of the node at i are the four from 4i - 8 on: they begin at a multiple of four, and so in one
 *     line of memory.
 */
import { grownCapacity } from '../hash-slots.ts';

const FIRST = 3;
const MINIMUM_CAPACITY = 16;

export class TimerHeap {
  size = 0;
  #times = new Float64Array(MINIMUM_CAPACITY);
  #slots = new Int32Array(MINIMUM_CAPACITY);

  /** The least time; Infinity if there is none. */
  get time(): number {
    return this.size === 0 ? Infinity : this.#times[FIRST]!;
  }

  /** The number beside the least time. */
  get slot(): number {
    return this.#slots[FIRST]!;
  }

  get bytes(): number {
    return this.#times.byteLength + this.#slots.byteLength;
  }

  push(time: number, slot: number): void {
    let at = FIRST + this.size;
    if (at === this.#times.length) this.#resize(grownCapacity(at));
    this.size += 1;
    const times = this.#times;
    const slots = this.#slots;
    while (at > FIRST) {
      const parent = (at >> 2) + 2;
      const above = times[parent]!;
      if (above <= time) break;
      times[at] = above;
      slots[at] = slots[parent]!;
      at = parent;
    }
    times[at] = time;
    slots[at] = slot;
  }

  /** Removes the least. */
  pop(): void {
    this.size -= 1;
    const last = FIRST + this.size;
    this.#sink(FIRST, this.#times[last]!, this.#slots[last]!);
  }

  /** Keeps those that `keeps` says so of, under the numbers that it gives; -1 is none. */
  filter(keeps: (slot: number) => number): void {
    const times = this.#times;
    const slots = this.#slots;
    let to = FIRST;
    for (let from = FIRST; from < FIRST + this.size; from++) {
      const kept = keeps(slots[from]!);
      if (kept < 0) continue;
      times[to] = times[from]!;
      slots[to] = kept;
      to += 1;
    }
    this.size = to - FIRST;
    if (this.#times.length > MINIMUM_CAPACITY && to * 4 < this.#times.length) {
      this.#resize(Math.max(to + (to >> 1), MINIMUM_CAPACITY));
    }
    for (let at = ((to - 1) >> 2) + 2; at >= FIRST; at--) {
      if (at < to) this.#sink(at, this.#times[at]!, this.#slots[at]!);
    }
  }

  /** Puts an entry in the place `from`, or below it. */
  #sink(from: number, time: number, slot: number): void {
    const times = this.#times;
    const slots = this.#slots;
    const end = FIRST + this.size;
    let at = from;
    for (;;) {
      const child = at * 4 - 8;
      if (child >= end) break;
      let least = child;
      let lowest = times[child]!;
      const last = Math.min(child + 4, end);
      for (let other = child + 1; other < last; other++) {
        const candidate = times[other]!;
        if (candidate < lowest) {
          lowest = candidate;
          least = other;
        }
      }
      if (lowest >= time) break;
      times[at] = lowest;
      slots[at] = slots[least]!;
      at = least;
    }
    times[at] = time;
    slots[at] = slot;
  }

  #resize(capacity: number): void {
    const times = new Float64Array(capacity);
    const slots = new Int32Array(capacity);
    const end = FIRST + this.size;
    times.set(this.#times.subarray(0, end));
    slots.set(this.#slots.subarray(0, end));
    this.#times = times;
    this.#slots = slots;
  }
}
