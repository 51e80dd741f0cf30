/** Where the secret of a cluster comes from, and which ports of its processes may be opened. */
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { Configuration } from '../config/configuration.ts';
import type { Env, Log } from '../env/env.ts';
import { createAuthority, issueCertificate } from '../env/node/certificates.ts';
import { nodeDisk } from '../env/node/disk.ts';
import { nodeNetwork } from '../env/node/network.ts';
import { nodeRandom } from '../env/node/random.ts';
import { tlsNetwork } from '../env/node/tls-network.ts';
import { clusterSecret, openInternalPort, restTls } from './cluster-security.ts';

const home = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-secret-')));
after(() => rmSync(home, { recursive: true }));

const env = {
  ...{ disk: nodeDisk(), random: nodeRandom() },
  terminal: { variables: { MILLRACE_HOME: home } } as unknown as Env['terminal'],
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('all processes of a cluster on a machine have one secret, made by the first', async () => {
  const configuration = Configuration.parse({ 'cluster.id': 'one' });
  const secrets = await Promise.all(
    Array.from({ length: 4 }, () => clusterSecret(env, configuration, undefined)),
  );
  assert.equal(new Set(secrets.map(hex)).size, 1);
  assert.equal(secrets[0]!.length, 32);
  assert.deepEqual(
    await clusterSecret(env, Configuration.empty, join(home, 'clusters', 'one')),
    secrets[0],
  );
  const other = await clusterSecret(env, Configuration.parse({ 'cluster.id': 'two' }), undefined);
  assert.notDeepEqual(other, secrets[0]);
});

test('a file of the configuration is taken in its place, and must hold a secret', async () => {
  const path = join(home, 'secret');
  const configuration = Configuration.parse({ 'millrace.security.secret-file': path });
  const read = (): Promise<Uint8Array> => clusterSecret(env, configuration, undefined);
  await assert.rejects(read(), /secret of the cluster cannot be read from .*: it does not exist/);
  for (const content of ['', 'password', 'ab'.repeat(31), `${'ab'.repeat(32)}0`, 'XY'.repeat(32)]) {
    writeFileSync(path, content);
    await assert.rejects(read(), (error) => {
      assert.ok(isEngineError(error, 'CONFIG_SECRET_INVALID'));
      assert.ok(content === '' || !error.message.includes(content), 'it is not shown');
      return true;
    });
  }
  writeFileSync(path, `${'ab'.repeat(32)}\n`);
  assert.equal(hex(await read()), 'ab'.repeat(32));
});

test('a port that others reach is opened with TLS, or because somebody wrote it out', async () => {
  const lines: string[] = [];
  const log: Log = { write: (_level, message) => void lines.push(message), with: () => log };
  const plain = nodeNetwork(log);
  const open = (host: string, values: Readonly<Record<string, string>> = {}) =>
    openInternalPort(
      { ...env, log, network: plain, securedNetwork: (identity) => tlsNetwork(log, identity) },
      Configuration.parse(values),
      undefined,
      { what: 'the JobManager', host, hostKey: 'jobmanager.bind-host' },
    );
  assert.equal((await open('127.0.0.1')).network, plain);
  await assert.rejects(
    open('0.0.0.0'),
    /^EngineError: The JobManager would listen on 0\.0\.0\.0, .*, without TLS\.$/,
  );
  const identity = certificateFiles();
  const secured = await open('0.0.0.0', identity);
  assert.notEqual(secured.network, plain);
  assert.ok(secured.tls !== undefined);
  for (const [key, value] of Object.entries(identity)) {
    if (value === 'true') continue;
    const { [key]: _left, ...rest } = identity;
    await assert.rejects(open('0.0.0.0', rest), RegExp(`TLS cannot be used: ${key} is not set`));
    const empty = join(home, 'secret');
    await assert.rejects(open('0.0.0.0', { ...identity, [key]: empty }), /holds no PEM/);
  }
  assert.deepEqual(lines, []);
  await open('0.0.0.0', { 'millrace.security.insecure-bind': 'true' });
  assert.deepEqual(lines, [
    'the JobManager listens on 0.0.0.0 without TLS: whoever reaches it can read along',
  ]);
});

test('REST has certificates of its own, and looks at those of clients if asked', async () => {
  assert.equal(await restTls(env, Configuration.empty), undefined);
  const [certificate, key, authority] = Object.values(certificateFiles()).slice(1);
  const values = {
    'security.ssl.rest.enabled': 'true',
    'millrace.security.ssl.rest.certificate': certificate!,
    'millrace.security.ssl.rest.key': key!,
  };
  const tls = await restTls(env, Configuration.parse(values));
  assert.match(tls!.certificate, /BEGIN CERTIFICATE/);
  assert.match(tls!.key, /BEGIN PRIVATE KEY/);
  assert.equal(tls!.clientAuthorities, undefined);
  const mutual = { ...values, 'security.ssl.rest.authentication-enabled': 'true' };
  await assert.rejects(restTls(env, Configuration.parse(mutual)), /rest\.ca is not set/);
  const all = { ...mutual, 'millrace.security.ssl.rest.ca': authority! };
  assert.match((await restTls(env, Configuration.parse(all)))!.clientAuthorities!, /BEGIN/);
});

function certificateFiles(): Readonly<Record<string, string>> {
  const authority = createAuthority({ name: 'authority', validDays: 1 });
  const issued = issueCertificate(authority, { name: 'node', hosts: [], validDays: 1 });
  const file = (name: string, content: string): string => {
    writeFileSync(join(home, name), content);
    return join(home, name);
  };
  return {
    'security.ssl.internal.enabled': 'true',
    'millrace.security.ssl.internal.certificate': file('node.pem', issued.certificate),
    'millrace.security.ssl.internal.key': file('node.key', issued.key),
    'millrace.security.ssl.internal.ca': file('ca.pem', authority.certificate),
  };
}
