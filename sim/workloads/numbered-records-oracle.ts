/** What `numbered-records` must write: for each key the numbers from 1 up, each once. */
import { keyOf } from './keyed-totals-oracle.ts';

/** The rows of all files together, in order of text. */
export function expectedNumbers(records: number, keys: number): readonly string[] {
  const counts = new Map<number, number>();
  const rows: string[] = [];
  for (let index = 0; index < records; index += 1) {
    const key = keyOf(index, keys);
    const number = (counts.get(key) ?? 0) + 1;
    counts.set(key, number);
    rows.push(`${key},${number}`);
  }
  return rows.toSorted();
}
