// Jobs that are ended from outside, as their users start them: `npx millrace run`, which is npm, a
// shell and the job. Nothing may live on, and what a job leaves on disk is whole or hidden.
import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { REPOSITORY, startProgram, type Ended, type RunningCommand } from '../command.test-kit.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-processes-')));
after(() => rmSync(folder, { recursive: true, maxRetries: 3 }));

/** Says its process, then counts; with `loop` the function does not return from the tenth. */
const ENDLESS = `import { writeSync } from 'node:fs';
import { defineJob, generator, param, t } from 'millrace';

export default defineJob({
  name: 'endless',
  params: { loop: param(t.boolean, false) },
  build(env, { loop }) {
    env
      .from(generator(t.int32, (n) => n, { ratePerSecond: 200 }))
      .process({
        emits: t.int32,
        onElement(n, ctx) {
          if (n === 10) writeSync(1, 'process ' + process.pid + ' at work\\n');
          while (loop && n === 10);
          ctx.emit(n);
        },
      })
      .print();
  },
});
`;

/** 400,000 lines in some thirty files, which come into sight together when the job ends. */
const WRITING = `import { writeSync } from 'node:fs';
import { defineJob, param, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { text } from 'millrace/formats';

export default defineJob({
  name: 'writing',
  params: { out: t.string, version: t.string, pause: param(t.boolean, false) },
  build(env, { out, version, pause }) {
    env
      .sequence(1, 400_000)
      .map((n) => {
        if (n === 390_000) writeSync(1, 'process ' + process.pid + ' at work\\n');
        while (pause && n === 390_000);
        return 'version ' + version + ' line ' + n;
      })
      .sinkTo(
        files.sink({ path: out, format: text(), onExisting: 'replace', rollBytes: 25_000 }),
      );
  },
});
`;

/** In a process group of its own, as a shell starts what is typed. */
function npxRun(...args: readonly string[]): RunningCommand {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')),
  );
  const options = { cwd: REPOSITORY, env, detached: true };
  return startProgram('npx', ['millrace', 'run', ...args], options);
}

/** The process of the job itself, below npm and its shell. */
async function processOf(command: RunningCommand): Promise<number> {
  await command.said(' at work\n');
  return Number(/process (\d+) at work/.exec(command.heard())![1]);
}

/**
 * Whether a process of the group runs. One that has ended and whose new parent has not asked how is
 * none, which only /proc tells.
 */
function groupRuns(group: number): boolean {
  if (process.platform !== 'linux') return accepts(-group);
  const states = readdirSync('/proc').map((pid) => /^\d+$/.test(pid) && stateIn(group, pid));
  return states.some((state) => state !== false && state !== 'Z' && state !== 'X');
}

function stateIn(group: number, pid: string): string | false {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, , itsGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(itsGroup) === group && state!;
  } catch {
    return false; // It ended between the listing and the look.
  }
}

function accepts(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Kills it; on a slow machine it may have ended just so. */
function killed(pid: number): void {
  if (accepts(pid)) process.kill(pid, 'SIGKILL');
}

/** As a shell shows it: a command that a signal ended counts as 128 and the signal. */
function shown({ code, signal }: Ended): number {
  return code ?? 128 + constants.signals[signal!];
}

async function ends(command: RunningCommand, within: number): Promise<Ended> {
  const since = performance.now();
  while (groupRuns(command.pid)) await aMoment();
  const millis = performance.now() - since;
  assert.ok(millis < within, `it took ${millis} ms`);
  return command.ended;
}

function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

const END_MILLIS = 2000;

describe('processes', { timeout: 120_000 }, () => {
  before(() => {
    writeFileSync(join(folder, 'endless.ts'), ENDLESS);
    writeFileSync(join(folder, 'writing.ts'), WRITING);
  });

  const ENDS = [
    ['Ctrl-C', 'SIGINT', 'all', 130],
    ['SIGTERM to npx alone', 'SIGTERM', 'npx', 143],
    ['SIGTERM to all', 'SIGTERM', 'all', 143],
  ] as const;
  for (const loop of [false, true]) {
    for (const [how, signal, whom, code] of ENDS) {
      test(`${how} ends a job${loop ? ' in an endless loop' : ''}: ${code}`, async () => {
        const command = npxRun(join(folder, 'endless.ts'), '--param', `loop=${loop}`);
        await processOf(command);
        process.kill(whom === 'all' ? -command.pid : command.pid, signal);
        const ended = await ends(command, END_MILLIS);
        assert.equal(shown(ended), code, ended.stderr);
      });
    }
  }

  test('kill -9 of the job ends all of it', async () => {
    const command = npxRun(join(folder, 'endless.ts'), '--param', 'loop=true');
    process.kill(await processOf(command), 'SIGKILL');
    assert.notEqual(shown(await ends(command, END_MILLIS)), 0);
  });

  const out = join(folder, 'out');
  const write = (version: string, pause = false): RunningCommand => {
    const params = [`out=${out}`, `version=${version}`, `pause=${pause}`];
    return npxRun(join(folder, 'writing.ts'), ...params.flatMap((each) => ['--param', each]));
  };
  const inSight = (): readonly string[] => readdirSync(out).filter((name) => !name.startsWith('.'));
  const read = (): ReadonlyMap<string, string> =>
    new Map(inSight().map((name) => [name, readFileSync(join(out, name), 'utf8')]));
  /** Another once one file of the folder has come, gone or been replaced. */
  const inodes = (): string =>
    inSight()
      .map((name) => statSync(join(out, name), { throwIfNoEntry: false })?.ino)
      .join();
  const lines = (version: string): string =>
    Array.from({ length: 400_000 }, (_, at) => `version ${version} line ${at + 1}\n`).join('');
  const whole = (files: ReadonlyMap<string, string>): string => {
    const number = (name: string): number => Number(/-(\d+)\./.exec(name)![1]);
    const names = [...files.keys()].toSorted((a, b) => number(a) - number(b));
    return names.map((name) => files.get(name)).join('');
  };

  test('a job that is killed while it writes leaves nothing in sight', async () => {
    const command = write('1', true);
    process.kill(await processOf(command), 'SIGKILL');
    await ends(command, END_MILLIS);
    assert.deepEqual(inSight(), []);
    assert.ok(readdirSync(out).length > 10, 'it had written');
  });

  test('run again, the output is complete; killed while it replaces, files are whole', async () => {
    const first = await write('1').ended;
    assert.equal(first.code, 0, first.stderr);
    const before = read();
    assert.equal(whole(before), lines('1'));

    const command = write('2');
    const job = await processOf(command);
    const places = inodes();
    while (inodes() === places) await aTurn();
    killed(job);
    await ends(command, END_MILLIS);
    const between = read();

    const last = await write('2').ended;
    assert.equal(last.code, 0, last.stderr);
    const after = read();
    assert.equal(whole(after), lines('2'));
    // Names are drawn by each run.
    const files = new Set([...before.values(), ...after.values()]);
    for (const [name, content] of between) assert.ok(files.has(content), name);
  });
});

/** Looks again as soon as others have had their turn. */
function aTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
