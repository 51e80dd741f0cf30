/**
 * The REST server put together: who may ask, every endpoint, and the listener.
 *
 * T1. What listens for other machines wants a token, and carries it encrypted unless that was given
 *     up by name.
 */
import { EngineError, isEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import { checkBind, isLoopback } from '../config/bind-safety.ts';
import type { Configuration } from '../config/configuration.ts';
import { portsOf } from '../config/option.ts';
import { RestOptions, WebOptions } from '../config/options/rest-options.ts';
import type { Env } from '../env/env.ts';
import type {
  HttpHandler,
  HttpLimits,
  HttpListener,
  HttpServer,
  HttpServerTls,
} from '../env/http.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import type { RpcService } from '../rpc/rpc-service.ts';
import { Access } from './access.ts';
import { ClientStreams } from './client-streams.ts';
import type { RestCluster } from './cluster.ts';
import { endpoint } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import { applicationEndpoints } from './handlers/application-endpoints.ts';
import { checkpointEndpoints } from './handlers/checkpoint-endpoints.ts';
import { clusterEndpoints } from './handlers/cluster-endpoints.ts';
import { jarEndpoints } from './handlers/jar-endpoints.ts';
import { jobControlEndpoints } from './handlers/job-control-endpoints.ts';
import { jobEndpoints } from './handlers/job-endpoints.ts';
import { jobManagerEndpoints } from './handlers/job-manager-endpoints.ts';
import { metricEndpoints } from './handlers/metric-endpoints.ts';
import { loginEndpoint, openEndpoints } from './handlers/session-endpoints.ts';
import { profilerEndpoints } from './handlers/profiler-endpoints.ts';
import { taskManagerEndpoints } from './handlers/task-manager-endpoints.ts';
import { taskManagerFileEndpoints } from './handlers/task-manager-files.ts';
import { vertexEndpoints } from './handlers/vertex-endpoints.ts';
import { JarStore } from './jar-store.ts';
import { UploadFolder } from './upload-folder.ts';
import type { BundleBlobs } from './jar-store.ts';
import { LeaderGateways } from './leader.ts';
import type { MetricView } from './metric-view.ts';
import { openApiDocument } from './openapi.ts';
import type { ProcessView } from './process-view.ts';
import { RestHandler } from './rest-handler.ts';
import { Router } from './router.ts';
import { anything } from './shape.ts';

export interface RestServerOptions {
  readonly env: Pick<Env, 'clock' | 'disk' | 'random' | 'log'>;
  readonly http: HttpServer;
  readonly configuration: Configuration;
  /** Of this engine. */
  readonly version: string;
  /** The one who dials the leader; belongs to the caller. */
  readonly rpc: RpcService;
  readonly jobManagerAddress: string;
  /** Undefined: nobody is asked for one, which is for the loopback device only. */
  readonly token: string | undefined;
  readonly tls?: HttpServerTls | undefined;
  /** Undefined: no jobs are taken. */
  readonly blobs: BundleBlobs | undefined;
  readonly metrics: () => Promise<MetricView>;
  readonly process: ProcessView;
  readonly build: (job: JobReference) => Promise<JobGraph>;
  readonly shutDown: () => void;
}

const LIMITS: Omit<HttpLimits, 'keepAliveTimeout'> = {
  headerBytes: 16 * 1024,
  connections: 1000,
  headerTimeout: seconds(15),
  requestTimeout: seconds(300),
};

const LOOPBACK = '127.0.0.1';

export class RestServer {
  /** Under which clients on this machine reach it. */
  readonly url: string;
  /** All of them, for the document and its test. */
  readonly endpoints: readonly Endpoint[];
  readonly #listener: HttpListener;
  readonly #leader: LeaderGateways;
  readonly #streams: ClientStreams;

  private constructor(parts: {
    readonly url: string;
    readonly endpoints: readonly Endpoint[];
    readonly listener: HttpListener;
    readonly leader: LeaderGateways;
    readonly streams: ClientStreams;
  }) {
    this.url = parts.url;
    this.endpoints = parts.endpoints;
    this.#listener = parts.listener;
    this.#leader = parts.leader;
    this.#streams = parts.streams;
  }

  /** @throws EngineError NETWORK_FAILED if no port is free, REST_UNPROTECTED,
   * CONFIG_INSECURE_BIND */
  static async start(options: RestServerOptions): Promise<RestServer> {
    const { env, configuration, rpc, token } = options;
    requireProtection(options);
    const leader = new LeaderGateways(rpc, options.jobManagerAddress);
    const streams = new ClientStreams({ env, rpc, address: options.jobManagerAddress });
    const hosts = hostsOf(configuration);
    const access = new Access({
      ...{ clock: env.clock, random: env.random, token, hosts },
      onRefused: (from) =>
        env.log.write('warn', 'audit: a wrong token', { audit: 'refused', from }),
    });
    const jars = await uploadsOf(options);
    // Requests that come before everything stands wait for it.
    const handling = Promise.withResolvers<HttpHandler>();
    const listener = await listen(options, async (request) => (await handling.promise)(request));
    const url = urlOf(options, listener);
    const cluster = clusterOf(options, { leader, streams, url });
    const open = openEndpoints(access);
    const closed = closedEndpoints(options, cluster, { access, open, jars });
    const handler = new RestHandler({
      ...{ access, log: env.log, router: new Router(closed), openRouter: new Router(open) },
    });
    handling.resolve((request) => handler.handle(request));
    const endpoints = [...closed, ...open];
    return new RestServer({ url, endpoints, listener, leader, streams });
  }

  get port(): number {
    return this.#listener.port;
  }

  async close(): Promise<void> {
    this.#streams.close();
    await this.#listener[Symbol.asyncDispose]();
    this.#leader.close();
  }
}

/** T1. */
function requireProtection({ env, configuration, token, tls }: RestServerOptions): void {
  const host = bindHostOf(configuration);
  if (isLoopback(host)) return;
  if (token === undefined) throw new EngineError('REST_UNPROTECTED', { address: host });
  const warning = checkBind(configuration, {
    ...{ what: 'the REST interface', host, hostKey: RestOptions.bindAddress.key },
    authenticated: true,
    encrypted: tls !== undefined || configuration.get(RestOptions.insecureBind),
    remedy:
      'Set security.ssl.rest.enabled: true, with a certificate, or millrace.rest.insecure-bind: true behind a proxy that has one.',
  });
  if (warning !== undefined) env.log.write('warn', warning);
}

function bindHostOf(configuration: Configuration): string {
  return (
    configuration.get(RestOptions.bindAddress) ?? configuration.get(RestOptions.address) ?? LOOPBACK
  );
}

/** Names by which it may be called, beside localhost and addresses. */
function hostsOf(configuration: Configuration): readonly string[] {
  const more = (configuration.get(RestOptions.allowedHosts) ?? '').split(/[;,]/);
  return [configuration.get(RestOptions.address) ?? '', ...more.map((host) => host.trim())].filter(
    (host) => host !== '',
  );
}

/** On the first port that is free. */
async function listen(options: RestServerOptions, handler: HttpHandler): Promise<HttpListener> {
  const { configuration, http, tls } = options;
  const host = bindHostOf(configuration);
  const range = configuration.get(RestOptions.bindPort);
  const ports =
    range === undefined ? [configuration.get(RestOptions.port)] : (portsOf(range) ?? []);
  const limits = { ...LIMITS, keepAliveTimeout: configuration.get(RestOptions.idlenessTimeout) };
  let refusal: unknown;
  for (const port of ports) {
    try {
      return await http.listen({ host, port, tls, limits }, handler);
    } catch (thrown) {
      if (!isEngineError(thrown, 'NETWORK_FAILED')) throw thrown;
      refusal ??= thrown;
    }
  }
  throw refusal;
}

function urlOf({ configuration, tls }: RestServerOptions, { port }: HttpListener): string {
  const bound = bindHostOf(configuration);
  const everywhere = bound === '0.0.0.0' || bound === '::';
  const name = configuration.get(RestOptions.address) ?? (everywhere ? LOOPBACK : bound);
  const host = name.includes(':') ? `[${name}]` : name;
  return `${tls === undefined ? 'http' : 'https'}://${host}:${port}`;
}

function clusterOf(
  options: RestServerOptions,
  parts: {
    readonly leader: LeaderGateways;
    readonly streams: ClientStreams;
    readonly url: string;
  },
): RestCluster {
  const { env, configuration, metrics, process, build, shutDown } = options;
  const { leader, streams, url } = parts;
  return {
    dispatcher: () => leader.dispatcher(),
    resourceManager: () => leader.resourceManager(),
    ...{ metrics, configuration, process, build, shutDown, url },
    clock: env.clock,
    newId: () => env.random.uuid().replaceAll('-', ''),
    keepOperations: configuration.get(RestOptions.asyncStoreDuration),
    async clientHeartbeat(jobId, expiredTimestamp) {
      await (await leader.dispatcher()).reportClientHeartbeat({ jobId, expiredTimestamp });
    },
    clientMessages: (jobId) => streams.open(jobId),
    async submit(job, { fingerprint, attached, clientHeartbeatTimeout }) {
      const graph = fingerprint === undefined ? undefined : { fingerprint };
      const submission = { job, graph, clientHeartbeatTimeout };
      if (attached) await streams.submit(submission);
      else await (await leader.dispatcher()).submitJob({ ...submission, attached: false });
    },
  };
}

/** Undefined: no jobs are taken. @throws EngineError IO_* */
async function uploadsOf(options: RestServerOptions): Promise<JarStore | undefined> {
  const { blobs, configuration, env } = options;
  if (blobs === undefined || !configuration.get(WebOptions.submitEnable)) return undefined;
  const path = configuration.get(WebOptions.uploadDirectory);
  const folder = path === undefined ? undefined : new UploadFolder(env.disk, path);
  const jars = new JarStore(blobs, env, folder);
  await jars.load();
  return jars;
}

function closedEndpoints(
  { version }: RestServerOptions,
  cluster: RestCluster,
  parts: {
    readonly access: Access;
    readonly open: readonly Endpoint[];
    readonly jars: JarStore | undefined;
  },
): readonly Endpoint[] {
  const { access, open, jars } = parts;
  const all: Endpoint[] = [
    ...clusterEndpoints(cluster, version),
    ...applicationEndpoints(cluster),
    ...(jars === undefined ? [] : jarEndpoints(cluster, jars)),
    ...jobManagerEndpoints(cluster),
    ...taskManagerEndpoints(cluster),
    ...taskManagerFileEndpoints(cluster),
    ...profilerEndpoints(cluster),
    ...jobEndpoints(cluster),
    ...jobControlEndpoints(cluster),
    ...checkpointEndpoints(cluster),
    ...vertexEndpoints(cluster),
    ...metricEndpoints(cluster),
    loginEndpoint(cluster, access),
  ];
  const document = endpoint({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document.',
    answer: anything,
    handle: () => openApiDocument([...all, ...open], version),
  });
  all.push(document);
  return all;
}
