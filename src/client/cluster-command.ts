/**
 * `millrace cluster start|stop|status`: a cluster in the background, on this machine and others.
 */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import { JobManagerOptions } from '../config/options/job-manager-options.ts';
import { TaskManagerOptions } from '../config/options/task-manager-options.ts';
import {
  APPLICATION_PREFIX,
  ClusterDirectory,
  type ProcessRecord,
} from '../deploy/cluster-directory.ts';
import { jobsKept, startCluster, stopCluster } from '../deploy/cluster-on-machine.ts';
import { clusterState, type ClusterState } from '../deploy/cluster-state.ts';
import {
  isThisMachine,
  readHosts,
  startOnHost,
  stopOnHost,
  takeOrder,
} from '../deploy/cluster-hosts.ts';
import { endedApplications, removeOldApplications } from '../deploy/ended-applications.ts';
import type { Env } from '../env/env.ts';
import type { ParsedArguments } from './arguments.ts';
import { commandConfiguration, withAuthentication } from './command-configuration.ts';
import { ExitCode } from './exit-codes.ts';
import { renderTable } from './table.ts';

const START_TIMEOUT = seconds(60);

const ACTIONS = { start, stop, status } as const;

export async function clusterCommand(env: Env, args: ParsedArguments): Promise<number> {
  const [name = ''] = args.positionals;
  if (!Object.hasOwn(ACTIONS, name)) {
    const known = Object.keys(ACTIONS);
    throw new EngineError('CLI_UNKNOWN_ACTION', {
      ...{ name, command: 'cluster' },
      suggestion: didYouMean(name, known),
      known: known.join(', '),
    });
  }
  const configuration = await commandConfiguration(env, args);
  const code = await ACTIONS[name as keyof typeof ACTIONS](env, args, configuration);
  await env.terminal.stdout.flush();
  return code;
}

async function start(env: Env, args: ParsedArguments, loaded: Configuration): Promise<number> {
  const given = withAuthentication(args, loaded);
  const since = env.clock.monotonic();
  const slots = args.value('slots');
  const origin = { kind: 'command-line', option: '--slots' } as const;
  const configuration =
    slots === undefined ? given : given.with({ [TaskManagerOptions.slots.key]: slots }, origin);
  const order = args.value('join');
  if (order !== undefined) return join(env, order);
  const hosts = await hostsOf(env, args, configuration);
  const others = hosts.filter((host) => !isThisMachine(env, host));
  const taskManagers = taskManagersOf(args);
  await removeOldApplications(env);
  const kept = await keptOf(env, ClusterDirectory.of(env, configuration));
  const state = await startCluster(env, {
    configuration,
    taskManagers: others.length === hosts.length && hosts.length > 0 ? 0 : taskManagers,
    jobManager: true,
    hosts: others,
    timeout: START_TIMEOUT,
  });
  try {
    const { jobManager } = state.file;
    await Promise.all(
      others.map((host) => startOnHost(env, host, state.directory, { jobManager, taskManagers })),
    );
  } catch (thrown) {
    await stopEverywhere(env, state.directory);
    throw thrown;
  }
  if (args.has('json')) return json(env, state);
  const millis = env.clock.monotonic() - since;
  const { stdout } = env.terminal;
  const { clusterId } = state.directory;
  stdout.write(`The cluster "${clusterId}" is ready after ${(millis / 1000).toFixed(2)} s.\n`);
  stdout.write(tableOf(env, state));
  if (kept.length > 0) {
    const what = kept.length === 1 ? 'A job goes on that' : `${kept.length} jobs go on that`;
    stdout.write(`${what} had not ended: ${kept.join(', ')}.\n`);
  }
  stdout.write(`Logs: ${state.directory.folder('log')}\n`);
  stdout.write(`Stop it with \`millrace cluster stop${clusterOption(clusterId)}\`.\n`);
  return ExitCode.success;
}

/** On another machine than that of the JobManager: TaskManagers that join it. */
async function join(env: Env, path: string): Promise<number> {
  const { configuration, taskManagers, secrets } = await takeOrder(env, path);
  await startCluster(env, {
    ...{ configuration, taskManagers, secrets, hosts: [] },
    ...{ jobManager: false, timeout: START_TIMEOUT },
  });
  return ExitCode.success;
}

/** @throws EngineError CLUSTER_ADDRESS_LOCAL if other machines could not reach the JobManager. */
async function hostsOf(
  env: Env,
  args: ParsedArguments,
  configuration: Configuration,
): Promise<readonly string[]> {
  const path = args.value('hosts');
  if (path === undefined) return [];
  const hosts = await readHosts(env, path);
  const address = configuration.get(JobManagerOptions.rpcAddress);
  const isLocal = ['localhost', '127.0.0.1', '::1'].includes(address);
  if (isLocal && hosts.some((host) => !isThisMachine(env, host))) {
    throw new EngineError('CLUSTER_ADDRESS_LOCAL', { address });
  }
  return hosts;
}

/**
 * Here, and on the machines that were given TaskManagers; those that fail are told of at the end.
 */
async function stopEverywhere(
  env: Env,
  directory: ClusterDirectory,
): Promise<readonly ProcessRecord[]> {
  const hosts = (await directory.read())?.hosts ?? [];
  const ends = await Promise.allSettled(hosts.map((host) => stopOnHost(env, host, directory)));
  const stopped = await stopCluster(env, directory);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return stopped;
}

async function stop(
  env: Env,
  args: ParsedArguments,
  configuration: Configuration,
): Promise<number> {
  if (!args.has('all')) {
    const directory = ClusterDirectory.of(env, configuration);
    await stopOne(env, args, directory);
    await hintAtOthers(env, args, directory);
    return ExitCode.success;
  }
  const running = await runningClusters(env);
  if (running.length === 0 && !args.has('json')) env.terminal.stdout.write(NONE);
  // One that cannot be stopped does not keep the others.
  const ends = await Promise.allSettled(
    running.map(({ directory }) => stopOne(env, args, directory)),
  );
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return ExitCode.success;
}

async function stopOne(
  env: Env,
  args: ParsedArguments,
  directory: ClusterDirectory,
): Promise<void> {
  const wasThere = (await directory.read()) !== undefined;
  const stopped = await stopEverywhere(env, directory);
  const kept = await keptOf(env, directory);
  const { stdout } = env.terminal;
  const { clusterId } = directory;
  if (args.has('json')) {
    const processes = stopped.map(({ name, pid }) => ({ name, pid }));
    stdout.write(`${JSON.stringify({ clusterId, stopped: processes, jobsKept: kept })}\n`);
    return;
  }
  if (stopped.length > 0) {
    for (const { name, pid } of stopped) stdout.write(`Stopped ${name} (process ${pid}).\n`);
  } else if (wasThere) {
    stdout.write(`The cluster "${clusterId}" had ended without being stopped.\n`);
  } else {
    stdout.write(`The cluster "${clusterId}" does not run.\n`);
  }
  if (kept.length === 0) return;
  const [what, go] =
    kept.length === 1 ? ['A job had', 'It goes'] : [`${kept.length} jobs had`, 'They go'];
  const start = `\`millrace cluster start${clusterOption(clusterId)}\``;
  stdout.write(`${what} not ended: ${kept.join(', ')}. ${go} on with the next ${start}.\n`);
}

/** Jobs with which the cluster goes on when it is started, if it was ever. */
async function keptOf(env: Env, directory: ClusterDirectory): Promise<readonly string[]> {
  if (directory.clusterId.startsWith(APPLICATION_PREFIX)) return [];
  return (await directory.isConfigured()) ? jobsKept(env, directory) : [];
}

const NONE = 'No cluster runs on this machine.\n';

/** In order of their names. */
async function runningClusters(env: Env): Promise<readonly ClusterState[]> {
  const states = (await ClusterDirectory.all(env)).map((each) => clusterState(env, each));
  return (await Promise.all(states)).filter(
    (state): state is ClusterState => state !== undefined && state.alive.length > 0,
  );
}

/** Nobody should have to guess the name of what runs, e.g. of `run-application`. */
async function hintAtOthers(
  env: Env,
  args: ParsedArguments,
  { clusterId }: ClusterDirectory,
): Promise<void> {
  if (args.has('json')) return;
  const running = await runningClusters(env).catch((thrown: unknown) => {
    // The command was about another cluster, and has done that.
    env.log.write('warn', 'Other clusters could not be looked at', { reason: String(thrown) });
    return [];
  });
  const names = running.map(({ directory }) => directory.clusterId);
  const others = names.filter((name) => name !== clusterId);
  if (others.length === 0) return;
  const text = `Also on this machine: ${others.join(', ')}; --all is for all of them.\n`;
  env.terminal.stdout.write(text);
}

async function statusOfAll(env: Env, args: ParsedArguments): Promise<number> {
  const running = await runningClusters(env);
  const { stdout } = env.terminal;
  if (running.length === 0 && !args.has('json')) stdout.write(NONE);
  for (const state of running) {
    if (args.has('json')) json(env, state);
    else stdout.write(`The cluster "${state.directory.clusterId}":\n${tableOf(env, state)}`);
  }
  for (const { directory, ended } of await endedApplications(env)) {
    const { clusterId } = directory;
    const logs = directory.folder('log');
    const endedMillis = Math.max(env.clock.now() - ended, 0);
    if (args.has('json')) {
      stdout.write(`${JSON.stringify({ ...NOTHING(clusterId), endedMillis, logs })}\n`);
    } else stdout.write(`"${clusterId}" ended ${uptimeText(endedMillis)} ago; its logs: ${logs}\n`);
  }
  return running.length > 0 ? ExitCode.success : ExitCode.failure;
}

async function status(
  env: Env,
  args: ParsedArguments,
  configuration: Configuration,
): Promise<number> {
  if (args.has('all')) return statusOfAll(env, args);
  const directory = ClusterDirectory.of(env, configuration);
  const state = await clusterState(env, directory);
  const runs = state !== undefined && state.alive.length > 0;
  if (args.has('json')) {
    if (state !== undefined) json(env, state);
    else env.terminal.stdout.write(`${JSON.stringify(NOTHING(directory.clusterId))}\n`);
  } else if (state === undefined) {
    env.terminal.stdout.write(`The cluster "${directory.clusterId}" does not run.\n`);
  } else if (!runs) {
    const text = `The cluster "${directory.clusterId}" has ended without being stopped.\n`;
    env.terminal.stdout.write(text);
  } else {
    env.terminal.stdout.write(tableOf(env, state));
  }
  await hintAtOthers(env, args, directory);
  return runs ? ExitCode.success : ExitCode.failure;
}

function NOTHING(clusterId: string): Readonly<Record<string, unknown>> {
  return { clusterId, running: false, processes: [] };
}

function json(env: Env, { file, alive }: ClusterState): number {
  const { clusterId, restUrl, jobManager, hosts } = file;
  const processes = alive.map((record) => ({
    ...record,
    uptimeMillis: uptimeOf(env, record),
  }));
  const running = alive.length > 0;
  const object = { clusterId, running, restUrl, jobManager, hosts, processes };
  env.terminal.stdout.write(`${JSON.stringify(object)}\n`);
  return ExitCode.success;
}

function tableOf(env: Env, { file, alive }: ClusterState): string {
  const rows = alive.map((record) => [
    record.name,
    String(record.pid),
    record.state,
    uptimeText(uptimeOf(env, record)),
    record.slots === undefined ? '' : String(record.slots),
    String(record.restarts),
    addressOf(file, record),
  ]);
  const header = ['process', 'pid', 'state', 'uptime', 'slots', 'restarts', 'address'];
  return renderTable(header, rows);
}

function addressOf(
  { restUrl, jobManager }: ClusterState['file'],
  { role, id = '' }: ProcessRecord,
): string {
  if (role === 'taskmanager') return id;
  if (role === 'supervisor') return '';
  return restUrl === undefined ? jobManager : `${jobManager}, ${restUrl}`;
}

function uptimeOf({ clock }: Env, { since }: ProcessRecord): number {
  return Math.max(clock.now() - since, 0);
}

/** @example uptimeText(3_700_000) // '1 h 1 min' */
function uptimeText(millis: number): string {
  const total = Math.floor(millis / 1000);
  const [days, hours] = [Math.floor(total / 86_400), Math.floor(total / 3600) % 24];
  const [minutes, rest] = [Math.floor(total / 60) % 60, total % 60];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}

function taskManagersOf(args: ParsedArguments): number {
  const text = args.value('taskmanagers') ?? '1';
  const count = Number(text);
  if (/^\d+$/.test(text) && count <= 1000) return count;
  throw new EngineError('CONFIG_INVALID_VALUE', {
    key: '--taskmanagers',
    value: JSON.stringify(text),
    expected: 'a whole number from 0 to 1000',
  });
}

function clusterOption(clusterId: string): string {
  return clusterId === 'default' ? '' : ` -D cluster.id=${clusterId}`;
}
