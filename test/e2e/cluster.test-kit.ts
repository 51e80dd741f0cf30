// Processes of a cluster for tests: started as their users start them, watched by their logs.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { milliseconds } from '../../src/base/units.ts';
import { JobClient } from '../../src/client/job-client.ts';
import { Configuration } from '../../src/config/configuration.ts';
import { entryPoint } from '../../src/env/node/entry-points.ts';
import { nodeEnv } from '../../src/env/node/node-env.ts';
import { DISPATCHER, dispatcherService } from '../../src/protocol/dispatcher-service.ts';
import type { DispatcherService } from '../../src/protocol/dispatcher-service.ts';
import type { JobResult } from '../../src/protocol/job-report.ts';
import type { JobStatus } from '../../src/protocol/job-status.ts';
import type { Gateway } from '../../src/protocol/service.ts';
import { RpcService } from '../../src/rpc/rpc-service.ts';
import { REPOSITORY } from '../command.test-kit.ts';

/** Of all that this process starts; gone with it. */
export const HOME: string = mkdtempSync(join(tmpdir(), 'millrace-home-'));
process.on('exit', () => rmSync(HOME, { recursive: true, force: true }));

const LAUNCHER = join(REPOSITORY, 'bin', 'millrace.js');
const SECRET_FILE = join(REPOSITORY, 'test', 'fixtures', 'cluster-secret');
/** Of all clusters of tests. */
export const SECRET: Uint8Array = Buffer.from(readFileSync(SECRET_FILE, 'utf8').trim(), 'hex');

/** A line of a log. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

export interface ClusterProcess {
  readonly pid: number;
  /** All that it has logged, and what was no line of a log. */
  readonly log: LogLine[];
  /** What it has written to its output. */
  readonly output: string;
  /** The first line from now or before that says so; rejects if it ends without. */
  said(message: string | RegExp): Promise<LogLine>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  kill(signal?: NodeJS.Signals): void;
}

/** Starts `millrace COMMAND` with options of the configuration. */
export function startProcess(
  command: 'jobmanager' | 'taskmanager' | `standalone-job ${string}`,
  options: Readonly<Record<string, string | number>>,
): ClusterProcess {
  const all = { 'millrace.security.secret-file': SECRET_FILE, 'rest.port': 0, ...options };
  const args = Object.entries(all).flatMap(([key, value]) => ['-D', `${key}=${value}`]);
  const child = spawn(process.execPath, [LAUNCHER, ...command.split(' '), ...args], {
    // As docs/cluster.md tells for a JobManager in the foreground, and as a supervisor does.
    env: {
      ...process.env,
      MILLRACE_HOME: HOME,
      ...(command === 'jobmanager' ? { MALLOC_ARENA_MAX: '2' } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Started(command, child);
}

class Started implements ClusterProcess {
  readonly pid: number;
  readonly log: LogLine[] = [];
  output = '';
  readonly exited: ClusterProcess['exited'];
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Set<() => void>();

  constructor(name: string, child: ChildProcess) {
    this.pid = child.pid!;
    this.#name = name;
    this.#child = child;
    const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
    this.exited = exit.then(([code, signal]) => ({ code, signal }));
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    createInterface({ input: child.stderr! }).on('line', (line) => {
      this.log.push(lineOf(line));
      for (const look of this.#waiting) look();
    });
  }

  said(message: string | RegExp): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const line = this.log.find((each) =>
          typeof message === 'string' ? each.message === message : message.test(each.message),
        );
        if (line === undefined) return;
        this.#waiting.delete(look);
        resolve(line);
      };
      this.#waiting.add(look);
      look();
      this.#child.once('close', () => {
        const log = this.log.map((line) => JSON.stringify(line)).join('\n');
        reject(new Error(`${this.#name} ended without saying ${String(message)}:\n${log}`));
      });
    });
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal);
  }
}

function lineOf(text: string): LogLine {
  try {
    const { level, message, fields } = JSON.parse(text) as Partial<LogLine>;
    return { level: level ?? 'raw', message: message ?? text, fields: fields ?? {} };
  } catch {
    return { level: 'raw', message: text, fields: {} };
  }
}

/** The host and port in one line of a log. */
export function addressIn(line: LogLine): { readonly host: string; readonly port: number } {
  const [host, port] = String(line.fields['address']).split(':');
  return { host: host!, port: Number(port) };
}

export interface Clients extends AsyncDisposable {
  submit(moduleUrl: string, parameters?: Readonly<Record<string, unknown>>): Promise<JobClient>;
  result(jobId: string): Promise<JobResult>;
  /** Resolves once the job has the status. */
  until(jobId: string, status: JobStatus): Promise<void>;
  cancel(jobId: string): Promise<void>;
  /** The ids of all jobs, once there is one. */
  jobs(): Promise<readonly string[]>;
  /** How many jobs run. */
  running(): Promise<number>;
}

/** Clients of the cluster whose JobManager is at the address. */
export function clientsOf(
  address: string,
  configuration: Readonly<Record<string, string>> = {},
): Clients {
  const worker = entryPoint('../../bin/slot-worker', import.meta.url);
  const env = nodeEnv({ entries: { slot: worker, coordinator: worker }, log: { level: 'warn' } });
  const rpc = new RpcService({ env, name: 'client', secret: SECRET });
  Configuration.parse(configuration);
  const options = { env, rpc, address };
  const dispatcher = async (): Promise<Gateway<DispatcherService>> => {
    const connection = await rpc.connect(address);
    const { token } = await connection.gateway(dispatcherService, DISPATCHER, '').identify({});
    return connection.gateway(dispatcherService, DISPATCHER, token);
  };
  return {
    submit: (moduleUrl, parameters = {}) => {
      const jobId = env.random.uuid().replaceAll('-', '');
      const job = { jobId, moduleUrl, exportName: undefined, parameters, configuration };
      return JobClient.submit(options, job);
    },
    result: (jobId) => JobClient.resultOf(options, jobId),
    until: async (jobId, status) => {
      const gateway = await dispatcher();
      while ((await gateway.requestJobDetails({ jobId })).status !== status) {
        await new Promise<void>((resolve) => env.clock.after(milliseconds(20), resolve));
      }
    },
    cancel: async (jobId) => void (await (await dispatcher()).cancelJob({ jobId })),
    jobs: async () => {
      const gateway = await dispatcher();
      for (;;) {
        const ids = (await gateway.listJobs({})).map(({ jobId }) => jobId);
        if (ids.length > 0) return ids;
        await new Promise<void>((resolve) => env.clock.after(milliseconds(20), resolve));
      }
    },
    running: async () => (await (await dispatcher()).requestClusterOverview({})).jobsRunning,
    [Symbol.asyncDispose]: () => rpc.close(),
  };
}
