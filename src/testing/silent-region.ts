/** Shared memory for slots that have a thread to themselves. */
import type { SharedRegion } from '../env/env.ts';

/** A doorbell that nobody rings: everything that happens in a harness happens in its thread. */
export function silentRegion(): SharedRegion {
  const words = new Int32Array(2);
  const exchange = (word: number, value: number): number => {
    const before = words[word]!;
    words[word] = value;
    return before;
  };
  return {
    byteLength: words.byteLength,
    bytes: new Uint8Array(words.buffer),
    load: (word) => words[word]!,
    store: (word, value) => void exchange(word, value),
    exchange,
    compareExchange: (word, expected, value) =>
      words[word] === expected ? exchange(word, value) : words[word]!,
    add: (word, value) => exchange(word, words[word]! + value),
    wait: () => undefined,
    notify: () => undefined,
  };
}
