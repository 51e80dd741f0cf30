/**
 * Memory shared by the threads of this process: a SharedRegion is a SharedArrayBuffer and views of
 * it. Threads hand each other the buffer and wrap it anew (`sharedRegion`).
 */
import type * as V8 from 'node:v8';
import { assert } from '../../base/assert.ts';
import type { Memory, SharedRegion } from '../env.ts';
import { fatal } from './fatal.ts';

export function nodeMemory(): Memory {
  return new NodeMemory();
}

class NodeMemory implements Memory {
  #heap: typeof V8 | undefined;

  allocate(byteLength: number): SharedRegion {
    assert(
      Number.isSafeInteger(byteLength) && byteLength >= 0 && byteLength % 8 === 0,
      `Memory.allocate: ${byteLength} is not a multiple of 8`,
    );
    return sharedRegion(new SharedArrayBuffer(byteLength));
  }

  // Asked once a batch: finding the module anew would double the cost.
  heapUsed(): number {
    this.#heap ??= process.getBuiltinModule('node:v8');
    const { used_heap_size: inside, external_memory: outside } = this.#heap.getHeapStatistics();
    return inside + outside;
  }

  collectGarbage(): void {
    // Threads find it that were started by `nodeWorkers`.
    globalThis.gc?.();
  }
}

/** The region over a buffer that another thread has handed over. */
export function sharedRegion(buffer: SharedArrayBuffer): SharedRegion {
  return new NodeSharedRegion(buffer);
}

/** What is handed to another thread: the buffer under the region. */
export function sharedBuffer(region: SharedRegion): SharedArrayBuffer {
  const { buffer } = region.bytes;
  assert(buffer instanceof SharedArrayBuffer, 'the region is not of this environment');
  assert(buffer.byteLength === region.byteLength, 'the region is a part of a buffer');
  return buffer;
}

class NodeSharedRegion implements SharedRegion {
  readonly byteLength: number;
  readonly bytes: Uint8Array;
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    this.byteLength = buffer.byteLength;
    this.bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
  }

  load(word: number): number {
    return Atomics.load(this.#words, word);
  }

  store(word: number, value: number): void {
    Atomics.store(this.#words, word, value);
  }

  exchange(word: number, value: number): number {
    return Atomics.exchange(this.#words, word, value);
  }

  compareExchange(word: number, expected: number, value: number): number {
    return Atomics.compareExchange(this.#words, word, expected, value);
  }

  add(word: number, value: number): number {
    return Atomics.add(this.#words, word, value);
  }

  // A pending waitAsync does not keep a thread alive: its port does (worker-entry.ts).
  wait(word: number, expected: number, callback: () => void): void {
    const outcome = Atomics.waitAsync(this.#words, word, expected);
    if (outcome.async) outcome.value.then(callback).catch(fatal);
    else setImmediate(callback);
  }

  notify(word: number): void {
    Atomics.notify(this.#words, word);
  }
}
