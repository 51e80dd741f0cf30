/** What is run in both systems: the same work as a job of Millrace and as one of Flink. */
import {
  NEXMARK_SQL,
  nexmarkScript,
  resultTable,
  scriptOf,
  type FlinkQuery,
} from '../flink/nexmark-sql.ts';
import { NexmarkGenerator } from '../nexmark/generator.ts';
import { compareRows, finalTable, lastByKey, type Comparison, type Row } from './compare-rows.ts';
import { countsOfFirst } from './first-counts.ts';
import { csvRows, debeziumChanges, jsonRows, type Column } from './read-rows.ts';

export interface Files {
  readonly input: string;
  /** A folder. */
  readonly output: string;
}

export interface Outcome {
  /** The folder with the results of the last run. */
  readonly output: string;
  readonly accumulators: ReadonlyMap<string, number>;
}

/** As a script of SQL, or a program of bench/flink/program. */
export type FlinkWork =
  | { readonly script: string }
  | { readonly mainClass: string; readonly args: readonly string[] };

export type InputKind = 'events' | 'bids as JSON' | 'bids as CSV' | 'none';

export interface Pair {
  readonly name: string;
  readonly about: string;
  readonly input: InputKind;
  /** Every 10 s, in both systems; else there are none. */
  readonly checkpoints?: boolean | undefined;
  /** What counts in rates, of so many events. */
  records(events: number): number;
  ours(
    files: Files,
    events: number,
  ): {
    readonly moduleUrl: string;
    readonly parameters: Readonly<Record<string, string | number>>;
  };
  flink(files: Files, events: number): FlinkWork;
  compare(ours: Outcome, flink: Outcome, events: number): Comparison;
}

const same = (events: number): number => events;

function jobUrl(path: string): string {
  return new URL(path, import.meta.url).href;
}

interface Query {
  readonly about: string;
  readonly columns: string;
  readonly sql?: FlinkQuery;
  readonly parameters?: Readonly<Record<string, number>>;
  readonly compare?: Pair['compare'];
}

const TIMES = 'TIMESTAMP_LTZ(3)';

/** From the declaration of a table: `name BIGINT, at TIMESTAMP_LTZ(3)`. */
export function columnsOf(declaration: string): readonly Column[] {
  return declaration.split(', ').map((column) => {
    const [name, type] = column.split(' ') as [string, string];
    return { name, kind: type === TIMES ? 'time' : type === 'STRING' ? 'text' : 'number' };
  });
}

const QUERIES: Readonly<Record<string, Query>> = Object.fromEntries(
  Object.entries({
    q0: 'bids go through',
    q1: 'prices in euros',
    q2: 'bids on some auctions',
    q3: 'join of auctions and people over all time',
    q4: 'mean of the winning prices by category',
    q5: 'auctions with most bids, sliding windows',
    q7: 'highest bids, tumbling windows',
    q8: 'people who sell in the window in which they came',
    q9: 'winning bids',
    q11: 'bids by session',
    q12: 'bids by the clock',
  }).map(([name, about]) => [name, { about, columns: NEXMARK_SQL[name]!.columns }]),
);

const SPECIAL: Readonly<Record<string, Partial<Query>>> = {
  q4: {
    compare(ours, flink) {
      const columns = columnsOf(NEXMARK_SQL['q4']!.columns);
      const last = lastByKey(jsonRows(ours.output, columns), ([category]) => category);
      const table = finalTable(debeziumChanges(flink.output, columns));
      return { ...compareRows(last, table), how: 'the last row of each category' };
    },
  },
  q9: {
    compare(ours, flink) {
      const columns = columnsOf(NEXMARK_SQL['q9']!.columns);
      const table = finalTable(debeziumChanges(flink.output, columns));
      return {
        ...compareRows(jsonRows(ours.output, columns), table),
        how: "the rows of ours, and the table that Flink's changes come to",
      };
    },
  },
  q12: { parameters: { windowSeconds: 1 }, compare: compareByTheClock },
};

const nexmark: readonly Pair[] = Object.entries(QUERIES).map(([name, query]) => {
  const { about, columns, compare, parameters = {} } = { ...query, ...SPECIAL[name] };
  const sql = NEXMARK_SQL[name]!;
  return {
    name,
    about,
    input: 'events',
    records: same,
    ours: ({ input, output }, events) => ({
      moduleUrl: jobUrl(`../nexmark/jobs/${name}.ts`),
      parameters: { events, input, output, results: 'files', ...parameters },
    }),
    flink: (files) => ({ script: nexmarkScript(sql, files) }),
    compare:
      compare ??
      ((ours, flink) => {
        const read = columnsOf(columns);
        return compareRows(jsonRows(ours.output, read), jsonRows(flink.output, read));
      }),
  };
});

const BID =
  'auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, ' +
  'dateTime BIGINT, extra STRING';
const PROJECTED = 'auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, dateTime BIGINT';
const COUNT = `auction BIGINT, bids BIGINT, end ${TIMES}`;

function bidsTable({ input }: Files, format: string, more: string = ''): string {
  return `CREATE TABLE bids (${BID}${more}) WITH (
  'connector' = 'filesystem', 'path' = '${input}', 'format' = '${format}')`;
}

const TIME =
  ", at AS TO_TIMESTAMP_LTZ(dateTime, 3), WATERMARK FOR at AS at - INTERVAL '0.001' SECOND";

const formats: readonly Pair[] = [
  {
    name: 'json-pass',
    about: 'bids from JSON lines to JSON lines',
    input: 'bids as JSON',
    records: same,
    ours: (files) => ({ moduleUrl: jobUrl('jobs/json-pass.ts'), parameters: { ...files } }),
    flink: (files) => ({
      script: scriptOf([
        bidsTable(files, 'json'),
        resultTable(BID, files.output, 'json'),
        'INSERT INTO written SELECT * FROM bids',
      ]),
    }),
    compare: rowsOf(jsonRows, BID),
  },
  {
    name: 'json-count',
    about: 'bids from JSON lines, counted by auction in tumbling windows',
    input: 'bids as JSON',
    records: same,
    ours: (files) => ({ moduleUrl: jobUrl('jobs/json-count.ts'), parameters: { ...files } }),
    flink: (files) => ({
      script: scriptOf([
        bidsTable(files, 'json', TIME),
        resultTable(COUNT, files.output, 'json'),
        `INSERT INTO written SELECT auction, COUNT(*), window_end
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(at), INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end`,
      ]),
    }),
    compare: rowsOf(jsonRows, COUNT),
  },
  {
    name: 'csv-project',
    about: 'bids from CSV to CSV, five of seven columns',
    input: 'bids as CSV',
    records: same,
    ours: (files) => ({ moduleUrl: jobUrl('jobs/csv-project.ts'), parameters: { ...files } }),
    flink: (files) => ({
      script: scriptOf([
        bidsTable(files, 'csv'),
        resultTable(PROJECTED, files.output, 'csv'),
        'INSERT INTO written SELECT auction, bidder, price, channel, dateTime FROM bids',
      ]),
    }),
    compare: rowsOf(csvRows, PROJECTED),
  },
];

const SUM_KEYS = 100_000;
/** Sums are cheap. */
const SUMS_PER_EVENT = 4;

const keyedSum: Pair = {
  name: 'keyed-sum',
  about: 'sums by key in state on the heap, 100,000 keys; numbers are made in the process',
  input: 'none',
  records: (events) => events * SUMS_PER_EVENT,
  ours: (_files, events) => ({
    moduleUrl: jobUrl('../jobs/keyed-sum.ts'),
    parameters: { records: events * SUMS_PER_EVENT, keys: SUM_KEYS },
  }),
  flink: (_files, events) => ({
    mainClass: 'KeyedSum',
    args: [String(events * SUMS_PER_EVENT), String(SUM_KEYS)],
  }),
  compare(ours, flink) {
    const rowOf = ({ accumulators }: Outcome): Row => [
      accumulators.get('records') ?? null,
      // Ours is a sum modulo 2^32.
      (accumulators.get('checksum') ?? 0) % 2 ** 32,
    ];
    return { ...compareRows([rowOf(ours)], [rowOf(flink)]), how: 'number and sum of all sums' };
  },
};

const WITHOUT: readonly Pair[] = [...nexmark, ...formats, keyedSum];

/** Those with much state. */
const CHECKPOINTED = ['q4', 'q5', 'q9', 'keyed-sum'];

export const PAIRS: readonly Pair[] = [
  ...WITHOUT,
  ...WITHOUT.filter(({ name }) => CHECKPOINTED.includes(name)).map((pair) => ({
    ...pair,
    name: `${pair.name}-checkpoints`,
    about: `${pair.about}; a checkpoint every 10 s`,
    checkpoints: true,
  })),
];

function rowsOf(
  read: (folder: string, columns: readonly Column[]) => Iterable<Row>,
  declaration: string,
): Pair['compare'] {
  const columns = columnsOf(declaration);
  return (ours, flink) => compareRows(read(ours.output, columns), read(flink.output, columns));
}

/**
 * Windows of the clock cannot be the same in two runs, and neither system gives those that have not
 * ended with the input. What has been counted is the first so many bids of the file, though: for
 * each bidder as many as there are of his among them. That is held for each system.
 */
function compareByTheClock(ours: Outcome, flink: Outcome, events: number): Comparison {
  const columns = columnsOf(NEXMARK_SQL['q12']!.columns);
  const sides = [ours, flink].map(({ output }) => {
    const totals = new Map<number, number>();
    let all = 0;
    for (const [bidder, bids] of jsonRows(output, columns) as Iterable<[number, number]>) {
      totals.set(bidder, (totals.get(bidder) ?? 0) + bids);
      all += bids;
    }
    const expected = countsOfFirst(new NexmarkGenerator({ events }), all);
    return { all, ...compareRows([...totals], [...expected]) };
  });
  const [one, other] = sides as [(typeof sides)[0], (typeof sides)[0]];
  return {
    equal: one.equal && other.equal,
    rows: one.rows,
    how:
      `of each bidder the bids among the first ${one.all} (ours) and ${other.all} (Flink) of the ` +
      'file: all that windows had ended for',
    onlyOurs: one.onlyOurs,
    onlyFlink: other.onlyOurs,
  };
}
