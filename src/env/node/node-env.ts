/**
 * The real environment, put together. Importing this file loads no module of Node that the process
 * has not loaded anyway: sockets, files, threads and cryptography are loaded by the first use.
 */
import type { Env, LogFields } from '../env.ts';
import { nodeClock } from './clock.ts';
import { nodeCompression } from './compression.ts';
import { nodeCryptography } from './cryptography.ts';
import { nodeDisk } from './disk.ts';
import type { EntryPoints } from './entry-points.ts';
import { nodeLog } from './log.ts';
import type { NodeLogOptions } from './log.ts';
import { nodeMachine } from './machine.ts';
import { nodeMemory } from './memory.ts';
import { nodeModules } from './modules.ts';
import { nodeNetwork } from './network.ts';
import { nodeProcesses } from './processes.ts';
import { nodeProfiler } from './profiler.ts';
import { nodeRandom } from './random.ts';
import { nodeTerminal } from './terminal.ts';
import { tlsNetwork } from './tls-network.ts';
import { nodeWorkers } from './workers.ts';

export interface NodeEnvOptions {
  /** The entry file of each role, made with `entryPoint` by the composition root. */
  readonly entries: EntryPoints;
  readonly log?: NodeLogOptions | undefined;
  /**
   * Names of environment variables that workers see beside the usual ones. Never one that holds a
   * secret.
   */
  readonly workerVariables?: readonly string[] | undefined;
  /** Where scratch files go; the system's folder for temporary files if undefined. */
  readonly scratchFolder?: string | undefined;
}

/** The options as plain data, for a worker: URLs do not cross threads. */
export interface NodeEnvData extends Omit<NodeEnvOptions, 'entries'> {
  readonly entries: Readonly<Record<string, string>>;
}

/**
 * @param fields carried by every line of the log
 * @example
 * const env = nodeEnv({
 *   entries: {
 *     slot: entryPoint('../../bin/slot-worker', import.meta.url),
 *     coordinator: entryPoint('../../bin/coordinator-worker', import.meta.url),
 *   },
 *   log: { level: 'info' },
 * });
 */
export function nodeEnv(options: NodeEnvOptions | NodeEnvData, fields: LogFields = {}): Env {
  const entries = entriesOf(options);
  const clock = nodeClock();
  const log = nodeLog(clock, options.log).with(fields);
  const workers = {
    entries,
    variables: options.workerVariables ?? [],
    environment: { ...options, entries: hrefsOf(entries) } satisfies NodeEnvData,
  };
  return {
    clock,
    random: nodeRandom(),
    cryptography: nodeCryptography(),
    network: nodeNetwork(log),
    securedNetwork: (identity) => tlsNetwork(log, identity),
    disk: nodeDisk({ scratchFolder: options.scratchFolder }),
    compression: nodeCompression(),
    memory: nodeMemory(),
    workers: nodeWorkers(workers),
    processes: nodeProcesses(entries),
    machine: nodeMachine(),
    modules: nodeModules(),
    profiler: nodeProfiler(),
    terminal: nodeTerminal(),
    log,
  };
}

function entriesOf(options: NodeEnvOptions | NodeEnvData): EntryPoints {
  const urls = Object.entries(options.entries)
    .filter((entry): entry is [string, string | URL] => entry[1] !== undefined)
    .map(([role, url]) => [role, new URL(url)]);
  return Object.fromEntries(urls) as EntryPoints;
}

function hrefsOf(entries: EntryPoints): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(entries).map(([role, url]) => [role, String(url)]));
}
