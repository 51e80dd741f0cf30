/** A TaskManager that is all that its process does. */
import { EngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import { JobManagerOptions } from '../config/options/job-manager-options.ts';
import { TaskManagerOptions } from '../config/options/task-manager-options.ts';
import type { Env } from '../env/env.ts';
import { LogFolder } from '../env/log-folder.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';
import { blobStart } from './blob-folders.ts';
import { ClusterDirectory } from './cluster-directory.ts';
import { localStateFolders } from './local-state-folders.ts';
import { openInternalPort } from './cluster-security.ts';
import { hostAndPort } from './job-manager.ts';
import { describeMainThread } from '../rpc/describe-thread.ts';
import { measureProcess, startReporters } from './process-measurement.ts';
import { processProfiling } from './process-profiling.ts';
import { runProcess } from './process-run.ts';
import type { ProcessPlace } from './process-run.ts';
import { TaskManager } from './task-manager.ts';

/** What a slot starts with is made ready when the cluster has come up. */
const WARM_UP_AFTER = seconds(1);

/** Runs until a signal or an error ends it. @returns the exit code of the process. */
export function taskManagerProcess(
  env: Env,
  configuration: Configuration,
  { supervised, folder, logName }: ProcessPlace,
): Promise<number> {
  return runProcess({
    ...{ env, supervised },
    name: 'TaskManager',
    start: async ({ onFatal, ready }) => {
      const id = taskManagerId(env, configuration);
      const slots = slotsOf(env, configuration);
      const bindHost = configuration.get(TaskManagerOptions.bindHost);
      const host = configuration.get(TaskManagerOptions.host);
      const { secret, tls, network } = await openInternalPort(env, configuration, folder, {
        what: 'the TaskManager',
        host: bindHost ?? host,
        hostKey: TaskManagerOptions.bindHost.key,
      });
      const measurement = measureProcess(env);
      const profiling = await processProfiling(env, configuration, {
        ...{ role: 'taskmanager', name: id },
      });
      let warming: Disposable | undefined;
      const taskManager = new TaskManager({
        measureProcess: () => measurement.values(),
        profiling,
        mainThread: () => describeMainThread(env, () => env.memory.heapUsed()),
        files: logFiles(env, configuration, logName),
        profileFolder: ClusterDirectory.of(env, configuration).folder('log'),
        env: { ...env, network, log: env.log.with({ taskManager: id }) },
        configuration: configuration.with({ [TaskManagerOptions.slots.key]: String(slots) }),
        ...{ slots, secret, tls, host, bindHost, onFatal },
        blobs: await blobStart(env, configuration, 'taskmanager'),
        localStateFolders: await localStateFolders(env, configuration),
        print: (text) => {
          env.terminal.stdout.write(text);
          return env.terminal.stdout.flush();
        },
        logsOutput: true,
        // In the foreground the log is before the same eyes.
        keepOutput: logName === undefined ? undefined : (text) => env.terminal.stdout.write(text),
        taskExecutorId: id,
        dataPort: configuration.get(TaskManagerOptions.dataPort),
        jobManagerAddress: jobManagerAddress(configuration),
        spareWorkers: 0,
        onRegistered: () => {
          const fields = { taskManager: id, slots, jobManager: jobManagerAddress(configuration) };
          env.log.write('info', 'TaskManager registered', fields);
          ready({ id, slots });
          warming = env.clock.after(WARM_UP_AFTER, () => taskManager.taskExecutor.warmUp());
        },
      });
      const read = (): Promise<readonly ScopedMetrics[]> => taskManager.taskExecutor.metrics();
      const reporters = await startReporters(env, configuration, read);
      return {
        close: async () => {
          warming?.[Symbol.dispose]();
          profiling?.[Symbol.dispose]();
          await reporters?.close();
          await taskManager.close();
          measurement[Symbol.dispose]();
        },
      };
    },
  });
}

/** Of all processes of the cluster on this machine, as Flink shows them. */
export function logFiles(
  env: Env,
  configuration: Configuration,
  logName: string | undefined,
): LogFolder {
  const folder = ClusterDirectory.of(env, configuration).folder('log');
  return new LogFolder(env.disk, folder, logName);
}

function taskManagerId(env: Env, configuration: Configuration): string {
  const named = configuration.get(TaskManagerOptions.resourceId);
  if (named !== undefined) return named;
  return `${configuration.get(TaskManagerOptions.host)}-${env.random.uuid().slice(0, 6)}`;
}

function slotsOf({ machine }: Env, configuration: Configuration): number {
  const { slots } = TaskManagerOptions;
  return configuration.has(slots) ? configuration.get(slots) : machine.cores;
}

/** @throws EngineError CONFIG_INVALID_VALUE without a port: nobody could find the JobManager. */
export function jobManagerAddress(configuration: Configuration): string {
  const port = configuration.get(JobManagerOptions.rpcPort);
  if (port === 0) {
    throw new EngineError('CONFIG_INVALID_VALUE', {
      key: JobManagerOptions.rpcPort.key,
      value: '"0"',
      expected: 'the port of the JobManager for a TaskManager, which must find it',
    });
  }
  return hostAndPort(configuration.get(JobManagerOptions.rpcAddress), port);
}
