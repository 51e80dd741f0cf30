/** Numbers as text, in full. */

/** Beyond this many zeros no decimal of 38 digits is meant. */
const SHIFT_MAX = 100;

/**
 * A number of JSON without its exponent: `1.25e1` is `12.5`. Text that is none comes back as it is.
 */
export function exactDecimalText(token: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d+)$/.exec(token);
  if (match === null) return token;
  const [, sign, whole, fraction = '', exponent] = match;
  const shift = Number(exponent);
  if (Math.abs(shift) > SHIFT_MAX) return token;
  const digits =
    '0'.repeat(Math.max(-shift, 0)) + whole! + fraction + '0'.repeat(Math.max(shift, 0));
  const point = Math.max(-shift, 0) + whole!.length + shift;
  const rest = digits.slice(point);
  return `${sign}${digits.slice(0, point)}${rest === '' ? '' : `.${rest}`}`;
}
