/**
 * Timers that were registered in the order of their times, which most are: in a ring, so that both
 * ends cost next to nothing.
 *
 * Invariants
 * S1. The `size` entries from `#head` on, around the end, have times that never fall.
 */
import { grownCapacity } from '../hash-slots.ts';

const MINIMUM_CAPACITY = 16;

export class TimerRun {
  size = 0;
  /** The greatest time; -Infinity if there is none. */
  last: number = -Infinity;
  #head = 0;
  #times = new Float64Array(MINIMUM_CAPACITY);
  #slots = new Int32Array(MINIMUM_CAPACITY);

  /** The least time; Infinity if there is none. */
  get time(): number {
    return this.size === 0 ? Infinity : this.#times[this.#head]!;
  }

  /** The number beside the least time. */
  get slot(): number {
    return this.#slots[this.#head]!;
  }

  get bytes(): number {
    return this.#times.byteLength + this.#slots.byteLength;
  }

  /** S1: `time` is not less than `last`. */
  push(time: number, slot: number): void {
    const capacity = this.#times.length;
    if (this.size === capacity) {
      this.#resize(grownCapacity(capacity));
      return this.push(time, slot);
    }
    let at = this.#head + this.size;
    if (at >= capacity) at -= capacity;
    this.#times[at] = time;
    this.#slots[at] = slot;
    this.size += 1;
    this.last = time;
  }

  /** Removes the least. */
  pop(): void {
    const capacity = this.#times.length;
    this.#head = this.#head + 1 === capacity ? 0 : this.#head + 1;
    this.size -= 1;
    if (this.size === 0) this.last = -Infinity;
    if (capacity > MINIMUM_CAPACITY && this.size * 8 < capacity) this.#shrink();
  }

  /** Keeps those that `keeps` says so of, under the numbers that it gives; -1 is none. */
  filter(keeps: (slot: number) => number): void {
    const count = this.size;
    const capacity = this.#times.length;
    let to = this.#head;
    let from = this.#head;
    this.size = 0;
    this.last = -Infinity;
    for (let i = 0; i < count; i++) {
      const time = this.#times[from]!;
      const kept = keeps(this.#slots[from]!);
      from = from + 1 === capacity ? 0 : from + 1;
      if (kept < 0) continue;
      this.#times[to] = time;
      this.#slots[to] = kept;
      to = to + 1 === capacity ? 0 : to + 1;
      this.size += 1;
      this.last = time;
    }
    if (this.size * 4 < capacity) this.#shrink();
  }

  #shrink(): void {
    this.#resize(Math.max(this.size * 2, MINIMUM_CAPACITY));
  }

  #resize(capacity: number): void {
    const times = new Float64Array(capacity);
    const slots = new Int32Array(capacity);
    const first = Math.min(this.size, this.#times.length - this.#head);
    times.set(this.#times.subarray(this.#head, this.#head + first));
    slots.set(this.#slots.subarray(this.#head, this.#head + first));
    times.set(this.#times.subarray(0, this.size - first), first);
    slots.set(this.#slots.subarray(0, this.size - first), first);
    this.#times = times;
    this.#slots = slots;
    this.#head = 0;
  }
}
