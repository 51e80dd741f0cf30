// A cluster of processes with TLS between them, and what does not get into it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { JobClient } from '../../src/client/job-client.ts';
import { createAuthority, issueCertificate } from '../../src/env/node/certificates.ts';
import { entryPoint } from '../../src/env/node/entry-points.ts';
import { nodeEnv } from '../../src/env/node/node-env.ts';
import { RpcService } from '../../src/rpc/rpc-service.ts';
import { REPOSITORY } from '../command.test-kit.ts';
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

/** Runs `millrace ARGS` to its end. */
async function millrace(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [join(REPOSITORY, 'bin', 'millrace.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...variables },
  });
  const texts = ['', ''];
  for (const [i, stream] of [child.stdout, child.stderr].entries()) {
    stream.setEncoding('utf8').on('data', (text: string) => (texts[i] += text));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: texts[0]!, stderr: texts[1]! };
}

describe('millrace secure init', () => {
  const out = join(folder, 'made');

  test('makes what a cluster with TLS everywhere starts with', async () => {
    const made = await millrace(['secure', 'init', '--out', out, '--host', 'master', '--json']);
    assert.equal(made.code, 0, made.stderr);
    const { written, configuration, clientConfiguration } = JSON.parse(made.stdout);
    assert.equal(written.length, 9);
    for (const { path } of written) assert.equal(statSync(path).mode & 0o777, 0o600, path);

    const jobManager = start('jobmanager', {
      ...configuration,
      'security.ssl.rest.authentication-enabled': 'true',
      // The certificate alone decides here.
      'millrace.rest.authentication': 'false',
      'jobmanager.rpc.address': '127.0.0.1',
      'jobmanager.rpc.port': 0,
    });
    const ready = await jobManager.said('JobManager ready');
    const { host, port } = addressIn(ready);
    const worker = start('taskmanager', {
      ...{ ...configuration, 'taskmanager.host': '127.0.0.1' },
      ...{ 'jobmanager.rpc.address': host, 'jobmanager.rpc.port': port },
      'taskmanager.numberOfTaskSlots': 1,
    });
    await worker.said('TaskManager registered');

    const url = new URL(String(ready.fields['restUrl']));
    assert.equal(url.protocol, 'https:');
    const list = (settings: Readonly<Record<string, string>>) =>
      millrace([
        ...['list', '-m', url.host, '--json'],
        ...Object.entries(settings).flatMap(([key, value]) => ['-D', `${key}=${value}`]),
      ]);
    const listed = await list(clientConfiguration);
    assert.equal(listed.code, 0, listed.stderr);
    const certificate = 'millrace.security.ssl.rest.certificate';
    const { [certificate]: _left, ...without } = clientConfiguration;
    assert.equal((await list(without)).code, 1, 'who shows no certificate stays outside');
  });

  test('writes over nothing, unless certificates are to be renewed', async () => {
    const read = (name: string): string => readFileSync(join(out, name), 'utf8');
    const names = ['cluster-secret', 'ca.pem', 'ca.key', 'node.pem', 'node.key'];
    const before = names.map(read);
    const again = await millrace(['secure', 'init', '--out', out]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /there are cluster-secret, ca\.pem, .*client\.key already/);
    assert.match(again.stderr, /--out.*--renew/);
    assert.deepEqual(names.map(read), before);

    const renewed = await millrace(['secure', 'init', '--out', out, '--renew', '--days', '30']);
    assert.equal(renewed.code, 0, renewed.stderr);
    const after = names.map(read);
    assert.deepEqual(after.slice(0, 3), before.slice(0, 3), 'secret and authority stay');
    assert.notEqual(after[3], before[3]);
    const [node, root] = [new X509Certificate(after[3]!), new X509Certificate(after[1]!)];
    assert.ok(node.verify(root.publicKey) && node.checkHost('localhost') !== undefined);
    const days = (node.validToDate.getTime() - Date.now()) / 86_400_000;
    assert.ok(days > 29 && days < 31, String(days));
  });

  test('says what is wrong with an option', async () => {
    for (const [args, expected] of [
      [['--days', '0', '--out', join(folder, 'other')], /--days cannot be "0"/],
      [['--host', 'a b', '--out', join(folder, 'other')], /--host cannot be "a b"/],
      [['--renew', '--out', join(folder, 'nowhere')], /ca\.pem is not there/],
    ] as const) {
      const said = await millrace(['secure', 'init', ...args]);
      assert.equal(said.code, 1);
      assert.match(said.stderr, expected);
    }
    assert.match((await millrace(['secure', 'int'])).stderr, /init/);
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
