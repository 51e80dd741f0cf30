// Jobs and results on a real disk: what is kept, what is refused.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isEngineError } from '../src/base/errors.ts';
import { nodeDisk } from '../src/env/node/disk.ts';
import { nodeRandom } from '../src/env/node/random.ts';
import type { JobSubmission } from '../src/protocol/dispatcher-service.ts';
import type { JobResult } from '../src/protocol/job-report.ts';
import type { CommitDecision } from '../src/protocol/stored-job.ts';
import {
  fileJobResultStore,
  fileJobStore,
  type FileStoreOptions,
} from '../src/ha/file-job-store.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-ha-')));
after(() => rmSync(root, { recursive: true }));

const env = { disk: nodeDisk(), random: nodeRandom() };
const fresh = (): FileStoreOptions & { readonly env: typeof env } => ({
  env,
  folder: join(mkdtempSync(join(root, 'a')), 'default'),
  confirm: () => Promise.resolve(),
});

function submission(jobId: string): JobSubmission {
  const job = {
    ...{ jobId, moduleUrl: 'file:///job.ts', exportName: undefined },
    parameters: { count: 3, when: 'now', nested: { list: [1, 'a', null] } },
    configuration: { 'parallelism.default': '2' },
  };
  return { job, graph: undefined, attached: true };
}

const DECISION: CommitDecision = {
  fingerprint: 'f',
  generation: 7,
  committables: [undefined, [{ operator: 'o', committables: [Uint8Array.of(0, 255)] }]],
  accumulators: [[], []],
};

function result(jobId: string): JobResult {
  return { jobId, status: 'FINISHED', error: undefined, accumulators: [], runtimeMillis: 5 };
}

async function refused(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail('it was not refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(isEngineError(error, 'HA_FILE_INVALID'), String(error));
  return error.message;
}

test('jobs come back as they were stored, with their decision, until they are removed', async () => {
  const place = fresh();
  const store = await fileJobStore(place);
  assert.deepEqual(await store.all(), []);
  await Promise.all(['a', 'b'].map((id) => store.put(submission(id))));
  await store.decide('b', DECISION);
  const again = await fileJobStore(place);
  assert.deepEqual(await again.all(), [
    { submission: submission('a'), decision: undefined, masters: 1 },
    { submission: submission('b'), decision: DECISION, masters: 1 },
  ]);
  // Of each master the next one knows: the numbers of its attempts are higher.
  await again.takeOver('b');
  const taken = await (await fileJobStore(place)).takeOver('b');
  assert.deepEqual(taken, { submission: submission('b'), decision: DECISION, masters: 3 });
  await again.name('b', 'flights');
  assert.equal((await again.all())[1]!.name, 'flights');
  await again.remove('a');
  await again.remove('never there');
  assert.deepEqual(
    (await store.all()).map(({ submission: { job } }) => job.jobId),
    ['b'],
  );
  await assert.rejects(store.decide('a', DECISION), /a\.job.*not there any more/);
});

test('H1: changes of one job happen in the order in which they were asked', async () => {
  const store = await fileJobStore(fresh());
  const asked = [
    store.put(submission('a')),
    store.decide('a', DECISION),
    store.decide('a', { ...DECISION, generation: 8 }),
    store.remove('a'),
    store.put(submission('a')),
    store.decide('a', { ...DECISION, generation: 9 }),
  ];
  await Promise.all(asked);
  assert.equal((await store.all())[0]?.decision?.generation, 9);
});

test('F2: what was not completed is cleared away; only the user can read what is kept', async () => {
  const place = fresh();
  const store = await fileJobStore(place);
  await store.put(submission('a'));
  const jobs = join(place.folder, 'jobs');
  writeFileSync(join(jobs, '.writing-b.job-1234'), 'half a jo');
  assert.equal((await store.all()).length, 1);
  await fileJobStore(place);
  assert.deepEqual(readdirSync(jobs), ['a.job']);
  assert.equal(statSync(jobs).mode & 0o777, 0o700);
  assert.equal(statSync(join(jobs, 'a.job')).mode & 0o777, 0o600);
});

test('a file that is torn, damaged or foreign is refused with its name', async () => {
  const place = fresh();
  const store = await fileJobStore(place);
  await store.put(submission('a'));
  const path = join(place.folder, 'jobs', 'a.job');
  const whole = readFileSync(path);
  const said = async (): Promise<string> => (await refused(store.all())).replace(path, 'PATH');

  for (const size of [0, 5, whole.indexOf('\n'), whole.length - 1]) {
    truncateSync(path, size);
    assert.match(await said(), /^The file PATH,.*(no file of Millrace|bytes of \d+)/, `${size}`);
    writeFileSync(path, whole);
  }
  for (let at = whole.indexOf('\n') + 1; at < whole.length; at += 7) {
    const damaged = Buffer.from(whole);
    damaged[at] = damaged[at]! ^ 4;
    writeFileSync(path, damaged);
    assert.match(await said(), /its checksum is wrong/);
  }
  writeFileSync(path, whole.toString('latin1').replace(' 1 ', ' 2 '), 'latin1');
  assert.match(await said(), /another version of Millrace \(2\)/);
  writeFileSync(path, whole);
  assert.equal((await store.all()).length, 1);
  renameSync(path, join(place.folder, 'jobs', 'a.txt'));
  assert.match(await refused(store.all()), /a\.txt,.*its name is not ID\.job/);
});

test('ids that are paths touch nothing', async () => {
  const place = fresh();
  const [store, results] = [await fileJobStore(place), await fileJobResultStore(place, 3)];
  for (const id of ['../x', '..', 'a/b', '', '.a', 'a\0b']) {
    assert.match(await refused(store.put(submission(id))), /not fit for the name of a file/);
    assert.match(await refused(results.put(result(id))), /not fit for the name of a file/);
    assert.equal(await results.get(id), undefined);
    await store.remove(id);
  }
  assert.deepEqual(readdirSync(place.folder).toSorted(), ['jobs', 'results']);
  assert.equal(existsSync(join(place.folder, '..', 'x.job')), false);
});

test('H2: the last results are kept, over restarts too', async () => {
  const place = fresh();
  const store = await fileJobResultStore(place, 3);
  for (const id of ['a', 'b', 'c', 'd', 'b']) await store.put(result(id));
  assert.deepEqual(await store.get('d'), result('d'));
  const ids = (): readonly string[] => readdirSync(join(place.folder, 'results')).toSorted();
  assert.deepEqual(ids(), ['b.result', 'c.result', 'd.result']);
  const again = await fileJobResultStore(place, 3);
  await again.put(result('e'));
  assert.equal(ids().length, 3);
  assert.ok(ids().includes('e.result'));
  assert.equal(await again.get('a'), undefined);
});
