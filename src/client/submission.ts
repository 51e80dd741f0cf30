/** Brings a job to a cluster: bundles it, uploads the bundle, and has it run. */
import { EngineError, isEngineError } from '../base/errors.ts';
import { fileUrl } from '../base/file-url.ts';
import type { Duration } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import { ClientOptions } from '../config/options/client-options.ts';
import { PipelineOptions } from '../config/options/pipeline-options.ts';
import { isSecretKey } from '../config/secrets.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { bundleJob } from './bundle/bundle-job.ts';
import type { ParsedArguments } from './arguments.ts';
import type { CommandEnv } from './command-env.ts';
import type { JarRunAnswer, JarUploadAnswer } from './rest-answers.ts';
import type { RestClient } from './rest-client.ts';

export interface Submission {
  readonly env: CommandEnv;
  readonly args: ParsedArguments;
  readonly configuration: Configuration;
  readonly client: RestClient;
  readonly job: Omit<JobReference, 'jobId'>;
  /** The version of Millrace. */
  readonly version: string;
  /** Whether somebody will read what the job prints. */
  readonly isAttached: boolean;
  /** The job is cancelled when the client has said nothing for so long, if that is said. */
  readonly clientHeartbeatTimeout?: Duration | undefined;
}

export interface Submitted {
  readonly jobId: string;
  /** The folder from which places in stacks of the cluster start. */
  readonly root: string;
}

/**
 * Resolves when the job is built and runs.
 * @throws EngineError JOB_*, GRAPH_*, CONFIG_* as for a job that runs here; REST_*, CLI_*
 */
export async function submitJob(submission: Submission): Promise<Submitted> {
  const { env, client, configuration, job, version } = submission;
  // Nobody should wait for a bundle that then cannot go anywhere.
  await client.get('/config');
  const { bytes, root } = await bundleJob({
    disk: env.disk,
    moduleUrl: job.moduleUrl,
    engine: version,
    externals: configuration.get(PipelineOptions.externals),
  });
  const name = `${job.moduleUrl.slice(job.moduleUrl.lastIndexOf('/') + 1)}.mjs`;
  const { filename } = await client.call<JarUploadAnswer>({
    method: 'POST',
    path: `/jars/upload?name=${name}`,
    body: { contentType: 'application/javascript', bytes },
  });
  const id = encodeURIComponent(filename.slice(filename.lastIndexOf('/') + 1));
  try {
    const { jobid } = await client.call<JarRunAnswer>({
      method: 'POST',
      path: `/jars/${id}/run`,
      json: runBody(submission),
      timeout: configuration.get(ClientOptions.timeout),
    });
    return { jobId: jobid, root };
  } catch (thrown) {
    throw isEngineError(thrown) ? atSources(thrown, root) : thrown;
  } finally {
    // A job that runs has its own; if this does not go through, the cluster cleans up in its time.
    await client.call({ method: 'DELETE', path: `/jars/${id}` }).catch((thrown: unknown) => {
      const reason = String(thrown);
      env.log.write('warn', 'The uploaded bundle could not be removed', { id, reason });
    });
  }
}

/** An error of the cluster with the places in its stack where the sources are on this machine. */
export function atSources(error: EngineError, root: string): EngineError {
  const { code, parameters, scope, cause, stack } = error;
  const { declaredAt } = scope;
  const isRelative = declaredAt !== undefined && !declaredAt.startsWith('/');
  const place = isRelative ? { declaredAt: `${root}/${declaredAt}` } : {};
  const here = new EngineError(code, parameters, { cause, scope: { ...scope, ...place } });
  if (stack !== undefined) here.stack = stack.replaceAll('job:///', `${fileUrl(root)}/`);
  return here;
}

function runBody({
  job,
  isAttached,
  clientHeartbeatTimeout,
}: Submission): Readonly<Record<string, unknown>> {
  return {
    exportName: job.exportName,
    parameters: job.parameters,
    flinkConfiguration: jobConfiguration(job.configuration),
    attached: isAttached,
    ...(clientHeartbeatTimeout === undefined ? {} : { clientHeartbeatTimeout }),
  };
}

/** Options that are not of a job, but of whoever brings it or of the cluster that runs it. */
const NOT_OF_JOBS = [
  'rest.',
  'web.',
  'client.',
  'security.',
  'high-availability.',
  'metrics.',
  'cluster.',
  'jobmanager.',
  'execution.target',
  'execution.attached',
  'execution.shutdown-on-attached-exit',
];

/** What of the configuration here goes with the job; no secrets of this machine. */
export function jobConfiguration(
  configuration: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(configuration).filter(
    ([key]) => !isSecretKey(key) && !NOT_OF_JOBS.some((prefix) => key.startsWith(prefix)),
  );
  return Object.fromEntries(entries);
}
