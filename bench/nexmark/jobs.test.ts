// Every job on 100,000 events, alone and with two subtasks, at Nexmark's rate and at one so slow
// that there are many windows, made by the generator and read from a file: exactly the rows of its
// oracle, in whatever order.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { executeAndCollect, type Job } from 'millrace';
import type { Event } from './events.ts';
import { NexmarkGenerator } from './generator.ts';
import { ORACLES, type Row } from './oracles.ts';
import { nexmarkParameters } from './parameters.ts';
import { expectSame } from './rows.test-kit.ts';

const EVENTS = 100_000;
/** Enough for some windows. */
const EVENTS_IN_FILE = 20_000;
const INPUTS = [
  { name: "Nexmark's rate", parallelism: 1, outOfOrderGroup: 1, eventsPerSecond: 10_000 },
  { name: 'slow and out of order', parallelism: 2, outOfOrderGroup: 100, eventsPerSecond: 500 },
];

test('every job is run: query 12 by q12.test.ts, the others here', () => {
  const files = readdirSync(join(import.meta.dirname, 'jobs')).map((name) => name.slice(0, -3));
  assert.deepEqual(files.sort(), [...Object.keys(ORACLES), 'q12'].sort());
});

type NexmarkJob = Job<typeof nexmarkParameters>;

for (const { name, parallelism, outOfOrderGroup, eventsPerSecond } of INPUTS) {
  const parameters = { events: EVENTS, seed: parallelism, outOfOrderGroup, eventsPerSecond };
  describe(`${name}, parallelism ${parallelism}`, () => {
    const events: readonly Event[] = [...new NexmarkGenerator(parameters).events()];
    for (const [query, oracle] of Object.entries(ORACLES)) {
      test(query, async () => {
        const module = (await import(`./jobs/${query}.ts`)) as { readonly default: NexmarkJob };
        const rows = await executeAndCollect(module.default, {
          params: { ...parameters, results: 'collect' },
          configuration: { 'parallelism.default': String(parallelism) },
        });
        const expected = oracle(events);
        assert.ok(expected.length > 0);
        expectSame(rows as unknown as readonly Row[], expected);
      });
    }
  });
}

describe('events from a file', () => {
  const parameters = { events: EVENTS_IN_FILE, outOfOrderGroup: 100, eventsPerSecond: 500 };
  const events: readonly Event[] = [...new NexmarkGenerator(parameters).events()];
  const folder = mkdtempSync(join(tmpdir(), 'millrace-nexmark-'));
  after(() => rmSync(folder, { recursive: true }));
  const input = join(folder, 'events.jsonl');
  writeFileSync(input, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  for (const [query, oracle] of Object.entries(ORACLES)) {
    test(query, async () => {
      const module = (await import(`./jobs/${query}.ts`)) as { readonly default: NexmarkJob };
      const rows = await executeAndCollect(module.default, {
        params: { ...parameters, input, results: 'collect' },
      });
      const expected = oracle(events);
      assert.ok(expected.length > 0);
      expectSame(rows as unknown as readonly Row[], expected);
    });
  }
});
