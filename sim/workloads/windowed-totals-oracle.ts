/** What `windowed-totals` must write, computed by plain loops over all records. */
import { keyOf } from './keyed-totals-oracle.ts';

export const SLIDING_SIZE = 1000;
export const SLIDING_SLIDE = 400;
export const SESSION_GAP = 650;
export const TIMER_DELAY = 500;
export const JOIN_WITHIN = 200;
/** No record is as far behind one that came before it. */
export const OUT_OF_ORDER = 200;
/** One of so many records is a mark as well. */
const MARKS = 13;

/** Event time advances by 10 ms a record, more or less. */
export function timeOf(index: number): number {
  return index * 10 - ((index * 7919) % 100);
}

export function isMark(index: number): boolean {
  return index % MARKS === 0;
}

interface Entry {
  readonly index: number;
  readonly at: number;
}

/** The rows of all files together, in order of text. */
export function expectedWindowRows(records: number, keys: number): readonly string[] {
  const byKey = new Map<number, Entry[]>();
  for (let index = 0; index < records; index += 1) {
    const key = keyOf(index, keys);
    const entries = byKey.get(key) ?? [];
    entries.push({ index, at: timeOf(index) });
    byKey.set(key, entries);
  }
  return [...byKey].flatMap(([key, entries]) => rowsOf(key, entries)).toSorted();
}

function rowsOf(key: number, entries: readonly Entry[]): string[] {
  const row = (what: string, at: number, value: number): string => `${what},${key},${at},${value}`;
  const ordered = entries.toSorted((a, b) => a.at - b.at);
  const times = new Set(entries.map(({ at }) => at + TIMER_DELAY));
  const marks = entries.filter(({ index }) => isMark(index));
  return [
    ...slidingRows(ordered).map(([at, value]) => row('sliding', at, value)),
    ...sessionRows(ordered).map(([at, value]) => row('session', at, value)),
    ...[...times].map((at) => row('timer', at, 0)),
    ...entries.flatMap((entry) =>
      marks
        .filter(({ at }) => Math.abs(at - entry.at) <= JOIN_WITHIN)
        .map((mark) => row('join', entry.index, mark.index)),
    ),
  ];
}

/** Begin of each window, and how many records are in it. */
function slidingRows(ordered: readonly Entry[]): [at: number, value: number][] {
  const counts = new Map<number, number>();
  for (const { at } of ordered) {
    const last = Math.floor(at / SLIDING_SLIDE) * SLIDING_SLIDE;
    for (let start = last; start > at - SLIDING_SIZE; start -= SLIDING_SLIDE) {
      counts.set(start, (counts.get(start) ?? 0) + 1);
    }
  }
  return [...counts];
}

/** Begin of each session, and the sum of the numbers of its records. */
function sessionRows(ordered: readonly Entry[]): [at: number, value: number][] {
  const sessions: [at: number, value: number][] = [];
  let end = -Infinity;
  for (const { at, index } of ordered) {
    if (at > end) sessions.push([at, 0]);
    sessions.at(-1)![1] += index;
    end = Math.max(end, at + SESSION_GAP);
  }
  return sessions;
}
