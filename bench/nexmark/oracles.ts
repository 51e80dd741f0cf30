/**
 * What each Nexmark job must give, by the definition of its query: plain loops over the events in
 * the order in which they come, which know nothing of the engine.
 */
import type { Auction, Bid, Event, Person } from './events.ts';

/** A row of a result, with its fields in the order in which the job writes them. */
export type Row = Readonly<Record<string, unknown>>;

const SECOND = 1000;

/** Of queries whose results are a function of the events alone. */
export const ORACLES: Readonly<Record<string, (events: readonly Event[]) => readonly Row[]>> = {
  /** Nothing is done to the bids. */
  q0: (events) => bidsOf(events),

  /** Prices in euros. */
  q1: (events) => bidsOf(events).map((bid) => ({ ...bid, price: bid.price * 0.908 })),

  /** Bids on some auctions. */
  q2: (events) =>
    bidsOf(events)
      .filter(({ auction }) => auction % 123 === 0)
      .map(({ auction, price }) => ({ auction, price })),

  /** Who sells in category 10, in three states. */
  q3(events) {
    const rows: Row[] = [];
    const people = new Map(peopleOf(events).map((person) => [person.id, person]));
    for (const { id, seller, category } of auctionsOf(events)) {
      const person = people.get(seller);
      if (category !== 10 || person === undefined) continue;
      const { name, city, state } = person;
      if (['OR', 'ID', 'CA'].includes(state)) rows.push({ name, city, state, id });
    }
    return rows;
  },

  /** Whenever auctions of a category close: the mean of the final prices there so far. */
  q4(events) {
    const rows: Row[] = [];
    const closed = winningBids(events);
    for (const category of distinct(closed.map(({ auction }) => auction.category))) {
      const ofCategory = closed.filter(({ auction }) => auction.category === category);
      for (const at of distinct(ofCategory.map(({ auction }) => auction.expires))) {
        const prices = ofCategory
          .filter(({ auction }) => auction.expires <= at)
          .map(({ bid }) => bid.price);
        rows.push({ category, at, mean: sum(prices) / prices.length });
      }
    }
    return rows;
  },

  /** The auctions with most bids in the last 10 s, every 2 s. */
  q5(events) {
    const rows: Row[] = [];
    for (const [start, bids] of windowsOf(events, 10 * SECOND, 2 * SECOND)) {
      const counts = countsOf(bids.map(({ auction }) => auction));
      const most = greatest([...counts.values()]);
      for (const [auction, count] of counts) {
        if (count === most) rows.push({ auction, bids: count, end: start + 10 * SECOND });
      }
    }
    return rows;
  },

  /** The bids with the highest price of every 10 s. */
  q7(events) {
    const rows: Row[] = [];
    for (const bids of windowsOf(events, 10 * SECOND, 10 * SECOND).values()) {
      const highest = greatest(bids.map(({ price }) => price));
      rows.push(...bids.filter(({ price }) => price === highest));
    }
    return rows.map((row) => pick(row, ['auction', 'bidder', 'price', 'dateTime', 'extra']));
  },

  /** Who came and opened an auction in the same 10 s. */
  q8(events) {
    const windowOf = (at: number): number => Math.floor(at / (10 * SECOND)) * 10 * SECOND;
    const auctions = auctionsOf(events);
    const sellers = new Set(
      auctions.map(({ seller, dateTime }) => `${seller} ${windowOf(dateTime)}`),
    );
    return peopleOf(events)
      .filter(({ id, dateTime }) => sellers.has(`${id} ${windowOf(dateTime)}`))
      .map(({ id, name, dateTime }) => ({ id, name, start: windowOf(dateTime) }));
  },

  /** Auctions that have closed, with the bid that has won. */
  q9: (events) =>
    winningBids(events).map(({ auction, bid }) => ({
      ...auction,
      bidder: bid.bidder,
      price: bid.price,
      bidTime: bid.dateTime,
    })),

  /** How often people have bid without a pause of more than 10 s. */
  q11(events) {
    const rows: Row[] = [];
    for (const [bidder, times] of timesByBidder(bidsOf(events))) {
      times.sort((left, right) => left - right);
      let from = 0;
      for (let i = 1; i <= times.length; i += 1) {
        if (i < times.length && times[i]! <= times[i - 1]! + 10 * SECOND) continue;
        const end = times[i - 1]! + 10 * SECOND;
        rows.push({ bidder, bids: i - from, start: times[from], end });
        from = i;
      }
    }
    return rows;
  },
};

/**
 * Query 12: how many bids each person has made in every 10 s of the clock. `bidsAt` has bids with
 * the time at which they came.
 */
export function bidsByProcessingTime(
  bidsAt: readonly { readonly bid: Bid; readonly at: number }[],
): readonly Row[] {
  const size = 10 * SECOND;
  const counts = countsOf(bidsAt.map(({ bid, at }) => `${bid.bidder} ${Math.floor(at / size)}`));
  return [...counts].map(([key, bids]) => {
    const [bidder, window] = key.split(' ').map(Number) as [number, number];
    return { bidder, bids, start: window * size, end: (window + 1) * size };
  });
}

/**
 * Of every auction the highest bid from its opening to its closing, both included; of equal ones
 * the first, then that of the smallest bidder. Auctions without any are left out.
 */
function winningBids(
  events: readonly Event[],
): readonly { readonly auction: Auction; readonly bid: Bid }[] {
  const bids = Map.groupBy(bidsOf(events), ({ auction }) => auction);
  return auctionsOf(events).flatMap((auction) => {
    const inTime = (bids.get(auction.id) ?? []).filter(
      ({ dateTime }) => dateTime >= auction.dateTime && dateTime <= auction.expires,
    );
    const [bid] = inTime.sort(
      (left, right) =>
        right.price - left.price || left.dateTime - right.dateTime || left.bidder - right.bidder,
    );
    return bid === undefined ? [] : [{ auction, bid }];
  });
}

/** The bids of each window that has any, by its start. */
function windowsOf(
  events: readonly Event[],
  size: number,
  slide: number,
): ReadonlyMap<number, readonly Bid[]> {
  const windows = new Map<number, Bid[]>();
  for (const bid of bidsOf(events)) {
    const last = Math.floor(bid.dateTime / slide) * slide;
    for (let start = last; start > bid.dateTime - size; start -= slide) {
      const bids = windows.get(start);
      if (bids === undefined) windows.set(start, [bid]);
      else bids.push(bid);
    }
  }
  return windows;
}

function timesByBidder(bids: readonly Bid[]): ReadonlyMap<number, number[]> {
  const times = new Map<number, number[]>();
  for (const { bidder, dateTime } of bids) {
    const of = times.get(bidder);
    if (of === undefined) times.set(bidder, [dateTime]);
    else of.push(dateTime);
  }
  return times;
}

function bidsOf(events: readonly Event[]): readonly Bid[] {
  return events.flatMap(({ bid }) => bid ?? []);
}

function auctionsOf(events: readonly Event[]): readonly Auction[] {
  return events.flatMap(({ auction }) => auction ?? []);
}

function peopleOf(events: readonly Event[]): readonly Person[] {
  return events.flatMap(({ person }) => person ?? []);
}

function distinct<T>(items: readonly T[]): readonly T[] {
  return [...new Set(items)];
}

function countsOf<T>(items: readonly T[]): ReadonlyMap<T, number> {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function greatest(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), -Infinity);
}

function pick(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, row[name]]));
}
