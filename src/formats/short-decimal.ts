/**
 * Numbers straight from bytes, bit for bit what `Number` gives: an integer of at most 15 digits is
 * a double, and so is a power of ten up to 22; their product or quotient is rounded once, as the
 * exact result is.
 */

/** Powers of ten that are doubles. */
export const POWERS_OF_TEN: Float64Array = Float64Array.from({ length: 23 }, (_, i) =>
  Number(`1e${i}`),
);

/** Digits that an int32 has room for; it is faster than a double. */
const INT_DIGITS = 9;

/**
 * The number that all of `bytes[start, end)` is, if it is written with digits, at most one point
 * between them and perhaps a minus before them, 15 digits at most; otherwise NaN.
 */
export function shortDecimal(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] !== 0x2d) return unsigned(bytes, start, end);
  return -unsigned(bytes, start + 1, end);
}

function unsigned(bytes: Uint8Array, first: number, end: number): number {
  // A point and 15 digits; longer numbers and none at all are for others.
  if (first >= end || end - first > 16) return NaN;
  const middle = end - first > INT_DIGITS ? first + INT_DIGITS : end;
  let high = 0;
  let p = first;
  for (; p < middle; p++) {
    const c = bytes[p]! - 0x30;
    if (c < 0 || c > 9) return withFraction(bytes, p, end, p === first ? NaN : high);
    high = (high * 10 + c) | 0;
  }
  if (p === end) return high;
  let low = 0;
  for (; p < end; p++) {
    const c = bytes[p]! - 0x30;
    if (c < 0 || c > 9) {
      return withFraction(bytes, p, end, high * POWERS_OF_TEN[p - middle]! + low);
    }
    low = (low * 10 + c) | 0;
  }
  const digits = high * POWERS_OF_TEN[end - middle]! + low;
  return digits > 999_999_999_999_999 ? NaN : digits;
}

/** With the digits `whole` before `point`, which may be none; NaN: there are none. */
function withFraction(bytes: Uint8Array, point: number, end: number, whole: number): number {
  if (bytes[point] !== 0x2e || point + 1 === end) return NaN;
  let digits = whole;
  for (let p = point + 1; p < end; p++) {
    const c = bytes[p]! - 0x30;
    if (c < 0 || c > 9) return NaN;
    digits = digits * 10 + c;
  }
  return digits / POWERS_OF_TEN[end - point - 1]!;
}
