/** The REST server of a JobManager, put together with what it shows of its process. */
import { MetricOptions } from '../config/options/metric-options.ts';
import type { Env } from '../env/env.ts';
import type { HttpServer, HttpServerTls } from '../env/http.ts';
import { LogFolder } from '../env/log-folder.ts';
import { MetricFetcher } from '../metrics/metric-fetcher.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';
import type { ProcessEnvironment, ProcessView } from '../rest/process-view.ts';
import { RestServer } from '../rest/rest-server.ts';
import type { BundleBlobs } from '../rest/jar-store.ts';
import type { RpcService } from '../rpc/rpc-service.ts';
import type { Configuration } from '../config/configuration.ts';
import type { JobCode } from '../protocol/job-code.ts';
import type { ThreadInfo } from '../protocol/process-files.ts';
import type { ProcessProfiling, ProfiledThread } from '../protocol/profiling.ts';
import { buildJobGraph } from './build-job-graph.ts';

export interface RestStart {
  readonly http: HttpServer;
  /** Of this engine. */
  readonly version: string;
  /** Undefined: nobody is asked for one. */
  readonly token: string | undefined;
  readonly tls?: HttpServerTls | undefined;
  /** Where this machine's processes write their logs, and the name of this one's. */
  readonly logs?: { readonly folder: string; readonly name: string | undefined } | undefined;
  readonly environment?: ProcessEnvironment | undefined;
  /** What the threads of the process do; without it nothing is known of them. */
  readonly threads?: (() => Promise<readonly ThreadInfo[]>) | undefined;
  /** Undefined: nobody may have profiles taken of the process. */
  readonly profiling?: ProcessProfiling | undefined;
  /** Those that a profile is taken of beside the main one. */
  readonly profiledThreads?: (() => readonly ProfiledThread[]) | undefined;
  /** Ends the cluster. */
  readonly shutDown: () => void;
}

export interface RestSurroundings {
  readonly env: Pick<Env, 'clock' | 'random' | 'disk' | 'workers' | 'log'>;
  readonly rpc: RpcService;
  readonly address: string;
  readonly configuration: Configuration;
  readonly blobs: (BundleBlobs & JobCode) | undefined;
  readonly metrics: () => Promise<readonly ScopedMetrics[]>;
}

/** @throws EngineError NETWORK_FAILED, REST_UNPROTECTED, CONFIG_INSECURE_BIND */
export function startRest(start: RestStart, around: RestSurroundings): Promise<RestServer> {
  const { env, rpc, address, configuration, blobs } = around;
  const fetcher = new MetricFetcher({
    read: around.metrics,
    now: () => env.clock.monotonic(),
    interval: configuration.get(MetricOptions.fetcherUpdateInterval),
  });
  return RestServer.start({
    ...{ env, rpc, configuration, blobs },
    jobManagerAddress: address,
    http: start.http,
    version: start.version,
    token: start.token,
    tls: start.tls,
    metrics: () => fetcher.store(),
    process: processView(env, start),
    build: async (job) => {
      const holder = { owner: `build of ${job.jobId}`, address };
      try {
        const moduleUrl = (await blobs?.resolve(job.moduleUrl, holder)) ?? job.moduleUrl;
        return await buildJobGraph(env, { ...job, moduleUrl });
      } finally {
        blobs?.release(holder.owner);
      }
    },
    shutDown: start.shutDown,
  });
}

function processView(env: Pick<Env, 'disk'>, start: RestStart): ProcessView {
  const { logs, environment, threads, profiling, profiledThreads } = start;
  const folder = new LogFolder(env.disk, logs?.folder, logs?.name);
  return {
    environment: environment ?? { version: 'unknown', architecture: 'unknown', options: [] },
    logName: folder.logName,
    stdoutName: folder.stdoutName,
    files: () => folder.list(),
    read: (name, offset) => folder.read(name, offset),
    threads: threads ?? (async () => [{ name: 'main', info: '"main" RUNNABLE\n' }]),
    profiling,
    profiledThreads: profiledThreads ?? (() => []),
  };
}
