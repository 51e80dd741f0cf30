/** Integers as bytes, without a text in between. */

/** The two digits of 0 to 99. */
const PAIRS: Uint8Array = Uint8Array.from({ length: 200 }, (_, i) =>
  i % 2 === 0 ? 0x30 + Math.floor(i / 20) : 0x30 + ((i >> 1) % 10),
);
const MINUS = 0x2d;
const ZERO = 0x30;
const EIGHT_DIGITS = 100_000_000;

/** A sign and as many digits as a safe integer has. */
export const INTEGER_BYTES_MAX = 17;

/**
 * Writes a safe integer as `String` does, -0 as 0; there must be INTEGER_BYTES_MAX bytes.
 * @returns the index after it
 */
export function writeInteger(out: Uint8Array, at: number, value: number): number {
  let p = at;
  let rest = value;
  if (rest < 0) {
    out[p++] = MINUS;
    rest = -rest;
  }
  if (rest < EIGHT_DIGITS) return writeFirst(out, p, rest | 0);
  let high = Math.floor(rest / EIGHT_DIGITS);
  let low = rest - high * EIGHT_DIGITS;
  if (low < 0) {
    // The quotient was rounded up.
    high -= 1;
    low += EIGHT_DIGITS;
  }
  p = writeFirst(out, p, high | 0);
  const upper = (low / 10_000) | 0;
  writeFour(out, p, upper);
  writeFour(out, p + 4, (low - upper * 10_000) | 0);
  return p + 8;
}

/** The first digits of a number, at most eight. */
function writeFirst(out: Uint8Array, at: number, value: number): number {
  if (value < 10_000) return writeFew(out, at, value);
  const upper = (value / 10_000) | 0;
  const p = writeFew(out, at, upper);
  writeFour(out, p, value - upper * 10_000);
  return p + 4;
}

/** Of at most four digits. */
function writeFew(out: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    out[at] = ZERO + value;
    return at + 1;
  }
  if (value < 100) {
    out[at] = PAIRS[value * 2]!;
    out[at + 1] = PAIRS[value * 2 + 1]!;
    return at + 2;
  }
  if (value >= 1000) {
    writeFour(out, at, value);
    return at + 4;
  }
  const first = (value / 100) | 0;
  const pair = (value - first * 100) * 2;
  out[at] = ZERO + first;
  out[at + 1] = PAIRS[pair]!;
  out[at + 2] = PAIRS[pair + 1]!;
  return at + 3;
}

/** With zeros before it. */
function writeFour(out: Uint8Array, at: number, value: number): void {
  const upper = (value / 100) | 0;
  const lower = (value - upper * 100) * 2;
  out[at] = PAIRS[upper * 2]!;
  out[at + 1] = PAIRS[upper * 2 + 1]!;
  out[at + 2] = PAIRS[lower]!;
  out[at + 3] = PAIRS[lower + 1]!;
}
