/**
 * What is to happen in a simulation, in order of virtual time: a binary heap of events. Events of
 * one point in time come in the order of a number drawn from the seed, so that a seed decides every
 * race.
 *
 * Invariants
 * Q1. `pop` gives events in order of (time, tie, order); cancelled events never come out.
 * Q2. No more than half of the heap (beyond a small rest) are cancelled events.
 */
import type { SimThread } from './thread.ts';
import type { TraceKind } from './trace.ts';

const CANCELLED_REST = 64;

/**
 * One thing that is to happen. Without a thread it belongs to the simulated world itself and runs
 * no code of the engine.
 */
export class SimEvent {
  readonly micros: number;
  readonly tie: number;
  readonly order: number;
  readonly thread: SimThread | undefined;
  readonly kind: TraceKind;
  readonly a: number;
  readonly b: number;
  readonly action: () => void;
  /** True while it is in the heap or waits at its thread. */
  pending = true;
  /** True once it has left the heap because its thread could not run it; see SimThread. */
  waiting = false;
  /** True if it was cancelled while it was in the heap. */
  cancelled = false;

  constructor(
    micros: number,
    tie: number,
    order: number,
    thread: SimThread | undefined,
    kind: TraceKind,
    a: number,
    b: number,
    action: () => void,
  ) {
    this.micros = micros;
    this.tie = tie;
    this.order = order;
    this.thread = thread;
    this.kind = kind;
    this.a = a;
    this.b = b;
    this.action = action;
  }
}

export class EventQueue {
  readonly #heap: SimEvent[] = [];
  #cancelled = 0;

  /** Events that are still to come. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  push(event: SimEvent): void {
    const heap = this.#heap;
    heap.push(event);
    let index = heap.length - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent]!;
      if (!before(event, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  /** The next event, taken out; undefined when there is none. */
  pop(): SimEvent | undefined {
    for (;;) {
      const event = this.#take();
      if (event === undefined) return undefined;
      if (!event.cancelled) return event;
      this.#cancelled -= 1;
    }
  }

  /** Drops an event that is in the heap. */
  cancel(event: SimEvent): void {
    if (event.cancelled) return;
    event.cancelled = true;
    this.#cancelled += 1;
    if (this.#cancelled > CANCELLED_REST && this.#cancelled * 2 > this.#heap.length) this.#purge();
  }

  #take(): SimEvent | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || last === top) return last;
    this.#sink(last, 0);
    return top;
  }

  #sink(event: SimEvent, from: number): void {
    const heap = this.#heap;
    const length = heap.length;
    let index = from;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= length) break;
      const right = child + 1;
      if (right < length && before(heap[right]!, heap[child]!)) child = right;
      if (!before(heap[child]!, event)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = event;
  }

  #purge(): void {
    const heap = this.#heap;
    let kept = 0;
    for (const event of heap) if (!event.cancelled) heap[kept++] = event;
    heap.length = kept;
    for (let index = (kept >> 1) - 1; index >= 0; index--) this.#sink(heap[index]!, index);
    this.#cancelled = 0;
  }
}

function before(one: SimEvent, other: SimEvent): boolean {
  if (one.micros !== other.micros) return one.micros < other.micros;
  return one.tie !== other.tie ? one.tie < other.tie : one.order < other.order;
}
