/** Runs jobs for `executeAndCollect` on a cluster inside this process, one cluster a job. */
import type { BuildResult, Collected } from '../api/collected-stream.ts';
import type { Job } from '../api/define-job.ts';
import { executeAndCollectBy } from '../api/execute-and-collect.ts';
import type { ExecuteOptions, JobExecution } from '../api/execute-and-collect.ts';
import type { ParameterSpec } from '../api/parameters.ts';
import { EngineError, messageOf } from '../base/errors.ts';
import { Configuration } from '../config/configuration.ts';
import type { Env } from '../env/env.ts';
import { entryPoint } from '../env/node/entry-points.ts';
import { nodeEnv } from '../env/node/node-env.ts';
import { MiniCluster } from './mini-cluster.ts';

/**
 * The returned function rejects with what ended the job if it did not finish: its error, or
 * JOB_CANCELED when the signal was given.
 */
export function localExecution(env: Env): JobExecution {
  return async (request) => {
    const { signal, moduleUrl, exportName, parameters } = request;
    signal?.throwIfAborted();
    const configuration = Configuration.parse(request.configuration);
    await using cluster = await MiniCluster.start({ env, configuration });
    const jobId = env.random.uuid().replaceAll('-', '');
    const job = { jobId, moduleUrl, exportName, parameters, configuration: request.configuration };
    const client = await cluster.submit(job);
    client.onMessage((operator, message) => request.onMessage(operator, message));
    // A job that has ended cannot be cancelled any more; its result says how it ended.
    const cancel = (): void =>
      void client.cancel().catch((error: unknown) => {
        env.log.write('debug', `the job was not cancelled: ${messageOf(error)}`);
      });
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted === true) cancel();
    try {
      const { status, error } = await client.result();
      if (error !== undefined) throw EngineError.fromData(error);
      if (status !== 'FINISHED') throw new EngineError('JOB_CANCELED', { jobId });
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  };
}

/** On threads of this process, in the real environment. */
export function executeLocally<P extends ParameterSpec, R extends BuildResult>(
  job: Job<P, R>,
  options: ExecuteOptions<P>,
): Promise<Collected<R>> {
  const env = nodeEnv({
    entries: {
      slot: entryPoint('../../bin/slot-worker', import.meta.url),
      coordinator: entryPoint('../../bin/coordinator-worker', import.meta.url),
    },
    log: { level: 'warn' },
  });
  return executeAndCollectBy(localExecution(env), job, options);
}
