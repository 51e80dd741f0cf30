/**
 * A cluster on this machine from outside: started in the background, looked at, stopped. What runs
 * is known by `cluster.json`, and believed only where the processes in it are still those.
 *
 * Invariants
 * M1. No process is sent a signal whose identity is not the one that was written down.
 * M2. Of two starts at once one is refused.
 * M3. The supervisor of a cluster that belongs to this process holds a channel to it, whose end it
 *     notices: nothing is sent that could be lost or come too late.
 * M4. Jobs that have not ended, and checkpoints that are kept, outlive the cluster: the next start
 *     goes on with them.
 * M5. Nothing else does: a stopped cluster leaves no file of a process but its logs.
 */
import { EngineError, isEngineError } from '../base/errors.ts';
import { milliseconds, seconds, type Duration } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import { HighAvailabilityOptions } from '../config/options/high-availability-options.ts';
import type { Env, ProcessHandle } from '../env/env.ts';
import { readWhole, writeOnce } from '../ha/atomic-file.ts';
import { storedJobs } from '../ha/file-job-store.ts';
import { blobBase } from './blob-folders.ts';
import { ClusterDirectory } from './cluster-directory.ts';
import type { ProcessRecord } from './cluster-directory.ts';
import { clusterState, isAlive, type ClusterState } from './cluster-state.ts';
import { storageFolder } from './ha-stores.ts';
import { localStateBases } from './local-state-folders.ts';
import { LogFiles } from './log-files.ts';
import { removeLeftFolders } from './process-folders.ts';
import { profilingBase } from './process-profiling.ts';
import { decodeProcessMessage } from './process-messages.ts';
import { SUPERVISOR } from './supervisor-process.ts';

export interface ClusterStart {
  readonly configuration: Configuration;
  readonly taskManagers: number;
  readonly jobManager: boolean;
  readonly hosts: readonly string[];
  /** How long it may take until everything runs. */
  readonly timeout: Duration;
  /**
   * Whether it belongs to this process: it ends when this is gone, however that comes about. M3.
   */
  readonly owned?: boolean | undefined;
  /** Secrets of the cluster that this machine joins. */
  readonly secrets?: Readonly<Record<'cluster-secret' | 'rest-token', string>> | undefined;
}

const LOOK_INTERVAL = milliseconds(20);
/** A supervisor kills what does not end after 15 seconds. */
const STOP_TIMEOUT = seconds(25);
const KILL_TIMEOUT = seconds(5);
const LOCK = 'starting';

/**
 * Resolves when the JobManager listens and all TaskManagers are registered.
 * @throws EngineError CLUSTER_ALREADY_RUNNING, CLUSTER_NOT_STARTED
 */
export async function startCluster(env: Env, start: ClusterStart): Promise<ClusterState> {
  const directory = ClusterDirectory.of(env, start.configuration);
  await directory.make();
  const unlock = await lock(env, directory);
  try {
    await refuseIfRunning(env, directory);
    for (const name of ['cluster-secret', 'rest-token'] as const) {
      await directory.makeSecret(name, start.secrets?.[name]);
    }
    await directory.writeConfiguration(await withStores(env, directory, start.configuration));
    await launch(env, directory, start);
    return (await clusterState(env, directory))!;
  } finally {
    await unlock();
  }
}

/** What was stopped; nothing if nothing lived. Removes what is stale. */
export async function stopCluster(
  env: Env,
  directory: ClusterDirectory,
): Promise<readonly ProcessRecord[]> {
  const state = await clusterState(env, directory);
  if (state === undefined) return [];
  const { alive } = state;
  const supervisor = alive.find(({ role }) => role === 'supervisor');
  // Without their supervisor the others end by themselves; one that does not is told to.
  const told = supervisor === undefined ? alive : [supervisor];
  await signalAll(env, told, 'SIGTERM');
  if (!(await areGone(env, alive, STOP_TIMEOUT))) {
    await signalAll(env, alive, 'SIGKILL');
    if (!(await areGone(env, alive, KILL_TIMEOUT))) {
      const pids = alive.map(({ pid }) => pid).join(', ');
      throw new EngineError('CLUSTER_NOT_STOPPED', { cluster: directory.clusterId, pids });
    }
  }
  await removeLeft(env, directory);
  await directory.removeFile();
  return alive;
}

/** Folders of its processes that were killed. M5. */
async function removeLeft(env: Env, directory: ClusterDirectory): Promise<void> {
  if (!(await directory.isConfigured())) return;
  const configuration = await directory.readConfiguration();
  const bases = [
    blobBase(env, configuration),
    profilingBase(env, configuration),
    ...localStateBases(env, configuration),
  ];
  for (const base of bases) await removeLeftFolders(env, base);
}

/**
 * Unless configured otherwise jobs outlive their JobManager, which its supervisor starts again, and
 * the cluster, however that ends: nothing of what lies there is ever removed by a start. M4.
 */
async function withStores(
  { disk }: Env,
  directory: ClusterDirectory,
  configuration: Configuration,
): Promise<Configuration> {
  const { type, storageDir } = HighAvailabilityOptions;
  if (configuration.has(type)) return configuration;
  const kept = configuration.with({ [type.key]: 'filesystem' });
  if (configuration.has(storageDir)) return kept;
  const folder = directory.folder('ha');
  await disk.makeDirectory(folder, 'private');
  return kept.with({ [storageDir.key]: folder });
}

/**
 * Ids of the jobs that have not ended, of a cluster that does not run, in their order: those with
 * which it goes on when it is started again.
 */
export async function jobsKept(env: Env, directory: ClusterDirectory): Promise<readonly string[]> {
  const configuration = await directory.readConfiguration();
  if (!configuration.has(HighAvailabilityOptions.type)) return [];
  const folder = storageFolder(env, configuration);
  return folder === undefined ? [] : storedJobs(env, folder);
}

async function signalAll(
  env: Env,
  records: readonly ProcessRecord[],
  signal: 'SIGTERM' | 'SIGKILL',
): Promise<void> {
  for (const record of records) {
    if (await isAlive(env, record)) env.processes.signal(record.pid, signal);
  }
}

async function areGone(
  env: Env,
  records: readonly ProcessRecord[],
  within: Duration,
): Promise<boolean> {
  const deadline = env.clock.monotonic() + within;
  for (;;) {
    const alive = await Promise.all(records.map((record) => isAlive(env, record)));
    if (!alive.includes(true)) return true;
    if (env.clock.monotonic() > deadline) return false;
    await new Promise<void>((resolve) => env.clock.after(LOOK_INTERVAL, resolve));
  }
}

async function refuseIfRunning(env: Env, directory: ClusterDirectory): Promise<void> {
  const state = await clusterState(env, directory);
  if (state === undefined) return;
  if (state.alive.length > 0) {
    const what = state.alive.map(({ name, pid }) => `${name} is process ${pid}`).join(', ');
    throw new EngineError('CLUSTER_ALREADY_RUNNING', { cluster: directory.clusterId, what });
  }
  await directory.removeFile();
}

/** M2. A lock whose holder has died is broken. */
async function lock(env: Env, directory: ClusterDirectory): Promise<() => Promise<void>> {
  const { disk, processes, random } = env;
  const place = { folder: directory.path, name: LOCK };
  const path = `${place.folder}/${place.name}`;
  const holder = `${processes.pid} ${await processes.identify(processes.pid)}`;
  for (;;) {
    const content = new TextEncoder().encode(holder);
    if (await writeOnce(env, place, content, 'private')) return () => disk.remove(path);
    const text = new TextDecoder().decode(await readWhole(env, path));
    const pid = Number(text.slice(0, text.indexOf(' ')));
    if (`${pid} ${await processes.identify(pid)}` === text) {
      const what = `process ${pid} is about to start it`;
      throw new EngineError('CLUSTER_ALREADY_RUNNING', { cluster: directory.clusterId, what });
    }
    // Somebody else may have broken it and hold one of his own now: that is put back.
    const aside = `${path}-${random.uuid().slice(0, 8)}`;
    await disk.rename(path, aside).catch(ignoreMissing);
    const taken = await readWhole(env, aside);
    if (taken !== undefined && new TextDecoder().decode(taken) !== text)
      await disk.link(aside, path);
    await disk.remove(aside);
  }
}

function ignoreMissing(thrown: unknown): void {
  if (!isEngineError(thrown, 'IO_NOT_FOUND')) throw thrown;
}

async function launch(env: Env, directory: ClusterDirectory, start: ClusterStart): Promise<void> {
  const { configuration, taskManagers, jobManager, hosts, timeout, owned = false } = start;
  const logs = new LogFiles({ env, folder: directory.folder('log'), configuration });
  const args = [
    ...['--directory', directory.path, '--taskmanagers', String(taskManagers)],
    ...(jobManager ? ['--jobmanager'] : []),
    ...(owned ? ['--owned'] : []),
    ...hosts.flatMap((host) => ['--host', host]),
  ];
  const { stderr: output } = await logs.begin(SUPERVISOR);
  const supervisor = await env.processes.spawn('supervisor', args, { output, detached: true });
  const failure = await outcome(env, supervisor, timeout);
  if (failure === undefined) {
    // M3.
    if (!owned) supervisor.release();
    return;
  }
  supervisor.kill('SIGTERM');
  await supervisor.exited;
  const fields = { cluster: directory.clusterId, log: directory.folder('log') };
  throw new EngineError('CLUSTER_NOT_STARTED', { ...fields, reason: failure.reason }, failure);
}

interface Failure {
  readonly reason: string;
  readonly cause?: EngineError;
}

/** How the start ends: undefined if all runs. */
function outcome(
  { clock, terminal }: Env,
  supervisor: ProcessHandle,
  timeout: Duration,
): Promise<Failure | undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(timeout, () =>
      settle({ reason: `not all processes were ready within ${timeout / 1000} s` }),
    );
    const listening = terminal.onSignal((signal) =>
      settle({ reason: `it was ended by ${signal}` }),
    );
    const settle = (failure: Failure | undefined): void => {
      timer[Symbol.dispose]();
      listening[Symbol.dispose]();
      resolve(failure);
    };
    supervisor.onMessage((text) => {
      const message = decodeProcessMessage(text);
      if (message.kind === 'ready') return settle(undefined);
      if (message.kind === 'shut-down') return settle({ reason: 'a client has ended it' });
      const cause = EngineError.fromData(message.error);
      return settle({ reason: cause.message, cause });
    });
    supervisor.exited.then(
      () => settle({ reason: 'its supervisor ended' }),
      () => undefined,
    );
  });
}
