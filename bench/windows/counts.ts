/**
 * What the jobs over Nexmark's bids must give: plain loops over the bids in the order of their
 * time, with a count per bidder.
 */
import type { Expected } from '../core/rate.ts';
import type { Bid } from '../nexmark/events.ts';
import { NexmarkGenerator } from '../nexmark/generator.ts';
import { digestOf } from './digest.ts';

const SECOND = 1000;
const SIZE = 10 * SECOND;
const LONG_SIZE = 60 * SECOND;

/** How many bids each bidder makes in every 10 s. */
export function tumblingCounts(events: number): Expected {
  const rows = new Rows();
  let start = 0;
  let counts = new Map<number, number>();
  const close = (): void => {
    for (const [bidder, count] of counts) rows.add(bidder, start, count);
    counts = new Map();
  };
  for (const { bidder, dateTime } of bidsOf(events)) {
    const window = dateTime - (dateTime % SIZE);
    if (window !== start) close();
    start = window;
    counts.set(bidder, (counts.get(bidder) ?? 0) + 1);
  }
  close();
  return rows.expected();
}

/** How many each has made in a minute, every second. */
export function slidingCounts(events: number): Expected {
  const rows = new Rows();
  const seconds = new Map<number, Map<number, number>>();
  const counts = new Map<number, number>();
  let second = NaN;
  /** The window that ends when the second after `second` begins. */
  const close = (): void => {
    const start = second + SECOND - LONG_SIZE;
    for (const [bidder, count] of seconds.get(start - SECOND) ?? []) {
      const left = counts.get(bidder)! - count;
      if (left === 0) counts.delete(bidder);
      else counts.set(bidder, left);
    }
    seconds.delete(start - SECOND);
    for (const [bidder, count] of counts) rows.add(bidder, start, count);
  };
  for (const { bidder, dateTime } of bidsOf(events)) {
    const at = dateTime - (dateTime % SECOND);
    if (Number.isNaN(second)) second = at;
    for (; second < at; second += SECOND) close();
    let ofSecond = seconds.get(second);
    if (ofSecond === undefined) seconds.set(second, (ofSecond = new Map()));
    ofSecond.set(bidder, (ofSecond.get(bidder) ?? 0) + 1);
    counts.set(bidder, (counts.get(bidder) ?? 0) + 1);
  }
  for (; counts.size > 0; second += SECOND) close();
  return rows.expected();
}

/** How many each makes without a pause of more than 10 s. */
export function sessionsOf(events: number): Expected {
  const rows = new Rows();
  const open = new Map<number, { readonly start: number; last: number; count: number }>();
  for (const { bidder, dateTime } of bidsOf(events)) {
    const session = open.get(bidder);
    if (session !== undefined && dateTime <= session.last + SIZE) {
      session.last = dateTime;
      session.count += 1;
      continue;
    }
    if (session !== undefined) rows.add(bidder, session.start, session.count);
    open.set(bidder, { start: dateTime, last: dateTime, count: 1 });
  }
  for (const [bidder, { start, count }] of open) rows.add(bidder, start, count);
  return rows.expected();
}

function* bidsOf(events: number): Generator<Bid> {
  for (const { bid } of new NexmarkGenerator({ events }).events()) if (bid !== undefined) yield bid;
}

/** Counts rows and adds them up as the job's sink does. */
class Rows {
  #records = 0;
  #checksum = 0;

  add(key: number, start: number, value: number): void {
    this.#records += 1;
    this.#checksum = (this.#checksum + digestOf(key, start, value)) | 0;
  }

  expected(): Expected {
    return { records: this.#records, checksum: BigInt(this.#checksum) };
  }
}
