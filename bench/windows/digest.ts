/** What of a row of a window goes into a checksum: its key, window and value together. */
export function digestOf(key: number, start: number, value: number): number {
  const place = Math.imul(key, 0x9e37_79b1) ^ Math.imul(start, 0x85eb_ca77);
  return Math.imul(place ^ (place >>> 15), value | 1) + value;
}
