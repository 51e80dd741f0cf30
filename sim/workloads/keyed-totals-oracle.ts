/** What `keyed-totals` must write, computed by a plain loop. */

/** Spreads consecutive numbers over the keys. */
export function keyOf(index: number, keys: number): number {
  return ((index % keys) * 31 + 7) % keys;
}

/** The rows of all files together, in order of text. */
export function expectedRows(records: number, keys: number): readonly string[] {
  const totals = new Map<number, { count: number; sum: number; largest: number }>();
  for (let index = 0; index < records; index += 1) {
    const key = keyOf(index, keys);
    const total = totals.get(key) ?? { count: 0, sum: 0, largest: -1 };
    total.count += 1;
    total.sum += index;
    total.largest = Math.max(total.largest, index);
    totals.set(key, total);
  }
  return [...totals]
    .map(([key, { count, sum, largest }]) => `${key},${count},${sum},${largest}`)
    .toSorted();
}

/** The totals of which `rows` say less than is expected. */
export function lacksRows(rows: readonly string[], expected: readonly string[]): readonly string[] {
  return expected.filter((wanted) => {
    const [key, count, sum, largest] = wanted.split(',').map(Number);
    return !rows.some((row) => {
      const [ofKey, counted, summed, found] = row.split(',').map(Number);
      return ofKey === key && counted! >= count! && summed! >= sum! && found === largest;
    });
  });
}
