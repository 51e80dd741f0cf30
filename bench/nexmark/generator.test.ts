// The generator: the same events for ever, Nexmark's proportions and distributions, and every event
// once from the source, whatever the parallelism, the stops and the restarts.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  SourceHarness,
  type SourceSnapshot,
} from '../../src/connectors/source-harness.test-kit.ts';
import type { Auction, Bid, Event, Person } from './events.ts';
import { kindOf, NexmarkGenerator, type NexmarkOptions } from './generator.ts';
import { nexmarkBids, nexmarkEvents } from './source.ts';

const EVENTS = 100_000;

function digest(options: NexmarkOptions): string {
  const hash = createHash('sha256');
  for (const event of new NexmarkGenerator(options).events()) hash.update(JSON.stringify(event));
  return hash.digest('hex').slice(0, 16);
}

function kinds(options: NexmarkOptions): {
  readonly people: readonly Person[];
  readonly auctions: readonly Auction[];
  readonly bids: readonly Bid[];
} {
  const all = [...new NexmarkGenerator(options).events()];
  return {
    people: all.flatMap(({ person }) => person ?? []),
    auctions: all.flatMap(({ auction }) => auction ?? []),
    bids: all.flatMap(({ bid }) => bid ?? []),
  };
}

function share<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.filter(holds).length / items.length;
}

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(
    Math.abs(actual - expected) <= tolerance,
    `${actual} is not within ${tolerance} of ${expected}`,
  );
}

test('the events of a seed never change', () => {
  assert.equal(digest({ events: 5000 }), 'c2e87075ff29d897');
  assert.equal(digest({ events: 5000, seed: 2 ** 40 + 7 }), '8aff98679f6637c9');
  const disordered = { events: 5000, seed: -3, eventsPerSecond: 77.5, outOfOrderGroup: 100 };
  assert.equal(digest(disordered), '853eaaad52c805a9');
});

test('an event is a function of its number: it does not depend on those before it', () => {
  const all = [...new NexmarkGenerator({ events: 2000 }).events()];
  const alone = new NexmarkGenerator({ events: 2000 });
  for (let i = 1999; i >= 0; i -= 7) {
    assert.deepEqual({ [kindOf(i)]: alone[kindOf(i)](i) }, all[i]);
  }
});

test('1 person : 3 auctions : 46 bids, and dense ids', () => {
  const { people, auctions, bids } = kinds({ events: EVENTS });
  assert.deepEqual(
    [people.length, auctions.length, bids.length],
    [EVENTS / 50, (EVENTS * 3) / 50, (EVENTS * 46) / 50],
  );
  for (const [i, { id }] of people.entries()) assert.equal(id, 1000 + i);
  for (const [i, { id }] of auctions.entries()) assert.equal(id, 1000 + i);
});

test('event time advances by the rate', () => {
  const generator = new NexmarkGenerator({ events: EVENTS });
  assert.equal(generator.timeOf(0), Date.UTC(2015, 6, 15));
  assert.equal(generator.timeOf(EVENTS) - generator.timeOf(0), 10_000);
  assert.equal(generator.outOfOrder, 0);
  const slow = new NexmarkGenerator({ events: EVENTS, eventsPerSecond: 300 });
  assert.equal(slow.timeOf(1000) - slow.timeOf(0), 3333);
});

test('bids: hot auctions and bidders, prices, channels', () => {
  const { bids } = kinds({ events: EVENTS });
  // A hundredth of those that are not hot on purpose is so by chance.
  near(
    share(bids, ({ auction }) => (auction - 1000) % 100 === 0),
    0.5 + 0.5 * 0.01,
    0.006,
  );
  near(
    share(bids, ({ bidder }) => (bidder - 1000) % 100 === 1),
    0.75 + 0.25 * 0.01,
    0.006,
  );
  for (let exponent = 2; exponent < 8; exponent += 1) {
    const inside = ({ price }: Bid): boolean =>
      price >= 10 ** exponent && price < 10 ** (exponent + 1);
    near(share(bids, inside), 1 / 6, 0.006);
  }
  for (const name of ['Google', 'Facebook', 'Baidu', 'Apple']) {
    near(
      share(bids, ({ channel }) => channel === name),
      1 / 8,
      0.006,
    );
    assert.equal(
      new Set(bids.filter(({ channel }) => channel === name).map(({ url }) => url)).size,
      1,
    );
  }
  near(
    share(bids, ({ url }) => url.includes('&channel_id=')),
    0.5 * 0.9,
    0.01,
  );
  const bytes = bids.reduce((sum, { extra }) => sum + 32 + extra.length, 0) / bids.length;
  near(bytes, 100, 1);
});

test('bids are of auctions in flight and of active people, or of a few who come next', () => {
  const { bids } = kinds({ events: EVENTS });
  for (const [i, bid] of bids.entries()) {
    const round = Math.floor(i / 46);
    const [newestAuction, newestPerson] = [1000 + round * 3 + 2, 1000 + round];
    assert.ok(bid.auction <= newestAuction + 10);
    assert.ok(bid.auction >= Math.max(1000, newestAuction - 100), `${bid.auction} at ${i}`);
    assert.ok(bid.bidder <= newestPerson + 10);
    assert.ok(bid.bidder >= Math.max(1000, newestPerson - 999));
  }
  assert.ok(bids.some(({ auction }, i) => auction > 1000 + Math.floor(i / 46) * 3 + 2));
});

test('auctions: sellers, categories, how long they last', () => {
  const { auctions } = kinds({ events: EVENTS });
  near(
    share(auctions, ({ seller }) => (seller - 1000) % 100 === 0),
    0.75 + 0.25 * 0.01,
    0.02,
  );
  for (let category = 10; category < 15; category += 1) {
    near(
      share(auctions, (auction) => auction.category === category),
      0.2,
      0.02,
    );
  }
  const lengths = auctions.map(({ dateTime, expires }) => expires - dateTime);
  // As long as 100 auctions take to come, on average: 1,666 events.
  near(lengths.reduce((sum, length) => sum + length, 0) / lengths.length, 166.6, 3);
  assert.ok(Math.min(...lengths) >= 1 && Math.max(...lengths) <= 334);
  assert.ok(auctions.every(({ reserve, initialBid }) => reserve >= initialBid + 100));
});

test('out of order within groups, by no more than it says', () => {
  const options = { events: 10_000, outOfOrderGroup: 250 };
  const inOrder = [...new NexmarkGenerator({ ...options, outOfOrderGroup: 1 }).events()];
  const generator = new NexmarkGenerator(options);
  const events = [...generator.events()];
  assert.notDeepEqual(events, inOrder);
  assert.deepEqual(sorted(events), sorted(inOrder));
  assert.deepEqual(sorted(events.slice(0, 250)), sorted(inOrder.slice(0, 250)));
  let newest = -Infinity;
  let late = 0;
  for (const event of events) {
    const { dateTime } = (event.person ?? event.auction ?? event.bid)!;
    if (dateTime < newest) late += 1;
    assert.ok(dateTime >= newest - generator.outOfOrder);
    newest = Math.max(newest, dateTime);
  }
  assert.ok(late > 1000, `${late} events are late`);
});

function sorted(events: readonly unknown[]): readonly string[] {
  return events.map((event) => JSON.stringify(event)).sort();
}

test('N1, N2: the source gives each event once and in order, over stops and rescaling', () => {
  const options = { events: 500, outOfOrderGroup: 20 };
  const expected = [...new NexmarkGenerator(options).events()];
  const places = new Map(expected.map((event, i) => [JSON.stringify(event), i]));
  const life = fc.record({
    parallelism: fc.integer({ min: 1, max: 5 }),
    polls: fc.nat(20),
    batch: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(life, { minLength: 1, maxLength: 4 }), (lives) => {
      const seen: string[] = [];
      let snapshot: SourceSnapshot | undefined;
      const source = nexmarkEvents(options);
      const take = (harness: SourceHarness): void => {
        for (const events of harness.collected) {
          const texts = events.map((event) => JSON.stringify(event));
          const order = texts.map((text) => places.get(text)!);
          assert.deepEqual(
            order,
            order.toSorted((left, right) => left - right),
          );
          seen.push(...texts);
        }
      };
      for (const { parallelism, polls, batch } of lives) {
        const harness = new SourceHarness(source, parallelism, snapshot);
        for (let i = 0; i < polls; i += 1) harness.poll(i % parallelism, batch);
        snapshot = harness.snapshot();
        take(harness);
        harness.close();
      }
      const last = new SourceHarness(source, 2, snapshot);
      last.drain();
      assert.ok(last.ended);
      take(last);
      assert.deepEqual(seen.sort(), sorted(expected));
    }),
    { seed: 4, numRuns: 30 },
  );
});

test('the source of bids gives the bids of all events', () => {
  for (const parallelism of [1, 3]) {
    const options = { events: 3000, outOfOrderGroup: 30 };
    const bids = (event: Event): readonly Bid[] => (event.bid === undefined ? [] : [event.bid]);
    const expected = [...new NexmarkGenerator(options).events()].flatMap(bids);
    const harness = new SourceHarness(nexmarkBids(options), parallelism);
    harness.drain();
    assert.ok(harness.ended);
    assert.deepEqual(sorted(harness.collected.flat()), sorted(expected));
    if (parallelism === 1) assert.deepEqual(harness.collected[0], expected);
  }
});

test('what makes no sense is refused', () => {
  for (const options of [
    { events: -1 },
    { events: 1.5 },
    { events: 1, seed: 0.5 },
    { events: 1, eventsPerSecond: 0 },
    { events: 1, outOfOrderGroup: 0 },
    { events: 1, outOfOrderGroup: 1906 },
  ]) {
    assert.throws(() => new NexmarkGenerator(options));
  }
});
