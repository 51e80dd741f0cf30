// A job on a cluster of real processes whose checkpoints meet a storage that fails: a disk that is
// full or read-only, a folder that is gone, an fsync that reports an error, an S3 server that
// refuses. The checkpoint is declined with the reason, the job goes on without a restart, and its
// output is exact. Disks are mounted, and errors injected with strace: both need the rights to it.
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { JobClient } from '../../src/client/job-client.ts';
import { SECRET } from '../e2e/cluster.test-kit.ts';
import { CommittedOutput } from '../e2e/committed-output.test-kit.ts';
import { ClusterClient, pause } from '../e2e/killed-cluster.test-kit.ts';
import { TestCluster } from '../e2e/test-cluster.test-kit.ts';
import { writeTotalsJob } from '../e2e/totals-job.test-kit.ts';
import { BUCKET, S3Server } from '../services/s3-server.ts';

const KEYS = 20;
const LOOK_MILLIS = 50;
const LONGEST_MILLIS = 90_000;

const home = mkdtempSync(join(tmpdir(), 'millrace-bad-storage-'));
after(() => rmSync(home, { recursive: true }));
const moduleUrl = writeTotalsJob(home, {
  ...{ records: 100_000_000, keys: KEYS, ratePerSecond: 500, intervalMillis: 200 },
});

interface Fault {
  readonly name: string;
  /** What the checkpoint is declined with. */
  readonly reason: RegExp;
  begin(cluster: TestCluster): void | Promise<void>;
  /** While it is waited for. */
  again?(): void;
  end(): void | Promise<void>;
}

class RunningJob {
  readonly #client: JobClient;
  readonly #told: ClusterClient;
  readonly #folder: string;
  readonly #output: CommittedOutput;

  private constructor(client: JobClient, told: ClusterClient, folder: string) {
    this.#client = client;
    this.#told = told;
    this.#folder = folder;
    this.#output = new CommittedOutput(join(folder, 'out'));
  }

  static async submit(
    cluster: TestCluster,
    folder: string,
    configuration: Readonly<Record<string, string>>,
  ): Promise<RunningJob> {
    const client = await cluster.submit({
      moduleUrl,
      parameters: { out: join(folder, 'out') },
      configuration: {
        'parallelism.default': '1',
        // Every state is in a file.
        'execution.checkpointing.data-inline-threshold': '1 b',
        'execution.checkpointing.timeout': '5 s',
        ...configuration,
      },
    });
    return new RunningJob(client, new ClusterClient(cluster.address, SECRET), folder);
  }

  /** A checkpoint fails as it should, and when the fault is over the next ones complete. */
  async meets(fault: Fault, cluster: TestCluster): Promise<void> {
    const before = await this.#until(({ counts }) => counts.completed > 0, 'one completes');
    await fault.begin(cluster);
    const newest = before.history[0]?.checkpointId ?? 0;
    const declined = await this.#until(({ history }) => {
      fault.again?.();
      return history.some(
        ({ checkpointId, failure }) =>
          checkpointId > newest && failure !== undefined && fault.reason.test(failure.message),
      );
    }, `one is declined: ${fault.reason}`);
    assert.equal(await this.#client.status(), 'RUNNING');
    await fault.end();
    const { completed } = declined.counts;
    await this.#until(({ counts }) => counts.completed > completed + 1, 'they complete again');
    assert.deepEqual((await this.#client.details()).failures, [], 'it never restarted');
  }

  /** Stops it; all that it has read is in its output, once. */
  async requireExact(): Promise<void> {
    const directory = join(this.#folder, 'savepoints');
    await this.#client.triggerSavepoint({ directory, stop: 'suspend' });
    assert.equal((await this.#client.result()).status, 'FINISHED');
    this.#output.look();
    assert.ok(this.#output.values > 100);
    this.#output.requireAll(this.#output.values, KEYS);
    this.#client.close();
    await this.#told.close();
  }

  async #until(
    condition: (checkpoints: Checkpoints) => boolean,
    what: string,
  ): Promise<Checkpoints> {
    const latest = performance.now() + LONGEST_MILLIS;
    for (;;) {
      this.#output.look();
      const checkpoints = (await this.#told.details(this.#client.jobId))?.checkpoints;
      if (checkpoints !== undefined && condition(checkpoints)) return checkpoints;
      const failures = checkpoints?.history.map(({ failure }) => failure?.message);
      assert.ok(performance.now() < latest, `in vain: ${what}, but ${JSON.stringify(failures)}`);
      await pause(LOOK_MILLIS);
    }
  }
}

type Details = NonNullable<Awaited<ReturnType<ClusterClient['details']>>>;
type Checkpoints = NonNullable<Details['checkpoints']>;

/** Writes what there is room for. */
function fill(disk: string): void {
  for (const size of [65_536, 4096]) {
    try {
      for (let i = 0; i < 1000; i++) {
        writeFileSync(join(disk, `filler-${size}-${i}`), Buffer.alloc(size, 1), { flag: 'a' });
      }
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
}

function mount(...args: readonly string[]): void {
  execFileSync('mount', args);
}

/** The system lets nobody do it while a file is being written. */
async function remount(disk: string, how: 'ro' | 'rw'): Promise<void> {
  for (;;) {
    try {
      return void execFileSync('mount', ['-o', `remount,${how}`, disk], { stdio: 'pipe' });
    } catch (error) {
      if (!/busy/.test(String((error as { stderr?: unknown }).stderr))) throw error;
      await pause(5);
    }
  }
}

function faultsOfDisk(disk: string): readonly Fault[] {
  const strace: { process?: ChildProcess } = {};
  const checkpoints = join(disk, 'checkpoints');
  const elsewhere = join(disk, 'elsewhere');
  return [
    {
      name: 'a disk that is full',
      reason: /No space left on the disk/,
      begin: () => fill(disk),
      again: () => fill(disk),
      end() {
        execFileSync('sh', ['-c', 'rm -f "$0"/filler-*', disk]);
      },
    },
    {
      name: 'a disk that is read-only',
      reason: /read-only/,
      begin: () => remount(disk, 'ro'),
      end: () => remount(disk, 'rw'),
    },
    {
      name: 'a folder that is gone, with a file in its place',
      reason: /checkpoints/,
      begin() {
        renameSync(checkpoints, elsewhere);
        writeFileSync(checkpoints, '');
      },
      end() {
        rmSync(checkpoints);
        renameSync(elsewhere, checkpoints);
      },
    },
    {
      name: 'an fsync that fails',
      reason: /EIO|i\/o error|device/i,
      async begin({ jobManager: { pid } }) {
        const calls = 'fsync,fdatasync';
        const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=EIO`];
        strace.process = spawn('strace', ['-f', '-p', String(pid), ...inject], {
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        await once(strace.process.stderr!, 'data');
      },
      async end() {
        const ended = once(strace.process!, 'exit');
        strace.process!.kill('SIGINT');
        await ended;
      },
    },
  ];
}

test(
  'a job goes on while the disk of its checkpoints fails',
  { timeout: 400_000 },
  async (context) => {
    const disk = join(home, 'disk');
    mkdirSync(disk);
    mount('-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk);
    try {
      await using cluster = await TestCluster.start({
        ...{ taskManagers: 1, slots: 1, options: { 'web.checkpoints.history': 1000 } },
      });
      const job = await RunningJob.submit(cluster, home, {
        'execution.checkpointing.dir': join(disk, 'checkpoints'),
      });
      for (const fault of faultsOfDisk(disk)) {
        await job.meets(fault, cluster);
        context.diagnostic(`${fault.name}: declined, and gone on from`);
      }
      await job.requireExact();
      assert.equal(execFileSync('find', [disk, '-type', 'f'], { encoding: 'utf8' }), '');
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  },
);

/** In front of a server of S3. */
class Gate implements AsyncDisposable {
  answer: 'the server' | 'forbidden' | 'busy' | 'nothing' = 'the server';
  readonly #server: Server;

  constructor(port: number) {
    this.#server = createServer((incoming, outgoing) => {
      if (this.answer === 'nothing') return;
      if (this.answer !== 'the server') {
        const [status, code] =
          this.answer === 'forbidden' ? [403, 'AccessDenied'] : [503, 'SlowDown'];
        incoming.resume();
        outgoing.writeHead(status, { 'content-type': 'application/xml' });
        outgoing.end(`<Error><Code>${code}</Code><Message>${code} on purpose</Message></Error>`);
        return;
      }
      const { method, url, headers } = incoming;
      const passed = request({ host: '127.0.0.1', port, method, path: url, headers });
      passed.on('response', (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      });
      passed.on('error', () => outgoing.destroy());
      incoming.pipe(passed);
    });
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

describe('S3 that refuses', () => {
  test('a job goes on while it does', { timeout: 400_000 }, async (context) => {
    await using server = await S3Server.start('moto');
    await using gate = new Gate(server.port);
    const options = { ...server.options(), 's3.endpoint': await gate.open() };
    await using cluster = await TestCluster.start({
      ...{ taskManagers: 1, slots: 1 },
      options: { ...options, 'web.checkpoints.history': 1000 },
    });
    const job = await RunningJob.submit(cluster, join(home, 's3'), {
      ...options,
      'execution.checkpointing.dir': `s3://${BUCKET}/checkpoints`,
    });
    const fault = (answer: Gate['answer'], reason: RegExp): Fault => ({
      ...{ name: answer, reason },
      begin: () => void (gate.answer = answer),
      end: () => void (gate.answer = 'the server'),
    });
    for (const each of [
      fault('forbidden', /AccessDenied|403|forbidden/i),
      fault('busy', /SlowDown|503|was not complete after 5000 ms/i),
      fault('nothing', /was not complete after 5000 ms/),
    ]) {
      await job.meets(each, cluster);
      context.diagnostic(`${each.name}: declined, and gone on from`);
    }
    await job.requireExact();
  });
});
