/** A JobManager that is all that its process does. */
import type { Configuration } from '../config/configuration.ts';
import { JobManagerOptions } from '../config/options/job-manager-options.ts';
import type { Env } from '../env/env.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';
import { trackedWorkers } from '../env/tracked-workers.ts';
import { runApplication, type Application } from './application.ts';
import { blobStart } from './blob-folders.ts';
import { openInternalPort } from './cluster-security.ts';
import { JobManager } from './job-manager.ts';
import { measureProcess, startReporters } from './process-measurement.ts';
import { encodeProcessMessage } from './process-messages.ts';
import { processProfiling } from './process-profiling.ts';
import { processRest } from './process-rest.ts';
import { ProcessExitCode, runProcess } from './process-run.ts';
import type { ProcessPlace } from './process-run.ts';

/** Runs until a signal or an error ends it. @returns the exit code of the process. */
export function jobManagerProcess(
  env: Env,
  configuration: Configuration,
  { supervised, folder, logName }: ProcessPlace,
  application?: Application,
): Promise<number> {
  return runProcess({
    ...{ env, supervised },
    name: 'JobManager',
    start: async ({ onFatal, ready, end }) => {
      const bindHost = configuration.get(JobManagerOptions.bindHost);
      const host = configuration.get(JobManagerOptions.rpcAddress);
      const { secret, network } = await openInternalPort(env, configuration, folder, {
        what: 'the JobManager',
        host: bindHost ?? host,
        hostKey: JobManagerOptions.bindHost.key,
      });
      const measurement = measureProcess(env);
      const threads = trackedWorkers(env.workers);
      const profiling = await processProfiling(env, configuration, {
        ...{ role: 'jobmanager', name: 'JobManager' },
      });
      // Under a supervisor it ends with all others; else it would be started again.
      const shutDown = (): void => {
        if (supervised) env.processes.parent?.tell(encodeProcessMessage({ kind: 'shut-down' }));
        else end(ProcessExitCode.orderly);
      };
      const jobManager = await JobManager.start({
        ...{ env: { ...env, network, workers: threads }, configuration, secret, onFatal },
        blobs: await blobStart(env, configuration, 'jobmanager'),
        measureProcess: () => measurement.values(),
        rest: await processRest(env, configuration, {
          ...{ logName, shutDown, profiling },
          threads: () => threads.live,
        }),
        ...{ host, bindHost },
        port: configuration.get(JobManagerOptions.rpcPort),
      });
      const read = async (): Promise<readonly ScopedMetrics[]> => jobManager.metrics();
      const reporters = await startReporters(env, configuration, read);
      const facts = { address: jobManager.address, restUrl: jobManager.rest?.url };
      env.log.write('info', 'JobManager ready', facts);
      ready(facts);
      if (application !== undefined) {
        const { address } = jobManager;
        const place = { env: { ...env, network }, configuration, address, secret };
        // It never rejects.
        runApplication(application, place).then(end, () => undefined);
      }
      return {
        close: async () => {
          await reporters?.close();
          profiling?.[Symbol.dispose]();
          await jobManager.close();
          measurement[Symbol.dispose]();
        },
      };
    },
  });
}
