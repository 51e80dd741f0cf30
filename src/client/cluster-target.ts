/**
 * Which cluster a command talks to, and how it finds the token. In this order: `--jobmanager`,
 * `rest.address` and `rest.port` where somebody has set one of them, a cluster on this machine that
 * has the id `cluster.id`, `http://localhost:8081`: there a JobManager in the foreground may be the
 * cluster that was asked for, which keeps its token in the folder of that id.
 */
import { EngineError, isEngineError } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { JobManagerOptions } from '../config/options/job-manager-options.ts';
import { RestOptions } from '../config/options/rest-options.ts';
import { SecurityOptions } from '../config/options/security-options.ts';
import { readTextFile } from '../config/text-file.ts';
import { ClusterDirectory, type ClusterFile } from '../deploy/cluster-directory.ts';
import { clusterState } from '../deploy/cluster-state.ts';
import type { ParsedArguments } from './arguments.ts';
import type { CommandEnv } from './command-env.ts';
import { RestClient } from './rest-client.ts';

/** More than any token has. */
const TOKEN_BYTES_MAX = 4096;

/** Several certificates. */
const PEM_BYTES_MAX = 1024 * 1024;

interface Token {
  readonly token: string | undefined;
  /** Which it was, for who has the wrong one. */
  readonly tokenAdvice: string;
}

/** A client of the cluster that the command names. @throws EngineError CLI_*, CLUSTER_*, IO_* */
export async function clusterClient(
  env: CommandEnv,
  args: ParsedArguments,
  configuration: Configuration,
): Promise<RestClient> {
  return clientAt(env, args, configuration, await targetOf(env, args, configuration));
}

/** A client of this cluster. */
export async function clientAt(
  env: CommandEnv,
  args: ParsedArguments,
  configuration: Configuration,
  target: ClusterTarget,
): Promise<RestClient> {
  const { token, tokenAdvice } = await tokenFor(env, args, target);
  return new RestClient({
    ...{ url: withoutSlash(target.url), cluster: target.named, token, tokenAdvice },
    http: await env.loadHttp(),
    clock: env.clock,
    timeout: configuration.get(RestOptions.connectionTimeout),
    authorities: await pemOf(env, configuration.get(SecurityOptions.restAuthority)),
    identity: await identityOf(env, configuration),
    retry: {
      attempts: configuration.get(RestOptions.retryMaxAttempts),
      delay: configuration.get(RestOptions.retryDelay),
    },
    maxBytes: configuration.get(RestOptions.clientMaxContentLength),
  });
}

async function pemOf({ disk }: CommandEnv, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return readTextFile(disk, disk.resolve(path), PEM_BYTES_MAX);
}

/** Of a client whose certificate and key are configured, both. */
async function identityOf(
  env: CommandEnv,
  configuration: Configuration,
): Promise<{ readonly certificate: string; readonly key: string } | undefined> {
  const certificate = await pemOf(env, configuration.get(SecurityOptions.restCertificate));
  const key = await pemOf(env, configuration.get(SecurityOptions.restKey));
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

export interface ClusterTarget {
  readonly url: string;
  /** The name of a cluster of this machine that is not known to run, if that was asked for. */
  readonly named?: string | undefined;
}

/** @throws EngineError CLI_ADDRESS_INVALID, REST_OTHER_CLUSTER, CLUSTER_*, IO_* */
async function targetOf(
  env: CommandEnv,
  args: ParsedArguments,
  configuration: Configuration,
): Promise<ClusterTarget> {
  const typed = args.value('jobmanager');
  if (typed !== undefined) return { url: parseAddress(typed, configuration) };
  const { address, port } = RestOptions;
  const isConfigured = [address, port, JobManagerOptions.rpcAddress].some((option) =>
    configuration.has(option),
  );
  const host = configuration.get(address) ?? configuration.get(JobManagerOptions.rpcAddress);
  const url = `${schemeOf(configuration)}://${bracketed(host)}:${configuration.get(port)}`;
  if (isConfigured) return { url };
  const cluster = configuration.get(ClusterOptions.clusterId);
  const directory = (await clustersHere(env)).find(({ clusterId }) => clusterId === cluster);
  const started = await directory?.read();
  if (started?.restUrl !== undefined) return { url: withoutSlash(started.restUrl) };
  if (!configuration.has(ClusterOptions.clusterId)) return { url };
  const there = await clusterHere(env, url);
  const other = there && (await clusterState(env, there.directory));
  if (other !== undefined && other.alive.length > 0) {
    const { clusterId } = other.directory;
    throw new EngineError('REST_OTHER_CLUSTER', { cluster, url, other: clusterId });
  }
  return { url, named: cluster };
}

function schemeOf(configuration: Configuration): 'http' | 'https' {
  return configuration.get(SecurityOptions.restTls) ? 'https' : 'http';
}

/** `host`, `host:port` or a URL. @throws EngineError CLI_ADDRESS_INVALID */
function parseAddress(typed: string, configuration: Configuration): string {
  const hasScheme = /^https?:\/\//i.test(typed);
  const text = hasScheme ? typed : `${schemeOf(configuration)}://${typed}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isAddress =
    url !== undefined && url.hostname !== '' && url.search === '' && url.username === '';
  if (!isAddress || (!hasScheme && url.pathname !== '/')) {
    throw new EngineError('CLI_ADDRESS_INVALID', { text: typed });
  }
  const hasPort = /:\d+\/?$/.test(text);
  if (!hasPort && !hasScheme) url.port = String(configuration.get(RestOptions.port));
  return withoutSlash(url.href);
}

async function tokenFor(
  env: CommandEnv,
  args: ParsedArguments,
  { url, named }: ClusterTarget,
): Promise<Token> {
  const file = args.value('token-file');
  if (file !== undefined) {
    return { token: await readToken(env, file), tokenAdvice: `The one in ${file} was sent.` };
  }
  const variable = env.terminal.variables['MILLRACE_REST_TOKEN'];
  if (variable !== undefined && variable !== '') {
    return { token: variable.trim(), tokenAdvice: 'That of MILLRACE_REST_TOKEN was sent.' };
  }
  const here = await clusterHere(env, url);
  if (here !== undefined) {
    const tokenAdvice = `That of the cluster "${here.file.clusterId}" of this machine was sent.`;
    return { token: await here.directory.readSecret('rest-token'), tokenAdvice };
  }
  const asked = (await clustersHere(env)).find(({ clusterId }) => clusterId === named);
  const token = await asked?.readSecret('rest-token');
  if (token !== undefined) {
    return { token, tokenAdvice: `That of the cluster "${named}" of this machine was sent.` };
  }
  return { token: undefined, tokenAdvice: 'No cluster of this machine has this address.' };
}

async function readToken({ disk }: CommandEnv, path: string): Promise<string> {
  const token = (await readTextFile(disk, disk.resolve(path), TOKEN_BYTES_MAX)).trim();
  if (!/^[\x21-\x7E]+$/.test(token)) throw new EngineError('CLI_TOKEN_FILE_INVALID', { path });
  return token;
}

/** The cluster of this machine that has this address. @throws EngineError CLUSTER_*, IO_* */
export async function clusterHere(
  env: CommandEnv,
  url: string,
): Promise<{ readonly directory: ClusterDirectory; readonly file: ClusterFile } | undefined> {
  for (const directory of await clustersHere(env)) {
    const file = await directory.read();
    if (file?.restUrl !== undefined && sameAddress(file.restUrl, url)) return { directory, file };
  }
  return undefined;
}

/** Of clusters on this machine, if its user has a home where they could be. */
async function clustersHere(env: CommandEnv): Promise<readonly ClusterDirectory[]> {
  try {
    return await ClusterDirectory.all(env);
  } catch (thrown) {
    if (isEngineError(thrown, 'CLUSTER_HOME_UNKNOWN')) return [];
    throw thrown;
  }
}

/** Whether both are the same port of the same host, as far as names tell. */
function sameAddress(left: string, right: string): boolean {
  return hostOf(left) === hostOf(right);
}

function hostOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  const isLoopback =
    hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
  const portNumber = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  return `${isLoopback ? 'localhost' : hostname}:${portNumber}`;
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
