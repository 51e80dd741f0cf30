/**
 * One job as the whole purpose of a JobManager process: bundled and submitted by the process
 * itself, and the process ends with it. Where jobs outlive their JobManager, the same command goes
 * on with the job that it had begun, by an id that follows from the name of the cluster.
 */
import { isEngineError, toEngineError } from '../base/errors.ts';
import { sha256Hex } from '../base/sha256.ts';
import { uploadBlob } from '../blob/upload-blob.ts';
import { bundleJob } from '../client/bundle/bundle-job.ts';
import { JobClient, type JobClientOptions } from '../client/job-client.ts';
import type { Configuration } from '../config/configuration.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { HighAvailabilityOptions } from '../config/options/high-availability-options.ts';
import { PipelineOptions } from '../config/options/pipeline-options.ts';
import type { Env } from '../env/env.ts';
import { decodeClientMessage } from '../functions/client-message.ts';
import { blobUrl } from '../protocol/job-code.ts';
import type { JobResult } from '../protocol/job-report.ts';
import type { TerminalJobStatus } from '../protocol/job-status.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { RpcService } from '../rpc/rpc-service.ts';

/** Exit codes of a process by what became of its job, as Flink's; a shell sees their last byte. */
const EXIT_CODES: Readonly<Record<TerminalJobStatus | 'unknown', number>> = {
  FINISHED: 0,
  CANCELED: 0,
  FAILED: 1443 & 0xff,
  unknown: 1445 & 0xff,
};

export interface Application {
  /** With the `file:` URL of its module. */
  readonly job: Omit<JobReference, 'jobId'>;
  /** The version of Millrace. */
  readonly engine: string;
}

export interface ApplicationPlace {
  readonly env: Env;
  readonly configuration: Configuration;
  /** Of the JobManager. */
  readonly address: string;
  readonly secret: Uint8Array | undefined;
}

/** Runs the job to its end. @returns the exit code that says how it ended; never rejects. */
export async function runApplication(
  application: Application,
  place: ApplicationPlace,
): Promise<number> {
  const { env, address, secret } = place;
  const rpc = new RpcService({ env, name: 'application', secret });
  const options: JobClientOptions = { env, rpc, address };
  const jobId = jobIdOf(place);
  const log = env.log.with({ jobId });
  try {
    const { status, error } = await resultOf(application, options, place, jobId);
    const fields = error === undefined ? { status } : { status, reason: error.code };
    log.write(status === 'FAILED' ? 'error' : 'info', 'the job of this process has ended', fields);
    return EXIT_CODES[status];
  } catch (thrown) {
    const { code, message, domain, fix } = toEngineError(thrown);
    log.write('error', `the job of this process did not run: ${message}`, { code, fix });
    // Whoever built the job must change it; of anything else nobody knows how the job stands.
    return domain === 'user' ? EXIT_CODES.FAILED : EXIT_CODES.unknown;
  } finally {
    await rpc.close();
  }
}

async function resultOf(
  { job, engine }: Application,
  options: JobClientOptions,
  { env, configuration }: ApplicationPlace,
  jobId: string,
): Promise<JobResult> {
  const { bytes } = await bundleJob({
    ...{ disk: env.disk, moduleUrl: job.moduleUrl, engine },
    externals: configuration.get(PipelineOptions.externals),
  });
  // Keeps the bundle until the job does.
  const upload = await options.rpc.connect(options.address);
  let client: JobClient;
  try {
    const hash = await uploadBlob(upload, env.random.uuid(), bytes);
    const file = job.moduleUrl.slice(job.moduleUrl.lastIndexOf('/') + 1);
    const reference = { ...job, moduleUrl: blobUrl(hash), file: decodeURIComponent(file), jobId };
    client = await JobClient.submit(options, reference);
  } catch (thrown) {
    if (!isEngineError(thrown, 'JOB_ALREADY_ENDED')) throw thrown;
    return await JobClient.resultOf(options, jobId);
  } finally {
    upload.close();
  }
  const { stdout } = env.terminal;
  client.onMessage((_operator, payload) => {
    const message = decodeClientMessage(payload);
    if (message.kind !== 'print') return undefined;
    stdout.write(new TextDecoder().decode(message.body));
    return stdout.flush();
  });
  try {
    return await client.result();
  } finally {
    client.close();
  }
}

function jobIdOf({ env, configuration }: ApplicationPlace): string {
  if (configuration.get(HighAvailabilityOptions.type) === 'none') {
    return env.random.uuid().replaceAll('-', '');
  }
  return sha256Hex(`application ${configuration.get(ClusterOptions.clusterId)}`).slice(0, 32);
}
