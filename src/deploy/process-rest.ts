/** The REST interface of a JobManager that is a process: its token, its logs, its environment. */
import manifest from '../../package.json' with { type: 'json' };
import type { Configuration } from '../config/configuration.ts';
import { RestOptions } from '../config/options/rest-options.ts';
import type { Env } from '../env/env.ts';
import { nodeHttpServer } from '../env/node/http-server.ts';
import { nodeProcessEnvironment } from '../env/node/process-environment.ts';
import { ClusterDirectory } from './cluster-directory.ts';
import { restTls } from './cluster-security.ts';
import type { RestStart } from './rest-start.ts';

/** Where the token comes from if it is not that of the folder of the cluster. */
const TOKEN_VARIABLE = 'MILLRACE_REST_TOKEN';

/** @throws EngineError CLUSTER_*, CONFIG_TLS_INVALID, IO_* */
export async function processRest(
  env: Pick<Env, 'disk' | 'random' | 'terminal' | 'log'>,
  configuration: Configuration,
  start: { readonly logName: string | undefined; readonly shutDown: () => void },
): Promise<RestStart> {
  const directory = ClusterDirectory.of(env, configuration);
  return {
    http: nodeHttpServer(env.log),
    version: manifest.version,
    token: await tokenOf(env, configuration, directory),
    tls: await restTls(env, configuration),
    logs: { folder: directory.folder('log'), name: start.logName },
    environment: nodeProcessEnvironment(),
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
