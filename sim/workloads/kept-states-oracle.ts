/** What `kept-states` must write: what its states hold when the input has ended, each once. */
import { keyOf } from './keyed-totals-oracle.ts';

/** Records of the stream that every subtask gets. */
export const RULES = 20;
/** One of so many records is kept in the lists of the subtask that it passes first. */
export const LISTED = 5;

/** The rows of all files together, in order of text. */
export function expectedStates(records: number, keys: number): readonly string[] {
  const byKey = new Map<number, number[]>();
  const rows: string[] = [];
  for (let index = 0; index < records; index += 1) {
    const key = keyOf(index, keys);
    byKey.set(key, [...(byKey.get(key) ?? []), index]);
    if (index % LISTED === 0) rows.push(`listed,${index},0`);
  }
  for (const [key, indexes] of byKey) {
    rows.push(
      `key,${key},${indexes.length}`,
      ...indexes.flatMap((index) => [`kept,${index},${key}`, `mapped,${index},${key}`]),
    );
  }
  return rows.toSorted();
}
