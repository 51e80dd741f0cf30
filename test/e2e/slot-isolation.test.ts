// User code that misbehaves in one slot of a TaskManager: its own tasks end with a reason that
// names what it did; the process, its other slots and its heartbeats go on.
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { EngineError } from '../../src/base/errors.ts';
import type { JobClient } from '../../src/client/job-client.ts';
import {
  addressIn,
  clientsOf,
  startProcess,
  type Clients,
  type ClusterProcess,
} from './cluster.test-kit.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-isolation-')));
after(() => rmSync(folder, { recursive: true }));

/** What the tenth record makes the user's function do. */
const MISBEHAVIOUR = {
  map: 'const map = new Map(); for (let i = 0; ; i++) map.set(i, "value " + i);',
  maps: 'kept.push(new Map(Array.from({ length: 20_000 }, (_, i) => [i, "value " + i])));',
  array: 'for (;;) kept.push({ text: "x".repeat(100) + kept.length });',
  buffers: 'for (;;) kept.push(Buffer.alloc(4_000_000, 1));',
  'buffers record by record': 'kept.push(Buffer.alloc(4_000_000, 1));',
  strings: 'let text = "x"; for (;;) kept.push((text += text.slice(0, 1e5)).split(""));',
  loop: 'console.log("on and on, password=swordfish"); for (;;);',
  exit: 'process.exit(0);',
  'exit with a code': 'process.exit(9);',
  rejection: 'Promise.reject(new Error("nobody listens"));',
  'thrown later': 'setTimeout(() => { throw new TypeError("later"); }, 1);',
  'thrown at once': 'throw new RangeError("at once");',
  'a long record': 'return "x".repeat(20_000_000);',
  'a long error': 'throw new Error("E".repeat(50_000_000));',
  recursion: 'const down = (i) => down(i + 1) + 1; down(0);',
} as const;

type Name = keyof typeof MISBEHAVIOUR;

function jobOf(name: Name): string {
  return `import { defineJob, generator, t } from 'millrace';

const kept = [];
export default defineJob({
  name: ${JSON.stringify(name)},
  build(env) {
    env
      .from(generator(t.int32, (n) => n, { ratePerSecond: 200 }))
      .map((n) => {
        if (n >= 10) { ${MISBEHAVIOUR[name]} }
        return n;
      })
      .print();
  },
});
`;
}

const GOOD = `import { defineJob, generator, t } from 'millrace';

export default defineJob({
  name: 'good',
  build(env) {
    env.from(generator(t.int32, (n) => n, { ratePerSecond: 200 })).print();
  },
});
`;

describe('misbehaviour in a slot', { timeout: 120_000 }, () => {
  const processes: ClusterProcess[] = [];
  let clients: Clients | undefined;
  let good: JobClient | undefined;
  /** Called at every message of the good job. */
  let heard: () => void = () => undefined;

  before(async () => {
    const host = {
      'jobmanager.rpc.address': '127.0.0.1',
      'heartbeat.interval': '300 ms',
      'heartbeat.timeout': '15 s',
    };
    const jobManager = startProcess('jobmanager', {
      ...{ ...host, 'jobmanager.rpc.port': 0, 'rest.port': 0 },
    });
    processes.push(jobManager);
    const address = addressIn(await jobManager.said('JobManager ready'));
    const taskManager = startProcess('taskmanager', {
      ...{ ...host, 'jobmanager.rpc.port': address.port, 'taskmanager.host': '127.0.0.1' },
      'taskmanager.numberOfTaskSlots': 2,
      'taskmanager.memory.task.heap.size': '160m',
      'task.cancellation.timeout': '1 s',
    });
    processes.push(taskManager);
    await taskManager.said('TaskManager registered');
    clients = clientsOf(`${address.host}:${address.port}`);
    writeFileSync(join(folder, 'good.ts'), GOOD);
    good = await clients.submit(pathToFileURL(join(folder, 'good.ts')).href);
    good.onMessage(() => heard());
  });

  after(async () => {
    for (const each of processes) each.kill('SIGKILL');
    await Promise.all(processes.map(({ exited }) => exited));
    good?.close();
    await clients?.[Symbol.asyncDispose]();
  });

  async function submit(
    name: Name,
    onMessage: () => void = (): void => undefined,
  ): Promise<JobClient> {
    const path = join(folder, `${name.replaceAll(' ', '-')}.ts`);
    writeFileSync(path, jobOf(name));
    const client = await clients!.submit(pathToFileURL(path).href);
    client.onMessage(onMessage);
    return client;
  }

  async function othersGoOn(): Promise<void> {
    await new Promise<void>((resolve) => (heard = resolve));
    const { status, generation, failures } = await good!.details();
    assert.deepEqual([status, generation, failures], ['RUNNING', 1, []]);
    const registered = processes[1]!.log.filter(({ message }) =>
      message.startsWith('TaskManager registered'),
    );
    assert.equal(registered.length, 1, 'the TaskManager is the one it was');
  }

  const ENDS: readonly (readonly [name: Name, code: string, said: RegExp])[] = [
    ['map', 'SLOT_OUT_OF_MEMORY', /80 MiB/],
    ['maps', 'SLOT_OUT_OF_MEMORY', /80 MiB/],
    ['array', 'SLOT_OUT_OF_MEMORY', /80 MiB/],
    ['buffers', 'SLOT_OUT_OF_MEMORY', /80 MiB/],
    ['buffers record by record', 'SLOT_OUT_OF_MEMORY', /80 MiB/],
    ['strings', 'SLOT_OUT_OF_MEMORY', /80 MiB/],
    ['exit', 'USER_CODE_EXIT', /process\.exit\(0\)/],
    ['exit with a code', 'USER_CODE_EXIT', /process\.exit\(9\)/],
    ['rejection', 'USER_CODE_UNCAUGHT', /nobody listens/],
    ['thrown later', 'USER_CODE_UNCAUGHT', /later/],
    ['thrown at once', 'USER_CODE_FAILED', /at once/],
    ['a long record', 'CLIENT_MESSAGE_TOO_LARGE', /20000\d+ bytes/],
    ['a long error', 'USER_CODE_FAILED', /E\.\.\. \(cut, 50000000 characters\)/],
    ['recursion', 'USER_CODE_FAILED', /Maximum call stack/],
  ];
  for (const [name, code, said] of ENDS) {
    test(`${name}: ${code}`, async () => {
      const client = await submit(name);
      const { status, error } = await client.result();
      client.close();
      assert.equal(status, 'FAILED');
      const { code: actual, message } = EngineError.fromData(error!);
      assert.deepEqual([actual, said.test(message)], [code, true], message);
      await othersGoOn();
    });
  }

  test('an endless loop: the log names it, its tasks are busy, and it can be cancelled', async () => {
    const tenth = Promise.withResolvers<void>();
    const client = await submit('loop', () => tenth.resolve());
    await tenth.promise;
    const { jobId } = client;
    const wrote = await processes[1]!.said(/^on and on/);
    assert.deepEqual(
      [wrote.message, wrote.level, wrote.fields['jobId'], wrote.fields['stream']],
      ['on and on, password=******', 'info', jobId, 'stdout'],
    );
    const { taskManager, slot, task } = wrote.fields;
    assert.match(String(task), /-> map .*\(1\/1\)$/);
    assert.deepEqual([typeof taskManager, typeof slot], ['string', 'number']);
    const { level, fields } = await processes[1]!.said(/has not come back for \d+ s/);
    assert.deepEqual([level, fields['jobId']], ['warn', jobId]);
    const { vertices } = await client.details();
    assert.deepEqual([vertices.length, vertices.every(({ busy }) => busy > 0.9)], [1, true]);
    const since = performance.now();
    await client.cancel();
    assert.equal((await client.result()).status, 'CANCELED');
    const millis = performance.now() - since;
    assert.ok(millis < 4000, `it took ${millis} ms`);
    client.close();
    await othersGoOn();
  });
});
