// Every command of a cluster against a real one, as a user runs them, and the mistakes that one
// makes at first: no cluster, a wrong id, a wrong option.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { linesOf, REPOSITORY, startProgram, type Ended } from '../command.test-kit.ts';
import type { RunningCommand } from '../command.test-kit.ts';

const LAUNCHER = join(REPOSITORY, 'bin', 'millrace.js');
const home = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-cluster-cli-')));
const env = { ...process.env, MILLRACE_HOME: home };

const JOBS = `import { defineJob, generator, param, t } from 'millrace';

export const few = defineJob({
  name: 'few',
  params: { most: param(t.int32, 3) },
  build(env, { most }) {
    env.sequence(1, most).print();
  },
});

export const endless = defineJob({
  name: 'endless',
  build(env) {
    const numbers = env.from(generator(t.int32, (n) => n, { ratePerSecond: 200 }));
    numbers.rebalance().process({
      emits: t.int32,
      open: ({ logger }) => logger.warn('opened'),
      onElement(n, context) {
        if (n === 3) console.log('a third');
        context.emit(n + 1);
      },
    }).print();
  },
});

export const failing = defineJob({
  name: 'failing',
  build(env) {
    env.sequence(1, 3).map((n) => {
      if (n === 2) throw new Error('not two');
      return n;
    }).print();
  },
});
`;

function begin(...args: readonly string[]): RunningCommand {
  return startProgram(process.execPath, [LAUNCHER, ...args], { cwd: home, env });
}

function millrace(...args: readonly string[]): Promise<Ended> {
  return begin(...args).ended;
}

/** What it says; it has to end well. */
async function said(...args: readonly string[]): Promise<string> {
  const { stdout, stderr, code } = await millrace(...args);
  assert.deepEqual([stderr, code], ['', 0], args.join(' '));
  return stdout;
}

async function refused(...args: readonly string[]): Promise<string> {
  const { stderr, code } = await millrace(...args);
  assert.equal(code, 1, args.join(' '));
  return stderr;
}

interface Listed {
  readonly jobs: readonly { readonly jobId: string; readonly status: string }[];
}

async function statusOf(jobId: string): Promise<string | undefined> {
  const { jobs } = JSON.parse(await said('list', '-a', '--json')) as Listed;
  return jobs.find((job) => job.jobId === jobId)?.status;
}

/** Asks until it is so: each time a process, which is slow enough. */
async function hasStatus(jobId: string, status: string): Promise<void> {
  while ((await statusOf(jobId)) !== status);
}

const SUBMITTED = /^Job has been submitted with JobID ([0-9a-f]{32})$/m;

function idIn(output: string): string {
  const id = SUBMITTED.exec(output)?.[1];
  assert.ok(id !== undefined, output);
  return id;
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

const FREE_PORTS = ['-D', 'jobmanager.rpc.port=0', '-D', 'rest.port=0'];
const remote = ['run', '-t', 'remote', 'jobs.ts', '--job'] as const;

/** Its tasks run, all of them: there can be savepoints. */
async function allRun(id: string): Promise<void> {
  const isSo = async (): Promise<boolean> => {
    const { vertices } = JSON.parse(await said('top', id, '--once', '--json')) as {
      readonly vertices: readonly { readonly status: string }[];
    };
    return vertices.every(({ status }) => status === 'RUNNING');
  };
  while (!(await isSo())) await setTimeout(50);
}

async function submitEndless(): Promise<string> {
  // -d alone asks for the cluster of this machine.
  const output = await said('run', '-d', 'jobs.ts', '--job', 'endless');
  assert.match(output, /^Job has been submitted with JobID [0-9a-f]{32}\n$/);
  return idIn(output);
}

before(async () => {
  writeFileSync(join(home, 'jobs.ts'), JOBS);
  const { code, stderr } = await millrace('cluster', 'start', '--slots', '2', ...FREE_PORTS);
  assert.deepEqual([stderr, code], ['', 0]);
});

after(async () => {
  await millrace('cluster', 'stop');
  rmSync(home, { recursive: true, maxRetries: 3 });
});

describe('a job on a cluster', { timeout: 300_000 }, () => {
  test('run: its output, then that it has finished', async () => {
    const output = await said(...remote, 'few', '--param', 'most=2');
    const id = idIn(output);
    assert.equal(
      output.replace(/\d+ ms/, 'N ms'),
      [
        `Job has been submitted with JobID ${id}`,
        '1\n2',
        'Program execution finished',
        `Job with JobID ${id} has finished.`,
        'Job Runtime: N ms',
        '',
      ].join('\n'),
    );
    assert.equal(await statusOf(id), 'FINISHED');
    const objects = linesOf(await said(...remote, 'few', '--json'));
    assert.deepEqual(
      objects.map((line) => (JSON.parse(line) as { readonly type: string }).type),
      ['submitted', 'print', 'print', 'print', 'result'],
    );
  });

  test('run: a failure has the line of the TypeScript, and the exit code 1', async () => {
    const { stdout, stderr, code } = await millrace(...remote, 'failing');
    assert.equal(code, 1);
    assert.match(stderr, /^error\[USER_CODE_FAILED\]: .*not two\n/);
    assert.match(stderr, /^ {2}at: jobs\.ts:30:\d+$/m);
    assert.equal(await statusOf(idIn(stdout)), 'FAILED');
  });

  test('run -d, list, top, logs, savepoint, checkpoint, stop, cancel', async () => {
    const id = await submitEndless();
    const listed = await said('list');
    assert.match(listed, /^-{18} Running\/Restarting Jobs -{19}$/m);
    assert.match(listed, new RegExp(`^[\\d.]{10} [\\d:]{8} : ${id} : endless \\(RUNNING\\)$`, 'm'));
    assert.match(await said('list', '-s'), /No scheduled jobs\./);

    const top = linesOf(await said('top', id.slice(0, 8), '--once'));
    assert.match(top[0]!, new RegExp(`^endless \\(${id}\\) RUNNING, `));
    assert.match(top[1]!, /^vertex +par +status +in +out +in rate +out rate +busy +back-pr/);
    assert.match(top[2]!, /^Source: generator.* RUNNING .*\/s/);
    const { vertices } = JSON.parse(await said('top', '--once', '--json')) as {
      readonly vertices: readonly { readonly recordsOutPerSecond: number }[];
    };
    assert.ok(vertices[0]!.recordsOutPerSecond > 0);

    assert.match(await said('logs', '--list'), /^jobmanager\n {2}\S+ \(\d+ bytes\)$/m);
    assert.match(await said('logs'), new RegExp(`submit a job|${id}`));
    assert.match(await said('logs', 'taskmanager-1'), /TaskManager registered/);
    const lines = await said('logs', id);
    assert.match(lines, new RegExp(`^\\[jobmanager\\] .*${id}`, 'm'));
    // By a slot itself, and by the code in it, which both were started ahead.
    const slot = `jobId=${id} taskManager=\\S+ slot=\\d job=endless`;
    const own = `${slot} task="process .*" operator=process subtask=0`;
    assert.match(lines, new RegExp(` WARN +opened ${own}$`, 'm'));
    assert.match(
      lines,
      new RegExp(` INFO +"?a third.*jobId=${id} slot=\\d task="process .*$`, 'm'),
    );
    const out = readFileSync(join(home, 'clusters', 'default', 'log', 'taskmanager-1.out'), 'utf8');
    assert.match(out, /^a third$/m);
    assert.match(out, /^(\d> )?20$/m);
    const printed = await said('logs', 'taskmanager-1', '--file', 'taskmanager-1.out');
    assert.match(printed, /^a third$/m);

    assert.match(await said('checkpoint', id), /^Checkpoint \d+ for job \w+ completed\.$/m);
    const savepoint = await said('savepoint', id, join(home, 'savepoints'));
    const path = /^Savepoint completed\. Path: (\S+)$/m.exec(savepoint)![1]!;
    assert.match(path, new RegExp(`/savepoints/savepoint-${id.slice(0, 6)}-`));
    assert.match(await said('savepoint', '-d', path), /^Savepoint '.*' disposed\.$/m);
    assert.match(await refused('savepoint', '-d', '/no/savepoint'), /\/no\/savepoint/);
    assert.equal(await statusOf(id), 'RUNNING', 'it goes on as it was');

    const cancelled = await said('cancel', id);
    assert.equal(cancelled, `Cancelling job ${id}.\nCancelled job ${id}.\n`);
    await hasStatus(id, 'CANCELED');
    const all = await said('list', '--all');
    assert.match(all, /^-{22} Terminated Jobs -{23}$/m);
  });

  test('stop, and run -s goes on from there', async () => {
    const id = await submitEndless();
    await allRun(id);
    const stopped = await said('stop', '-p', join(home, 'savepoints'), id);
    const path = /^Savepoint completed\. Path: (\S+)$/m.exec(stopped)![1]!;
    assert.equal(await statusOf(id), 'FINISHED');
    const next = idIn(await said(...remote, 'endless', '-d', '-s', path));
    await allRun(next);
    const again = await said('stop', '-p', join(home, 'savepoints'), '--drain', next);
    assert.match(again, /^Draining job ".*" with a CANONICAL savepoint\.$/m);
    const missing = await millrace(...remote, 'endless', '-d', '-s', join(home, 'nowhere'));
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^error\[SAVEPOINT_NOT_FOUND\]: .*nowhere/);
  });

  test('Ctrl-C leaves an attached job alone', async () => {
    const command = begin(...remote, 'endless');
    await command.said('\n20\n');
    command.process.kill('SIGINT');
    const { code, stderr, stdout } = await command.ended;
    const id = idIn(stdout);
    assert.equal(code, 130);
    assert.match(stderr, new RegExp(`The job ${id} goes on; \`millrace cancel ${id}\``));
    assert.equal(await statusOf(id), 'RUNNING');
    await said('cancel', id);
    await hasStatus(id, 'CANCELED');
  });

  test('Ctrl-C cancels an attached job with -sae', async () => {
    const command = begin(...remote, 'endless', '-sae');
    await command.said('\n20\n');
    command.process.kill('SIGINT');
    const { code, stderr, stdout } = await command.ended;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /Cancelling the job; once more leaves at once\.\nThe job was cancelled\./);
    assert.equal(await statusOf(idIn(stdout)), 'CANCELED');
  });
});

describe('an attached client that is lost', { timeout: 120_000 }, () => {
  test('takes its job with it where -sae was given, and only there', async () => {
    const soon = ['-D', 'client.heartbeat.timeout=2 s', '-D', 'client.heartbeat.interval=500 ms'];
    const alone = begin(...remote, 'endless', ...soon);
    const together = begin(...remote, 'endless', '-sae', ...soon);
    const ids: string[] = [];
    for (const command of [alone, together]) {
      await command.said('\n20\n');
      command.process.kill('SIGKILL');
      ids.push(idIn((await command.ended).stdout));
    }
    await hasStatus(ids[1]!, 'CANCELED');
    assert.equal(await statusOf(ids[0]!), 'RUNNING');
    await said('cancel', ids[0]!);
    await hasStatus(ids[0]!, 'CANCELED');
  });

  test('is not missed as long as it says that it is there', async () => {
    const soon = [
      '-D',
      'client.heartbeat.timeout=1500 ms',
      '-D',
      'client.heartbeat.interval=300 ms',
    ];
    const command = begin(...remote, 'endless', '-sae', ...soon);
    // Much later than after its time-out: it is asked for before that.
    await command.said('\n800\n');
    command.process.kill('SIGINT');
    const { stdout, stderr } = await command.ended;
    assert.match(stderr, /Cancelling the job; once more leaves at once/);
    assert.equal(await statusOf(idIn(stdout)), 'CANCELED');
  });
});

describe('run-application', { timeout: 300_000 }, () => {
  const clusters = (): readonly string[] =>
    readdirSync(join(home, 'clusters')).filter((name) => name !== 'default');
  /** The file of what runs is removed when everything has ended. */
  const runs = (name: string): boolean => existsSync(join(home, 'clusters', name, 'cluster.json'));

  test('a job that finishes: its output, 0, and nothing is left of its cluster', async () => {
    const output = await said('run-application', 'jobs.ts', '--job', 'few', '--slots', '1');
    assert.match(output, /^1\n2\n3\nProgram execution finished$/m);
    assert.deepEqual(clusters(), []);
  });

  test('a job that fails: 1, and the logs are left', async () => {
    const args = ['jobs.ts', '--job', 'failing', '--slots', '1'] as const;
    const { code, stderr } = await millrace('run-application', ...args);
    assert.equal(code, 1);
    assert.match(stderr, /^error\[USER_CODE_FAILED\]/);
    const [name, ...more] = clusters();
    assert.deepEqual(more, []);
    assert.match(stderr, new RegExp(`The logs of the cluster are in .*/${name}/log\n$`));
    assert.equal(runs(name!), false, 'it was stopped');
    assert.deepEqual(readdirSync(join(home, 'clusters', name!)), ['log'], 'no secret is left');
  });

  for (const signal of ['SIGKILL', 'SIGHUP'] as const) {
    test(`${signal} of the command: its cluster ends too, and was shown before`, async () => {
      const before = clusters();
      const command = begin('run-application', 'jobs.ts', '--job', 'endless', '--slots', '1');
      await command.said('\n20\n');
      const name = clusters().find((each) => !before.includes(each))!;
      const { processes } = JSON.parse(
        readFileSync(join(home, 'clusters', name, 'cluster.json'), 'utf8'),
      ) as { readonly processes: readonly { readonly pid: number }[] };
      assert.equal(processes.length, 3);
      assert.match(await said('cluster', 'status'), new RegExp(`^Also .*: ${name}; --all`, 'm'));
      const all = await said('cluster', 'status', '--all');
      assert.match(all, new RegExp(`^The cluster "${name}":\nprocess .*(\n.*)*"default":$`, 'm'));
      command.process.kill(signal);
      const { code } = await command.ended;
      assert.equal(code, signal === 'SIGHUP' ? 143 : null);
      // Only a supervisor that has seen all others end leaves just the logs.
      while (readdirSync(join(home, 'clusters', name)).join() !== 'log') await setTimeout(50);
      while (processes.some(({ pid }) => lives(pid))) await setTimeout(50);
    });
  }

  test('stop --all: whatever runs on this machine; old logs are not kept for ever', async () => {
    const home = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-stop-all-')));
    const own = { cwd: home, env: { ...process.env, MILLRACE_HOME: home } };
    const start = (...args: readonly string[]): RunningCommand =>
      startProgram(process.execPath, [LAUNCHER, ...args], own);
    try {
      writeFileSync(join(home, 'jobs.ts'), JOBS);
      const names = Array.from({ length: 23 }, (_, at) => `application-old${10 + at}`);
      for (const [at, name] of names.entries()) {
        mkdirSync(join(home, 'clusters', name, 'log'), { recursive: true });
        const ended = Date.now() / 1000 - 3600 + at;
        utimesSync(join(home, 'clusters', name), ended, ended);
      }
      const command = start('run-application', 'jobs.ts', '--job', 'endless', '--slots', '1');
      await command.said('\n20\n');
      const left = readdirSync(join(home, 'clusters')).filter((name) => names.includes(name));
      assert.deepEqual(left, names.slice(3), 'the last 20');
      const { stdout } = await start('cluster', 'stop', '--all').ended;
      assert.match(stdout, /^Stopped supervisor \(process \d+\)\.\n(Stopped .*\n){2}$/);
      command.process.kill('SIGKILL');
      const again = await start('cluster', 'stop', '--all').ended;
      assert.deepEqual([again.stdout, again.code], ['No cluster runs on this machine.\n', 0]);
      const { stdout: shown } = await start('cluster', 'status', '--all').ended;
      const logs = join(home, 'clusters', names.at(-1)!, 'log');
      assert.match(
        shown,
        new RegExp(`^"${names.at(-1)}" ended 59 min .* ago; its logs: ${logs}$`, 'm'),
      );
    } finally {
      rmSync(home, { recursive: true, maxRetries: 3 });
    }
  });

  test('Ctrl-C ends the job and its cluster', async () => {
    const command = begin('run-application', 'jobs.ts', '--job', 'endless', '--slots', '1');
    await command.said('\n20\n');
    command.process.kill('SIGINT');
    const { code, stderr } = await command.ended;
    assert.equal(code, 130, stderr);
    for (const name of clusters()) assert.equal(runs(name), false, 'it was stopped');
  });
});

describe('a cluster that is stopped', { timeout: 300_000 }, () => {
  test('names the jobs that had not ended, and goes on with them when it is started again', async () => {
    const id = await submitEndless();
    await hasStatus(id, 'RUNNING');
    const stopped = await said('cluster', 'stop');
    const start = '`millrace cluster start`';
    assert.ok(
      stopped.endsWith(`A job had not ended: ${id}. It goes on with the next ${start}.\n`),
      stopped,
    );
    const again = await said('cluster', 'start', '--slots', '2', ...FREE_PORTS);
    assert.ok(again.includes(`A job goes on that had not ended: ${id}.\n`), again);
    await hasStatus(id, 'RUNNING');
    await said('cancel', id);
    await hasStatus(id, 'CANCELED');
    const last = JSON.parse(await said('cluster', 'stop', '--json')) as { jobsKept: string[] };
    assert.deepEqual(last.jobsKept, []);
    await said('cluster', 'start', '--slots', '2', ...FREE_PORTS);
  });
});

describe('mistakes', { timeout: 300_000 }, () => {
  const nobody = 'f'.repeat(32);
  const VERBS: readonly (readonly string[])[] = [
    ['list'],
    ['cancel', nobody],
    ['stop', nobody],
    ['savepoint', nobody],
    ['checkpoint', nobody],
    ['top', nobody],
    ['logs'],
    ['run', 'jobs.ts', '--job', 'few'],
  ];

  test('no cluster: the address, and how to start one', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const address = `127.0.0.1:${port}`;
    const all = await Promise.all(VERBS.map((verb) => refused(...verb, '-m', address)));
    for (const text of all) {
      assert.match(text, new RegExp(`^error\\[REST_UNREACHABLE\\]: .* http://${address}: `));
      assert.match(text, /^ {2}fix: .*`millrace cluster start`.*--jobmanager/m);
    }
  });

  test('no such job: the id, and where ids are', async () => {
    for (const verb of ['cancel', 'checkpoint', 'top']) {
      assert.match(await refused(verb, nobody), /^error\[JOB_NOT_FOUND\]: .*f{32}/, verb);
      const name = await refused(verb, 'my-job');
      assert.match(name, /^error\[CLI_JOB_ID_INVALID\]: .*\n {2}fix: .*`millrace list -a`/, verb);
      const prefix = await refused(verb, 'ffffff');
      assert.match(prefix, /^error\[CLI_JOB_ID_UNKNOWN\]: No job .* begins with ffffff\.$/m, verb);
    }
    assert.match(await refused('savepoint', nobody, '/s'), /^error\[JOB_NOT_FOUND\]/);
    assert.match(await refused('stop', '-p', '/s', nobody), /^error\[JOB_NOT_FOUND\]/);
    assert.match(await refused('logs', nobody), /^error\[JOB_NOT_FOUND\]/);
  });

  test('no such option: what was meant', async () => {
    assert.match(await refused('list', '--runing'), /Did you mean "--running"\?/);
    assert.match(await refused('cancel', '--withSavpoint', nobody), /"--withSavepoint"\?/);
    assert.match(await refused(...remote, 'few', '--detatched'), /"--detached"\?/);
    assert.match(await refused(...remote, 'fwe'), /^error\[JOB_EXPORT_NOT_FOUND\].*"few"/);
    assert.match(await refused('cancle', nobody), /Did you mean "cancel"\?/);
  });
});
