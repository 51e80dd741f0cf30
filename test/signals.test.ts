// How a running job meets signals and shares its threads. Every run is a process of its own in a
// folder outside the project.
import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { start, type RunningCommand } from './command.test-kit.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-cli-')));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

/** A module with a job of this name whose build is `build`. */
function jobFile(name: string, build: string, imports: readonly string[] = []): void {
  const head = [`import { defineJob, ${imports.join(', ')} } from 'millrace';`, ''];
  const job = ['export default defineJob({', `  name: '${name}',`, '  build(env) {'];
  file(`${name}.ts`, [...head, ...job, ...build.split('\n'), '  },', '});', ''].join('\n'));
}

describe('signals and threads', { timeout: 60_000 }, () => {
  /** How long the end may take, on a machine that has other things to do as well. */
  const END_MILLIS = 3000;

  const started: RunningCommand[] = [];
  function launch(...args: readonly string[]): RunningCommand {
    const command = start(['run', ...args], folder);
    started.push(command);
    return command;
  }
  afterEach(() => {
    for (const command of started.splice(0)) command.process.kill('SIGKILL');
  });

  async function endedBy(command: RunningCommand, signal: NodeJS.Signals): Promise<number | null> {
    const sent = performance.now();
    command.process.kill(signal);
    // Resolves when the pipes are closed too: nobody is left who holds them.
    const { code, stderr } = await command.ended;
    assert.match(stderr, /The job was cancelled\.\n$/);
    const millis = performance.now() - sent;
    assert.ok(millis < END_MILLIS, `it took ${millis} ms`);
    assert.throws(() => process.kill(command.pid, 0), { code: 'ESRCH' });
    return code;
  }

  before(() => {
    file(
      'loop.ts',
      `import { writeSync } from 'node:fs';
import { defineJob, generator, t } from 'millrace';

export default defineJob({
  name: 'loop',
  build(env) {
    let subtask = 0;
    let subtasks = 0;
    env
      .from(generator(t.int32, (n) => n, { ratePerSecond: 400 }))
      .process({
        emits: t.int32,
        open(context) {
          subtask = context.subtask;
          subtasks = context.parallelism;
        },
        onElement(n, ctx) {
          if (n > 20 && subtask === subtasks - 1) {
            writeSync(1, 'looping\\n');
            for (;;);
          }
          ctx.emit(n);
        },
      })
      .print();
  },
});
`,
    );
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`${signal} ends a job, also one in an endless loop: ${code}`, async () => {
      const command = launch('loop.ts');
      await command.said('looping\n');
      assert.equal(await endedBy(command, signal), code);
    });
  }

  test('an endless loop in one slot stops neither the other, nor heartbeats, nor Ctrl-C', async () => {
    const heartbeats = ['-D', 'heartbeat.interval=100 ms', '-D', 'heartbeat.timeout=1 s'];
    const command = launch('loop.ts', '-p', '2', ...heartbeats);
    await command.said('looping\n');
    // Half of 400 a second: the loop has gone on for more than twice the time-out by then.
    await command.said('\n1> 1000\n');
    assert.equal(await endedBy(command, 'SIGINT'), 130);
  });

  test('a signal that comes from a group and from a parent is one: the job ends in order', async () => {
    const command = launch('loop.ts');
    await command.said('looping\n');
    command.process.kill('SIGTERM');
    // As a parent passes it on (bin/millrace.js): they do not become one on the way.
    await setTimeout(20);
    assert.equal(await endedBy(command, 'SIGTERM'), 143);
  });

  test('a second signal does not wait', async () => {
    const command = launch('loop.ts');
    await command.said('looping\n');
    command.process.kill('SIGTERM');
    await setTimeout(600);
    command.process.kill('SIGINT');
    const { code } = await command.ended;
    assert.ok(code === 130 || code === 143, `exit code ${code}`);
  });

  test('two endless sources in one slot take turns', async () => {
    jobFile(
      'turns',
      `    env.sequence(1, 1e15).sinkTo(discard());
    env.sequence(1, 1e15).filter((n) => n === 2_000_000).print('first');
    env.sequence(1, 1e15).filter((n) => n === 2_000_000).print('second');
    env.from(generator(t.int32, (n) => n, { ratePerSecond: 100 })).print('slow');`,
      ['discard', 'generator', 't'],
    );
    const command = launch('turns.ts');
    await command.said('slow> 20\n');
    await command.said('first> 2000000\n');
    await command.said('second> 2000000\n');
    assert.equal(await endedBy(command, 'SIGINT'), 130);
  });

  // Other systems show the threads of a process in other ways.
  if (process.platform === 'linux') {
    test('-p 4 keeps four threads of slots at work', async () => {
      jobFile('busy', '    env.sequence(1, 1e15).map((n) => Math.sqrt(n)).sinkTo(discard());', [
        'discard',
      ]);
      const command = launch('busy.ts', '-p', '4');
      const signal = AbortSignal.timeout(30_000);
      while (slotTicks(command.pid).filter((ticks) => ticks >= 10).length < 4) {
        await setTimeout(20, undefined, { signal });
      }
      assert.equal(slotTicks(command.pid).length, 4);
      assert.equal(await endedBy(command, 'SIGINT'), 130);
    });
  }

  /** Time of CPU that each thread of a slot has had, as the system counts it. */
  function slotTicks(pid: number): readonly number[] {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      const [, name, rest] = /\((.*)\) (.*)/s.exec(stat)!;
      const fields = rest!.split(' ');
      return name!.startsWith('slot') ? [Number(fields[11]) + Number(fields[12])] : [];
    });
  }
});
