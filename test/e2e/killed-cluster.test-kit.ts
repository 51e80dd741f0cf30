// A cluster under `millrace cluster` for tests that kill its processes: started as its users start
// it, in a home of its own, with clients that bear the loss of the JobManager.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isEngineError } from '../../src/base/errors.ts';
import { JobClient } from '../../src/client/job-client.ts';
import { entryPoint } from '../../src/env/node/entry-points.ts';
import { nodeEnv } from '../../src/env/node/node-env.ts';
import { DISPATCHER, dispatcherService } from '../../src/protocol/dispatcher-service.ts';
import type { ExecutionGraphInfo } from '../../src/protocol/execution-graph-info.ts';
import type { JobResult } from '../../src/protocol/job-report.ts';
import { RpcService } from '../../src/rpc/rpc-service.ts';
import { REPOSITORY, startProgram, type Ended } from '../command.test-kit.ts';

interface Running {
  readonly jobManager: string;
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

/** What a client meets when its JobManager is killed, and until there is another one. */
const LOST: ReadonlySet<string> = new Set(['RPC_UNREACHABLE', 'NETWORK_FAILED', 'RPC_TIMEOUT']);

/** Of the cluster's folder, when no job is left. */
const LEFT_EMPTY = [
  'blobs',
  'ha/default/blobs',
  'ha/default/checkpoints',
  'ha/default/jobs',
  'local-state',
];

const worker = entryPoint('../../bin/slot-worker', import.meta.url);
const env = nodeEnv({ entries: { slot: worker, coordinator: worker }, log: { level: 'error' } });

export class KilledCluster {
  readonly home: string = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-kills-')));
  readonly folder: string = join(this.home, 'clusters', 'default');
  /** Of all processes of the cluster: what they leave there is seen. */
  readonly #temporary = join(this.home, 'tmp');
  readonly #seen = new Set<number>();

  constructor() {
    mkdirSync(this.#temporary);
  }

  command(...args: readonly string[]): Promise<Ended> {
    const variables = { ...process.env, MILLRACE_HOME: this.home, TMPDIR: this.#temporary };
    const launcher = join(REPOSITORY, 'bin', 'millrace.js');
    const options = { cwd: this.home, env: variables };
    return startProgram(process.execPath, [launcher, 'cluster', ...args], options).ended;
  }

  /** What runs; all of it is among the `survivors` if it does not end. */
  running(): Running {
    const running = JSON.parse(readFileSync(join(this.folder, 'cluster.json'), 'utf8')) as Running;
    for (const { pid } of running.processes) this.#seen.add(pid);
    return running;
  }

  /** Everything but the supervisor. */
  victims(): Running['processes'] {
    return this.running().processes.filter(({ name }) => name !== 'supervisor');
  }

  client(): ClusterClient {
    const secret = readFileSync(join(this.folder, 'cluster-secret'), 'utf8').trim();
    return new ClusterClient(this.running().jobManager, Buffer.from(secret, 'hex'));
  }

  /** Of processes that were seen, those that live. */
  survivors(): readonly number[] {
    return [...this.#seen].filter(lives);
  }

  /** What of the cluster is in memory shared by name, in its folders, or of temporary files. */
  leftovers(): readonly string[] {
    const file = join(this.folder, 'cluster.json');
    return [
      ...readdirSync(this.#temporary),
      ...readdirSync('/dev/shm').filter((name) => /millrace/.test(name)),
      ...LEFT_EMPTY.map((folder) => join(this.folder, folder)).flatMap((folder) =>
        existsSync(folder) ? readdirSync(folder) : [],
      ),
      ...(existsSync(file) ? [file] : []),
    ];
  }

  remove(): void {
    rmSync(this.home, { recursive: true });
  }
}

interface Submission {
  readonly moduleUrl: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly configuration: Readonly<Record<string, string>>;
}

export class ClusterClient {
  readonly #rpc: RpcService;
  readonly #address: string;

  constructor(address: string, secret: Uint8Array) {
    this.#address = address;
    this.#rpc = new RpcService({ env, name: 'client', secret });
  }

  /** Submitted again until a JobManager has taken it: the same submission is one job. */
  async submit(submission: Submission): Promise<string> {
    const jobId = env.random.uuid().replaceAll('-', '');
    const job = { jobId, exportName: undefined, ...submission };
    await this.#insist(async (options) => {
      (await JobClient.submit(options, job, { detached: true })).close();
    });
    return jobId;
  }

  /** Asked again when the JobManager is lost that was asked. */
  result(jobId: string): Promise<JobResult> {
    return this.#insist((options) => JobClient.resultOf(options, jobId));
  }

  /** Undefined while no JobManager can tell. */
  async details(jobId: string): Promise<ExecutionGraphInfo | undefined> {
    try {
      const connection = await this.#rpc.connect(this.#address);
      const { token } = await connection.gateway(dispatcherService, DISPATCHER, '').identify({});
      return await connection.gateway(dispatcherService, DISPATCHER, token).requestJob({ jobId });
    } catch (error) {
      if (!isEngineError(error)) throw error;
      return undefined;
    }
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

export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

/** Whether a process of that id runs; one that has ended and is not waited for does not. */
export function lives(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !'ZX'.includes(stat[stat.lastIndexOf(')') + 2]!);
  } catch {
    return false;
  }
}

export function refuses(address: string): Promise<boolean> {
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
