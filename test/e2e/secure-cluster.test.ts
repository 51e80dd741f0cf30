// A cluster of processes with TLS between them, and what does not get into it.
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { JobClient } from '../../src/client/job-client.ts';
import { createAuthority, issueCertificate } from '../../src/env/node/certificates.ts';
import { entryPoint } from '../../src/env/node/entry-points.ts';
import { nodeEnv } from '../../src/env/node/node-env.ts';
import { RpcService } from '../../src/rpc/rpc-service.ts';
import { addressIn, SECRET, startProcess, type ClusterProcess } from './cluster.test-kit.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-secure-')));
const started: ClusterProcess[] = [];
after(async () => {
  for (const each of started) each.kill('SIGKILL');
  await Promise.all(started.map(({ exited }) => exited));
  rmSync(folder, { recursive: true });
});

const authority = createAuthority({ name: 'authority', validDays: 1 });

/** Files of a certificate, as options. */
function certified(name: string, by = authority): Readonly<Record<string, string>> {
  const issued = issueCertificate(by, { name, hosts: [], validDays: 1 });
  const file = (what: string, content: string): string => {
    const path = join(folder, `${name}.${what}`);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  return {
    'security.ssl.internal.enabled': 'true',
    'millrace.security.ssl.internal.certificate': file('pem', issued.certificate),
    'millrace.security.ssl.internal.key': file('key', issued.key),
    'millrace.security.ssl.internal.ca': file('ca', authority.certificate),
  };
}

function start(
  command: 'jobmanager' | 'taskmanager',
  options: Readonly<Record<string, string | number>>,
): ClusterProcess {
  const process = startProcess(command, options);
  started.push(process);
  return process;
}

const COUNTING = `import { defineJob, t } from 'millrace';

export default defineJob({
  name: 'counting',
  build(env) {
    env
      .sequence(1, 20_000)
      .keyBy((n) => n % 100, t.int32)
      .reduce((a, b) => a + b)
      .filter((sum) => sum > 2_000_000)
      .print();
  },
});
`;

describe('a cluster with TLS', () => {
  test('runs a job over two TaskManagers; strangers of any kind stay outside', async () => {
    const jobManager = start('jobmanager', {
      ...certified('jobmanager'),
      'jobmanager.rpc.address': '127.0.0.1',
      'jobmanager.rpc.port': 0,
    });
    const { host, port } = addressIn(await jobManager.said('JobManager ready'));
    const at = { 'jobmanager.rpc.address': host, 'jobmanager.rpc.port': port };
    const common = { ...at, 'taskmanager.host': '127.0.0.1', 'taskmanager.numberOfTaskSlots': 1 };
    const members = ['one', 'two'].map((name) =>
      start('taskmanager', { ...common, ...certified(name) }),
    );
    await Promise.all(members.map((member) => member.said('TaskManager registered')));

    const wrongSecret = join(folder, 'wrong-secret');
    writeFileSync(wrongSecret, `${'ab'.repeat(32)}\n`);
    const stranger = createAuthority({ name: 'authority', validDays: 1 });
    const outside = [
      start('taskmanager', {
        ...{ ...common, ...certified('three') },
        'millrace.security.secret-file': wrongSecret,
      }),
      start('taskmanager', common),
      start('taskmanager', { ...common, ...certified('forged', stranger) }),
    ];
    const refusals = outside.map((process) => process.said(/ResourceManager/));
    assert.match(
      JSON.stringify(await refusals[0]!),
      /its secret is another one/,
      'who has a certificate but another secret is told so',
    );
    await Promise.all(refusals);

    const module = join(folder, 'job.ts');
    writeFileSync(module, COUNTING);
    const worker = entryPoint('../../bin/slot-worker', import.meta.url);
    const env = nodeEnv({
      entries: { slot: worker, coordinator: worker },
      log: { level: 'error' },
    });
    const issued = issueCertificate(authority, { name: 'client', hosts: [], validDays: 1 });
    const network = env.securedNetwork({
      ...issued,
      ...{ authority: authority.certificate, verifyHostName: false },
    });
    const rpc = new RpcService({ env: { ...env, network }, name: 'client', secret: SECRET });
    const client = await JobClient.submit(
      { env, rpc, address: `${host}:${port}` },
      {
        jobId: env.random.uuid().replaceAll('-', ''),
        ...{ moduleUrl: pathToFileURL(module).href, exportName: undefined, parameters: {} },
        configuration: { 'parallelism.default': '2' },
      },
    );
    let messages = 0;
    client.onMessage(() => void (messages += 1));
    assert.equal((await client.result()).status, 'FINISHED');
    assert.ok(messages > 0);
    client.close();
    await rpc.close();
    for (const process of outside) {
      assert.ok(process.log.every(({ message }) => message !== 'TaskManager registered'));
    }
  });
});

describe('a process that others could reach', () => {
  test('does not start without TLS, and says what to do', async () => {
    const jobManager = start('jobmanager', {
      'jobmanager.rpc.address': '127.0.0.1',
      'jobmanager.bind-host': '0.0.0.0',
      'jobmanager.rpc.port': 0,
    });
    const line = await jobManager.said(/JobManager could not start/);
    assert.match(
      line.message,
      /would listen on 0\.0\.0\.0, which other machines can reach, without/,
    );
    assert.match(String(line.fields['fix']), /--insecure-bind/);
    assert.deepEqual(await jobManager.exited, { code: 1, signal: null });
  });

  test('starts where that is written out, and warns', async () => {
    const jobManager = start('jobmanager', {
      'jobmanager.rpc.address': '127.0.0.1',
      'jobmanager.bind-host': '0.0.0.0',
      'jobmanager.rpc.port': 0,
      'millrace.security.insecure-bind': 'true',
    });
    await jobManager.said(/the JobManager listens on 0\.0\.0\.0 without TLS/);
    await jobManager.said('JobManager ready');
    jobManager.kill();
    assert.deepEqual(await jobManager.exited, { code: 0, signal: null });
  });

  test('with half of what TLS needs it says what is missing', async () => {
    const jobManager = start('jobmanager', {
      'jobmanager.rpc.address': '127.0.0.1',
      'jobmanager.rpc.port': 0,
      'security.ssl.internal.enabled': 'true',
    });
    const line = await jobManager.said(/JobManager could not start/);
    assert.match(line.message, /millrace\.security\.ssl\.internal\.certificate is not set/);
    assert.deepEqual(await jobManager.exited, { code: 1, signal: null });
  });
});
