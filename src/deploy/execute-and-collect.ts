/**
 * `executeAndCollect` of the public API, put together: on a cluster of threads inside the program,
 * or with `execution.target: remote` on one that it finds as `millrace run -t remote` does.
 * The cluster is loaded when it is first called, because most who import `millrace` only define
 * jobs; and never in a worker, which must not start another cluster.
 */
import type { BuildResult, Collected } from '../api/collected-stream.ts';
import type { Job } from '../api/define-job.ts';
import type { ExecuteOptions } from '../api/execute-and-collect.ts';
import type { ParameterSpec } from '../api/parameters.ts';
import { EngineError } from '../base/errors.ts';
import { Configuration } from '../config/configuration.ts';
import { DeploymentOptions } from '../config/options/client-options.ts';
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
  if (isRemote(options.configuration ?? {})) {
    const { executeRemotely } = await import('./remote-collect.ts');
    return executeRemotely(job, options);
  }
  const { executeLocally } = await import('./local-execution.ts');
  return executeLocally(job, options);
}

/** As `millrace run` decides it. */
function isRemote(configuration: Readonly<Record<string, string>>): boolean {
  return Configuration.parse(configuration).get(DeploymentOptions.target) === 'remote';
}
