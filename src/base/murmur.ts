/**
 * MurmurHash3, 32 bit, x86 variant: over bytes, and in the pieces of which it is made, for callers
 * that have words and no bytes. All functions work on and give signed 32-bit integers, which V8
 * keeps unboxed; `>>> 0` makes an unsigned one.
 */

/** The hash of `bytes[start, end)`. */
export function murmur3(
  bytes: Uint8Array,
  start: number = 0,
  end: number = bytes.length,
  seed: number = 0,
): number {
  let hash = seed | 0;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    hash = mixWord(
      hash,
      bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24),
    );
  }
  let tail = 0;
  for (let shift = 0; i < end; i++, shift += 8) tail |= bytes[i]! << shift;
  return finish(mixTail(hash, tail), end - start);
}

/** Takes in four bytes, as a little-endian word. */
export function mixWord(hash: number, word: number): number {
  const mixed = mixTail(hash, word);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

/** Takes in the last one to three bytes; a tail of none is 0 and changes nothing. */
export function mixTail(hash: number, tail: number): number {
  const scrambled = Math.imul(tail, 0xcc9e2d51);
  return hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
}

/** The hash after `length` bytes have been taken in. */
export function finish(hash: number, length: number): number {
  let h = hash ^ length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
