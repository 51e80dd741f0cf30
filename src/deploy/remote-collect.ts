/** `executeAndCollect` on a cluster that it reaches over HTTP, in the real environment. */
import manifest from '../../package.json' with { type: 'json' };
import type { BuildResult, Collected } from '../api/collected-stream.ts';
import type { Job } from '../api/define-job.ts';
import { executeAndCollectBy } from '../api/execute-and-collect.ts';
import type { ExecuteOptions } from '../api/execute-and-collect.ts';
import type { ParameterSpec } from '../api/parameters.ts';
import { remoteExecution } from '../client/remote-execution.ts';
import { nodeCertificates } from '../env/node/certificates.ts';
import { nodeHttpClient } from '../env/node/http-client.ts';
import { nodeEnv } from '../env/node/node-env.ts';

export function executeRemotely<P extends ParameterSpec, R extends BuildResult>(
  job: Job<P, R>,
  options: ExecuteOptions<P>,
): Promise<Collected<R>> {
  const env = {
    // Nothing of the job runs here.
    ...nodeEnv({ entries: {}, log: { level: 'warn' } }),
    loadHttp: async () => nodeHttpClient(),
    loadCertificates: async () => nodeCertificates,
    utcOffset: () => 0,
  };
  return executeAndCollectBy(remoteExecution(env, manifest.version), job, options);
}
