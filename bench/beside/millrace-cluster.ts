/** A Millrace cluster as its users start one: a JobManager and TaskManagers, pinned to cores. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../src/base/errors.ts';
import { JobClient } from '../../src/client/job-client.ts';
import { entryPoint } from '../../src/env/node/entry-points.ts';
import { nodeEnv } from '../../src/env/node/node-env.ts';
import { RpcService } from '../../src/rpc/rpc-service.ts';
import { profileConfiguration } from '../lib/profile.ts';
import { checkpointsOf, type CheckpointStatistics } from './checkpoint-statistics.ts';
import { OTHER_CORES, WORKER_CORE } from './cores.ts';
import { PinnedProcess } from './pinned-process.ts';

const READY = /JobManager ready.*?"address":"([^"]+)","restUrl":"([^"]+)"/;
/** What clients of the REST API must know. */
const TOKEN_VARIABLE = 'MILLRACE_REST_TOKEN';
const LAUNCHER = join(import.meta.dirname, '../../bin/millrace.js');

export interface MillraceClusterOptions {
  /** For its secret and logs. */
  readonly folder: string;
  readonly taskManagers: number;
  /** Of the TaskManagers; the worker core unless told. */
  readonly cores?: string | undefined;
  readonly options: Readonly<Record<string, string>>;
}

export interface MillraceJob {
  readonly moduleUrl: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly configuration?: Readonly<Record<string, string>> | undefined;
}

export interface MillraceResult {
  /** Of the job, from its start to its end. */
  readonly wallSeconds: number;
  readonly checkpoints: number;
  readonly accumulators: ReadonlyMap<string, number>;
}

export class MillraceCluster {
  readonly jobManager: PinnedProcess;
  readonly taskManagers: PinnedProcess[] = [];
  readonly #env: ReturnType<typeof nodeEnv>;
  readonly #rpc: RpcService;
  readonly #address: string;
  readonly #options: MillraceClusterOptions;
  readonly #secretFile: string;
  readonly #restUrl: string;
  readonly #token: string;

  private constructor(
    options: MillraceClusterOptions,
    parts: {
      readonly jobManager: PinnedProcess;
      readonly address: string;
      readonly secret: Uint8Array;
      readonly secretFile: string;
      readonly restUrl: string;
      readonly token: string;
    },
  ) {
    const worker = entryPoint('../../bin/slot-worker', import.meta.url);
    const entries = { slot: worker, coordinator: worker };
    this.#env = nodeEnv({ entries, log: { level: 'error' } });
    this.#rpc = new RpcService({ env: this.#env, name: 'client', secret: parts.secret });
    this.#address = parts.address;
    this.#options = options;
    this.#secretFile = parts.secretFile;
    this.#restUrl = parts.restUrl;
    this.#token = parts.token;
    this.jobManager = parts.jobManager;
  }

  static async start(options: MillraceClusterOptions): Promise<MillraceCluster> {
    const { folder } = options;
    await mkdir(folder, { recursive: true });
    const secret = randomBytes(32);
    const token = randomBytes(32).toString('hex');
    const secretFile = join(folder, 'secret');
    await writeFile(secretFile, `${secret.toString('hex')}\n`, { mode: 0o600 });
    const jobManager = startProcess(options, secretFile, {
      command: 'jobmanager',
      name: 'jobmanager',
      cores: OTHER_CORES,
      env: { [TOKEN_VARIABLE]: token },
      settings: { 'jobmanager.rpc.address': '127.0.0.1', 'jobmanager.rpc.port': '0' },
    });
    try {
      const [, address, restUrl] = await jobManager.said(READY);
      const parts = {
        ...{ jobManager, secret, secretFile, token },
        ...{ address: address!, restUrl: restUrl! },
      };
      const cluster = new MillraceCluster(options, parts);
      const started = Array.from({ length: options.taskManagers }, () => cluster.addTaskManager());
      await Promise.all(started);
      return cluster;
    } catch (thrown) {
      await jobManager.stop();
      throw thrown;
    }
  }

  /** Resolves when it is registered. */
  async addTaskManager(): Promise<void> {
    const [host, port] = this.#address.split(':');
    const name = `taskmanager-${this.taskManagers.length + 1}`;
    const process = startProcess(this.#options, this.#secretFile, {
      command: 'taskmanager',
      name,
      cores: this.#options.cores ?? WORKER_CORE,
      settings: {
        'jobmanager.rpc.address': host!,
        'jobmanager.rpc.port': port!,
        'taskmanager.host': '127.0.0.1',
        'taskmanager.numberOfTaskSlots': '1',
        'taskmanager.resource-id': name,
      },
    });
    this.taskManagers.push(process);
    await process.said(/TaskManager registered/);
  }

  async submit({ moduleUrl, parameters, configuration = {} }: MillraceJob): Promise<JobClient> {
    const jobId = this.#env.random.uuid().replaceAll('-', '');
    const job = {
      ...{ jobId, moduleUrl, exportName: undefined, parameters },
      configuration: { ...profileConfiguration(), ...configuration },
    };
    return await JobClient.submit({ env: this.#env, rpc: this.#rpc, address: this.#address }, job);
  }

  async run(job: MillraceJob): Promise<MillraceResult> {
    const client = await this.submit(job);
    const { status, error, accumulators, runtimeMillis } = await client.result();
    client.close();
    if (error !== undefined) throw EngineError.fromData(error);
    if (status !== 'FINISHED') throw new Error(`a job of Millrace ended ${status}`);
    const { count: checkpoints } = await this.checkpoints(client.jobId);
    return {
      wallSeconds: runtimeMillis / 1000,
      checkpoints,
      accumulators: new Map(accumulators.map(({ name, value }) => [name, value])),
    };
  }

  async checkpoints(id: string): Promise<CheckpointStatistics> {
    return await checkpointsOf(this.#restUrl, id, { authorization: `Bearer ${this.#token}` });
  }

  async close(): Promise<void> {
    await this.#rpc.close();
    await Promise.all(this.taskManagers.map((each) => each.stop()));
    await this.jobManager.stop();
  }
}

function startProcess(
  { folder, options }: MillraceClusterOptions,
  secretFile: string,
  process_: {
    readonly command: string;
    readonly name: string;
    readonly cores: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly settings: Readonly<Record<string, string>>;
  },
): PinnedProcess {
  const { command, name, cores, env, settings } = process_;
  const all = {
    'millrace.security.secret-file': secretFile,
    'rest.port': '0',
    ...settings,
    ...options,
  };
  return PinnedProcess.start({
    command: process.execPath,
    args: [
      ...[LAUNCHER, command],
      ...Object.entries(all).flatMap(([key, value]) => ['-D', `${key}=${value}`]),
    ],
    cores,
    env: { ...env, MILLRACE_HOME: join(folder, 'home') },
    log: join(folder, `${name}.log`),
  });
}
