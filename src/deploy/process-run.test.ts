/** How a process of the cluster ends: by signals, by errors, in time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import type { Log, ProcessParent, Terminal } from '../env/env.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { runProcess } from './process-run.ts';

const never = new Promise<never>(() => undefined);

const unused = (): never => {
  throw new EngineError('INTERNAL', { message: 'not used here' });
};
const noProcesses = {
  pid: 1,
  self: [],
  spawn: unused,
  identify: unused,
  signal: unused,
  run: unused,
};

/** A process whose component does what the test says. */
class Rig {
  readonly clock = new ManualClock();
  readonly lines: string[] = [];
  /** Signals to processes. */
  readonly sent: string[] = [];
  readonly started = Promise.withResolvers<{ close(): Promise<void> }>();
  closed = 0;
  onFatal: FatalErrorHandler | undefined;
  /** What the supervisor has been told. */
  readonly told: string[] = [];
  readonly gone = Promise.withResolvers<void>();
  readonly parent: ProcessParent = {
    tell: (text) => void this.told.push(text),
    onGone: (listener) => void this.gone.promise.then(listener),
  };
  readonly #listeners = new Set<(signal: 'SIGINT' | 'SIGTERM') => void>();

  run(how: { owned?: boolean; supervised?: boolean; parent?: undefined } = {}): Promise<number> {
    const parent = 'parent' in how ? undefined : this.parent;
    const log: Log = {
      write: (_level, message) => void this.lines.push(message),
      with: () => log,
    };
    const stream = { columns: undefined, write: () => undefined, flush: async () => undefined };
    const terminal: Terminal = {
      ...{ args: [], variables: {}, workingDirectory: '/', stdout: stream, stderr: stream },
      onSignal: (listener) => {
        this.#listeners.add(listener);
        return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
      },
    };
    return runProcess({
      env: {
        ...{ clock: this.clock, terminal, log },
        processes: {
          ...{ ...noProcesses, parent, pid: 42 },
          signal: (pid, signal) => void this.sent.push(`${signal} to ${pid}`),
        },
      },
      name: 'It',
      supervised: how.supervised ?? true,
      owned: how.owned,
      start: ({ onFatal }) => {
        this.onFatal = onFatal;
        return this.started.promise;
      },
    });
  }

  /** It has started; closing it takes as long as `closing`. */
  begin(closing: Promise<void> = Promise.resolve()): void {
    const close = (): Promise<void> => {
      this.closed += 1;
      return closing;
    };
    this.started.resolve({ close });
  }

  signal(): void {
    for (const listener of this.#listeners) listener('SIGTERM');
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

test('P1: a signal closes it and ends it with 0', async () => {
  const rig = new Rig();
  const code = rig.run();
  rig.begin();
  rig.signal();
  assert.equal(await code, 0);
  assert.equal(rig.closed, 1);
  assert.deepEqual(rig.lines, ['It ends', 'It has ended']);
  assert.deepEqual([rig.clock.armed, rig.listeners], [0, 0], 'nothing is left');
});

test('P1: a signal while it starts closes what was started', async () => {
  const rig = new Rig();
  const code = rig.run();
  rig.signal();
  rig.begin();
  assert.equal(await code, 0);
  assert.equal(rig.closed, 1);
});

test('P1: a second signal does not wait for anything', async () => {
  const rig = new Rig();
  const code = rig.run();
  rig.begin(never);
  rig.signal();
  // The same one, from a group of processes and from a parent.
  rig.signal();
  await rig.clock.pass(600);
  assert.equal(rig.listeners, 1, 'it still closes');
  rig.signal();
  assert.equal(await code, 143);
  assert.deepEqual([rig.clock.armed, rig.listeners], [0, 0]);
});

test('P2: it ends with its supervisor', async () => {
  const rig = new Rig();
  const code = rig.run();
  rig.begin();
  rig.gone.resolve();
  assert.equal(await code, 0);
  assert.equal(rig.closed, 1);
});

test('P2: what belongs to a command ends with it, also if that has gone already', async () => {
  const rig = new Rig();
  const code = rig.run({ owned: true, supervised: false });
  rig.begin();
  rig.gone.resolve();
  assert.equal(await code, 0);
  assert.equal(rig.lines[0], 'It ends because the command that it belongs to is gone');
  const late = new Rig();
  late.begin();
  assert.equal(await late.run({ owned: true, supervised: false, parent: undefined }), 0);
  assert.equal(late.closed, 1);
});

test('P2: what belongs to nobody goes on without the command that started it', async () => {
  const rig = new Rig();
  const code = rig.run({ supervised: false });
  rig.begin();
  rig.gone.resolve();
  await rig.clock.pass(60_000);
  assert.equal(rig.closed, 0);
  rig.signal();
  assert.equal(await code, 0);
});

test('P3: closing that does not end is given up', async () => {
  const rig = new Rig();
  const code = rig.run();
  rig.begin(never);
  rig.signal();
  await rig.clock.pass(9_999);
  assert.equal(rig.lines.includes('It did not end in order'), false);
  await rig.clock.pass(1);
  assert.equal(await code, 0);
  assert.equal(rig.lines.at(-1), 'It did not end in order');
  assert.deepEqual(rig.sent, ['SIGKILL to 42'], 'a thread that does not end cannot hold it');
});

test('P3: without a supervisor, who starts another, it ends with its code', async () => {
  const rig = new Rig();
  const code = rig.run({ supervised: false });
  rig.begin(never);
  rig.onFatal!('taskexecutor', new EngineError('INTERNAL', { message: 'stuck' }));
  await rig.clock.pass(10_000);
  assert.equal(await code, 2);
  assert.deepEqual(rig.sent, []);
});

test('an error of a component closes it and ends it with 2', async () => {
  const rig = new Rig();
  const code = rig.run();
  rig.begin();
  rig.onFatal!('dispatcher', new EngineError('INTERNAL', { message: 'broken' }));
  assert.equal(await code, 2);
  assert.equal(rig.closed, 1);
  assert.match(rig.lines[0]!, /^dispatcher ended: .*broken/);
});

test('what cannot start ends with 1, and is not closed', async () => {
  const rig = new Rig();
  const code = rig.run();
  const reason = 'the port is taken';
  const parameters = { operation: 'listen on', address: 'here:1', reason };
  rig.started.reject(new EngineError('NETWORK_FAILED', parameters));
  assert.equal(await code, 1);
  assert.equal(rig.closed, 0);
  assert.deepEqual(rig.lines, [
    'It could not start: Could not listen on here:1: the port is taken.',
  ]);
  assert.equal(rig.clock.armed, 0);
  assert.match(rig.told[0]!, /^{"kind":"failed","error":{"code":"NETWORK_FAILED"/);
});

test('an error while it closes is told by the code', async () => {
  const rig = new Rig();
  const code = rig.run();
  rig.begin(Promise.reject(new EngineError('INTERNAL', { message: 'no end' })));
  rig.signal();
  assert.equal(await code, 2);
  assert.match(rig.lines.at(-1)!, /^It could not end in order/);
});
