// Query 12 counts by the clock: here a clock that a test moves, while it gives the job its bids.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds, seconds } from 'millrace';
import { JobHarness } from 'millrace/testing';
import type { Bid } from './events.ts';
import { NexmarkGenerator } from './generator.ts';
import q12 from './jobs/q12.ts';
import { bidsByProcessingTime, type Row } from './oracles.ts';
import { expectSame } from './rows.test-kit.ts';

const EVENTS = 100_000;
/** Bids that come together, and the time until the next ones: no divisor of a window. */
const TOGETHER = 700;
const PAUSE = milliseconds(777);

for (const parallelism of [1, 2]) {
  test(`q12, parallelism ${parallelism}`, async () => {
    const all = [...new NexmarkGenerator({ events: EVENTS }).events()];
    const bids = all.flatMap(({ bid }) => bid ?? []);
    await using harness = await JobHarness.start(q12, {
      params: { events: EVENTS, results: 'collect' },
      feed: 'all',
      parallelism,
      startAt: 1_700_000_001_234,
      configuration: { 'millrace.exchange.verify': 'sample' },
    });
    const input = harness.source<Bid>(`nexmark bids(${EVENTS})`);
    const bidsAt: { readonly bid: Bid; readonly at: number }[] = [];
    for (let i = 0; i < bids.length; i += TOGETHER) {
      const some = bids.slice(i, i + TOGETHER);
      bidsAt.push(...some.map((bid) => ({ bid, at: harness.now })));
      input.emitAll(some);
      await harness.advance(PAUSE);
    }
    await harness.advance(seconds(10));
    await harness.end();
    const expected = bidsByProcessingTime(bidsAt);
    assert.ok(new Set(expected.map((row) => row['start'])).size > 5);
    expectSame(harness.outputs<Row>('results'), expected);
  });
}
