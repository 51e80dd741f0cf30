// `--profile` as a user meets it: a hot function of a job is found in the profile at the line of
// the TypeScript file in which it was written, in this process and bundled for a cluster.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
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
