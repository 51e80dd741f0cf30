// `--profile` as a user meets it: a hot function of a job is found in the profile at the line of
// the TypeScript file in which it was written, in this process and bundled for a cluster.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { linesOf, REPOSITORY, startProgram, type Ended } from '../command.test-kit.ts';
import { readCpuProfile, samplesByFunction } from '../cpu-profile.test-kit.ts';

const LAUNCHER = join(REPOSITORY, 'bin', 'millrace.js');
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-profile-')));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, 'src'));

// Two functions of one name: the bundler gives one of them another.
writeFileSync(
  join(folder, 'src', 'roots.ts'),
  `interface Root {
  readonly of: number;
}

export function sumOfRoots({ of }: Root): number {
  return hot(of);
}

function hot(n: number): number {
  let sum = 0;
  for (let i = 0; i < 20_000; i += 1) sum += Math.sqrt(n * i);
  return sum;
}
`,
);
writeFileSync(
  join(folder, 'src', 'job.ts'),
  `import { defineJob } from 'millrace';
import { sumOfRoots } from './roots.ts';

function hot(n: number): number {
  return sumOfRoots({ of: n });
}

export default defineJob({
  name: 'hot roots',
  build(env) {
    env.sequence(1, 10_000).map(hot).filter((n) => n < 0).print();
  },
});
`,
);
writeFileSync(
  join(folder, 'src', 'endless.ts'),
  `import { defineJob, generator, t } from 'millrace';
import { sumOfRoots } from './roots.ts';

export default defineJob({
  name: 'endless roots',
  build(env) {
    env.from(generator(t.int32, (n) => n)).map((of) => sumOfRoots({ of })).filter((n) => n < 0).print();
  },
});
`,
);
/** Where the time goes, by line from 1. */
const HOT = `hot ${pathToFileURL(join(folder, 'src', 'roots.ts')).href}:9`;

async function millrace(cwd: string, ...args: readonly string[]): Promise<Ended> {
  const env = { ...process.env, MILLRACE_HOME: join(folder, 'home') };
  return startProgram(process.execPath, [LAUNCHER, ...args], { cwd, env }).ended;
}

/** The only one of the folder, which the command has named. */
function profileIn(where: string, said: string, slot: RegExp): string {
  const files = readdirSync(where).filter((name) => name.endsWith('.cpuprofile'));
  assert.equal(files.length, 1, said);
  const path = join(where, files[0]!);
  assert.match(said, slot);
  assert.ok(said.endsWith(`: ${path}\n`), said);
  return path;
}

function assertHot(path: string): void {
  const counts = samplesByFunction(readCpuProfile(path));
  const all = counts.values().reduce((sum, count) => sum + count, 0);
  const hot = counts.get(HOT) ?? 0;
  assert.ok(hot > all / 4, `${hot} of ${all} samples in ${HOT}: ${[...counts.keys()].join('\n')}`);
}

describe('run --profile', () => {
  test('in this process', async () => {
    const { stdout, stderr, code } = await millrace(folder, 'run', '--profile', 'src/job.ts');
    assert.deepEqual([stdout, code], ['', 0], stderr);
    assertHot(profileIn(folder, stderr, /^CPU profile of slot 0 of taskmanager-1: /));
  });

  test('on a cluster: the profile comes here, with places in the sources', async () => {
    const here = join(folder, 'here');
    mkdirSync(here);
    const job = '../src/job.ts';
    const { stderr, code } = await millrace(here, 'run-application', '--profile', job);
    assert.equal(code, 0, stderr);
    assertHot(profileIn(here, stderr, /^CPU profile of slot 0 of \S+: /));
  });

  test('a folder that cannot be made costs the profile, not the job', async () => {
    const dir = join(folder, 'src', 'job.ts', 'profiles');
    const { stdout, stderr, code } = await millrace(
      folder,
      ...['run', '--profile', '--json', '-D', `millrace.profile.dir=${dir}`, 'src/job.ts'],
    );
    assert.deepEqual([stderr, code], ['', 0]);
    const lines = linesOf(stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
    const told = lines.find(({ type }) => type === 'profile')!;
    assert.match(String(told['problem']), /job\.ts/);
    assert.equal(told['path'], undefined);
    assert.equal(lines.at(-1)!['status'], 'FINISHED');
  });
});

describe('profiles and threads over REST', () => {
  const ports = ['rest.port', 'jobmanager.rpc.port'].flatMap((key) => ['-D', `${key}=0`]);
  const home = join(folder, 'home', 'clusters', 'default');

  async function said(...args: readonly string[]): Promise<string> {
    const { stdout, stderr, code } = await millrace(folder, ...args);
    assert.deepEqual([stderr, code], ['', 0], args.join(' '));
    return stdout;
  }

  test('of a slot at work, in places of its sources, and of the JobManager', async () => {
    const option = ['-D', 'rest.profiling.enabled=true', '--slots', '1'];
    const started = await said('cluster', 'start', '--json', ...option, ...ports);
    try {
      const { restUrl } = JSON.parse(started) as { readonly restUrl: string };
      const token = readFileSync(join(home, 'rest-token'), 'utf8').trim();
      const call = async (method: string, path: string, body?: object): Promise<any> => {
        const headers = {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        };
        const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
        return (await fetch(restUrl + path, init)).json();
      };
      await said('run', '-d', 'src/endless.ts');
      const { taskmanagers } = await call('GET', '/taskmanagers');
      const taskManager = `/taskmanagers/${taskmanagers[0].id}`;
      while ((await call('GET', '/taskmanagers')).taskmanagers[0].assignedTasks === 0);

      const dump = (await call('GET', `${taskManager}/thread-dump`)).threadInfos;
      assert.deepEqual(dump.length, 2);
      assert.match(
        dump[0].stringifiedThreadInfo,
        /^"main" RUNNABLE\n\tseen for 200 ms: idle for \d+ %/,
      );
      const slot = /^"slot 0 of job \w+" RUNNABLE\n(\tat .*\n)*\theap used: \d+ bytes\n/;
      assert.match(dump[1].stringifiedThreadInfo, slot);
      const jobManager = (await call('GET', '/jobmanager/thread-dump')).threadInfos;
      assert.match(jobManager[1].stringifiedThreadInfo, /^"coordinator.*" WAITING\n\twaits in its/);

      const list = async (path: string): Promise<any[]> => {
        for (;;) {
          const { profilingList } = await call('GET', `${path}/profiler`);
          if (profilingList.every(({ status }: any) => status !== 'RUNNING')) return profilingList;
        }
      };
      const begun = await call('POST', `${taskManager}/profiler`, { mode: 'CPU', duration: 1 });
      assert.deepEqual(
        [begun.status, begun.mode, begun.duration, begun.finishedTime, begun.outputFile],
        ['RUNNING', 'CPU', 1, null, null],
      );
      const again = await call('POST', `${taskManager}/profiler`, { mode: 'CPU', duration: 1 });
      assert.match(again.errors[0], /is still under profiling/);
      const [, ofSlot] = await list(taskManager);
      assert.deepEqual([ofSlot.status, ofSlot.message], ['FINISHED', 'Profiling Successful']);
      assert.match(ofSlot.outputFile, /_CPU_.*_slot-0-of-job-\w+\.cpuprofile$/);
      const profile = await call('GET', `${taskManager}/profiler/${ofSlot.outputFile}`);
      const file = join(folder, ofSlot.outputFile);
      writeFileSync(file, JSON.stringify(profile));
      const counts = samplesByFunction(readCpuProfile(file));
      assert.ok((counts.get('hot job:///roots.ts:9') ?? 0) > 100, [...counts.keys()].join('\n'));

      await call('POST', '/jobmanager/profiler', { mode: 'ALLOC', duration: 1 });
      const [main] = await list('/jobmanager');
      assert.match(main.outputFile, /^JobManager_ALLOC_.*_main\.heapprofile$/);
      assert.ok('head' in (await call('GET', `/jobmanager/profiler/${main.outputFile}`)));
    } finally {
      await said('cluster', 'stop');
    }
    assert.deepEqual(readdirSync(join(home, 'profiles')), []);
  });
});
