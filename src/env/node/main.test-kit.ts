/**
 * What the tests of the terminal, the log and processes run in a process of its own: one command,
 * named by the first argument. Test code, not published.
 */
import { EngineError, isEngineError } from '../../base/errors.ts';
import { milliseconds } from '../../base/units.ts';
import type { Env } from '../env.ts';
import { entryPoint } from './entry-points.ts';
import { nodeEnv } from './node-env.ts';

const worker = entryPoint('./worker.test-kit', import.meta.url);

const commands: Readonly<Record<string, (env: Env, args: readonly string[]) => Promise<void>>> = {
  async exit(_env, [code]) {
    process.exit(Number(code));
  },
  async printArguments(env, args) {
    env.terminal.stdout.write(`${JSON.stringify(args)}\n`);
    await env.terminal.stdout.flush();
  },
  /** Writes megabytes and ends at once after the flush. */
  async printMuch(env, [count]) {
    for (let i = 0; i < Number(count); i += 1) {
      env.terminal.stdout.write(`${String(i).padStart(99, '.')}\n`);
    }
    await env.terminal.stdout.flush();
    process.exit(0);
  },
  /** Prints until it is told that nobody reads, and says on stderr what it was told. */
  async printForEver(env) {
    for (;;) {
      env.terminal.stdout.write('line\n'.repeat(1000));
      try {
        await env.terminal.stdout.flush();
      } catch (thrown) {
        if (!isEngineError(thrown)) throw thrown;
        env.terminal.stderr.write(`${thrown.code} ${thrown.message}`);
        await env.terminal.stderr.flush();
        process.exit(9);
      }
    }
  },
  /** Prints every signal; ends after the second. */
  async signals(env) {
    let seen = 0;
    const alive = env.clock.after(milliseconds(20_000), () => process.exit(1));
    const listening = env.terminal.onSignal((signal) => {
      seen += 1;
      env.terminal.stdout.write(`${signal}\n`);
      if (seen < 2) return;
      listening[Symbol.dispose]();
      alive[Symbol.dispose]();
    });
    env.terminal.stdout.write('ready\n');
  },
  /** Tells what started it that it lives, and ends when that does not care any more. */
  async tellParent(env) {
    const { parent } = env.processes;
    if (parent === undefined) process.exit(1);
    env.clock.after(milliseconds(20_000), () => process.exit(2));
    parent.onGone(() => process.exit(3));
    parent.tell('it lives');
  },
  /** Listens, stops listening, and waits: the next signal ends it as usual. */
  async signalsNoMore(env) {
    env.clock.after(milliseconds(20_000), () => process.exit(1));
    env.terminal.onSignal(() => process.exit(2))[Symbol.dispose]();
    env.terminal.stdout.write('ready\n');
  },
  async log(env) {
    const log = env.log.with({ component: 'jobmanager' });
    log.write('debug', 'Too quiet to be heard');
    log.write('info', 'Started', { port: 8081, path: 'a b', none: undefined, odd: 'x"y\nz' });
    log.write('error', 'Two\nlines');
  },
  /** Logs more than a pipe holds while nobody reads, then again once somebody has. */
  async logFlood(env, [count, width]) {
    // Node's stream makes the pipe one that refuses instead of waiting.
    env.terminal.stderr.write('');
    for (let i = 0; i < Number(count); i += 1) {
      env.log.write('info', 'x'.repeat(Number(width)), { i });
    }
    env.terminal.stdout.write('flooded\n');
    // Leaves once there is room, that is once somebody reads.
    env.terminal.stderr.write('\nroom\n');
    await env.terminal.stderr.flush();
    env.log.write('info', 'After the flood');
  },
  /** Runs a worker's command and says how it ended. */
  async worker(env, [command, count]) {
    const text = JSON.stringify({ command, count: Number(count) });
    const handle = env.workers.spawn('slot', {
      name: 'slot-1',
      data: new TextEncoder().encode(text),
    });
    // It says so when it has logged.
    if (command === 'logAndLoop') handle.port.receive(() => handle.terminate());
    const reason = await handle.exited;
    env.terminal.stdout.write(`${reason.kind}\n`);
    await env.terminal.stdout.flush();
  },
};

const [name = '', ...args] = process.argv.slice(2);
const command = commands[name];
if (command === undefined) throw new EngineError('INTERNAL', { message: `no command ${name}` });
await command(
  nodeEnv({
    entries: { slot: worker, coordinator: worker },
    log: { format: process.env['LOG_FORMAT'] === 'json' ? 'json' : 'text' },
  }),
  args,
);
