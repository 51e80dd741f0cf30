/** What is left of applications that have ended, on a real disk: shown, and removed in time. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Configuration } from '../config/configuration.ts';
import { nodeDisk } from '../env/node/disk.ts';
import { nodeRandom } from '../env/node/random.ts';
import { ClusterDirectory } from './cluster-directory.ts';
import { stopCluster } from './cluster-on-machine.ts';
import { endedApplications, removeOldApplications } from './ended-applications.ts';

const home = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-ended-')));
after(() => rmSync(home, { recursive: true }));
const NOW = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const RUNNING = 4711;

function envAt(variables: Readonly<Record<string, string>>) {
  return {
    disk: nodeDisk(),
    random: nodeRandom(),
    terminal: { variables },
    clock: { now: () => NOW, monotonic: () => 0 },
    log: { write: () => undefined },
    processes: { identify: async (pid: number) => (pid === RUNNING ? 'same' : undefined) },
  } as never;
}

function folder(clusters: string, name: string, age: number, ...inside: readonly string[]): void {
  const path = join(clusters, name);
  for (const each of ['log', ...inside]) mkdirSync(join(path, each), { recursive: true });
  utimesSync(path, (NOW - age) / 1000, (NOW - age) / 1000);
}

test('E1, E2: the logs of the last applications are kept for a while, and nothing else', async () => {
  const own = join(home, 'one');
  const clusters = join(own, 'clusters');
  const env = envAt({ MILLRACE_HOME: own });
  for (let i = 0; i < 22; i++) folder(clusters, `application-${10 + i}`, (10 + i) * MINUTE, 'ha');
  folder(clusters, 'application-starting', MINUTE, 'ha');
  folder(clusters, 'default', 90 * 24 * 60 * MINUTE, 'ha');
  const runs = ClusterDirectory.of(env, Configuration.parse({ 'cluster.id': 'application-runs' }));
  await runs.make();
  const role = 'supervisor' as const;
  const process = { role, name: role, pid: RUNNING, identity: 'same', since: 0, log: '' };
  const record = { ...process, state: 'running' as const, restarts: 0 };
  await runs.write({ jobManager: 'a:1', processes: [record], hosts: [] });

  const before = (await endedApplications(env)).map(({ directory }) => directory.clusterId);
  assert.deepEqual(
    [before[0], before[1], before.length],
    ['application-starting', 'application-10', 23],
  );
  await removeOldApplications(env);
  const left = (await endedApplications(env)).map(({ directory }) => directory.clusterId);
  assert.equal(left.length, 20);
  assert.ok(!left.includes('application-31') && left.includes('application-28'));
  assert.deepEqual(readdirSync(join(clusters, 'application-10')), ['log']);
  assert.deepEqual(readdirSync(join(clusters, 'application-starting')).sort(), ['ha', 'log']);
  assert.deepEqual(readdirSync(join(clusters, 'default')).sort(), ['ha', 'log']);
  assert.ok(readdirSync(runs.path).includes('ha'));

  folder(clusters, 'application-old', 8 * 24 * 60 * MINUTE);
  await removeOldApplications(env);
  assert.ok(!readdirSync(clusters).includes('application-old'));
});

test('M5: what a killed TaskManager had on the disk goes when its cluster is stopped', async () => {
  const own = join(home, 'two');
  const env = envAt({ MILLRACE_HOME: own });
  const configuration = Configuration.parse({ 'cluster.id': 'two' });
  const directory = ClusterDirectory.of(env, configuration);
  await directory.make();
  await directory.writeConfiguration(configuration);
  await directory.write({ jobManager: 'a:1', processes: [], hosts: [] });
  const killed = ['blobs', 'local-state', 'profiles'].map((name) => `${name}/taskmanager-7-1_2`);
  const lives = `blobs/taskmanager-${RUNNING}-same`;
  for (const each of [...killed, lives, 'ha/jobs']) {
    mkdirSync(join(directory.path, each), { recursive: true });
  }
  await stopCluster(env, directory);
  const inside = (name: string) => readdirSync(join(directory.path, name));
  assert.deepEqual(inside('blobs'), [`taskmanager-${RUNNING}-same`]);
  assert.deepEqual(
    ['local-state', 'profiles', 'ha'].map((name) => inside(name)),
    [[], [], ['jobs']],
  );
});
