/** The REST interface of a JobManager that is a process: its token, its logs, its environment. */
import manifest from '../../package.json' with { type: 'json' };
import type { Duration } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import { RestOptions } from '../config/options/rest-options.ts';
import type { Env } from '../env/env.ts';
import type { NamedWorker } from '../env/tracked-workers.ts';
import { nodeHttpServer } from '../env/node/http-server.ts';
import { nodeProcessEnvironment } from '../env/node/process-environment.ts';
import { ClusterDirectory } from './cluster-directory.ts';
import { describeMainThread, describeThread } from '../rpc/describe-thread.ts';
import { restTls } from './cluster-security.ts';
import type { RestStart } from './rest-start.ts';

/** Where the token comes from if it is not that of the folder of the cluster. */
const TOKEN_VARIABLE = 'MILLRACE_REST_TOKEN';

/** @throws EngineError CLUSTER_*, CONFIG_TLS_INVALID, IO_* */
export async function processRest(
  env: Env,
  configuration: Configuration,
  start: Pick<RestStart, 'profiling' | 'shutDown'> & {
    readonly logName: string | undefined;
    /** Beside the main one. */
    readonly threads: () => readonly NamedWorker[];
  },
): Promise<RestStart> {
  const directory = ClusterDirectory.of(env, configuration);
  return {
    http: nodeHttpServer(env.log),
    version: manifest.version,
    token: await tokenOf(env, configuration, directory),
    tls: await restTls(env, configuration),
    logs: { folder: directory.folder('log'), name: start.logName },
    environment: nodeProcessEnvironment(),
    profiling: start.profiling,
    threads: async () => {
      const main = describeMainThread(env, () => env.memory.heapUsed());
      const after = (delay: Duration, then: () => void): Disposable => env.clock.after(delay, then);
      const others = start.threads().map((each) => describeThread({ after }, each));
      return Promise.all([main, ...others]);
    },
    profiledThreads: () =>
      start
        .threads()
        .map(({ name, worker }) => ({ name, profile: (kind) => worker.profile(kind) })),
    shutDown: start.shutDown,
  };
}

async function tokenOf(
  { terminal, log }: Pick<Env, 'terminal' | 'log'>,
  configuration: Configuration,
  directory: ClusterDirectory,
): Promise<string | undefined> {
  if (!configuration.get(RestOptions.authentication)) {
    log.write(
      'warn',
      'The REST interface asks for no token, so that everybody on this machine may do everything',
    );
    return undefined;
  }
  const given = terminal.variables[TOKEN_VARIABLE]?.trim();
  if (given !== undefined && given !== '') return given;
  await directory.make();
  return directory.makeSecret('rest-token');
}
