// The oracles on a handful of events, with results worked out by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestamp } from 'millrace';
import type { Auction, Bid, Event, Person } from './events.ts';
import { bidsByProcessingTime, ORACLES } from './oracles.ts';

const START = Date.UTC(2015, 6, 15);

function bid(auction: number, bidder: number, price: number, at: number): { readonly bid: Bid } {
  const dateTime = timestamp(START + at);
  return { bid: { auction, bidder, price, channel: 'c', url: 'u', dateTime, extra: 'x' } };
}

function auction(
  id: number,
  at: number,
  parts: Partial<Auction> = {},
): { readonly auction: Auction } {
  const dateTime = timestamp(START + at);
  const plain = { id, itemName: 'i', description: 'd', initialBid: 1, reserve: 2, dateTime };
  const expires = timestamp(START + at + 1000);
  return { auction: { ...plain, expires, seller: 1, category: 10, extra: 'x', ...parts } };
}

function person(id: number, at: number, state: string = 'OR'): { readonly person: Person } {
  const dateTime = timestamp(START + at);
  const texts = { name: `n${id}`, emailAddress: 'e', creditCard: 'c', city: 'y', state };
  return { person: { id, ...texts, dateTime, extra: 'x' } };
}

function expectRows(query: string, events: readonly Event[], rows: readonly unknown[]): void {
  assert.deepEqual(ORACLES[query]!(events), rows);
}

test('queries 0 to 2: bids one by one', () => {
  const events = [person(1, 0), auction(7, 0), bid(123, 5, 1000, 0), bid(124, 6, 3, 1)];
  expectRows(
    'q0',
    events,
    [events[2], events[3]].map((event) => (event as { bid: Bid }).bid),
  );
  assert.deepEqual(
    ORACLES['q1']!(events).map(({ price }) => price),
    [908, 3 * 0.908],
  );
  expectRows('q2', events, [{ auction: 123, price: 1000 }]);
});

test('query 3: seller and person in any order, by category and state', () => {
  const events = [
    auction(7, 0, { seller: 2 }),
    ...[person(1, 1, 'AZ'), person(2, 2, 'CA'), person(3, 3, 'ID')],
    ...[auction(8, 4, { seller: 1 }), auction(9, 5, { seller: 2, category: 11 })],
    ...[auction(10, 6, { seller: 3 }), auction(11, 7, { seller: 99 })],
  ];
  expectRows('q3', events, [
    { name: 'n2', city: 'y', state: 'CA', id: 7 },
    { name: 'n3', city: 'y', state: 'ID', id: 10 },
  ]);
});

test('queries 4 and 9: bids count from opening to closing, the first of the highest wins', () => {
  const events = [
    ...[bid(1, 50, 900, 0), auction(1, 100), bid(1, 51, 10, 100), bid(1, 52, 30, 1100)],
    ...[bid(1, 53, 30, 1099), bid(1, 54, 700, 1101), auction(2, 100), bid(2, 55, 60, 500)],
    ...[auction(3, 200), bid(3, 56, 6, 300), auction(4, 5, { category: 12 })],
    ...[auction(5, 50, { category: 12 }), bid(5, 57, 7, 60)],
  ];
  assert.deepEqual(
    ORACLES['q9']!(events).map(({ id, bidder, price }) => [id, bidder, price]),
    [
      [1, 53, 30],
      [2, 55, 60],
      [3, 56, 6],
      [5, 57, 7],
    ],
  );
  expectRows('q4', events, [
    { category: 10, at: START + 1100, mean: 45 },
    { category: 10, at: START + 1200, mean: 32 },
    { category: 12, at: START + 1050, mean: 7 },
  ]);
});

test('query 5: every 2 s the auctions with most bids of 10 s, ties all of them', () => {
  const events = [bid(1, 5, 1, 0), bid(2, 5, 1, 1), bid(2, 5, 1, 1999), bid(1, 5, 1, 2000)];
  const ends = [2, 4, 6, 8, 10].map((second) => START + second * 1000);
  const rows = ends.flatMap((end, i) =>
    i === 0
      ? [{ auction: 2, bids: 2, end }]
      : [
          { auction: 1, bids: 2, end },
          { auction: 2, bids: 2, end },
        ],
  );
  const last = { auction: 1, bids: 1, end: START + 12_000 };
  const byEnd = ORACLES['q5']!(events).toSorted(
    (left, right) =>
      Number(left['end']) - Number(right['end']) ||
      Number(left['auction']) - Number(right['auction']),
  );
  assert.deepEqual(byEnd, [...rows, last]);
});

test('query 7: the highest bids of every 10 s, ties all of them', () => {
  const events = [bid(1, 5, 3, 0), bid(2, 6, 9, 9999), bid(3, 7, 9, 5), bid(4, 8, 1, 10_000)];
  assert.deepEqual(
    ORACLES['q7']!(events).map((row) => row['bidder']),
    [6, 7, 8],
  );
  assert.deepEqual(Object.keys(ORACLES['q7']!(events)[0]!), [
    ...['auction', 'bidder', 'price', 'dateTime', 'extra'],
  ]);
});

test('query 8: each person once, in the same window only', () => {
  const events = [
    ...[person(1, 9999), person(2, 10_000), auction(7, 9000, { seller: 1 })],
    ...[auction(8, 1, { seller: 1 }), auction(9, 9999, { seller: 2 })],
  ];
  expectRows('q8', events, [{ id: 1, name: 'n1', start: START }]);
});

test('query 11: sessions of each bidder; bids more than 10 s apart are two', () => {
  const events = [bid(1, 5, 1, 9999), bid(1, 5, 1, 0), bid(1, 6, 1, 0), bid(1, 5, 1, 20_000)];
  expectRows('q11', events, [
    { bidder: 5, bids: 2, start: START, end: START + 19_999 },
    { bidder: 5, bids: 1, start: START + 20_000, end: START + 30_000 },
    { bidder: 6, bids: 1, start: START, end: START + 10_000 },
  ]);
});

test('query 11: bids 10 s apart are of one session, as in Flink', () => {
  const row = { bidder: 5, bids: 2, start: START, end: START + 20_000 };
  expectRows('q11', [bid(1, 5, 1, 0), bid(1, 5, 1, 10_000)], [row]);
});

test('query 12: by the clock, whatever the event time', () => {
  const bids = [bid(1, 5, 1, 99), bid(1, 6, 1, 0), bid(1, 5, 1, 70_000), bid(1, 5, 1, 0)];
  const at = [0, 9999, 9999, 10_000];
  assert.deepEqual(
    bidsByProcessingTime(bids.map(({ bid: each }, i) => ({ bid: each, at: at[i]! }))),
    [
      { bidder: 5, bids: 2, start: 0, end: 10_000 },
      { bidder: 6, bids: 1, start: 0, end: 10_000 },
      { bidder: 5, bids: 1, start: 10_000, end: 20_000 },
    ],
  );
});
