/**
 * Source text of the encoder and decoder of the values of a shape (`shape.ts`): the frequent kinds
 * of values in place, byte for byte as `encodeValue` writes them, all others by a call.
 */
import { quote, quoteProperty } from '../base/generated-code.ts';
import { Tag } from './dynamic-tag.ts';

/**
 * A function body with the parameter `any` (encodeValue); returns `(value, writer, depth) => void`.
 */
export function shapeEncoderSource(keys: readonly string[]): string {
  const values = keys.map(
    (key) => `x = v[${quote(key)}];
if (typeof x === 'string' && (n = x.length) < 64 && p + 2 + 3 * n <= w.limit && w.ascii(x, p + 2)) {
  b[p] = ${Tag.string}; b[p + 1] = n << 1; p += 2 + n;
} else if (typeof x === 'number' && p + 9 <= w.limit) {
  if ((x | 0) === x && (x !== 0 || 1 / x > 0)) {
    if (x >= 0 && x < 128) b[p++] = 128 | x;
    else { b[p] = ${Tag.int32}; view.setInt32(p + 1, x, true); p += 5; }
  } else {
    b[p] = ${Tag.float64};
    if (x === x) view.setFloat64(p + 1, x, true); else view.setFloat64(p + 1, NaN, true);
    p += 9;
  }
} else { w.position = p; any(x, w, depth); p = w.position; b = w.bytes; view = w.view; }`,
  );
  return `return (v, w, depth) => {
let x, n, p = w.position, b = w.bytes, view = w.view;
${values.join('\n')}
w.position = p;
};`;
}

/**
 * A function body with `any` (decodeValue) and `text` (asciiText); returns `(reader, depth) =>
 * object`.
 */
export function shapeDecoderSource(keys: readonly string[]): string {
  const values = keys.map(
    (_key, i) => `let a${i};
t = p < end ? b[p] : 0;
if (t > 127) { a${i} = t & 127; p++; }
else if (t === ${Tag.string} && p + 2 <= end && (n = b[p + 1]) < 128 && (n & 1) === 0 && p + 2 + (n >> 1) <= end) {
  n >>= 1; a${i} = text(b, p + 2, n); p += 2 + n;
} else if (t === ${Tag.int32} && p + 5 <= end) { a${i} = view.getInt32(p + 1, true); p += 5; }
else if (t === ${Tag.float64} && p + 9 <= end) { a${i} = view.getFloat64(p + 1, true); p += 9; }
else { r.position = p; a${i} = any(r, depth); p = r.position; }`,
  );
  const properties = keys.map((key, i) => `${quoteProperty(key)}: a${i}`);
  return `return (r, depth) => {
const b = r.bytes, view = r.view, end = r.end;
let t, n, p = r.position;
${values.join('\n')}
r.position = p;
return { ${properties.join(', ')} };
};`;
}
