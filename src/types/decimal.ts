/**
 * Decimal numbers as text in one canonical form (`-12.50` for scale 2): plain data that is exact,
 * compares with ===, is the same in JSON and can be a key. Arithmetic goes through `unscaled`,
 * which gives the digits as a bigint. A codec stores the digits as a number, not as text.
 */
import { EngineError } from '../base/errors.ts';

declare const brand: unique symbol;

/**
 * Canonical: no `+`, no leading zeros, no `-0`, exactly as many digits after the point as the
 * scale.
 */
export type Decimal = string & { readonly [brand]: 'Decimal' };

/** Up to here the digits fit a double, in less time than a bigint. */
const NUMBER_DIGITS = 15;
const PATTERN = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/**
 * The decimal of `scale` digits after the point. Never rounds: what does not fit is refused.
 * @throws EngineError DATA_INVALID_DECIMAL
 * @example decimal('12.5', 2) // '12.50'
 */
export function decimal(value: string | number | bigint, scale: number): Decimal {
  const match = PATTERN.exec(String(value));
  const fraction = (match?.[3] ?? '').replace(/0+$/, '');
  // Without types a call may leave the scale out, and no number of digits would be wrong.
  if (match === null || !Number.isInteger(scale) || scale < 0 || fraction.length > scale) {
    throw new EngineError('DATA_INVALID_DECIMAL', { value: String(value), scale });
  }
  const digits = BigInt(match[2]! + fraction.padEnd(scale, '0'));
  return fromUnscaled(match[1] === '-' ? -digits : digits, scale);
}

/** `unscaled('12.50')` is 1250n. */
export function unscaled(value: Decimal): bigint {
  return BigInt(value.replace('.', ''));
}

/** `fromUnscaled(1250n, 2)` is '12.50'. */
export function fromUnscaled(digits: bigint, scale: number): Decimal {
  const text = (digits < 0n ? -digits : digits).toString();
  return withPoint(text, scale, digits < 0n);
}

/**
 * The digits of a canonical decimal of at most 15 digits; NaN if it is anything else. For codecs.
 */
export function decimalNumber(value: unknown, precision: number, scale: number): number {
  if (typeof value !== 'string') return NaN;
  const start = value.charCodeAt(0) === 0x2d ? 1 : 0;
  const point = scale === 0 ? value.length : value.length - scale - 1;
  const whole = point - start;
  if (whole < 1 || value.length > NUMBER_DIGITS + 3) return NaN;
  if (scale > 0 && value.charCodeAt(point) !== 0x2e) return NaN;
  if (whole > 1 && value.charCodeAt(start) === 0x30) return NaN;
  let digits = 0;
  for (let i = start; i < value.length; i++) {
    if (i === point) continue;
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return NaN;
    digits = digits * 10 + digit;
  }
  if (digits >= 10 ** precision) return NaN;
  if (start === 0) return digits;
  return digits === 0 ? NaN : -digits;
}

/** The same for any precision. */
export function decimalDigits(
  value: unknown,
  precision: number,
  scale: number,
): bigint | undefined {
  if (typeof value !== 'string' || value.length > precision + 3) return undefined;
  if (!PATTERN.test(value)) return undefined;
  const digits = unscaled(value as Decimal);
  if (digits >= 10n ** BigInt(precision) || digits <= -(10n ** BigInt(precision))) return undefined;
  return fromUnscaled(digits, scale) === value ? digits : undefined;
}

/** The decimal of digits within a double. For codecs. */
export function decimalOfNumber(digits: number, scale: number): Decimal {
  return withPoint(String(Math.abs(digits)), scale, digits < 0);
}

function withPoint(digits: string, scale: number, negative: boolean): Decimal {
  const sign = negative ? '-' : '';
  if (scale === 0) return `${sign}${digits}` as Decimal;
  const padded = digits.padStart(scale + 1, '0');
  const point = padded.length - scale;
  return `${sign}${padded.slice(0, point)}.${padded.slice(point)}` as Decimal;
}
