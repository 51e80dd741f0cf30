/** Rows out of the files that a job has written into a folder, as JSON lines or CSV. */
import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Change, Row } from './compare-rows.ts';

const BLOCK_BYTES = 1 << 20;
const LINE_FEED = 10;

export type ColumnKind = 'number' | 'text' | 'time';

export interface Column {
  readonly name: string;
  /** A time is in milliseconds, or in words: both become milliseconds. */
  readonly kind: ColumnKind;
}

type Value = string | number | null;
type JsonRow = Readonly<Record<string, Value | undefined>>;

export function* jsonRows(folder: string, columns: readonly Column[]): Generator<Row> {
  for (const line of linesOf(folder)) yield rowOf(JSON.parse(line) as JsonRow, columns);
}

/** Of Flink's debezium-json. */
export function* debeziumChanges(folder: string, columns: readonly Column[]): Generator<Change> {
  for (const line of linesOf(folder)) {
    const { before, after } = JSON.parse(line) as Record<'before' | 'after', JsonRow | null>;
    yield {
      before: before === null ? undefined : rowOf(before, columns),
      after: after === null ? undefined : rowOf(after, columns),
    };
  }
}

/** Without line ends in cells. */
export function* csvRows(folder: string, columns: readonly Column[]): Generator<Row> {
  for (const line of linesOf(folder)) {
    const cells = csvCells(line);
    yield columns.map(({ kind }, i) => valueOf(cells[i] ?? null, kind));
  }
}

export function csvCells(line: string): readonly string[] {
  const cells = line.match(/(?:"(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? [];
  // The last match is the empty end of the line.
  return cells.slice(0, line.endsWith(',') ? undefined : -1).map((cell) => {
    const text = cell.replace(/,$/, '');
    return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
  });
}

function rowOf(row: JsonRow, columns: readonly Column[]): Row {
  return columns.map(({ name, kind }) => valueOf(row[name] ?? null, kind));
}

function valueOf(value: Value, kind: ColumnKind): Value {
  if (value === null || kind === 'text') return value;
  if (kind === 'number' || typeof value === 'number') return Number(value);
  return timeOf(value);
}

/** `2015-07-15 00:00:10Z` or `2015-07-15T00:00:10.000Z`, or milliseconds. */
function timeOf(text: string): number {
  const millis = /^\d+$/.test(text) ? Number(text) : Date.parse(text.replace(' ', 'T'));
  if (Number.isNaN(millis)) throw new Error(`not a time: ${text}`);
  return millis;
}

/** Of all files but those that are not complete, whose names begin with a dot. */
function* linesOf(folder: string): Generator<string> {
  // Without rows Flink makes none.
  if (!existsSync(folder)) return;
  const names = readdirSync(folder).filter((name) => !/^[._]/.test(name));
  for (const name of names.sort()) yield* linesOfFile(join(folder, name));
}

function* linesOfFile(path: string): Generator<string> {
  const file = openSync(path, 'r');
  try {
    const block = Buffer.allocUnsafe(BLOCK_BYTES);
    let rest = Buffer.alloc(0);
    for (;;) {
      const length = readSync(file, block);
      if (length === 0) break;
      const bytes = Buffer.concat([rest, block.subarray(0, length)]);
      const end = bytes.lastIndexOf(LINE_FEED) + 1;
      rest = bytes.subarray(end);
      if (end > 0) yield* bytes.toString('utf8', 0, end - 1).split('\n');
    }
    if (rest.length > 0) yield rest.toString('utf8');
  } finally {
    closeSync(file);
  }
}
