/**
 * A standalone Flink cluster: a JobManager and TaskManagers as Flink's own scripts start them,
 * spoken to by its REST API. The JobManager compiles SQL, and runs the main functions of jobs.
 */
import { execFile } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OTHER_CORES, WORKER_CORE } from '../beside/cores.ts';
import { pause, PinnedProcess } from '../beside/pinned-process.ts';
import { checkpointsOf, type CheckpointStatistics } from '../beside/checkpoint-statistics.ts';
import { JAVA_OPTIONS, type FlinkHome } from './flink-home.ts';

const RESULT = 'BASH_JAVA_UTILS_EXEC_RESULT:';
const POLL_MILLIS = 20;

export interface FlinkClusterOptions {
  readonly home: FlinkHome;
  /** For its configuration and logs. */
  readonly folder: string;
  readonly taskManagers: number;
  /** Of the TaskManagers; the worker core unless told. */
  readonly cores?: string | undefined;
  /** Of Flink. */
  readonly options: Readonly<Record<string, string>>;
}

export interface FlinkJob {
  readonly mainClass: string;
  readonly args: readonly string[];
  readonly configuration?: Readonly<Record<string, string>> | undefined;
}

export interface FlinkResult {
  /** From the first task at work to the end of the job. */
  readonly wallSeconds: number;
  readonly checkpoints: number;
  readonly accumulators: ReadonlyMap<string, number>;
}

export class FlinkCluster {
  readonly #options: FlinkClusterOptions;
  readonly #url: string;
  readonly #jobManager: PinnedProcess;
  readonly taskManagers: PinnedProcess[] = [];
  #memory: Memory = { java: [], options: [] };
  #jar = '';

  private constructor(options: FlinkClusterOptions, url: string, jobManager: PinnedProcess) {
    this.#options = options;
    this.#url = url;
    this.#jobManager = jobManager;
  }

  static async start(options: FlinkClusterOptions): Promise<FlinkCluster> {
    const [rest, rpc] = await freePorts(2);
    const { folder, home } = options;
    await mkdir(folder, { recursive: true });
    const configuration = {
      'jobmanager.rpc.address': '127.0.0.1',
      'jobmanager.rpc.port': String(rpc),
      'jobmanager.bind-host': '127.0.0.1',
      'taskmanager.bind-host': '127.0.0.1',
      'taskmanager.host': '127.0.0.1',
      'rest.address': '127.0.0.1',
      'rest.bind-address': '127.0.0.1',
      'rest.port': String(rest),
      'web.tmpdir': folder,
      'io.tmp.dirs': folder,
      'taskmanager.numberOfTaskSlots': '1',
      ...options.options,
    };
    const lines = Object.entries(configuration).map(([key, value]) => `${key}: "${value}"\n`);
    await writeFile(join(folder, 'config.yaml'), lines.join(''));
    await writeFile(join(folder, 'log4j.properties'), LOGGING);
    const jobManager = PinnedProcess.start({
      command: 'java',
      args: [
        ...['-Xmx1g', ...javaOptions(options)],
        'org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint',
        ...['--configDir', folder, '--executionMode', 'cluster'],
      ],
      cores: OTHER_CORES,
      log: join(folder, 'jobmanager.log'),
    });
    const cluster = new FlinkCluster(options, `http://127.0.0.1:${rest}`, jobManager);
    try {
      cluster.#memory = await memoryOf(home, folder);
      for (let i = 0; i < options.taskManagers; i += 1) cluster.#startTaskManager();
      await cluster.#until(options.taskManagers);
      cluster.#jar = await cluster.#upload(home.jar);
    } catch (thrown) {
      await cluster.close();
      throw thrown;
    }
    return cluster;
  }

  /** Resolves when it is registered. */
  async addTaskManager(): Promise<void> {
    this.#startTaskManager();
    await this.#until(this.taskManagers.length);
  }

  #startTaskManager(): void {
    const { java, options } = this.#memory;
    const { folder, cores = WORKER_CORE } = this.#options;
    const number = this.taskManagers.length + 1;
    this.taskManagers.push(
      PinnedProcess.start({
        command: 'java',
        args: [
          ...java,
          ...javaOptions(this.#options),
          'org.apache.flink.runtime.taskexecutor.TaskManagerRunner',
          ...['--configDir', folder],
          ...options,
        ],
        cores,
        log: join(folder, `taskmanager-${number}.log`),
      }),
    );
  }

  /** From the call, with what the JobManager makes of the job, to its end. */
  async run(job: FlinkJob): Promise<FlinkResult> {
    const id = await this.submit(job);
    return await this.result(id);
  }

  async submit({ mainClass, args, configuration = {} }: FlinkJob): Promise<string> {
    const body = {
      entryClass: mainClass,
      programArgsList: args,
      flinkConfiguration: configuration,
    };
    const { jobid } = (await this.#post(`/jars/${this.#jar}/run`, body)) as { jobid: string };
    return jobid;
  }

  async result(id: string): Promise<FlinkResult> {
    for (;;) {
      const { state, timestamps } = (await this.#get(`/jobs/${id}`)) as JobState;
      if (state === 'FINISHED') {
        const wallSeconds = (timestamps['FINISHED']! - timestamps['RUNNING']!) / 1000;
        const { count: checkpoints } = await this.checkpoints(id);
        return { wallSeconds, checkpoints, accumulators: await this.#accumulators(id) };
      }
      if (state === 'FAILED' || state === 'CANCELED') {
        const why = (await this.#get(`/jobs/${id}/exceptions`)) as { 'root-exception'?: string };
        throw new Error(`a job of Flink ended ${state}: ${causesIn(JSON.stringify(why))}`);
      }
      await pause(POLL_MILLIS);
    }
  }

  async cancel(id: string): Promise<void> {
    await this.#request(`/jobs/${id}?mode=cancel`, { method: 'PATCH' });
    for (;;) {
      const { state } = (await this.#get(`/jobs/${id}`)) as JobState;
      if (state === 'CANCELED') return;
      await pause(POLL_MILLIS);
    }
  }

  async checkpoints(id: string): Promise<CheckpointStatistics> {
    return await checkpointsOf(this.#url, id);
  }

  async close(): Promise<void> {
    await Promise.all(this.taskManagers.map((each) => each.stop()));
    await this.#jobManager.stop();
  }

  async #accumulators(id: string): Promise<ReadonlyMap<string, number>> {
    const path = `/jobs/${id}/accumulators`;
    const answer = (await this.#get(path)) as {
      'user-task-accumulators': { name: string; value: string }[];
    };
    return new Map(
      answer['user-task-accumulators'].map(({ name, value }) => [name, Number(value)]),
    );
  }

  async #until(taskManagers: number): Promise<void> {
    for (;;) {
      const overview = await this.#get('/overview').catch(() => undefined);
      const { taskmanagers = 0 } = (overview ?? {}) as { taskmanagers?: number };
      if (taskmanagers >= taskManagers) return;
      // Throws if one has ended, with its log.
      for (const each of [this.#jobManager, ...this.taskManagers]) void each.cpuSeconds;
      await pause(POLL_MILLIS);
    }
  }

  async #upload(jar: string): Promise<string> {
    const form = new FormData();
    form.set('jarfile', await openAsBlob(jar), 'program.jar');
    const answer = (await this.#request('/jars/upload', { method: 'POST', body: form })) as {
      filename: string;
    };
    return answer.filename.split('/').at(-1)!;
  }

  #get(path: string): Promise<unknown> {
    return this.#request(path, {});
  }

  #post(path: string, body: unknown): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    return this.#request(path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async #request(path: string, init: RequestInit): Promise<unknown> {
    const response = await fetch(`${this.#url}${path}`, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`Flink refuses ${path}: ${causesIn(text)}`);
    return text === '' ? {} : JSON.parse(text);
  }
}

/** The lines of a trace that say why. */
function causesIn(text: string): string {
  const causes = text.split('\\n').filter((line) => /^Caused by|Exception:/.test(line));
  return causes.length === 0 ? text.slice(0, 4000) : causes.join('\n');
}

interface JobState {
  readonly state: string;
  readonly timestamps: Readonly<Record<string, number>>;
}

interface Memory {
  readonly java: readonly string[];
  readonly options: readonly string[];
}

/** As taskmanager.sh reckons it. */
async function memoryOf(home: FlinkHome, folder: string): Promise<Memory> {
  const { stdout } = await promisify(execFile)('java', [
    ...['-cp', `${home.shellUtilities}:${home.classPath}`],
    'org.apache.flink.runtime.util.bash.BashJavaUtils',
    ...['GET_TM_RESOURCE_PARAMS', '--configDir', folder],
  ]);
  const [java, options] = stdout
    .split('\n')
    .filter((line) => line.startsWith(RESULT))
    .map((line) => line.slice(RESULT.length).trim().split(' '));
  if (java === undefined || options === undefined) throw new Error(`no memory in ${stdout}`);
  return { java, options };
}

function javaOptions({ home, folder }: FlinkClusterOptions): readonly string[] {
  return [
    ...JAVA_OPTIONS,
    `-Dlog4j.configurationFile=file:${join(folder, 'log4j.properties')}`,
    ...['-cp', home.classPath],
  ];
}

const LOGGING = `rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1} %m%n
`;

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
