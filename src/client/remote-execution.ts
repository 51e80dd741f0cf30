/**
 * Runs jobs for `executeAndCollect` on a cluster: the module of the job is bundled and submitted as
 * by `millrace run -t remote`, and what its sinks send for a client comes back.
 *
 * R1. Whoever stops listening cancels the job: nobody else knows that it runs.
 */
import type { JobExecution } from '../api/execute-and-collect.ts';
import { EngineError, messageOf } from '../base/errors.ts';
import { pathOfFileUrl } from '../base/file-url.ts';
import { Configuration } from '../config/configuration.ts';
import { ClientOptions } from '../config/options/client-options.ts';
import { parseArguments } from './arguments.ts';
import { clusterClient } from './cluster-target.ts';
import type { CommandEnv } from './command-env.ts';
import { RUN } from './command-specs.ts';
import { errorOf, executionResult, statusOf } from './execution-result.ts';
import { readMessages, type SinkMessage } from './remote-messages.ts';
import { atSources, submitJob } from './submission.ts';

/** `version`: of Millrace. Which cluster it is, and how, the configuration of the request says. */
export function remoteExecution(env: CommandEnv, version: string): JobExecution {
  return async (request) => {
    const { signal, moduleUrl, exportName, parameters } = request;
    signal?.throwIfAborted();
    const configuration = Configuration.parse(request.configuration);
    const args = parseArguments(RUN, [pathOfFileUrl(moduleUrl)]);
    const client = await clusterClient(env, args, configuration);
    const job = { moduleUrl, exportName, parameters, configuration: request.configuration };
    const submission = { env, args, configuration, client, job, version, isAttached: true };
    const { jobId, root } = await submitJob(submission);
    const cancel = (): void =>
      void client
        .call({ method: 'PATCH', path: `/jobs/${jobId}?mode=cancel` })
        .catch((error: unknown) => {
          env.log.write('debug', `the job was not cancelled: ${messageOf(error)}`, { jobId });
        });
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted === true) cancel();
    let isOver = false;
    const take = async ({ operator, payload }: SinkMessage): Promise<void> =>
      request.onMessage(operator, payload);
    try {
      const ended = executionResult(client, jobId, configuration.get(ClientOptions.retryPeriod));
      const over = ended.finally(() => (isOver = true));
      const [result] = await Promise.all([over, readMessages(client, jobId, take, () => isOver)]);
      const error = errorOf(result);
      if (error !== undefined) throw atSources(error, root);
      if (statusOf(result) !== 'FINISHED') throw new EngineError('JOB_CANCELED', { jobId });
    } catch (error) {
      // R1.
      if (!isOver) cancel();
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  };
}
