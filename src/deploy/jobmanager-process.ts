/** A JobManager that is all that its process does. */
import type { Configuration } from '../config/configuration.ts';
import { JobManagerOptions } from '../config/options/job-manager-options.ts';
import type { Env } from '../env/env.ts';
import { JobManager } from './job-manager.ts';
import { runProcess } from './process-run.ts';

/** Runs until a signal or an error ends it. @returns the exit code of the process. */
export function jobManagerProcess(env: Env, configuration: Configuration): Promise<number> {
  return runProcess({
    env,
    name: 'JobManager',
    start: async (onFatal) => {
      const jobManager = await JobManager.start({
        ...{ env, configuration, onFatal },
        host: configuration.get(JobManagerOptions.rpcAddress),
        port: configuration.get(JobManagerOptions.rpcPort),
        bindHost: configuration.get(JobManagerOptions.bindHost),
      });
      env.log.write('info', 'JobManager ready', { address: jobManager.address });
      return jobManager;
    },
  });
}
