// Jobs that come to a cluster as bundles: fetched by hash, loaded in a graph of their own, gone
// with the job.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundleHeaderLine } from '../base/bundle-header.ts';
import { isEngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { sha256Hex } from '../base/sha256.ts';
import type { JobClient } from '../client/job-client.ts';
import { decodeClientMessage } from '../functions/client-message.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { atWork } from './at-work.test-kit.ts';
import { MiniCluster } from './mini-cluster.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';

const ENGINE = '0.0.7';

const env = clusterEnv();

class Rig implements AsyncDisposable {
  readonly folder: string;
  readonly cluster: MiniCluster;

  private constructor(folder: string, cluster: MiniCluster) {
    this.folder = folder;
    this.cluster = cluster;
  }

  static async start(slots: number = 1, taskManagers: number = 2): Promise<Rig> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-bundled-'));
    const blobs = { folder, engine: ENGINE };
    const options = { slots, taskManagers, spareWorkers: 0 };
    return new Rig(folder, await MiniCluster.start({ env, blobs, ...options }));
  }

  /** Files of blobs, by process. */
  files(process: string): readonly string[] {
    const folder = join(this.folder, process);
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  get allFiles(): readonly string[] {
    return ['jobmanager', 'taskmanager-1', 'taskmanager-2'].flatMap((each) => this.files(each));
  }

  submit(bundle: Uint8Array | undefined, job: Partial<JobReference> = {}): Promise<JobClient> {
    const reference = {
      jobId: env.random.uuid(),
      moduleUrl: '',
      exportName: undefined,
      parameters: {},
      configuration: { 'parallelism.default': '2' },
      ...job,
    };
    return this.cluster.submit(reference, { bundle });
  }

  async run(bundle: Uint8Array): Promise<readonly string[]> {
    const client = await this.submit(bundle);
    const lines: string[] = [];
    client.onMessage((_operator, payload) => {
      const text = new TextDecoder().decode(decodeClientMessage(payload).body);
      lines.push(...text.trimEnd().split('\n'));
    });
    const { status, error } = await client.result();
    assert.equal(status, 'FINISHED', JSON.stringify(error));
    return lines.sort();
  }

  async empty(): Promise<void> {
    for (let turn = 0; turn < 100_000 && this.allFiles.length > 0; turn++) {
      await new Promise<void>((resolve) => env.clock.soon(() => resolve()));
    }
    assert.deepEqual(this.allFiles, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.close();
    await rm(this.folder, { recursive: true });
  }
}

function bundle(text: string, engine: string = ENGINE): Uint8Array {
  const line = bundleHeaderLine({ engine, job: 'job.ts', externals: [] });
  return new TextEncoder().encode(line + text);
}

/** Counts in a variable of its module, which all subtasks of a slot share. */
const COUNTING = bundle(`
import { defineJob } from 'millrace';
let seen = 0;
export default defineJob({
  name: 'counting',
  build(env) {
    env.sequence(1, 4).rebalance().map(() => (seen += 1)).print();
  },
});
`);

/** Never gets a result of what it asks for. */
const WAITING = bundle(`
import { defineJob, minutes } from 'millrace';
export default defineJob({
  name: 'waiting',
  build(env) {
    const options = { order: 'unordered', timeout: minutes(10) };
    env.sequence(1, 4).rebalance().asyncMap(() => new Promise(() => {}), options).print();
  },
});
`);

async function rejection(promise: Promise<unknown>, code: ErrorCode): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isEngineError(error), String(error));
    assert.equal(error.code, code, error.message);
    return error.message;
  }
  return assert.fail(`expected ${code}`);
}

test('a bundle is fetched by its hash, loaded anew by every job, and gone with the last one', async () => {
  await using rig = await Rig.start();
  const first = await rig.run(COUNTING);
  // Every slot counts for itself, and from the start again in the next job.
  assert.deepEqual(await rig.run(COUNTING), first);
  assert.equal(first.length, 4);
  await rig.empty();
});

test('while a job runs its code is in every process that works for it, and in no other form', async () => {
  await using rig = await Rig.start();
  const client = await rig.submit(WAITING);
  client.onMessage(() => undefined);
  await atWork(env, client);
  const name = `${sha256Hex(WAITING)}.mjs`;
  for (const each of ['jobmanager', 'taskmanager-1', 'taskmanager-2']) {
    assert.deepEqual(rig.files(each), [name]);
    assert.equal(statSync(join(rig.folder, each, name)).mode & 0o777, 0o600);
  }
  // Another job with the same code comes and goes; the first one's code stays.
  const other = await rig.submit(WAITING);
  other.onMessage(() => undefined);
  await other.cancel();
  await other.result();
  for (const each of ['jobmanager', 'taskmanager-1', 'taskmanager-2']) {
    assert.deepEqual(rig.files(each), [name]);
  }
  await client.cancel();
  assert.equal((await client.result()).status, 'CANCELED');
  await rig.empty();
});

test('errors about exports name the file of the user, not where its bundle lies', async () => {
  await using rig = await Rig.start();
  const two = bundle(`
import { defineJob } from 'millrace';
export const a = defineJob({ name: 'a', build: (env) => void env.sequence(1, 2).print() });
export const b = a;
`);
  const file = 'src/misc.ts';
  const ambiguous = await rejection(rig.submit(two, { file }), 'JOB_EXPORT_AMBIGUOUS');
  assert.match(ambiguous, /^src\/misc\.ts exports several jobs: a, b\.$/);
  const missing = rig.submit(two, { file, exportName: 'c' });
  assert.match(
    await rejection(missing, 'JOB_EXPORT_NOT_FOUND'),
    /^src\/misc\.ts has no export "c"\. It exports a, b\./,
  );
});

test('code for another engine, code that is no bundle and code that is not there are refused', async () => {
  await using rig = await Rig.start();
  const message = await rejection(rig.submit(bundle('', '9.9.9')), 'JOB_ENGINE_MISMATCH');
  assert.match(message, /9\.9\.9.*0\.0\.7/);
  const plain = new TextEncoder().encode('export default 1;\n');
  await rejection(rig.submit(plain), 'JOB_BUNDLE_INVALID');
  const moduleUrl = `blob:${sha256Hex('nothing')}`;
  await rejection(rig.submit(undefined, { moduleUrl }), 'BLOB_NOT_FOUND');
  await rejection(rig.submit(undefined, { moduleUrl: 'blob:../../x' }), 'BLOB_BAD_NAME');
  await rejection(rig.submit(bundle('import "nowhere";')), 'JOB_EXTERNAL_MISSING');
  await rig.empty();
});

test('a worker that builds another graph than the submitted one is told with both fingerprints', async () => {
  await using rig = await Rig.start();
  // Coordinator workers have no slot's name: what a build must never look at.
  const differs = bundle(`
import { defineJob } from 'millrace';
import { threadName } from 'node:worker_threads';
const length = threadName.startsWith('coordinator') ? 3 : 4;
export default defineJob({
  name: 'differs',
  build(env) {
    env.sequence(1, length).print();
  },
});
`);
  const client = await rig.submit(differs);
  client.onMessage(() => undefined);
  const { status, error } = await client.result();
  assert.deepEqual([status, error?.code], ['FAILED', 'JOB_FINGERPRINT_MISMATCH']);
  await rig.empty();
});

test('what a TaskManager finds damaged on its disk is fetched again for the next job', async () => {
  await using rig = await Rig.start(2, 1);
  const settings = { configuration: { 'parallelism.default': '1' } };
  const first = await rig.submit(WAITING, settings);
  first.onMessage(() => undefined);
  await atWork(env, first);
  const name = `${sha256Hex(WAITING)}.mjs`;
  const there = ['taskmanager-1', 'taskmanager-2'].filter((each) => rig.files(each).includes(name));
  assert.ok(there.length > 0);
  for (const each of there) writeFileSync(join(rig.folder, each, name), 'throw new Error("no");');
  const second = await rig.submit(WAITING, settings);
  second.onMessage(() => undefined);
  await atWork(env, second);
  await Promise.all([first.cancel(), second.cancel()]);
  assert.equal((await second.result()).status, 'CANCELED');
});
