// `millrace standalone-job`: a JobManager for one job, whose exit code says how that ended.
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { addressIn, clientsOf, startProcess, type ClusterProcess } from './cluster.test-kit.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-application-')));
after(() => rmSync(folder, { recursive: true }));

const JOBS = `import { defineJob, generator, t } from 'millrace';

export const finishing = defineJob({
  name: 'finishing',
  build: (env) => void env.sequence(1, 3).print(),
});
export const failing = defineJob({
  name: 'failing',
  build: (env) =>
    void env
      .sequence(1, 3)
      .map((n) => {
        throw new RangeError('not today ' + n);
      })
      .print(),
});
export const endless = defineJob({
  name: 'endless',
  build: (env) => void env.from(generator(t.int32, (n) => n, { ratePerSecond: 100 })).print(),
});
export const broken = defineJob({
  name: 'broken',
  build() {
    throw new Error('no graph');
  },
});
`;

const started: ClusterProcess[] = [];
afterEach(async () => {
  for (const each of started) each.kill('SIGKILL');
  await Promise.all(started.splice(0).map(({ exited }) => exited));
});

type Options = Readonly<Record<string, string | number>>;

/** The process of a job, with one TaskManager that serves it. */
async function application(
  name: string,
  options: Options = {},
): Promise<{ readonly process: ClusterProcess; readonly address: string; readonly port: number }> {
  const process = startProcess(`standalone-job ${join(folder, 'jobs.ts')} --job ${name}`, {
    ...{ 'jobmanager.rpc.address': '127.0.0.1', 'jobmanager.rpc.port': 0, ...options },
  });
  started.push(process);
  const { host, port } = addressIn(await process.said('JobManager ready'));
  const worker = startProcess('taskmanager', {
    ...{ 'jobmanager.rpc.address': host, 'jobmanager.rpc.port': port },
    ...{ 'taskmanager.host': '127.0.0.1', 'taskmanager.numberOfTaskSlots': 1 },
  });
  started.push(worker);
  return { process, address: `${host}:${port}`, port };
}

describe('millrace standalone-job', { timeout: 60_000 }, () => {
  before(() => writeFileSync(join(folder, 'jobs.ts'), JOBS));

  for (const [name, code] of [
    ['finishing', 0],
    ['failing', 163],
    ['broken', 163],
  ] as const) {
    test(`a job that is ${name}: ${code}`, async () => {
      const { process } = await application(name);
      assert.deepEqual(await process.exited, { code, signal: null }, JSON.stringify(process.log));
      if (name === 'finishing') assert.equal(process.output, '1\n2\n3\n');
      else assert.ok(process.log.some(({ level }) => level === 'error'));
    });
  }

  test('a job that is cancelled: 0; SIGTERM: 0', async () => {
    const first = await application('endless');
    await using clients = clientsOf(first.address);
    const [jobId] = await clients.jobs();
    await clients.until(jobId!, 'RUNNING');
    await clients.cancel(jobId!);
    assert.deepEqual(await first.process.exited, { code: 0, signal: null });

    const second = await application('endless');
    second.process.kill('SIGTERM');
    assert.deepEqual(await second.process.exited, { code: 0, signal: null });
  });

  test('kill -9: the same command goes on with the same job, and does not run it twice', async () => {
    const ha = {
      'high-availability.type': 'filesystem',
      'high-availability.storageDir': join(folder, 'ha'),
    };
    const first = await application('endless', ha);
    await using clients = clientsOf(first.address);
    const [jobId] = await clients.jobs();
    await clients.until(jobId!, 'RUNNING');
    first.process.kill('SIGKILL');
    await first.process.exited;

    const again = { ...ha, 'jobmanager.rpc.port': first.port };
    const second = await application('endless', again);
    assert.deepEqual(await clients.jobs(), [jobId]);
    await clients.until(jobId!, 'RUNNING');
    await clients.cancel(jobId!);
    assert.deepEqual(await second.process.exited, { code: 0, signal: null });

    const third = await application('endless', again);
    assert.deepEqual(await third.process.exited, { code: 0, signal: null });
  });
});
