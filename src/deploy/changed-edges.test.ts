// Records in flight of an unaligned checkpoint, and a later version of the program, in which the
// edge that they were on is another: they go on only where they belong, or are refused by name.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { EngineError, isEngineError } from '../base/errors.ts';
import type { JobClient } from '../client/job-client.ts';
import { FileSystems } from '../storage/file-systems.ts';
import { readCheckpoint } from '../storage/stored-checkpoint.ts';
import { CheckpointRig, RETENTION } from './checkpoint-rig.test-kit.ts';
import type { Parameters, Settings } from './checkpoint-rig.test-kit.ts';
import type { EdgeVersion } from './changed-edges.test-kit.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';
import type { MiniCluster } from './mini-cluster.ts';

const JOBS = new URL('./changed-edges.test-kit.ts', import.meta.url).href;
const RECORDS = 20_000;

const env = clusterEnv();
const rig = new CheckpointRig(env);
let cluster: MiniCluster;
/** In the middle, with records on their way to the consumer. */
let checkpoint: string;
/** What had been committed with it. */
let committed: readonly string[];
let submitted = 0;

const marksOf = (job: number): string => join(rig.path, `marks-${job}`);

function submit(
  version: EdgeVersion,
  settings: Settings,
  parameters: Parameters = {},
): Promise<JobClient> {
  const marks = marksOf(submitted++);
  const job = rig.job(
    { version, marks, records: RECORDS, ...parameters },
    {
      'parallelism.default': '2',
      // A job that is refused must not begin again and again.
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '1000',
      ...settings,
    },
    'changingEdge',
  );
  return cluster.submit({ ...job, moduleUrl: JOBS });
}

before(async () => {
  cluster = await rig.cluster(env, 2);
  const client = await submit(
    'keyed',
    { [RETENTION]: 'RETAIN_ON_CANCELLATION' },
    { slow: 2_000_000, rate: 5000 },
  );
  await rig.until(() => rig.complete(client.jobId).length > 0);
  await client.cancel();
  await client.result();
  checkpoint = rig.complete(client.jobId).at(-1)!;
  committed = rig.lines();
  const { metadata } = await readCheckpoint(FileSystems.create(env), checkpoint);
  assert.equal(metadata.edges.length, 1, 'records are in flight');
});

after(async () => {
  await cluster.close();
  rig[Symbol.dispose]();
});

const from = (settings: Settings = {}): Settings => ({
  'execution.state-recovery.path': checkpoint,
  ...settings,
});

describe('an edge that is another is refused before anything runs, by name', () => {
  const CASES: readonly (readonly [EdgeVersion, RegExp])[] = [
    ['rebalance', /dealt out by hash, and would be by rebalance/],
    ['record', /their schema is another \(the record: it was int32, and is string\)/],
  ];
  for (const [version, change] of CASES) {
    test(version, async () => {
      const job = submitted;
      let refused: unknown;
      try {
        await submit(version, from());
      } catch (error) {
        refused = error;
      }
      assert.ok(isEngineError(refused, 'RESTORE_IN_FLIGHT_CHANGED'), String(refused));
      assert.equal(refused.retry, 'never');
      assert.match(refused.message, /on their way from "[^"]*" to "process/);
      assert.match(refused.message, change);
      assert.match(refused.fix ?? '', /aligned checkpoint or a savepoint/);
      assert.equal(readFileSync(marksOf(job), 'utf8'), 'built\nbuilt\n', 'nothing was deployed');
      assert.deepEqual(rig.lines(), committed);
    });
  }
});

test('another key selector is refused for good when its records are read', async () => {
  const client = await submit('selector', from());
  const { status, error } = await client.result();
  assert.equal(status, 'FAILED');
  const refused = EngineError.fromData(error!);
  assert.equal(refused.code, 'RESTORE_IN_FLIGHT_KEYS', JSON.stringify(error));
  assert.match(refused.message, /to "process.*the key selector gives other keys/);
  assert.deepEqual(rig.lines(), committed, 'nothing came of it');
  assert.ok(existsSync(join(checkpoint, '_metadata')), 'what it was given stays');
});

test('the same program goes on: each record comes once', async () => {
  const client = await submit('keyed', from());
  const { status, error } = await client.result();
  assert.equal(status, 'FINISHED', JSON.stringify(error));
  const numbers = rig.lines().map(Number);
  assert.deepEqual(
    numbers.toSorted((left, right) => left - right),
    Array.from({ length: RECORDS }, (_, n) => n),
  );
});

test('records in flight are given up where that is allowed, and no others', async () => {
  const folder = join(rig.path, 'allowed');
  const allow = { 'execution.state-recovery.ignore-unclaimed-state': 'true' };
  const client = await submit('rebalance', from(allow), { folder });
  const { status, error } = await client.result();
  assert.equal(status, 'FINISHED', JSON.stringify(error));
  const numbers = rig.linesIn(folder).map(Number);
  assert.equal(new Set(numbers).size, numbers.length, 'none comes twice');
  // All that the source had not read yet.
  assert.ok(numbers.includes(RECORDS - 1));
  assert.ok(numbers.length < RECORDS);
});
