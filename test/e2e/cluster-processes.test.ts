// JobManager and TaskManagers as processes of their own: what they say, what they run, how they
// end.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { decodeClientMessage } from '../../src/functions/client-message.ts';
import { addressIn, clientsOf, startProcess, type ClusterProcess } from './cluster.test-kit.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-cluster-')));
after(() => rmSync(folder, { recursive: true }));

const started: ClusterProcess[] = [];
afterEach(async () => {
  for (const each of started) each.kill('SIGKILL');
  await Promise.all(started.splice(0).map(({ exited }) => exited));
});

type Options = Readonly<Record<string, string | number>>;

async function jobManager(
  options: Options = {},
): Promise<{ process: ClusterProcess; at: Options }> {
  const process = startProcess('jobmanager', {
    'jobmanager.rpc.address': '127.0.0.1',
    'jobmanager.rpc.port': 0,
    ...options,
  });
  started.push(process);
  const { host, port } = addressIn(await process.said('JobManager ready'));
  return { process, at: { 'jobmanager.rpc.address': host, 'jobmanager.rpc.port': port } };
}

function taskManager(options: Options): ClusterProcess {
  const process = startProcess('taskmanager', { 'taskmanager.host': '127.0.0.1', ...options });
  started.push(process);
  return process;
}

function addressOf(at: Options): string {
  return `${at['jobmanager.rpc.address']}:${at['jobmanager.rpc.port']}`;
}

const COUNTING = `import { defineJob, t } from 'millrace';

export default defineJob({
  name: 'counting',
  build(env) {
    env
      .sequence(1, 10_000)
      .keyBy((n) => n % 100, t.int32)
      .reduce((a, b) => a + b)
      .filter((sum) => sum > 495_000)
      .print();
  },
});
`;

const ENDLESS = `import { defineJob, generator, t } from 'millrace';

export default defineJob({
  name: 'endless',
  build(env) {
    env.from(generator(t.int32, (n) => n, { ratePerSecond: 200 })).print();
  },
});
`;

describe('a cluster of processes', { timeout: 60_000 }, () => {
  before(() => {
    writeFileSync(join(folder, 'counting.ts'), COUNTING);
    writeFileSync(join(folder, 'endless.ts'), ENDLESS);
  });
  const counting = pathToFileURL(join(folder, 'counting.ts')).href;

  test('runs a job over the slots of two TaskManagers, and ends in order', async () => {
    const { process, at } = await jobManager();
    const first = taskManager({ ...at, 'taskmanager.numberOfTaskSlots': 1 });
    const second = taskManager({
      ...{ ...at, 'taskmanager.numberOfTaskSlots': 1 },
      'taskmanager.resource-id': 'second',
    });
    await first.said('TaskManager registered');
    assert.equal((await second.said('TaskManager registered')).fields['taskManager'], 'second');

    await using clients = clientsOf(addressOf(at), { 'parallelism.default': '2' });
    const client = await clients.submit(counting);
    const lines: string[] = [];
    client.onMessage((_operator, payload) => {
      const message = decodeClientMessage(payload);
      if (message.kind === 'print') lines.push(new TextDecoder().decode(message.body));
    });
    const result = await client.result();
    assert.equal(result.status, 'FINISHED', JSON.stringify(result));
    const sums = lines
      .join('')
      .trim()
      .split('\n')
      .map((line) => Number(/\d+$/.exec(line)![0]));
    // The last sum of each key; sums on the way depend on the order in which subtasks deliver.
    const last = Array.from({ length: 100 }, (_, at) => 495_100 + 100 * at);
    assert.deepEqual(
      last.filter((sum) => !sums.includes(sum)),
      [],
    );
    client.close();

    for (const each of [first, second, process]) each.kill('SIGTERM');
    for (const each of [first, second, process]) {
      assert.deepEqual(await each.exited, { code: 0, signal: null }, JSON.stringify(each.log));
      assert.match(each.log.at(-1)!.message, /has ended$/);
      assert.deepEqual(
        each.log.filter(({ level }) => level === 'error' || level === 'raw'),
        [],
      );
    }
  });

  test('a TaskManager has as many slots as there are cores', async () => {
    const { at } = await jobManager();
    const { fields } = await taskManager(at).said('TaskManager registered');
    assert.equal(fields['slots'], navigator.hardwareConcurrency);
  });

  test('a port that is taken is named, with exit code 1', async () => {
    const { at } = await jobManager();
    const second = startProcess('jobmanager', at);
    started.push(second);
    assert.deepEqual(await second.exited, { code: 1, signal: null });
    const line = second.log.find(({ level }) => level === 'error')!;
    assert.match(
      line.message,
      new RegExp(`^JobManager could not start: .*${addressOf(at)}: .*taken`),
    );
    assert.equal(line.fields['code'], 'NETWORK_FAILED');
  });

  test('a TaskManager waits for its JobManager and registers with the next one', async () => {
    const { process, at } = await jobManager();
    const worker = taskManager(at);
    await worker.said('TaskManager registered');
    process.kill('SIGKILL');
    await worker.said(/^lost the ResourceManager/);
    worker.log.length = 0;
    await jobManager(at);
    await worker.said('TaskManager registered');
  });

  test('kill -9 of the JobManager: jobs come back, ended ones do not', async () => {
    const ha = {
      'high-availability.type': 'filesystem',
      'high-availability.storageDir': join(folder, 'ha'),
    };
    const first = await jobManager(ha);
    const worker = taskManager({ ...first.at, 'taskmanager.numberOfTaskSlots': 1 });
    await worker.said('TaskManager registered');

    await using clients = clientsOf(addressOf(first.at));
    const ended = await clients.submit(counting);
    ended.onMessage(() => undefined);
    const before = await ended.result();
    assert.equal(before.status, 'FINISHED');
    const endless = await clients.submit(pathToFileURL(join(folder, 'endless.ts')).href);
    endless.onMessage(() => undefined);
    first.process.kill('SIGKILL');
    await first.process.exited;

    await jobManager({ ...ha, ...first.at });
    const ids = [ended.jobId, endless.jobId];
    assert.deepEqual(await clients.result(ids[0]!), before);
    await clients.until(ids[1]!, 'RUNNING');
    assert.equal(await clients.running(), 1);
    await clients.cancel(ids[1]!);
    assert.equal((await clients.result(ids[1]!)).status, 'CANCELED');
    assert.deepEqual(readdirSync(join(folder, 'ha', 'default', 'jobs')), []);
  });

  test('a second JobManager on the same folder ends with the name of the first', async () => {
    const storage = join(folder, 'ha-of-two');
    const options = {
      'high-availability.type': 'filesystem',
      'high-availability.storageDir': storage,
    };
    const first = await jobManager(options);
    const second = startProcess('jobmanager', {
      ...{ 'jobmanager.rpc.address': '127.0.0.1', 'jobmanager.rpc.port': 0 },
      ...options,
    });
    started.push(second);
    const { message, fields } = await second.said(/could not start/);
    assert.match(message, /ha-of-two.* is held by process \d+ on \S+ \(since \d{4}-\d\d-\d\dT/);
    assert.match(message, new RegExp(`process ${first.process.pid} `));
    assert.equal(fields['code'], 'HA_STORAGE_HELD');
    assert.equal((await second.exited).code, 1);
    first.process.kill('SIGKILL');
    await first.process.exited;
    await jobManager(options);
  });

  test('a file of the store that is not whole is refused with its name', async () => {
    const storage = join(folder, 'torn');
    mkdirSync(join(storage, 'default', 'jobs'), { recursive: true });
    writeFileSync(join(storage, 'default', 'jobs', 'abc.job'), 'millrace-job 1 100 00000000\nab');
    const process = startProcess('jobmanager', {
      ...{ 'jobmanager.rpc.address': '127.0.0.1', 'jobmanager.rpc.port': 0 },
      'high-availability.type': 'filesystem',
      'high-availability.storageDir': storage,
    });
    started.push(process);
    assert.deepEqual(await process.exited, { code: 1, signal: null });
    const line = process.log.find(({ level }) => level === 'error')!;
    assert.match(line.message, /could not start: The file \S+abc\.job,.* it has 2 bytes of 100/);
  });
});
