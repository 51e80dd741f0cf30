/**
 * Numbers straight from bytes, bit for bit what `Number` gives: an integer of at most 15 digits is
 * a double, and so is a power of ten up to 22; their product or quotient is rounded once, as the
 * exact result is.
 */

/** Powers of ten that are doubles. */
export const POWERS_OF_TEN: Float64Array = Float64Array.from({ length: 23 }, (_, i) =>
  Number(`1e${i}`),
);

/**
 * The number that all of `bytes[start, end)` is, if it is written with digits, at most one point
 * between them and perhaps a minus before them, 15 digits at most; otherwise NaN.
 */
export function shortDecimal(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  const negative = bytes[p] === 0x2d;
  if (negative) p++;
  // A point and 15 digits; longer numbers and none at all are for others.
  if (p >= end || end - p > 16) return NaN;
  let digits = 0;
  let fraction = -1;
  for (const first = p; p < end; p++) {
    const c = bytes[p]! - 0x30;
    if (c >= 0 && c <= 9) {
      digits = digits * 10 + c;
    } else {
      if (c !== -2 || fraction >= 0 || p === first || p + 1 === end) return NaN;
      fraction = p;
    }
  }
  if (fraction < 0) {
    if (digits > 999_999_999_999_999) return NaN;
  } else {
    digits /= POWERS_OF_TEN[end - fraction - 1]!;
  }
  return negative ? -digits : digits;
}
