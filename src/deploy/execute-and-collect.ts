/**
 * `executeAndCollect` of the public API, put together: on a cluster of threads inside the program.
 * The cluster is loaded when it is first called, because most who import `millrace` only define
 * jobs; and never in a worker, which must not start another cluster.
 */
import type { BuildResult, Collected } from '../api/collected-stream.ts';
import type { Job } from '../api/define-job.ts';
import type { ExecuteOptions } from '../api/execute-and-collect.ts';
import type { ParameterSpec } from '../api/parameters.ts';
import { EngineError } from '../base/errors.ts';
import { isMainThread } from '../env/node/main-thread.ts';

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
  const { executeLocally } = await import('./local-execution.ts');
  return executeLocally(job, options);
}
