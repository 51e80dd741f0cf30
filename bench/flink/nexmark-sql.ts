/**
 * The Nexmark queries as Flink SQL. Events are read from one file of JSON lines by the filesystem
 * connector, each kind from a column of its own; results are written to files as JSON lines. Where
 * a query updates its results, they are written with what they were before, as Debezium does.
 */

export interface FlinkQuery {
  /** The columns of the result, with their types. */
  readonly columns: string;
  readonly select: string;
  /** Which events the query reads, and whether by event time. */
  readonly views: readonly View[];
  /** Rows are replaced by later ones. */
  readonly updates?: boolean | undefined;
}

type View =
  | 'bids'
  | 'bids_by_the_clock'
  | 'auctions'
  | 'people'
  | 'bids_in_time'
  | 'auctions_in_time'
  | 'people_in_time';

const EVENTS: Readonly<Record<string, string>> = {
  person:
    'ROW<id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, ' +
    'state STRING, dateTime BIGINT, extra STRING>',
  auction:
    'ROW<id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, ' +
    'dateTime BIGINT, expires BIGINT, seller BIGINT, category BIGINT, extra STRING>',
  bid:
    'ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, ' +
    'dateTime BIGINT, extra STRING>',
};

const BIDS =
  'SELECT bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.dateTime, bid.extra';
const AUCTIONS =
  'SELECT auction.id, auction.itemName, auction.description, auction.initialBid, ' +
  'auction.reserve, auction.dateTime, auction.expires, auction.seller, auction.category, ' +
  'auction.extra';
const PEOPLE =
  'SELECT person.id, person.name, person.emailAddress, person.creditCard, person.city, ' +
  'person.state, person.dateTime, person.extra';

const VIEWS: Readonly<Record<View, string>> = {
  bids: `${BIDS} FROM events WHERE bid IS NOT NULL`,
  bids_by_the_clock: `${BIDS}, PROCTIME() AS at FROM events WHERE bid IS NOT NULL`,
  auctions: `${AUCTIONS} FROM events WHERE auction IS NOT NULL`,
  people: `${PEOPLE} FROM events WHERE person IS NOT NULL`,
  bids_in_time: `${BIDS}, at FROM events_in_time WHERE bid IS NOT NULL`,
  auctions_in_time: `${AUCTIONS}, at FROM events_in_time WHERE auction IS NOT NULL`,
  people_in_time: `${PEOPLE}, at FROM events_in_time WHERE person IS NOT NULL`,
};

const ALL_BID_COLUMNS =
  'auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, ' +
  'dateTime BIGINT, extra STRING';
const ALL_AUCTION_COLUMNS =
  'id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, ' +
  'dateTime BIGINT, expires BIGINT, seller BIGINT, category BIGINT, extra STRING';

const COUNTS = `SELECT auction, COUNT(*) AS bids, window_start, window_end
  FROM TABLE(HOP(TABLE bids_in_time, DESCRIPTOR(at), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end`;

export const NEXMARK_SQL: Readonly<Record<string, FlinkQuery>> = {
  q0: { columns: ALL_BID_COLUMNS, select: 'SELECT * FROM bids', views: ['bids'] },
  q1: {
    columns: ALL_BID_COLUMNS.replace('price BIGINT', 'price DOUBLE'),
    select: `SELECT auction, bidder, CAST(price AS DOUBLE) * 0.908E0, channel, url, dateTime, extra
  FROM bids`,
    views: ['bids'],
  },
  q2: {
    columns: 'auction BIGINT, price BIGINT',
    select: 'SELECT auction, price FROM bids WHERE MOD(auction, 123) = 0',
    views: ['bids'],
  },
  q3: {
    columns: 'name STRING, city STRING, state STRING, id BIGINT',
    select: `SELECT p.name, p.city, p.state, a.id
  FROM auctions AS a JOIN people AS p ON a.seller = p.id
  WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')`,
    views: ['auctions', 'people'],
  },
  q4: {
    columns: 'category BIGINT, mean DOUBLE',
    select: `SELECT category, AVG(CAST(final AS DOUBLE)) FROM (
    SELECT a.id, a.category, MAX(b.price) AS final
    FROM auctions AS a JOIN bids AS b ON a.id = b.auction
    WHERE b.dateTime BETWEEN a.dateTime AND a.expires
    GROUP BY a.id, a.category
  ) GROUP BY category`,
    views: ['auctions', 'bids'],
    updates: true,
  },
  q5: {
    columns: 'auction BIGINT, bids BIGINT, end TIMESTAMP_LTZ(3)',
    select: `SELECT c.auction, c.bids, c.window_end
  FROM (${COUNTS}) AS c
  JOIN (
    SELECT MAX(bids) AS most, window_start, window_end FROM (${COUNTS})
    GROUP BY window_start, window_end
  ) AS m ON c.window_start = m.window_start AND c.window_end = m.window_end AND c.bids = m.most`,
    views: ['bids_in_time'],
  },
  q7: {
    columns: 'auction BIGINT, bidder BIGINT, price BIGINT, dateTime BIGINT, extra STRING',
    select: `SELECT b.auction, b.bidder, b.price, b.dateTime, b.extra
  FROM (
    SELECT * FROM TABLE(TUMBLE(TABLE bids_in_time, DESCRIPTOR(at), INTERVAL '10' SECOND))
  ) AS b
  JOIN (
    SELECT MAX(price) AS highest, window_start, window_end
    FROM TABLE(TUMBLE(TABLE bids_in_time, DESCRIPTOR(at), INTERVAL '10' SECOND))
    GROUP BY window_start, window_end
  ) AS m
  ON b.window_start = m.window_start AND b.window_end = m.window_end AND b.price = m.highest`,
    views: ['bids_in_time'],
  },
  q8: {
    columns: 'id BIGINT, name STRING, start TIMESTAMP_LTZ(3)',
    select: `SELECT p.id, p.name, p.window_start
  FROM (
    SELECT id, name, window_start, window_end
    FROM TABLE(TUMBLE(TABLE people_in_time, DESCRIPTOR(at), INTERVAL '10' SECOND))
    GROUP BY id, name, window_start, window_end
  ) AS p
  JOIN (
    SELECT seller, window_start, window_end
    FROM TABLE(TUMBLE(TABLE auctions_in_time, DESCRIPTOR(at), INTERVAL '10' SECOND))
    GROUP BY seller, window_start, window_end
  ) AS a
  ON p.id = a.seller AND p.window_start = a.window_start AND p.window_end = a.window_end`,
    views: ['people_in_time', 'auctions_in_time'],
  },
  q9: {
    columns: `${ALL_AUCTION_COLUMNS}, bidder BIGINT, price BIGINT, bidTime BIGINT`,
    select: `SELECT id, itemName, description, initialBid, reserve, dateTime, expires, seller,
    category, extra, bidder, price, bidTime
  FROM (
    SELECT a.*, b.bidder, b.price, b.dateTime AS bidTime, ROW_NUMBER() OVER (
      PARTITION BY a.id ORDER BY b.price DESC, b.dateTime ASC, b.bidder ASC
    ) AS place
    FROM auctions AS a JOIN bids AS b ON a.id = b.auction
    WHERE b.dateTime BETWEEN a.dateTime AND a.expires
  ) WHERE place = 1`,
    views: ['auctions', 'bids'],
    updates: true,
  },
  q11: {
    columns: 'bidder BIGINT, bids BIGINT, start TIMESTAMP_LTZ(3), end TIMESTAMP_LTZ(3)',
    select: `SELECT bidder, COUNT(*), window_start, window_end
  FROM TABLE(
    SESSION(TABLE bids_in_time PARTITION BY bidder, DESCRIPTOR(at), INTERVAL '10' SECOND)
  ) GROUP BY bidder, window_start, window_end`,
    views: ['bids_in_time'],
  },
  q12: {
    columns: 'bidder BIGINT, bids BIGINT, start TIMESTAMP_LTZ(3), end TIMESTAMP_LTZ(3)',
    select: `SELECT bidder, COUNT(*), window_start, window_end
  FROM TABLE(
    TUMBLE(TABLE bids_by_the_clock, DESCRIPTOR(at), INTERVAL '1' SECOND)
  ) GROUP BY bidder, window_start, window_end`,
    views: ['bids_by_the_clock'],
  },
};

/** Without checkpoints; see `SqlFiles`. */
export function nexmarkScript(query: FlinkQuery, { input, output }: SqlFiles): string {
  const timed = query.views.some((view) => view.endsWith('_in_time'));
  const columns = Object.entries(EVENTS).map(([name, type]) => `  ${name} ${type}`);
  const time = [
    '  at AS TO_TIMESTAMP_LTZ(COALESCE(bid.dateTime, auction.dateTime, person.dateTime), 3)',
    "  WATERMARK FOR at AS at - INTERVAL '0.001' SECOND",
  ];
  const statements = [
    `CREATE TABLE ${timed ? 'events_in_time' : 'events'} (\n${[
      ...columns,
      ...(timed ? time : []),
    ].join(',\n')}\n) WITH ('connector' = 'filesystem', 'path' = '${input}', 'format' = 'json')`,
    ...query.views.map((view) => `CREATE VIEW ${view} AS ${VIEWS[view]}`),
    resultTable(query.columns, output, query.updates === true ? 'debezium-json' : 'json'),
    `INSERT INTO written ${query.select}`,
  ];
  return scriptOf(statements);
}

export interface SqlFiles {
  readonly input: string;
  /** A folder. */
  readonly output: string;
}

export function resultTable(columns: string, output: string, format: string): string {
  return `CREATE TABLE written (${columns}) WITH (
  'connector' = 'filesystem', 'path' = '${output}', 'format' = '${format}')`;
}

/** Names that SQL has a meaning for are put in its quotes. */
export function scriptOf(statements: readonly string[]): string {
  const quoted = (text: string, i: number): string =>
    // Every other piece is in apostrophes: a literal.
    i % 2 === 1 ? text : text.replace(/\b(?:at|dateTime|end|start|state)\b/g, '`$&`');
  return statements.map((statement) => `${statement.split("'").map(quoted).join("'")};\n`).join('');
}
