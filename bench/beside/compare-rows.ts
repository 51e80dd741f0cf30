/**
 * Compares the rows of two results one by one, as multisets: neither system promises an order.
 * Rows that come at about the same place of both are settled at once, so that results of any size
 * can be compared.
 */

/** The fields of a result in their order. */
export type Row = readonly (string | number | null)[];

export interface Comparison {
  readonly equal: boolean;
  /** Of ours. */
  readonly rows: number;
  /** What was compared, where it is not simply the rows. */
  readonly how?: string | undefined;
  /** The first differences: rows, with how often they stand there more than on the other side. */
  readonly onlyOurs: readonly string[];
  readonly onlyFlink: readonly string[];
}

/** How many differences are shown. */
const SHOWN = 3;

export function compareRows(ours: Iterable<Row>, flink: Iterable<Row>): Comparison {
  // How much more often ours has the row.
  const open = new Map<string, number>();
  const left = ours[Symbol.iterator]();
  const right = flink[Symbol.iterator]();
  const settle = (row: Row, by: number): void => {
    const text = JSON.stringify(row);
    const now = (open.get(text) ?? 0) + by;
    if (now === 0) open.delete(text);
    else open.set(text, now);
  };
  let rows = 0;
  for (;;) {
    const [one, other] = [left.next(), right.next()];
    if (one.done === true && other.done === true) break;
    if (one.done !== true) {
      rows += 1;
      settle(one.value, 1);
    }
    if (other.done !== true) settle(other.value, -1);
  }
  const differences = [...open];
  const shown = (sign: number): readonly string[] =>
    differences
      .filter(([, count]) => count * sign > 0)
      .slice(0, SHOWN)
      .map(([text, count]) => `${Math.abs(count)} x ${text}`);
  return { equal: open.size === 0, rows, onlyOurs: shown(1), onlyFlink: shown(-1) };
}

export interface Change {
  readonly before: Row | undefined;
  readonly after: Row | undefined;
}

/**
 * The table that a stream of changes comes to: every row that was put in and not taken out again.
 * @throws Error if a row is taken out that is not there
 */
export function* finalTable(changes: Iterable<Change>): Generator<Row> {
  const table = new Map<string, { readonly row: Row; readonly count: number }>();
  for (const { before, after } of changes) {
    if (before !== undefined) {
      const text = JSON.stringify(before);
      const entry = table.get(text);
      if (entry === undefined) throw new Error(`a row is taken out that is not there: ${text}`);
      if (entry.count === 1) table.delete(text);
      else table.set(text, { ...entry, count: entry.count - 1 });
    }
    if (after !== undefined) {
      const text = JSON.stringify(after);
      table.set(text, { row: after, count: (table.get(text)?.count ?? 0) + 1 });
    }
  }
  for (const { row, count } of table.values()) for (let i = 0; i < count; i += 1) yield row;
}

/** Of each key, its last row. */
export function* lastByKey(rows: Iterable<Row>, key: (row: Row) => unknown): Generator<Row> {
  const last = new Map<unknown, Row>();
  for (const row of rows) last.set(key(row), row);
  yield* last.values();
}
