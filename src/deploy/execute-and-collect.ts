/**
 * `executeAndCollect` of the public API, put together: on a cluster of threads inside the program.
 * Loaded when it is first called, because most who import `millrace` only define jobs.
 */
import type { Collected, BuildResult } from '../api/collected-stream.ts';
import type { Job } from '../api/define-job.ts';
import { executeAndCollectBy, type ExecuteOptions } from '../api/execute-and-collect.ts';
import type { ParameterSpec } from '../api/parameters.ts';
import { EngineError } from '../base/errors.ts';
import { entryPoint } from '../env/node/entry-points.ts';
import { isMainThread } from '../env/node/main-thread.ts';
import { nodeEnv } from '../env/node/node-env.ts';
import { localExecution } from './local-execution.ts';

export async function executeAndCollect<P extends ParameterSpec, R extends BuildResult>(
  job: Job<P, R>,
  options: ExecuteOptions<P>,
): Promise<Collected<R>> {
  if (!isMainThread()) {
    throw new EngineError('API_INVALID_ARGUMENT', {
      call: 'executeAndCollect',
      reason:
        'the module of the job runs a job while a worker loads it; define the job in a module of ' +
        'its own, or run it under `if (import.meta.main)`',
    });
  }
  const env = nodeEnv({
    entries: {
      slot: entryPoint('../../bin/slot-worker', import.meta.url),
      coordinator: entryPoint('../../bin/coordinator-worker', import.meta.url),
    },
    log: { level: 'warn' },
  });
  return executeAndCollectBy(localExecution(env), job, options);
}
