// Bundles of jobs on a cluster of real processes: they come with the job and go with it, and a
// process that is killed leaves nothing that the next one does not remove.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import manifest from '../../package.json' with { type: 'json' };
import { bundleJob } from '../../src/client/bundle/bundle-job.ts';
import { JobClient } from '../../src/client/job-client.ts';
import type { SubmitOptions } from '../../src/client/job-client.ts';
import { entryPoint } from '../../src/env/node/entry-points.ts';
import { nodeEnv } from '../../src/env/node/node-env.ts';
import { decodeClientMessage } from '../../src/functions/client-message.ts';
import { DISPATCHER, dispatcherService } from '../../src/protocol/dispatcher-service.ts';
import { RpcService } from '../../src/rpc/rpc-service.ts';
import { addressIn, SECRET, startProcess, type ClusterProcess } from './cluster.test-kit.ts';

const JOBS = `
import { defineJob, minutes } from 'millrace';
enum Word { To = 'to', Be = 'be' }

export const prints = defineJob({
  name: 'prints',
  build(env) {
    env.fromElements(Word.To, Word.Be).print();
  },
});

export const waits = defineJob({
  name: 'waits',
  build(env) {
    const options = { order: 'unordered', timeout: minutes(10) } as const;
    env.sequence(1, 4).rebalance().asyncMap(() => new Promise<number>(() => {}), options).print();
  },
});
`;

const worker = entryPoint('../../bin/slot-worker', import.meta.url);
const env = nodeEnv({ entries: { slot: worker, coordinator: worker }, log: { level: 'warn' } });
const folder = mkdtempSync(join(tmpdir(), 'millrace-e2e-bundles-'));
const blobs = join(folder, 'blobs');
const options = { 'blob.storage.directory': blobs, 'jobmanager.rpc.address': '127.0.0.1' };
const rpc = new RpcService({ env, name: 'client', secret: SECRET });
let bundle: Uint8Array;
let jobManager: ClusterProcess;
let taskManagers: readonly ClusterProcess[] = [];
let address: { readonly host: string; readonly port: number };

function startTaskManager(): ClusterProcess {
  return startProcess('taskmanager', {
    ...options,
    'jobmanager.rpc.port': address.port,
    'taskmanager.host': '127.0.0.1',
    'taskmanager.numberOfTaskSlots': 1,
  });
}

before(async () => {
  const job = join(folder, 'job.ts');
  writeFileSync(job, JOBS);
  const moduleUrl = pathToFileURL(job).href;
  const engine = manifest.version;
  ({ bytes: bundle } = await bundleJob({ disk: env.disk, moduleUrl, engine, externals: [] }));
  await startJobManager();
  taskManagers = [startTaskManager(), startTaskManager()];
  await Promise.all(taskManagers.map((each) => each.said('TaskManager registered')));
});

after(async () => {
  await rpc.close();
  await endAll();
  rmSync(folder, { recursive: true });
});

async function startJobManager(more: Readonly<Record<string, string | number>> = {}) {
  const settings = { ...options, 'jobmanager.rpc.port': 0, 'rest.port': 0, ...more };
  jobManager = startProcess('jobmanager', settings);
  address = addressIn(await jobManager.said('JobManager ready'));
}

async function endAll(): Promise<void> {
  const all = [...taskManagers, jobManager].filter((each) => each !== undefined);
  for (const each of all) each.kill();
  await Promise.all(all.map((each) => each.exited));
}

function submit(
  exportName: string,
  settings: SubmitOptions = {},
  configuration: Readonly<Record<string, string>> = { 'parallelism.default': '2' },
): Promise<JobClient> {
  const jobId = env.random.uuid().replaceAll('-', '');
  const job = { jobId, moduleUrl: '', exportName, parameters: {}, configuration };
  const to = { env, rpc, address: `${address.host}:${address.port}` };
  return JobClient.submit(to, job, { bundle, ...settings });
}

/** The address of a job's master. */
async function masterOf(jobId: string): Promise<string> {
  const connection = await rpc.connect(`${address.host}:${address.port}`);
  const { token } = await connection.gateway(dispatcherService, DISPATCHER, '').identify({});
  const located = await connection
    .gateway(dispatcherService, DISPATCHER, token)
    .locateJob({ jobId });
  connection.close();
  return located.address;
}

/** Files of bundles, by the folder of the process. */
function files(): readonly string[] {
  return readdirSync(blobs).flatMap((name) =>
    readdirSync(join(blobs, name)).map((file) => `${name.split('-', 1)[0]}/${file.slice(-4)}`),
  );
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  // A slot that a lost master has is given back after taskmanager.slot.timeout, 10 s.
  for (let i = 0; i < 3000; i++) {
    if (await condition()) return;
    await new Promise<void>((resolve) => env.clock.after(20 as never, resolve));
  }
  assert.fail('it did not happen');
}

describe('bundles on a cluster of processes', () => {
  test('an attached job prints for its client, a detached one on a TaskManager', async () => {
    const client = await submit('prints');
    let text = '';
    client.onMessage((_operator, payload) => {
      text += new TextDecoder().decode(decodeClientMessage(payload).body);
    });
    assert.equal((await client.result()).status, 'FINISHED');
    client.close();
    const lines = (all: string): readonly string[] =>
      all
        .split('\n')
        .filter(Boolean)
        .map((line) => line.replace(/^\d> /, ''))
        .sort();
    assert.deepEqual(lines(text), ['be', 'to']);
    const detached = await submit('prints', { detached: true });
    assert.equal((await detached.result()).status, 'FINISHED');
    detached.close();
    await until(() => lines(taskManagers.map((each) => each.output).join('')).length === 2);
    assert.deepEqual(lines(taskManagers.map((each) => each.output).join('')), ['be', 'to']);
    await until(() => files().length === 0);
  });

  test('a killed TaskManager leaves its copy, which goes when the next one starts', async () => {
    const client = await submit('waits');
    client.onMessage(() => undefined);
    await until(() => files().length === 3);
    const [first, second] = taskManagers;
    first!.kill('SIGKILL');
    await first!.exited;
    assert.equal((await client.result()).status, 'FAILED');
    client.close();
    const left = readdirSync(blobs).find((name) => name.startsWith(`taskmanager-${first!.pid}-`));
    assert.ok(left !== undefined && existsSync(join(blobs, left)));
    const third = startTaskManager();
    taskManagers = [second!, third];
    await third.said('TaskManager registered');
    await until(() => files().length === 0);
    assert.ok(!existsSync(join(blobs, left)));
  });

  test('processes that end in order leave no folder', async () => {
    await endAll();
    assert.deepEqual(readdirSync(blobs), []);
  });

  test('where jobs outlive their JobManager, their bundles do, and go with the job', async () => {
    const storage = join(folder, 'ha');
    const ha = {
      'high-availability.type': 'filesystem',
      'high-availability.storageDir': storage,
      'jobmanager.rpc.address': 'localhost',
      'jobmanager.bind-host': '127.0.0.1',
    };
    await startJobManager(ha);
    taskManagers = [startTaskManager()];
    await taskManagers[0]!.said('TaskManager registered');
    const configuration = { 'parallelism.default': '1' };
    const client = await submit('waits', { detached: true }, configuration);
    client.close();
    // TaskManagers of other machines find it by its name, wherever it listens.
    assert.equal(await masterOf(client.jobId), `${address.host}:${address.port}`);
    const kept = (): readonly string[] => readdirSync(join(storage, 'default', 'blobs'));
    assert.equal(kept().length, 1);
    jobManager.kill('SIGKILL');
    await jobManager.exited;
    await startJobManager({ ...ha, 'jobmanager.rpc.port': address.port });
    const to = { env, rpc, address: `${address.host}:${address.port}` };
    let again: JobClient | undefined;
    await until(async () => {
      again ??= await JobClient.attach(to, client.jobId).catch(() => undefined);
      const details = await again?.details();
      return details?.vertices[0]?.states.RUNNING === 1;
    });
    assert.equal(kept().length, 1);
    await again!.cancel();
    assert.equal((await again!.result()).status, 'CANCELED');
    await until(() => kept().length === 0);
    again!.close();
  });
});
