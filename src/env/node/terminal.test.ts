/** Terminal and log, in processes of their own whose streams are read. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { entryPoint } from './entry-points.ts';

const main = fileURLToPath(entryPoint('./main.test-kit', import.meta.url));

function start(args: readonly string[], variables: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...variables },
  });
}

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: string | null;
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  assert.ok(child.stdout !== null && child.stderr !== null);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null, string | null]>,
  ]);
  return { stdout, stderr, code, signal };
}

describe('nodeTerminal', () => {
  test('arguments are those after the file', async () => {
    const { stdout } = await outcomeOf(start(['printArguments', 'a b', '--x=1']));
    assert.equal(stdout, '["a b","--x=1"]\n');
  });

  test('flush: what was written has left, although the process ends at once', async () => {
    const { stdout, code } = await outcomeOf(start(['printMuch', '50000']));
    assert.equal(code, 0);
    assert.equal(stdout.length, 50_000 * 100);
    assert.ok(stdout.endsWith('49999\n'));
  });

  test('T1: flush tells that the reader has gone', async () => {
    const child = start(['printForEver']);
    assert.ok(child.stdout !== null && child.stderr !== null);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(code, 9);
    assert.equal(stderr, 'OUTPUT_CLOSED Nobody reads stdout any more.');
  });

  test('onSignal hears every SIGINT and SIGTERM until it is disposed of', async () => {
    const child = start(['signals']);
    const outcome = outcomeOf(child);
    assert.ok(child.stdout !== null);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    assert.deepEqual(await outcome, {
      stdout: 'ready\nSIGINT\nSIGTERM\n',
      stderr: '',
      code: 0,
      signal: null,
    });
  });

  test('onSignal hears of a terminal that has gone (SIGHUP) as of one SIGTERM', async () => {
    const child = start(['signals']);
    const outcome = outcomeOf(child);
    assert.ok(child.stdout !== null);
    await once(child.stdout, 'data');
    child.kill('SIGHUP');
    await once(child.stdout, 'data');
    child.kill('SIGHUP');
    child.kill('SIGINT');
    const { stdout, code } = await outcome;
    assert.deepEqual([stdout, code], ['ready\nSIGTERM\nSIGINT\n', 0]);
  });

  test('without a listener a signal ends the process as usual', async () => {
    const child = start(['signalsNoMore']);
    const outcome = outcomeOf(child);
    assert.ok(child.stdout !== null);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    assert.equal((await outcome).signal, 'SIGINT');
  });

  test("a worker's output arrives whole, through flush and exit", async () => {
    const { stdout } = await outcomeOf(start(['worker', 'print', '2000']));
    const lines = Array.from({ length: 2000 }, (_, i) => `line ${i}\n`);
    assert.equal(stdout, `${lines.join('')}finished\n`);
  });
});

describe('nodeLog', () => {
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;

  test('text: one line a message, fields behind it, quoted where need be', async () => {
    const { stderr } = await outcomeOf(start(['log']));
    const [first, second, ...rest] = stderr.split('\n');
    assert.match(
      first ?? '',
      new RegExp(
        `^${time} INFO  Started component=jobmanager port=8081 path="a b" odd=${String.raw`"x\\"y\\nz"`}$`,
      ),
    );
    assert.match(
      second ?? '',
      new RegExp(`^${time} ERROR ${String.raw`"Two\\nlines"`} component=jobmanager$`),
    );
    assert.deepEqual(rest, [''], 'debug is below the level');
  });

  test('json: one object a line', async () => {
    const { stderr } = await outcomeOf(start(['log'], { LOG_FORMAT: 'json' }));
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(lines.length, 2);
    assert.match(String(lines[0]?.['time']), new RegExp(`^${time}$`));
    assert.deepEqual(
      { ...lines[0], time: '' },
      {
        time: '',
        level: 'info',
        message: 'Started',
        fields: { component: 'jobmanager', port: 8081, path: 'a b', odd: 'x"y\nz' },
      },
    );
    assert.equal(lines[1]?.['message'], 'Two\nlines');
  });

  for (const width of [100, 10_000]) {
    test(`L2: lines (${width}) that a full pipe refused are counted, others whole`, async () => {
      const count = 1000;
      const child = start(['logFlood', String(count), String(width)]);
      assert.ok(child.stdout !== null && child.stderr !== null);
      await once(child.stdout, 'data');
      const lines = (await text(child.stderr)).trim().split('\n');
      const end = lines.splice(lines.indexOf('room') + 1).filter((line) => line !== '');
      assert.equal(lines.pop(), 'room');
      const whole = lines.filter((line) => new RegExp(`INFO  x{${width}} i=\\d+$`).test(line));
      assert.ok(whole.length < count);
      assert.equal(end.length, 2, end.join('\n'));
      assert.match(end[0] ?? '', new RegExp(`^${time} WARN .* lines=${count - whole.length}$`));
      assert.match(end[1] ?? '', new RegExp(`^${time} INFO  After the flood$`));
      const torn = lines.filter((line) => line !== '').length - whole.length;
      assert.ok(torn === 0 || torn === 1, `${torn} lines torn`);
    });
  }

  test('what a worker logs before it hangs is not lost, and names the worker', async () => {
    const { stdout, stderr } = await outcomeOf(start(['worker', 'logAndLoop', '100']));
    assert.equal(stdout, 'terminated\n');
    const lines = stderr.trim().split('\n');
    assert.equal(lines.length, 100);
    assert.match(lines[99] ?? '', /INFO {2}Still here worker=slot-1 i=99$/);
  });
});
