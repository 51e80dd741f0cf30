/** Real worker threads: how they end, what crosses, what they see. */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { milliseconds } from '../../base/units.ts';
import type { Env, ExitReason, SharedRegion, WorkerHandle } from '../env.ts';
import { entryPoint } from './entry-points.ts';
import type { WorkerCommand } from './worker.test-kit.ts';
import { nodeEnv } from './node-env.ts';

const entry = entryPoint('./worker.test-kit', import.meta.url);

function environment(workerVariables: readonly string[] = []): Env {
  return nodeEnv({ entries: { slot: entry, coordinator: entry }, workerVariables });
}

interface SpawnOptions {
  readonly env?: Env;
  readonly heapLimitMegabytes?: number;
  readonly regions?: readonly SharedRegion[];
}

function spawn(command: WorkerCommand, options: SpawnOptions = {}): WorkerHandle {
  const { env = environment(), ...rest } = options;
  const data = new TextEncoder().encode(JSON.stringify(command));
  return env.workers.spawn('slot', { name: 'slot-1', data, ...rest });
}

interface Message {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly regions: readonly SharedRegion[];
}

/** Messages of a worker, one by one. */
function inbox(handle: WorkerHandle): { readonly all: Message[]; next(): Promise<Message> } {
  const all: Message[] = [];
  let given = 0;
  let wake = (): void => {};
  handle.port.receive((bytes, regions) => {
    all.push({ text: new TextDecoder().decode(bytes), bytes, regions });
    wake();
  });
  return {
    all,
    async next(): Promise<Message> {
      while (all[given] === undefined) await new Promise<void>((resolve) => (wake = resolve));
      return all[given++] as Message;
    },
  };
}

async function failed(command: WorkerCommand): Promise<ExitReason & { readonly kind: 'failed' }> {
  const reason = await spawn(command).exited;
  assert.equal(reason.kind, 'failed');
  return reason;
}

describe('exited', () => {
  test('finished: the worker called exit; its messages have arrived, in order', async () => {
    const handle = spawn({ command: 'postManyAndExit', count: 5000 });
    const { all } = inbox(handle);
    assert.deepEqual(await handle.exited, { kind: 'finished' });
    assert.deepEqual(
      all.map((message) => message.text),
      Array.from({ length: 5000 }, (_, i) => String(i)),
    );
  });

  test('terminated: an endless loop ends within two seconds', async () => {
    const handle = spawn({ command: 'loop' });
    await inbox(handle).next();
    const start = performance.now();
    handle.terminate();
    handle.terminate();
    assert.deepEqual(await handle.exited, { kind: 'terminated' });
    assert.ok(performance.now() - start < 2000);
  });

  test('terminated: also before it has begun', async () => {
    const handle = spawn({ command: 'loop' });
    handle.terminate();
    assert.deepEqual(await handle.exited, { kind: 'terminated' });
  });

  test('out-of-memory: the heap limit ends the worker and spares the process', async () => {
    const handle = spawn({ command: 'fillHeap' }, { heapLimitMegabytes: 48 });
    assert.deepEqual(await handle.exited, { kind: 'out-of-memory' });
  });

  test('failed: main threw', async () => {
    const reason = await failed({ command: 'throwAtOnce' });
    assert.equal(reason.message, 'thrown by main');
    assert.match(reason.stack ?? '', /RangeError: thrown by main\n.*worker\.test-kit\.ts:\d+/s);
  });

  test('failed: main rejected', async () => {
    const reason = await failed({ command: 'rejectMain' });
    assert.equal(reason.message, 'rejected by main');
    assert.match(reason.stack ?? '', /worker\.test-kit\.ts:\d+/);
  });

  test('failed: thrown outside of any promise', async () => {
    const reason = await failed({ command: 'throwLater' });
    assert.equal(reason.message, 'thrown by a timer');
    assert.match(reason.stack ?? '', /worker\.test-kit\.ts:\d+/);
  });

  test('failed: a rejection that nobody handles', async () => {
    const reason = await failed({ command: 'rejectUnhandled' });
    assert.equal(reason.message, 'rejected and forgotten');
    assert.match(reason.stack ?? '', /worker\.test-kit\.ts:\d+/);
  });

  test('failed: something thrown that is no error', async () => {
    const reason = await failed({ command: 'throwText' });
    assert.deepEqual(reason, { kind: 'failed', message: 'only text', stack: undefined });
  });

  test('failed: user code called process.exit', async () => {
    const reason = await failed({ command: 'exitWithCode' });
    assert.equal(reason.message, 'it called process.exit(3)');
  });

  test('failed: there is no entry file', async () => {
    const missing = new URL('./no-such-entry.ts', import.meta.url);
    const env = nodeEnv({ entries: { slot: missing, coordinator: missing } });
    const handle = env.workers.spawn('slot', { name: 'slot-1', data: new Uint8Array(0) });
    const reason = await handle.exited;
    assert.equal(reason.kind, 'failed');
    assert.match(reason.kind === 'failed' ? reason.message : '', /no-such-entry/);
  });

  test('failed: a job throws, and the stack is that of its TypeScript source', async () => {
    const folder = await fs.mkdtemp(join(tmpdir(), 'millrace-stack-'));
    const url = await writeMappedJob(folder);
    const reason = await failed({ command: 'runJob', url });
    assert.equal(reason.message, 'from the job');
    assert.match(reason.stack ?? '', /at .*orders\.ts:3:9/);
    assert.doesNotMatch(reason.stack ?? '', /orders\.mjs/);
    await fs.rm(folder, { recursive: true });
  });
});

/**
 * A job as a compiler leaves it: JavaScript on one line, with a map that leads to `orders.ts`.
 */
async function writeMappedJob(folder: string): Promise<string> {
  const source = "export function run() {\n  // line 2\n  throw new Error('from the job');\n}\n";
  await fs.writeFile(join(folder, 'orders.ts'), source);
  // One segment: column 24 of the only line is line 3, column 9 of the source.
  const head = 'export function run() { ';
  const map = {
    version: 3,
    sources: ['orders.ts'],
    sourcesContent: [source],
    names: [],
    mappings: 'AAAA,wBAEQ',
  };
  const text = `${head}throw new Error('from the job'); }\n//# sourceMappingURL=orders.mjs.map\n`;
  await fs.writeFile(join(folder, 'orders.mjs'), text);
  await fs.writeFile(join(folder, 'orders.mjs.map'), JSON.stringify(map));
  return pathToFileURL(join(folder, 'orders.mjs')).href;
}

describe('port', () => {
  test('bytes go and come back, whole, in order, whatever they are a part of', async () => {
    const handle = spawn({ command: 'echo' });
    const messages = inbox(handle);
    const large = new Uint8Array(100_000).map((_, i) => i & 0xff);
    for (let i = 1; i <= 100; i += 1) handle.port.post(large.subarray(i, i * 10));
    for (let i = 1; i <= 100; i += 1) {
      const { bytes } = await messages.next();
      assert.deepEqual(bytes, large.slice(i, i * 10));
      assert.equal(bytes.buffer.byteLength, bytes.byteLength, 'a part is sent as a part only');
    }
    handle.port.post(new Uint8Array(0));
    assert.deepEqual(await handle.exited, { kind: 'finished' });
  });

  test("bytes that own their memory are moved; posting them again is a programmer's error", async () => {
    const handle = spawn({ command: 'echo' });
    const messages = inbox(handle);
    const bytes = new Uint8Array([1, 2, 3]);
    handle.port.post(bytes);
    assert.equal(bytes.byteLength, 0);
    assert.throws(() => handle.port.post(bytes), { name: 'AssertionError' });
    assert.deepEqual([...(await messages.next()).bytes], [1, 2, 3]);
    handle.terminate();
    await handle.exited;
  });

  test('Buffers and bytes in shared memory arrive as bytes', async () => {
    const handle = spawn({ command: 'echo' });
    const messages = inbox(handle);
    const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(5);
    handle.port.post(Buffer.from('text'));
    handle.port.post(shared);
    const first = await messages.next();
    assert.equal(first.text, 'text');
    assert.equal(Object.getPrototypeOf(first.bytes), Uint8Array.prototype);
    const second = await messages.next();
    assert.deepEqual([...second.bytes], [5, 5, 5, 5]);
    assert.ok(second.bytes.buffer instanceof ArrayBuffer, 'a copy');
    handle.terminate();
    await handle.exited;
  });

  test('P2: messages from before receive are delivered, in order, not inside the call', async () => {
    const handle = spawn({ command: 'postManyAndExit', count: 10 });
    await handle.exited;
    const got: string[] = [];
    const done = new Promise<void>((resolve) => {
      handle.port.receive((bytes) => {
        got.push(new TextDecoder().decode(bytes));
        if (got.length === 10) resolve();
      });
    });
    assert.deepEqual(got, []);
    await done;
    assert.deepEqual(got, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });

  test('P1: receive is called once', async () => {
    const handle = spawn({ command: 'echo' });
    inbox(handle);
    assert.throws(() => handle.port.receive(() => {}), /P1/);
    handle.terminate();
    await handle.exited;
  });

  test('posting to a worker that is gone does nothing', async () => {
    const handle = spawn({ command: 'postManyAndExit', count: 0 });
    await handle.exited;
    handle.port.post(new Uint8Array(10));
    handle.terminate();
    assert.equal(await handle.heapUsed(), undefined);
  });
});

describe('shared regions', () => {
  test('regions go with the start data and with messages, both ways, and stay one memory', async () => {
    const env = environment();
    const handle = spawn({ command: 'echo' }, { env });
    const messages = inbox(handle);
    const regions = [env.memory.allocate(8), env.memory.allocate(16)];
    handle.port.post(new Uint8Array([1]), regions);
    const back = await messages.next();
    assert.deepEqual(
      back.regions.map((region) => region.byteLength),
      [8, 16],
    );
    regions[1]?.store(3, 77);
    assert.equal(back.regions[1]?.load(3), 77);
    handle.terminate();
    await handle.exited;
  });

  test('a region made by the worker reaches its owner', async () => {
    const handle = spawn({ command: 'shareRegion' });
    const { regions } = await inbox(handle).next();
    assert.equal(regions[0]?.load(2), 4242);
    handle.terminate();
    await handle.exited;
  });

  test('wait and notify go both ways between threads, thousands of times', async () => {
    const env = environment();
    const region = env.memory.allocate(8);
    const handle = spawn({ command: 'pingPong' }, { env, regions: [region] });
    await inbox(handle).next();
    const rounds = 2000;
    for (let round = 0; round < rounds; round += 1) {
      const answered = new Promise<void>((resolve) => region.wait(1, round, resolve));
      region.add(0, 1);
      region.notify(0);
      await answered;
      assert.equal(region.load(1), round + 1);
    }
    handle.terminate();
    await handle.exited;
  });

  test('a worker that only waits for a word stays alive, and is woken', async () => {
    const env = environment();
    const region = env.memory.allocate(8);
    const handle = spawn({ command: 'waitForWord' }, { env, regions: [region] });
    const messages = inbox(handle);
    await messages.next();
    let gone = false;
    const ended = handle.exited.then(() => {
      gone = true;
    });
    // Many turns of the worker's loop, each of which would end it.
    for (let i = 0; i < 5; i += 1) await handle.heapUsed();
    assert.equal(gone, false);
    region.store(0, 1);
    region.notify(0);
    assert.equal((await messages.next()).text, 'woken');
    assert.deepEqual(await handle.exited, { kind: 'finished' });
    await ended;
  });
});

describe('what a worker is given', () => {
  test('the same data can start several workers', async () => {
    const env = environment();
    const data = new TextEncoder().encode('{"command":"postManyAndExit","count":1}');
    for (const name of ['slot-1', 'slot-2']) {
      const handle = env.workers.spawn('slot', { name, data });
      assert.equal((await inbox(handle).next()).text, '0');
      assert.deepEqual(await handle.exited, { kind: 'finished' });
    }
  });

  test('it sees the allow-listed variables, those that are added, and no others', async () => {
    process.env['MILLRACE_TEST_SECRET'] = 'secret';
    process.env['MILLRACE_TEST_DECLARED'] = 'declared';
    const handle = spawn(
      { command: 'reportVariables' },
      { env: environment(['MILLRACE_TEST_DECLARED']) },
    );
    const { text } = await inbox(handle).next();
    const variables = JSON.parse(text) as Record<string, string>;
    assert.equal(variables['MILLRACE_TEST_SECRET'], undefined);
    assert.equal(variables['MILLRACE_TEST_DECLARED'], 'declared');
    assert.equal(variables['PATH'], process.env['PATH']);
    handle.terminate();
    await handle.exited;
  });

  test('it uses the compile cache of its owner', async () => {
    const folder = await fs.mkdtemp(join(tmpdir(), 'millrace-cache-'));
    enableCompileCache(folder);
    // The tests may run with a cache already, which this then leaves as it is.
    const used = dirname(getCompileCacheDir()!);
    const handle = spawn({ command: 'reportVariables' });
    const { text } = await inbox(handle).next();
    const variables = JSON.parse(text) as Record<string, string>;
    assert.equal(variables['NODE_COMPILE_CACHE'], used);
    handle.terminate();
    await handle.exited;
    await fs.rm(folder, { recursive: true });
  });

  test('heapUsed is seen from outside, also while the worker is in an endless loop', async () => {
    const handle = spawn({ command: 'loop' });
    await inbox(handle).next();
    const used = await handle.heapUsed();
    assert.ok(used !== undefined && used > 1_000_000, String(used));
    handle.terminate();
    await handle.exited;
  });

  test('a loop of nothing but built-ins answers as well, and it can be terminated', async () => {
    const env = environment();
    const handle = spawn({ command: 'loopOfBuiltIns' }, { env });
    await inbox(handle).next();
    const after = async (millis: number): Promise<undefined> =>
      new Promise((resolve) => {
        env.clock.after(milliseconds(millis), () => resolve(undefined));
      });
    await after(1000);
    const used = await Promise.race([handle.heapUsed(), after(10_000)]);
    handle.terminate();
    const ended = await Promise.race([handle.exited, after(10_000)]);
    assert.deepEqual([used! > 0, ended], [true, { kind: 'terminated' }]);
  });

  test('heapUsed of a worker that dies meanwhile is undefined, not unanswered', async () => {
    const handle = spawn({ command: 'fillHeap' }, { heapLimitMegabytes: 48 });
    let last: number | undefined = 0;
    while (last !== undefined) last = await handle.heapUsed();
    assert.deepEqual(await handle.exited, { kind: 'out-of-memory' });
  });

  // Only Linux tells the names of threads.
  const threads = process.platform === 'linux' ? '/proc/self/task' : undefined;
  test('the thread has the name', async () => {
    if (threads === undefined) return;
    const handle = spawn({ command: 'loop' });
    await inbox(handle).next();
    const names: string[] = [];
    for (const thread of await fs.readdir(threads)) {
      names.push((await fs.readFile(`${threads}/${thread}/comm`, 'utf8')).trim());
    }
    assert.ok(names.includes('slot-1'), names.join());
    handle.terminate();
    await handle.exited;
  });
});

describe('captureOutput', () => {
  function captured(command: WorkerCommand): { handle: WorkerHandle; lines: string[] } {
    const handle = spawn(command);
    inbox(handle);
    const lines: string[] = [];
    handle.captureOutput((stream, line) => void lines.push(`${stream}: ${line}`));
    return { handle, lines };
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  test('O1: all that a worker wrote before it died comes, in lines', async () => {
    const { handle, lines } = captured({ command: 'writeAndDie', count: 3000 });
    assert.equal((await handle.exited).kind, 'failed');
    await until(() => lines.length >= 3003);
    const of = (stream: string) => lines.filter((line) => line.startsWith(stream));
    assert.deepEqual(of('stdout'), [
      ...Array.from({ length: 3000 }, (_, i) => `stdout: line ${i} \u20ac`),
      'stdout: the last words',
    ]);
    assert.deepEqual(of('stderr'), ['stderr: first', 'stderr: second']);
  });

  test('O1: what has no end of its line comes while the worker is at work', async () => {
    const { handle, lines } = captured({ command: 'writeAndLoop' });
    await until(() => lines.length > 0);
    assert.deepEqual(lines, ['stdout: begun']);
    handle.terminate();
    await handle.exited;
  });
});

test('takeOutput: what it writes comes inside the call, and not to the streams', async () => {
  const handle = spawn({ command: 'tellOutput' });
  const told = inbox(handle);
  const lines: string[] = [];
  handle.captureOutput((stream, line) => void lines.push(`${stream}: ${line}`));
  const expected = [
    'first stdout a { b: 1 }\n',
    'second stderr c',
    'second stdout \u20ac\n',
    'written',
  ];
  for (const text of expected) assert.equal((await told.next()).text, text);
  handle.terminate();
  await handle.exited;
  assert.deepEqual(lines, []);
});

describe('a worker seen from outside', () => {
  const within = <T>(what: Promise<T>): Promise<T> =>
    Promise.race([
      what,
      new Promise<never>((_, reject) => {
        setTimeout(() => reject(new Error('it took too long')), 10_000).unref();
      }),
    ]);

  test('the stack of code that never comes back, in places of its source', async () => {
    const handle = spawn({ command: 'loop' });
    await inbox(handle).next();
    const stack = await within(handle.stack());
    assert.match(stack[0]!, /^<anonymous> \(file:.*worker\.test-kit\.ts:\d+:\d+\)$/);
    assert.deepEqual((await within(handle.stack()))[0], stack[0], 'it goes on, and is asked again');
    handle.terminate();
    await handle.exited;
    assert.deepEqual(await handle.stack(), []);
  });

  test('one that waits has no stack, and goes on', async () => {
    const handle = spawn({ command: 'echo' });
    const answers = inbox(handle);
    handle.port.post(new TextEncoder().encode('a'));
    await answers.next();
    assert.deepEqual(await within(handle.stack()), []);
    handle.port.post(new TextEncoder().encode('b'));
    assert.match((await within(answers.next())).text, /b/);
    handle.terminate();
  });

  test('profiles of time and of memory; of one that has ended there is none', async () => {
    const handle = spawn({ command: 'loop' });
    await inbox(handle).next();
    for (const kind of ['cpu', 'heap'] as const) {
      const recording = await within(handle.profile(kind));
      await new Promise((resolve) => setTimeout(resolve, 100));
      const profile = JSON.parse(await within(recording.stop()));
      if (kind === 'cpu') assert.ok(profile.samples.length > 1 && profile.nodes.length > 1);
      else assert.ok('head' in profile && Array.isArray(profile.samples));
    }
    handle.terminate();
    await handle.exited;
    await assert.rejects(handle.profile('cpu'), { code: 'PROFILER_UNAVAILABLE' });
  });
});
