/**
 * The supervisor of a cluster's processes on this machine as a process of its own, in the
 * background: it keeps `cluster.json` true, and tells the command that started it when all runs.
 *
 * Invariants
 * V1. `cluster.json` names every process that runs, within the time of a write; the command hears
 *     that all runs only afterwards, and the file is gone when this process ends in order.
 * V2. A cluster that belongs to a command ends when that is gone, however it ended, and leaves
 *     nothing but its logs.
 */
import type { EngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import { JobManagerOptions } from '../config/options/job-manager-options.ts';
import { RestOptions } from '../config/options/rest-options.ts';
import type { Env } from '../env/env.ts';
import { ClusterDirectory, type ProcessRecord } from './cluster-directory.ts';
import { LogFiles } from './log-files.ts';
import {
  encodeProcessMessage,
  type ProcessFacts,
  type ProcessMessage,
} from './process-messages.ts';
import {
  ProcessExitCode,
  runProcess,
  type ProcessControl,
  type RunningComponent,
} from './process-run.ts';
import { Supervisor, type ChildSpec, type SupervisedProcess } from './supervisor.ts';
import { jobManagerAddress } from './taskmanager-process.ts';

/** How often logs are looked at for their size. */
const LOG_CHECK_INTERVAL = seconds(10);
/** Longer than the processes below it take. */
const CLOSE_TIMEOUT = seconds(20);
/** The name of its own log. */
export const SUPERVISOR = 'supervisor' as const;

export interface SupervisorProcessOptions {
  readonly env: Env;
  readonly configuration: Configuration;
  readonly taskManagers: number;
  /** Whether the JobManager runs here; else it does where the configuration says. */
  readonly jobManager: boolean;
  /** Other machines that get TaskManagers by the same command. */
  readonly hosts: readonly string[];
  /** Whether the cluster belongs to the command that starts it. V2. */
  readonly owned: boolean;
}

/** Runs until it is told to end. @returns the exit code of the process. */
export function supervisorProcess(options: SupervisorProcessOptions): Promise<number> {
  return runProcess({
    env: options.env,
    name: 'Supervisor',
    supervised: false,
    owned: options.owned,
    closeTimeout: CLOSE_TIMEOUT,
    start: (control) => new SupervisorRun(options, control).start(),
  });
}

class SupervisorRun implements RunningComponent {
  readonly #options: SupervisorProcessOptions;
  readonly #directory: ClusterDirectory;
  readonly #logs: LogFiles;
  readonly #supervisor: Supervisor;
  readonly #since: number;
  /** Writes of `cluster.json`, one after another. */
  #writing: Promise<void> | undefined;
  #changedAgain = false;
  #said = false;
  #closing = false;
  #timer: Disposable | undefined;

  constructor(options: SupervisorProcessOptions, control: ProcessControl) {
    const { env, configuration, jobManager } = options;
    this.#options = options;
    this.#since = env.clock.now();
    this.#directory = ClusterDirectory.of(env, configuration);
    const folder = this.#directory.folder('log');
    this.#logs = new LogFiles({ env, folder, configuration });
    this.#supervisor = new Supervisor({
      env,
      children: childrenOf(options, this.#directory, this.#logs),
      known: jobManager ? undefined : { address: jobManagerAddress(configuration) },
      onChange: () => this.#changed(),
      onShutDown: () => {
        env.log.write('info', 'A client has asked for the end of the cluster');
        control.end(ProcessExitCode.orderly);
      },
      onGaveUp: (error) => this.#gaveUp(error, control),
    });
  }

  async start(): Promise<RunningComponent> {
    await this.#directory.make();
    this.#watchLogs();
    this.#supervisor.start();
    return this;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#timer?.[Symbol.dispose]();
    this.#supervisor.stop();
    await this.#supervisor.stopped;
    await this.#writing;
    await this.#directory.removeFile();
    if (this.#options.owned) await this.#directory.removeAllButLogs();
  }

  #gaveUp(error: EngineError, { end }: ProcessControl): void {
    this.#tell({ kind: 'failed', error: error.toData() });
    end(ProcessExitCode.startFailed);
  }

  #tell(message: ProcessMessage): void {
    this.#options.env.processes.parent?.tell(encodeProcessMessage(message));
  }

  /** V1. */
  #changed(): void {
    this.#changedAgain = true;
    if (this.#writing !== undefined || this.#closing) return;
    this.#writing = this.#write()
      .catch((thrown: unknown) => {
        const reason = String(thrown);
        this.#options.env.log.write('error', 'cluster.json could not be written', { reason });
      })
      .finally(() => (this.#writing = undefined));
  }

  async #write(): Promise<void> {
    while (this.#changedAgain && !this.#closing) {
      this.#changedAgain = false;
      const { complete, known = {} } = this.#supervisor;
      const { restUrl, address = '' } = known;
      const processes = await this.#records();
      const { hosts } = this.#options;
      await this.#directory.write({ restUrl, jobManager: address, processes, hosts });
      if (!complete || this.#said) continue;
      this.#said = true;
      this.#tell({ kind: 'ready', facts: known });
    }
  }

  async #records(): Promise<readonly ProcessRecord[]> {
    const { processes } = this.#options.env;
    const self = {
      ...{ role: SUPERVISOR, name: SUPERVISOR, pid: processes.pid, since: this.#since },
      ...{ restarts: 0, facts: {} },
    } as const;
    const all: readonly (typeof self | SupervisedProcess)[] = [self, ...this.#supervisor.processes];
    const records = all.map(async (each): Promise<ProcessRecord | undefined> => {
      const { facts, ...rest } = each;
      const identity = await processes.identify(each.pid);
      if (identity === undefined) return undefined;
      const state = facts === undefined ? 'starting' : 'running';
      const log = this.#logs.path(each.name);
      const { id, slots }: ProcessFacts = facts ?? {};
      return { ...rest, identity, state, log, id, slots };
    });
    return (await Promise.all(records)).filter((record) => record !== undefined);
  }

  #watchLogs(): void {
    const { clock, log } = this.#options.env;
    this.#timer = clock.after(LOG_CHECK_INTERVAL, () => {
      const names = [SUPERVISOR, ...this.#supervisor.processes.map(({ name }) => name)];
      this.#logs
        .check(names)
        .catch((thrown: unknown) => {
          log.write('warn', 'a log could not be cut', { reason: String(thrown) });
        })
        .finally(() => {
          if (!this.#closing) this.#watchLogs();
        });
    });
  }
}

function childrenOf(
  { taskManagers, jobManager }: SupervisorProcessOptions,
  directory: ClusterDirectory,
  logs: LogFiles,
): readonly ChildSpec[] {
  const child = (role: ChildSpec['role'], name: string): ChildSpec => ({
    ...{ role, name },
    args: (known) => [...processArguments(directory, known), '--log', `${name}.log`],
    output: () => logs.begin(name),
  });
  return [
    ...(jobManager ? [child('jobmanager', 'jobmanager')] : []),
    ...Array.from({ length: taskManagers }, (_, at) =>
      child('taskmanager', `taskmanager-${at + 1}`),
    ),
  ];
}

/** The configuration, with what the JobManager has said of itself. */
function processArguments(
  directory: ClusterDirectory,
  { address, restUrl }: ProcessFacts,
): string[] {
  const port = address?.slice(address.lastIndexOf(':') + 1);
  const known = port === undefined ? [] : ['-D', `${JobManagerOptions.rpcPort.key}=${port}`];
  const restPort = restUrl === undefined ? '' : new URL(restUrl).port;
  const rest = restPort === '' ? [] : ['-D', `${RestOptions.port.key}=${restPort}`];
  return ['--supervised', '--directory', directory.path, ...known, ...rest];
}
