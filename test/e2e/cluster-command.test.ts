// `millrace cluster`: a cluster in the background that is supervised, and leaves nothing behind.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { REPOSITORY, startProgram, type Ended } from '../command.test-kit.ts';

const home = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-home-')));
after(() => rmSync(home, { recursive: true }));

const LAUNCHER = join(REPOSITORY, 'bin', 'millrace.js');
const FREE_PORT = ['-D', 'jobmanager.rpc.port=0', '-D', 'rest.port=0'];
const folder = join(home, 'clusters', 'default');

function cluster(...args: readonly string[]): Promise<Ended> {
  return clusterIn({}, ...args);
}

function clusterIn(variables: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Ended> {
  const env = { ...process.env, MILLRACE_HOME: home, ...variables };
  const all = [LAUNCHER, 'cluster', ...args];
  return startProgram(process.execPath, all, { cwd: home, env }).ended;
}

interface Status {
  readonly running: boolean;
  readonly jobManager: string;
  readonly restUrl: string;
  readonly processes: readonly {
    readonly name: string;
    readonly pid: number;
    readonly state: string;
    readonly restarts: number;
    readonly slots?: number;
    readonly id?: string;
  }[];
}

async function status(): Promise<Status> {
  return JSON.parse((await cluster('status', '--json')).stdout) as Status;
}

function pidOf({ processes }: Status, name: string): number {
  return processes.find((each) => each.name === name)!.pid;
}

/** One that has ended, and whose parent has not asked how, does not. */
function lives(pid: number): boolean {
  try {
    if (process.platform !== 'linux') return process.kill(pid, 0);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
}

function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

/** What `cluster.json` says once that suits; the file is replaced as things happen. */
async function written(suits: (status: Status) => boolean): Promise<Status> {
  for (;;) {
    const file = JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')) as Status;
    if (suits(file)) return file;
    await aMoment();
  }
}

/** All processes are ready, and this one is not what it was. */
function replaced(name: string, before: number): (status: Status) => boolean {
  return (now) => {
    const { processes } = now;
    const process = processes.find((each) => each.name === name);
    return process?.state === 'running' && process.pid !== before;
  };
}

const started = new Set<number>();

async function start(...args: readonly string[]): Promise<Status> {
  const { code, stderr } = await cluster('start', ...FREE_PORT, ...args);
  assert.equal(code, 0, stderr);
  const now = await status();
  for (const { pid } of now.processes) started.add(pid);
  return now;
}

afterEach(async () => {
  await cluster('stop');
  for (const pid of started) assert.ok(!lives(pid), `process ${pid} lives on`);
  started.clear();
  assert.equal(existsSync(join(folder, 'cluster.json')), false);
});

describe('millrace cluster', { timeout: 120_000 }, () => {
  test('start, status, start again, stop, stop again', async () => {
    assert.deepEqual((await cluster('status')).code, 1);
    const now = await start('--taskmanagers', '2', '--slots', '3');
    assert.equal(now.running, true);
    assert.deepEqual(
      now.processes.map(({ name, state, slots, restarts }) => [name, state, slots, restarts]),
      [
        ['supervisor', 'running', undefined, 0],
        ['jobmanager', 'running', undefined, 0],
        ['taskmanager-1', 'running', 3, 0],
        ['taskmanager-2', 'running', 3, 0],
      ],
    );
    assert.match((await cluster('status')).stdout, /^taskmanager-1 +\d+ +running .* 3 +0 +\S+$/m);

    const again = await cluster('start', ...FREE_PORT);
    assert.equal(again.code, 1);
    const supervisor = pidOf(now, 'supervisor');
    assert.match(
      again.stderr,
      new RegExp(`CLUSTER_ALREADY_RUNNING.*supervisor is process ${supervisor}`),
    );

    const stopped = await cluster('stop');
    assert.equal(stopped.code, 0, stopped.stderr);
    for (const { name, pid } of now.processes) {
      assert.ok(stopped.stdout.includes(`Stopped ${name} (process ${pid}).\n`), stopped.stdout);
      assert.equal(lives(pid), false);
    }
    const { stdout } = await cluster('stop');
    assert.equal(stdout, 'The cluster "default" does not run.\n');
    assert.deepEqual(await status(), { clusterId: 'default', running: false, processes: [] });
  });

  test('a TaskManager that is killed is replaced within 2 s, a JobManager too', async () => {
    const before = await start();
    for (const name of ['taskmanager-1', 'taskmanager-1', 'jobmanager']) {
      const pid = pidOf(await written((each) => each.processes.every(isRunning)), name);
      const since = performance.now();
      process.kill(pid, 'SIGKILL');
      const now = await written(replaced(name, pid));
      const millis = performance.now() - since;
      assert.ok(millis < 2000, `${name} took ${millis} ms`);
      for (const each of now.processes) started.add(each.pid);
    }
    const now = await status();
    assert.equal(now.jobManager, before.jobManager);
    assert.equal(now.restUrl, before.restUrl);
    assert.deepEqual(
      now.processes.map(({ restarts }) => restarts),
      [0, 1, 2],
    );
  });

  test('processes end with their supervisor; what it leaves is recognised', async () => {
    const before = await start();
    process.kill(pidOf(before, 'supervisor'), 'SIGKILL');
    while (before.processes.some(({ pid }) => lives(pid))) await aMoment();
    const left = await cluster('status');
    assert.equal(left.code, 1);
    assert.match(left.stdout, /has ended without being stopped/);
    const now = await start();
    assert.notEqual(pidOf(now, 'supervisor'), pidOf(before, 'supervisor'));
  });

  test('a port that is taken: what, where, and nothing is left', async () => {
    await using server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const at = ['-D', 'jobmanager.rpc.address=127.0.0.1', '-D', `jobmanager.rpc.port=${port}`];
    const { code, stderr } = await cluster('start', ...at);
    assert.equal(code, 1);
    assert.match(stderr, /CLUSTER_NOT_STARTED.*127\.0\.0\.1:\d+: the port is taken/);
    assert.equal((await status()).running, false);
  });

  test('TaskManagers on other machines come and go by ssh; secrets are no arguments', async () => {
    const other = mkdtempSync(join(home, 'other-'));
    const bin = mkdtempSync(join(home, 'bin-'));
    const calls = join(home, 'ssh.log');
    const script = `#!/bin/sh\necho "$@" >> '${calls}'\nfor last; do :; done\n`;
    const run = `MILLRACE_HOME='${other}' exec sh -c "$last"\n`;
    writeFileSync(join(bin, 'ssh'), script + run, { mode: 0o755 });
    writeFileSync(join(home, 'hosts'), '# workers\nlocalhost\n127.0.0.2 # the other\n');
    const path = `${bin}:${process.env['PATH']}`;
    const at = ['-D', 'jobmanager.rpc.address=127.0.0.3', '-D', 'env.ssh.opts=-p 22'];
    const hosts = ['--hosts', join(home, 'hosts'), '--slots', '1'];
    const local = await cluster('start', ...FREE_PORT, ...hosts);
    assert.match(local.stderr, /CLUSTER_ADDRESS_LOCAL.*localhost/);

    const ran = await clusterIn({ PATH: path }, 'start', ...FREE_PORT, ...hosts, ...at);
    assert.equal(ran.code, 0, ran.stderr);
    const there = JSON.parse(
      readFileSync(join(other, 'clusters', 'default', 'cluster.json'), 'utf8'),
    ) as Status;
    assert.deepEqual(
      there.processes.map(({ name, state }) => [name, state]),
      [
        ['supervisor', 'running'],
        ['taskmanager-1', 'running'],
      ],
    );
    for (const { pid } of [...there.processes, ...(await status()).processes]) started.add(pid);
    const secret = readFileSync(join(folder, 'cluster-secret'), 'utf8').trim();
    const called = readFileSync(calls, 'utf8');
    assert.match(called, /^-o BatchMode=yes -p 22 127\.0\.0\.2 -- /);
    assert.equal(called.includes(secret), false);

    const stopped = await clusterIn({ PATH: path }, 'stop');
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.equal(existsSync(join(other, 'clusters', 'default', 'cluster.json')), false);
  });

  test('two starts at once: one cluster', async () => {
    const both = await Promise.all([1, 2].map(() => cluster('start', ...FREE_PORT)));
    const refused = both.filter(({ code }) => code !== 0);
    assert.equal(refused.length, 1, JSON.stringify(both));
    assert.match(refused[0]!.stderr, /CLUSTER_ALREADY_RUNNING/);
    for (const { pid } of (await status()).processes) started.add(pid);
  });
});

function isRunning({ state }: Status['processes'][number]): boolean {
  return state === 'running';
}
