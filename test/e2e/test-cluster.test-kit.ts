// A cluster of real processes for tests of jobs: a JobManager and TaskManagers on free ports.
import type { JobClient } from '../../src/client/job-client.ts';
import { entryPoint } from '../../src/env/node/entry-points.ts';
import { nodeEnv } from '../../src/env/node/node-env.ts';
import { JobClient as Client } from '../../src/client/job-client.ts';
import { RpcService } from '../../src/rpc/rpc-service.ts';
import { addressIn, SECRET, startProcess, type ClusterProcess } from './cluster.test-kit.ts';

type Options = Readonly<Record<string, string | number>>;

export interface TestClusterOptions {
  readonly taskManagers: number;
  readonly slots: number;
  /** Of all processes. */
  readonly options?: Options | undefined;
}

export interface TestJob {
  readonly moduleUrl: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly configuration: Readonly<Record<string, string>>;
}

export class TestCluster implements AsyncDisposable {
  readonly address: string;
  readonly jobManager: ClusterProcess;
  readonly taskManagers: readonly ClusterProcess[];
  readonly #rpc: RpcService;
  readonly #env: ReturnType<typeof nodeEnv>;

  private constructor(
    address: string,
    jobManager: ClusterProcess,
    taskManagers: readonly ClusterProcess[],
  ) {
    this.address = address;
    this.jobManager = jobManager;
    this.taskManagers = taskManagers;
    const worker = entryPoint('../../bin/slot-worker', import.meta.url);
    this.#env = nodeEnv({
      entries: { slot: worker, coordinator: worker },
      log: { level: 'error' },
    });
    this.#rpc = new RpcService({ env: this.#env, name: 'client', secret: SECRET });
  }

  static async start({ taskManagers, slots, options = {} }: TestClusterOptions) {
    const jobManager = startProcess('jobmanager', {
      'jobmanager.rpc.address': '127.0.0.1',
      'jobmanager.rpc.port': 0,
      ...options,
    });
    const { host, port } = addressIn(await jobManager.said('JobManager ready'));
    const started = Array.from({ length: taskManagers }, (_, i) =>
      startProcess('taskmanager', {
        'jobmanager.rpc.address': host,
        'jobmanager.rpc.port': port,
        'taskmanager.host': '127.0.0.1',
        'taskmanager.numberOfTaskSlots': slots,
        'taskmanager.resource-id': `taskmanager-${i + 1}`,
        ...options,
      }),
    );
    await Promise.all(started.map((each) => each.said('TaskManager registered')));
    return new TestCluster(`${host}:${port}`, jobManager, started);
  }

  submit({ moduleUrl, parameters, configuration }: TestJob): Promise<JobClient> {
    const jobId = this.#env.random.uuid().replaceAll('-', '');
    const job = { jobId, moduleUrl, exportName: undefined, parameters, configuration };
    return Client.submit({ env: this.#env, rpc: this.#rpc, address: this.address }, job);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    await this.#rpc.close();
    const all = [...this.taskManagers, this.jobManager];
    for (const each of all) each.kill();
    await Promise.all(all.map(({ exited }) => exited));
  }
}
