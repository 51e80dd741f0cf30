/**
 * Memory shared by the threads of a simulated process. Every word operation is a point at which the
 * thread can be killed; what it had written since its previous operation may then be torn.
 *
 * Invariants
 * G1. A word operation is done completely or, if the thread is killed there, not at all.
 * G2. A waiter is called back once, in a turn of its own, after a notify that came after its wait,
 *     or because the word had another value when it began to wait.
 * G3. A region belongs to one process and is handed to threads of that process only.
 */
import { assert } from '../src/base/assert.ts';
import type { Prng } from '../src/base/prng.ts';
import type { Memory, SharedRegion } from '../src/env/env.ts';
import type { SimProcess } from './process.ts';
import type { SimThread } from './thread.ts';

const TORN_UNIT = 8;
/** Microseconds until a notified thread runs, at most. */
const WAKE = 50;

interface Waiter {
  readonly thread: SimThread;
  readonly callback: () => void;
}

/** The memory itself, which outlives the threads that use it. */
export class RegionMemory {
  readonly process: SimProcess;
  readonly byteLength: number;
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #waiters: Map<number, Waiter[]> = new Map();
  #marked: Uint8Array | undefined = undefined;

  constructor(process: SimProcess, byteLength: number) {
    this.process = process;
    this.byteLength = byteLength;
    this.buffer = new SharedArrayBuffer(byteLength);
    this.words = new Int32Array(this.buffer);
    this.#bytes = new Uint8Array(this.buffer);
  }

  addWaiter(word: number, waiter: Waiter): void {
    const waiters = this.#waiters.get(word);
    if (waiters === undefined) this.#waiters.set(word, [waiter]);
    else waiters.push(waiter);
  }

  takeWaiters(word: number): readonly Waiter[] {
    const waiters = this.#waiters.get(word) ?? [];
    this.#waiters.delete(word);
    return waiters;
  }

  /** Remembers the content just after a word operation. */
  mark(): void {
    this.#marked = this.#bytes.slice();
  }

  /**
   * Takes back a part of what was written since the mark: everything behind some point, or some
   * units.
   */
  tear(random: Prng): void {
    const marked = this.#marked;
    if (marked === undefined) return;
    const changed: number[] = [];
    for (let at = 0; at < marked.length; at += TORN_UNIT) {
      for (let index = at; index < at + TORN_UNIT; index++) {
        if (marked[index] === this.#bytes[index]) continue;
        changed.push(at);
        break;
      }
    }
    const cut = random.below(changed.length + 1);
    const scattered = random.chance(0.3);
    changed.forEach((at, index) => {
      const lost = scattered ? random.chance(0.5) : index >= cut;
      if (lost) this.#bytes.set(marked.subarray(at, at + TORN_UNIT), at);
    });
    this.#marked = undefined;
  }

  /** Remembers the content; the function given back restores it. */
  keep(): () => void {
    const kept = this.#bytes.slice();
    return () => this.#bytes.set(kept);
  }
}

/** A thread's hold on shared memory. */
export class SimRegion implements SharedRegion {
  readonly memory: RegionMemory;
  readonly byteLength: number;
  readonly bytes: Uint8Array;
  readonly #thread: SimThread;
  readonly #words: Int32Array;
  readonly #random: Prng;

  constructor(memory: RegionMemory, thread: SimThread, random: Prng) {
    this.memory = memory;
    this.byteLength = memory.byteLength;
    this.bytes = new Uint8Array(memory.buffer);
    this.#thread = thread;
    this.#words = memory.words;
    this.#random = random;
  }

  load(word: number): number {
    this.#check(word);
    return this.#words[word]!;
  }

  store(word: number, value: number): void {
    this.#check(word);
    this.#words[word] = value;
  }

  exchange(word: number, value: number): number {
    this.#check(word);
    const before = this.#words[word]!;
    this.#words[word] = value;
    return before;
  }

  compareExchange(word: number, expected: number, value: number): number {
    this.#check(word);
    const before = this.#words[word]!;
    if (before === (expected | 0)) this.#words[word] = value;
    return before;
  }

  add(word: number, value: number): number {
    this.#check(word);
    const before = this.#words[word]!;
    this.#words[word] = before + value;
    return before;
  }

  wait(word: number, expected: number, callback: () => void): void {
    this.#check(word);
    const waiter = { thread: this.#thread, callback };
    if (this.#words[word] === (expected | 0)) this.memory.addWaiter(word, waiter);
    else this.#thread.soon(callback);
  }

  notify(word: number): void {
    this.#check(word);
    for (const waiter of this.memory.takeWaiters(word)) this.#wake(word, waiter);
  }

  #wake(word: number, waiter: Waiter): void {
    const delay = 1 + this.#random.below(WAKE);
    this.#thread.scheduler.post(waiter.thread, delay, 'wake', word, 0, waiter.callback);
  }

  #check(word: number): void {
    this.#thread.enter();
    assert(
      Number.isInteger(word) && word >= 0 && word < this.#words.length,
      `G1: word ${word} of ${this.#words.length}`,
    );
  }
}

export class SimMemory implements Memory {
  readonly #process: SimProcess;
  readonly #thread: SimThread;
  readonly #random: Prng;

  constructor(process: SimProcess, thread: SimThread, random: Prng) {
    this.#process = process;
    this.#thread = thread;
    this.#random = random;
  }

  allocate(byteLength: number): SharedRegion {
    this.#thread.enter();
    assert(byteLength > 0 && byteLength % 8 === 0, `G1: ${byteLength} bytes are no multiple of 8`);
    const memory = new RegionMemory(this.#process, byteLength);
    this.#process.regions.add(memory);
    return new SimRegion(memory, this.#thread, this.#random);
  }

  heapUsed(): number {
    this.#thread.enter();
    return 0;
  }

  collectGarbage(): void {
    this.#thread.enter();
  }
}

/** The same regions in the hands of another thread of the process. */
export function handOver(
  regions: readonly SharedRegion[],
  thread: SimThread,
  process: SimProcess,
  random: Prng,
): readonly SimRegion[] {
  return regions.map((region) => {
    assert(region instanceof SimRegion, 'G3: a region of another environment');
    assert(region.memory.process === process, 'G3: a region of another process');
    return new SimRegion(region.memory, thread, random);
  });
}
