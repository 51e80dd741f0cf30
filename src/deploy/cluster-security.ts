/**
 * What the processes of a cluster know each other by, as the configuration says, and whether their
 * ports may be opened where they would be.
 */
import { EngineError } from '../base/errors.ts';
import { checkBind } from '../config/bind-safety.ts';
import type { Configuration } from '../config/configuration.ts';
import { SecurityOptions } from '../config/options/security-options.ts';
import type { ConfigOption } from '../config/option.ts';
import type { Env, Network, TlsIdentity } from '../env/env.ts';
import type { HttpServerTls } from '../env/http.ts';
import { readWhole } from '../ha/atomic-file.ts';
import { ClusterDirectory } from './cluster-directory.ts';

const SECRET = /^[0-9a-f]{64}$/;

/**
 * The secret of the cluster: of the file that the configuration names, else of the cluster's folder
 * on this machine, where it is made if nobody has.
 * @param folder of the cluster, where it is known; else where the configuration puts it
 * @throws EngineError CONFIG_SECRET_INVALID, CLUSTER_*, IO_*
 */
export async function clusterSecret(
  env: Pick<Env, 'disk' | 'random' | 'terminal'>,
  configuration: Configuration,
  folder: string | undefined,
): Promise<Uint8Array> {
  const path = configuration.get(SecurityOptions.secretFile);
  if (path !== undefined) return secretOfFile(env, path);
  const directory =
    folder === undefined
      ? ClusterDirectory.of(env, configuration)
      : ClusterDirectory.at(env, folder);
  await directory.make();
  return Buffer.from(await directory.makeSecret('cluster-secret'), 'hex');
}

async function secretOfFile(env: Pick<Env, 'disk'>, path: string): Promise<Uint8Array> {
  const content = await readWhole(env, path);
  const text = content === undefined ? '' : new TextDecoder().decode(content).trim();
  if (SECRET.test(text)) return Buffer.from(text, 'hex');
  const reason = content === undefined ? 'it does not exist' : 'it holds something else';
  throw new EngineError('CONFIG_SECRET_INVALID', { path, reason });
}

/**
 * Who this process is to others of the cluster; undefined where they do not speak TLS.
 * @throws EngineError CONFIG_TLS_INVALID
 */
async function internalIdentity(
  env: Pick<Env, 'disk'>,
  configuration: Configuration,
): Promise<TlsIdentity | undefined> {
  const { internalTls, internalCertificate, internalKey, internalAuthority } = SecurityOptions;
  if (!configuration.get(internalTls)) return undefined;
  const read = (file: FileOption): Promise<string> => pemFile(env, configuration, file);
  return {
    certificate: await read(internalCertificate),
    key: await read(internalKey),
    authority: await read(internalAuthority),
    verifyHostName: configuration.get(SecurityOptions.internalVerifyHostName),
  };
}

/**
 * What the REST interface shows and wants to be shown; undefined where it is plain HTTP.
 * @throws EngineError CONFIG_TLS_INVALID
 */
export async function restTls(
  env: Pick<Env, 'disk'>,
  configuration: Configuration,
): Promise<HttpServerTls | undefined> {
  const { restTls: enabled, restAuthentication, restCertificate, restKey } = SecurityOptions;
  if (!configuration.get(enabled)) return undefined;
  const read = (file: FileOption): Promise<string> => pemFile(env, configuration, file);
  return {
    certificate: await read(restCertificate),
    key: await read(restKey),
    clientAuthorities: configuration.get(restAuthentication)
      ? await read(SecurityOptions.restAuthority)
      : undefined,
  };
}

type FileOption = ConfigOption<string | undefined>;

async function pemFile(
  env: Pick<Env, 'disk'>,
  configuration: Configuration,
  option: FileOption,
): Promise<string> {
  const { key } = option;
  const path = configuration.get(option);
  const fix = 'Set it to a PEM file that this process can read.';
  if (path === undefined)
    throw new EngineError('CONFIG_TLS_INVALID', { reason: `${key} is not set`, fix });
  const content = await readWhole(env, path);
  const text = content === undefined ? '' : new TextDecoder().decode(content);
  if (text.includes('-----BEGIN ')) return text;
  const what = content === undefined ? 'does not exist' : 'holds no PEM';
  throw new EngineError('CONFIG_TLS_INVALID', {
    reason: `${path}, the value of ${key}, ${what}`,
    fix,
  });
}

/** A port of a process of the cluster. */
export interface InternalPort {
  /** For messages, e.g. `the JobManager`. */
  readonly what: string;
  readonly host: string;
  readonly hostKey: string;
}

interface InternalSecurity {
  readonly secret: Uint8Array;
  readonly tls: TlsIdentity | undefined;
  /** On which processes of the cluster speak with each other. */
  readonly network: Network;
}

/**
 * What a process needs for its port. What is unsafe about it and was asked for stands in the log.
 * @param folder of the cluster, where it is known
 * @throws EngineError CONFIG_INSECURE_BIND, CONFIG_SECRET_INVALID, CONFIG_TLS_INVALID, CLUSTER_*
 */
export async function openInternalPort(
  env: Pick<Env, 'disk' | 'random' | 'terminal' | 'log' | 'network' | 'securedNetwork'>,
  configuration: Configuration,
  folder: string | undefined,
  port: InternalPort,
): Promise<InternalSecurity> {
  const warning = checkBind(configuration, {
    ...port,
    // Callers show the secret, and slots the key of their job.
    authenticated: true,
    encrypted: configuration.get(SecurityOptions.internalTls),
    remedy: 'Set security.ssl.internal.enabled: true, with certificates.',
  });
  if (warning !== undefined) env.log.write('warn', warning);
  const tls = await internalIdentity(env, configuration);
  const secret = await clusterSecret(env, configuration, folder);
  return { secret, tls, network: tls === undefined ? env.network : env.securedNetwork(tls) };
}
