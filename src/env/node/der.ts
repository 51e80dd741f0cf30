/** Values of ASN.1 in their distinguished encoding (DER), as far as certificates need them. */

type Der = Uint8Array;

export function sequence(...parts: readonly Der[]): Der {
  return value(0x30, ...parts);
}

export function setOf(part: Der): Der {
  return value(0x31, part);
}

/** `[number]` around a value. */
export function explicit(number: number, part: Der): Der {
  return value(0xa0 | number, part);
}

/** `[number]` in place of a primitive value's own tag. */
export function implicit(number: number, bytes: Uint8Array): Der {
  return value(0x80 | number, bytes);
}

/** A positive integer, most significant byte first. */
export function integer(bytes: Uint8Array): Der {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from += 1;
  const digits = bytes.subarray(from);
  return value(0x02, ...(digits[0]! > 0x7f ? [Uint8Array.of(0)] : []), digits);
}

export function boolean(isTrue: boolean): Der {
  return value(0x01, Uint8Array.of(isTrue ? 0xff : 0));
}

export function octets(bytes: Uint8Array): Der {
  return value(0x04, bytes);
}

export function bits(bytes: Uint8Array, unused: number = 0): Der {
  return value(0x03, Uint8Array.of(unused), bytes);
}

export function utf8(text: string): Der {
  return value(0x0c, new TextEncoder().encode(text));
}

/** @param dotted e.g. `2.5.29.19` */
export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return value(0x06, Uint8Array.from(bytes));
}

/** To the second; of two forms the one that certificates must use for the year. */
export function time(at: Date): Der {
  const digits = at.toISOString().replace(/\.\d+/, '').replaceAll(/[-:T]/g, '');
  const isShort = at.getUTCFullYear() < 2050;
  return value(isShort ? 0x17 : 0x18, new TextEncoder().encode(digits.slice(isShort ? 2 : 0)));
}

function value(tag: number, ...parts: readonly Uint8Array[]): Der {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Uint8Array.of(tag, length), content]);
  const size = length < 0x100 ? [0x81, length] : [0x82, length >>> 8, length & 0xff];
  return Buffer.concat([Uint8Array.of(tag, ...size), content]);
}
