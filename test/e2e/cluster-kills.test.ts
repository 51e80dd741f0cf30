// A cluster under `millrace cluster` whose processes are killed at random moments, fifty times:
// every job that runs meanwhile ends, with exactly the output of a job that nothing happened to,
// and when the cluster has been stopped nothing of it is left: no process, port, file or memory.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Prng } from '../../src/base/prng.ts';
import { isEngineError } from '../../src/base/errors.ts';
import { JobClient } from '../../src/client/job-client.ts';
import { entryPoint } from '../../src/env/node/entry-points.ts';
import { nodeEnv } from '../../src/env/node/node-env.ts';
import type { JobResult } from '../../src/protocol/job-report.ts';
import { RpcService } from '../../src/rpc/rpc-service.ts';
import { linesOf, REPOSITORY, startProgram, type Ended } from '../command.test-kit.ts';

const KILLS = 50;
const SEED = Number(process.env['MILLRACE_SEED'] ?? 20_261_127);
/** Of a job that is left alone, about; kills come within it. */
const JOB_MILLIS = 1500;
const PARALLELISM = 6;
const RECORDS = 600;
const KEYS = 30;

const JOB = `import { defineJob, generator, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { text } from 'millrace/formats';

export default defineJob({
  name: 'counting',
  params: { out: t.string },
  build(env, { out }) {
    env
      .from(generator(t.int32, (n) => n, { count: ${RECORDS}, ratePerSecond: ${RECORDS} }))
      .keyBy((n) => n % ${KEYS})
      .map((n) => ({ key: n % ${KEYS}, count: 1 }))
      .returns(t.struct({ key: t.int32, count: t.int32 }))
      .keyBy(({ key }) => key)
      .sum('count')
      .map(({ key, count }) => key + ':' + count)
      .sinkTo(files.sink({ path: out, format: text() }));
  },
});
`;

const SETTINGS = {
  'parallelism.default': String(PARALLELISM),
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '1000',
  'restart-strategy.fixed-delay.delay': '20 ms',
};

const home = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-kills-')));
after(() => rmSync(home, { recursive: true }));
const folder = join(home, 'clusters', 'default');
/** Of all processes of the cluster: what they leave there is seen. */
const temporary = join(home, 'tmp');
mkdirSync(temporary);

function cluster(...args: readonly string[]): Promise<Ended> {
  const env = { ...process.env, MILLRACE_HOME: home, TMPDIR: temporary };
  const launcher = join(REPOSITORY, 'bin', 'millrace.js');
  return startProgram(process.execPath, [launcher, 'cluster', ...args], { cwd: home, env }).ended;
}

interface Running {
  readonly jobManager: string;
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

function running(): Running {
  return JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')) as Running;
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

/** Whether a process of that id runs; one that has ended and is not waited for does not. */
function lives(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !'ZX'.includes(stat[stat.lastIndexOf(')') + 2]!);
  } catch {
    return false;
  }
}

const worker = entryPoint('../../bin/slot-worker', import.meta.url);
const env = nodeEnv({ entries: { slot: worker, coordinator: worker }, log: { level: 'error' } });

class Client {
  readonly #rpc: RpcService;
  readonly #address: string;

  constructor(address: string) {
    this.#address = address;
    const secret = readFileSync(join(folder, 'cluster-secret'), 'utf8').trim();
    this.#rpc = new RpcService({ env, name: 'client', secret: Buffer.from(secret, 'hex') });
  }

  /** Submitted again until a JobManager has taken it: the same submission is one job. */
  async submit(moduleUrl: string, out: string): Promise<string> {
    const jobId = env.random.uuid().replaceAll('-', '');
    const parameters = { out };
    const job = { jobId, moduleUrl, exportName: undefined, parameters, configuration: SETTINGS };
    await this.#insist(async (options) => {
      (await JobClient.submit(options, job, { detached: true })).close();
    });
    return jobId;
  }

  /** Asked again when the JobManager is lost that was asked. */
  async result(jobId: string): Promise<JobResult> {
    return this.#insist((options) => JobClient.resultOf(options, jobId));
  }

  close(): Promise<void> {
    return this.#rpc.close();
  }

  async #insist<T>(
    call: (options: Parameters<typeof JobClient.resultOf>[0]) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      try {
        return await call({ env, rpc: this.#rpc, address: this.#address });
      } catch (error) {
        if (!isEngineError(error) || !LOST.has(error.code)) throw error;
        await pause(50);
      }
    }
  }
}

/** What a client meets when its JobManager is killed, and until there is another one. */
const LOST: ReadonlySet<string> = new Set(['RPC_UNREACHABLE', 'NETWORK_FAILED', 'RPC_TIMEOUT']);

/** Every key counts from 1, once. */
function expectedLines(): readonly string[] {
  const lines: string[] = [];
  for (let key = 0; key < KEYS; key++) {
    for (let count = 1; count <= RECORDS / KEYS; count++) lines.push(`${key}:${count}`);
  }
  return lines.sort();
}

function linesIn(out: string): readonly string[] {
  return readdirSync(out)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => linesOf(readFileSync(join(out, name), 'utf8')))
    .sort();
}

/** What of the cluster is in memory shared by name, or in the folder for temporary files. */
function leftovers(): readonly string[] {
  return [
    ...readdirSync(temporary),
    ...readdirSync('/dev/shm').filter((name) => /millrace/.test(name)),
  ];
}

function refuses(address: string): Promise<boolean> {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}

describe('a cluster whose processes are killed', () => {
  test(`${KILLS} times at random (seed ${SEED})`, { timeout: 900_000 }, async (context) => {
    const random = Prng.of(SEED);
    const expected = expectedLines();
    const module = join(home, 'counting.ts');
    writeFileSync(module, JOB);
    const args = ['--taskmanagers', '3', '--slots', '2', '-D', 'jobmanager.rpc.port=0'];
    const start = await cluster('start', ...args);
    assert.equal(start.code, 0, start.stderr);
    const { jobManager } = running();
    const seen = new Set<number>();
    const client = new Client(jobManager);
    const killed: Record<string, number> = {};
    try {
      for (let round = 0; round < KILLS; round++) {
        const out = join(home, `out-${round}`);
        const jobId = await client.submit(pathToFileURL(module).href, out);
        await pause(random.below(JOB_MILLIS));
        const { processes } = running();
        for (const { pid } of processes) seen.add(pid);
        const victims = processes.filter(({ name }) => name !== 'supervisor');
        const victim = victims[random.below(victims.length)]!;
        // It may be gone already: the file says how it was a moment ago.
        if (lives(victim.pid)) process.kill(victim.pid, 'SIGKILL');
        killed[victim.name] = (killed[victim.name] ?? 0) + 1;
        const { status, error } = await client.result(jobId);
        const what = `round ${round}, ${victim.name} killed: ${JSON.stringify(error)}`;
        assert.equal(status, 'FINISHED', what);
        assert.deepEqual(linesIn(out), expected, what);
      }
    } finally {
      await client.close();
      for (const { pid } of running().processes) seen.add(pid);
      const stop = await cluster('stop');
      assert.equal(stop.code, 0, stop.stderr);
    }
    context.diagnostic(`killed: ${JSON.stringify(killed)}`);
    for (const pid of seen) assert.ok(!lives(pid), `process ${pid} lives on`);
    assert.ok(await refuses(jobManager), 'the port is free');
    assert.deepEqual(leftovers(), []);
    assert.equal(existsSync(join(folder, 'cluster.json')), false);
    assert.deepEqual(readdirSync(join(folder, 'blobs')), [], 'no blob is left');
  });
});
