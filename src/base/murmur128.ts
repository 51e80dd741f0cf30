/**
 * MurmurHash3, x64, 128 bits, seed 0: the hash of identities (operator ids, fingerprints). Not on
 * a hot path, so it is written with bigint. For the same uid it gives the operator id that Flink
 * gives.
 */

const MASK = 0xffff_ffff_ffff_ffffn;
const C1 = 0x87c3_7b91_1142_53d5n;
const C2 = 0x4cf5_ad43_2745_937fn;

/** 32 hex digits of the bytes, or of the UTF-8 form of the text. */
export function murmur128(input: string | Uint8Array): string {
  const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks = bytes.length >> 4;
  let h1 = 0n;
  let h2 = 0n;
  for (let block = 0; block < blocks; block++) {
    h1 ^= mixFirst(view.getBigUint64(block * 16, true));
    h1 = ((rotate(h1, 27n) + h2) * 5n + 0x52dce729n) & MASK;
    h2 ^= mixSecond(view.getBigUint64(block * 16 + 8, true));
    h2 = ((rotate(h2, 31n) + h1) * 5n + 0x38495ab5n) & MASK;
  }
  const tail = bytes.subarray(blocks * 16);
  h2 ^= mixSecond(littleEndian(tail.subarray(8)));
  h1 ^= mixFirst(littleEndian(tail.subarray(0, 8)));

  const length = BigInt(bytes.length);
  h1 ^= length;
  h2 ^= length;
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  h1 = finish(h1);
  h2 = finish(h2);
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  return hexLittleEndian(h1) + hexLittleEndian(h2);
}

function mixFirst(word: bigint): bigint {
  return (rotate((word * C1) & MASK, 31n) * C2) & MASK;
}

function mixSecond(word: bigint): bigint {
  return (rotate((word * C2) & MASK, 33n) * C1) & MASK;
}

function rotate(word: bigint, by: bigint): bigint {
  return ((word << by) | (word >> (64n - by))) & MASK;
}

function finish(word: bigint): bigint {
  let mixed = word ^ (word >> 33n);
  mixed = (mixed * 0xff51afd7ed558ccdn) & MASK;
  mixed ^= mixed >> 33n;
  mixed = (mixed * 0xc4ceb9fe1a85ec53n) & MASK;
  return mixed ^ (mixed >> 33n);
}

function littleEndian(bytes: Uint8Array): bigint {
  let word = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) word = (word << 8n) | BigInt(bytes[i]!);
  return word;
}

function hexLittleEndian(word: bigint): string {
  let hex = '';
  for (let shift = 0n; shift < 64n; shift += 8n) {
    hex += Number((word >> shift) & 0xffn)
      .toString(16)
      .padStart(2, '0');
  }
  return hex;
}
