/** The folder of a cluster on a real disk: who may read it, and what is made once. */
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Configuration } from '../config/configuration.ts';
import { nodeDisk } from '../env/node/disk.ts';
import { nodeRandom } from '../env/node/random.ts';
import { ClusterDirectory } from './cluster-directory.ts';

const home = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-home-')));
after(() => rmSync(home, { recursive: true }));

function directory(id: string, variables: Readonly<Record<string, string>>): ClusterDirectory {
  const env = { disk: nodeDisk(), random: nodeRandom(), terminal: { variables } };
  return ClusterDirectory.of(env, Configuration.parse({ 'cluster.id': id }));
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('it lies below MILLRACE_HOME, else in the home of the user', () => {
  const { path } = directory('a', { MILLRACE_HOME: home, HOME: '/elsewhere' });
  assert.equal(path, `${home}/clusters/a`);
  assert.equal(directory('a', { HOME: home }).path, `${home}/.millrace/clusters/a`);
  assert.throws(() => directory('a', {}), /neither MILLRACE_HOME nor HOME is set/);
});

test('a name that is a path is refused', () => {
  for (const id of ['..', '../a', 'a/b', '', '.hidden', 'a\0b']) {
    assert.throws(() => directory(id, { HOME: home }), /The option cluster.id cannot be/);
  }
});

test('only its user reads it; what was written is read again', async () => {
  const cluster = directory('b', { MILLRACE_HOME: join(home, 'made') });
  await cluster.make();
  assert.equal(await cluster.read(), undefined);
  const file = { restUrl: 'http://localhost:8081', jobManager: 'a:1', processes: [], hosts: [] };
  await cluster.write(file);
  assert.deepEqual(await cluster.read(), { version: 1, clusterId: 'b', ...file });
  await cluster.writeConfiguration(Configuration.parse({ 'cluster.id': 'b' }));
  assert.deepEqual((await cluster.readConfiguration()).toRecord(), { 'cluster.id': 'b' });
  await cluster.makeSecret('rest-token');
  const { path } = cluster;
  for (const name of ['.', 'log', 'ha', 'blobs']) assert.equal(mode(join(path, name)), '700', name);
  for (const name of ['cluster.json', 'configuration.json', 'rest-token']) {
    assert.equal(mode(join(path, name)), '600', name);
  }
  await cluster.removeFile();
  assert.equal(await cluster.read(), undefined);
});

test('D1: a secret is made once, whoever comes first', async () => {
  const cluster = directory('c', { MILLRACE_HOME: home });
  await cluster.make();
  assert.equal(await cluster.readSecret('cluster-secret'), undefined);
  const made = await Promise.all(
    Array.from({ length: 8 }, () => cluster.makeSecret('cluster-secret')),
  );
  assert.equal(new Set(made).size, 1);
  assert.match(made[0]!, /^[0-9a-f]{64}$/);
  assert.equal(await cluster.makeSecret('cluster-secret', 'ab'.repeat(32)), 'ab'.repeat(32));
  assert.equal(await cluster.readSecret('cluster-secret'), 'ab'.repeat(32));
});

test('files that are no such files are named', async () => {
  const cluster = directory('d', { MILLRACE_HOME: home });
  await cluster.make();
  writeFileSync(join(cluster.path, 'cluster.json'), '{"version":1,"proce');
  await assert.rejects(cluster.read(), /The file \S+\/d\/cluster.json of a cluster cannot be used/);
  writeFileSync(join(cluster.path, 'cluster.json'), '{"version":2,"processes":[]}');
  await assert.rejects(cluster.read(), /its version is another/);
  writeFileSync(join(cluster.path, 'rest-token'), 'abc');
  await assert.rejects(cluster.readSecret('rest-token'), /rest-token.*64 hexadecimal digits/);
});
