// A sink with a global committer on a cluster with real threads: what all subtasks have written up
// to a checkpoint is committed together, once, whatever fails.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Configuration } from '../config/configuration.ts';
import { MiniCluster } from './mini-cluster.ts';
import type { Page } from './ledger-job.test-kit.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';

const env = clusterEnv();
const RECORDS = 1800;

let cluster: MiniCluster;
before(async () => {
  const configuration = Configuration.parse({});
  cluster = await MiniCluster.start({ env, slots: 3, spareWorkers: 1, configuration });
});
after(() => cluster.close());

interface Entry {
  /** The checkpoint with which it was committed, or `end`. */
  readonly name: string;
  /** Of the committer. */
  readonly parallelism: number;
  readonly pages: readonly Page[];
}

async function ledgerOf(parameters: Readonly<Record<string, unknown>>): Promise<Entry[]> {
  const path = mkdtempSync(join(tmpdir(), 'millrace-ledger-'));
  const folder = join(path, 'ledger');
  const client = await cluster.submit({
    jobId: env.random.uuid(),
    moduleUrl: new URL('./ledger-job.test-kit.ts', import.meta.url).href,
    exportName: 'ledgerJob',
    parameters: { folder, records: RECORDS, ...parameters },
    configuration: {
      'parallelism.default': '3',
      'execution.checkpointing.dir': join(path, 'checkpoints'),
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '50',
      'restart-strategy.fixed-delay.delay': '10 ms',
    },
  });
  const result = await client.result();
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  const entries = readdirSync(folder).map((name): Entry => ({
    name,
    ...(JSON.parse(readFileSync(join(folder, name), 'utf8')) as Omit<Entry, 'name'>),
  }));
  rmSync(path, { recursive: true });
  return entries;
}

function requireOnce(entries: readonly Entry[]): void {
  const numbers = entries.flatMap(({ pages }) => pages.flatMap((page) => page.numbers));
  const expected = Array.from({ length: RECORDS }, (_, n) => n);
  assert.deepEqual(
    numbers.toSorted((left, right) => left - right),
    expected,
  );
  for (const { parallelism } of entries) assert.equal(parallelism, 1);
}

/**
 * K4: what was prepared for one checkpoint is in one entry: that of the checkpoint, or, if it was
 * given up before the committer had its barrier, of a later one. Subtasks end one after another.
 */
function requireTogether(entries: readonly Entry[]): void {
  const number = (name: string): number => (name === 'end' ? Infinity : Number(name));
  const places = new Map<string, string>();
  for (const { name, pages } of entries) {
    for (const { of } of pages) {
      if (of === 'end') continue;
      assert.ok(number(of) <= number(name), `what belongs to ${of} came with ${name}`);
      assert.equal(places.get(of) ?? name, name, `what belongs to ${of} came in parts`);
      places.set(of, name);
    }
  }
  const joint = entries.filter(({ pages }) => new Set(pages.map((page) => page.subtask)).size > 1);
  assert.ok(joint.length > 0, `${joint.length} of ${entries.length} entries are of several`);
}

const CASES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'commits that have to be tried again': { failAt: '500,1100', retries: 2 },
  'barriers that overtake': { failAt: '500,1100', unaligned: true },
};
for (const [what, parameters] of Object.entries(CASES)) {
  test(`K4: what belongs to a checkpoint is committed together and once: ${what}`, async () => {
    const entries = await ledgerOf(parameters);
    requireOnce(entries);
    requireTogether(entries);
  });
}

test('K4: without checkpoints everything is committed at the end, in one step', async () => {
  const entries = await ledgerOf({ interval: 0, rate: 50_000 });
  requireOnce(entries);
  assert.deepEqual(
    entries.map(({ name, pages }) => [name, pages.length]),
    [['end', 3]],
  );
});
