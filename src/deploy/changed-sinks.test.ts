// Output that a program has prepared to commit, and a later version of it: it is committed as that
// one understands it, or refused with the names of sink and field before anything runs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import type { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { JobClient } from '../client/job-client.ts';
import { atWork } from './at-work.test-kit.ts';
import { CheckpointRig } from './checkpoint-rig.test-kit.ts';
import type { Parameters, Settings } from './checkpoint-rig.test-kit.ts';
import type { SinkVersion } from './changed-sinks.test-kit.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';
import type { MiniCluster } from './mini-cluster.ts';

const JOBS = new URL('./changed-sinks.test-kit.ts', import.meta.url).href;
const RECORDS = 2000;

const env = clusterEnv();
const rig = new CheckpointRig(env);
let cluster: MiniCluster;
/** Of the first version, in the middle; nothing of it was ever committed. */
let savepoint: string;
let submitted = 0;

const marksOf = (job: number): string => join(rig.path, `marks-${job}`);

function submit(
  version: SinkVersion,
  settings: Settings,
  parameters: Parameters = {},
): Promise<JobClient> {
  const marks = marksOf(submitted++);
  const job = rig.job({}, { 'parallelism.default': '2', ...settings }, 'changing');
  return cluster.submit({
    ...{ ...job, moduleUrl: JOBS },
    parameters: {
      ...{ version, marks, folder: rig.output, records: RECORDS, rate: 50_000 },
      ...parameters,
    },
  });
}

before(async () => {
  cluster = await rig.cluster(env, 2);
  const client = await submit('first', {}, { rate: 2000, stuck: true });
  await atWork(env, client);
  await new Promise<void>((resolve) => env.clock.after(milliseconds(200), resolve));
  const directory = join(rig.path, 'savepoints');
  savepoint = (await client.triggerSavepoint({ directory })).location;
  await client.cancel();
  await client.result();
  assert.deepEqual(rig.lines(), [], 'the first version commits nothing');
});

after(async () => {
  await cluster.close();
  rig[Symbol.dispose]();
});

const FROM = (): Settings => ({ 'execution.state-recovery.path': savepoint });

async function refusal(version: SinkVersion): Promise<EngineError> {
  const job = submitted;
  let refused: unknown;
  try {
    await submit(version, FROM());
  } catch (error) {
    refused = error;
  }
  assert.ok(isEngineError(refused), 'it was not refused');
  assert.equal(readFileSync(marksOf(job), 'utf8'), 'built\nbuilt\n', 'nothing was deployed');
  assert.deepEqual(rig.lines(), [], 'nothing was committed');
  return refused;
}

describe('what a changed sink cannot commit is refused before anything runs, by name', () => {
  test('records of a write-ahead sink with a field of another type', async () => {
    const error = await refusal('type');
    assert.equal(error.code, 'RESTORE_COMMITTABLES_CHANGED');
    assert.match(error.message, /the sink "Sink: ledger" has prepared to commit/);
    assert.match(error.message, /the committable\.records\[\]\.n: it was int32, and is string/);
    assert.match(error.fix ?? '', /another uid/);
  });

  test('committables of another sink under the same uid', async () => {
    const error = await refusal('other');
    assert.equal(error.code, 'RESTORE_COMMITTABLES_CHANGED');
    assert.match(error.message, /the sink "Sink: committed lines"/);
    assert.match(error.message, /because of the committable\.name: what is stored does not have/);
  });
});

test('a widened field and one with a default go on: each record is committed once', async () => {
  const client = await submit('evolved', FROM());
  const { status, error } = await client.result();
  assert.equal(status, 'FINISHED', JSON.stringify(error));
  const rows = rig.lines().map((line) => line.split('/') as [string, string]);
  assert.deepEqual(
    rows.map(([n]) => Number(n)).toSorted((left, right) => left - right),
    Array.from({ length: RECORDS }, (_, n) => n),
  );
  assert.deepEqual(new Set(rows.map(([, from]) => from)), new Set(['former', 'now']));
});
