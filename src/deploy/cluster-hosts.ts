/**
 * TaskManagers on other machines, started and stopped by ssh as Flink's start-cluster.sh does: the
 * same folder of Millrace must be there. What they need to know goes over the standard input of
 * ssh, never as an argument, which everybody can read.
 */
import { EngineError, messageOf } from '../base/errors.ts';
import { Configuration } from '../config/configuration.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { JobManagerOptions } from '../config/options/job-manager-options.ts';
import { TaskManagerOptions } from '../config/options/task-manager-options.ts';
import type { Env } from '../env/env.ts';
import { readWhole } from '../ha/atomic-file.ts';
import type { ClusterDirectory } from './cluster-directory.ts';

/** What another machine is told. */
export interface JoinOrder {
  readonly configuration: Readonly<Record<string, string>>;
  readonly taskManagers: number;
  readonly secrets: Readonly<Record<'cluster-secret' | 'rest-token', string>>;
}

/** A host a line; `#` begins a comment. @throws EngineError IO_*, CLI_VALUE_INVALID */
export async function readHosts(env: Pick<Env, 'disk'>, path: string): Promise<readonly string[]> {
  const content = await readWhole(env, path);
  if (content === undefined) throw new EngineError('IO_NOT_FOUND', { operation: 'open', path });
  const lines = new TextDecoder().decode(content).split(/\r?\n/);
  const hosts = lines.map((line) => line.replace(/#.*/, '').trim()).filter(Boolean);
  for (const host of hosts) {
    // It becomes an argument of ssh.
    if (/^[A-Za-z0-9_][A-Za-z0-9_.:@%-]*$/.test(host)) continue;
    const expected = 'a file with the name or address of a host in each line';
    throw new EngineError('CLI_VALUE_INVALID', { option: '--hosts', value: host, expected });
  }
  if (hosts.length === 0) {
    const expected = 'a file that names at least one host, each on a line of its own';
    throw new EngineError('CLI_VALUE_INVALID', { option: '--hosts', value: path, expected });
  }
  return [...new Set(hosts)];
}

export function isThisMachine({ machine }: Pick<Env, 'machine'>, host: string): boolean {
  return ['localhost', '127.0.0.1', '::1', machine.hostName].includes(host);
}

/** @throws EngineError CLUSTER_HOST_FAILED */
export async function startOnHost(
  env: Pick<Env, 'processes'>,
  host: string,
  directory: ClusterDirectory,
  order: { readonly jobManager: string; readonly taskManagers: number },
): Promise<void> {
  const stored = await directory.readConfiguration();
  const port = order.jobManager.slice(order.jobManager.lastIndexOf(':') + 1);
  const configuration = stored.with({
    [JobManagerOptions.rpcPort.key]: port,
    [TaskManagerOptions.host.key]: host.slice(host.lastIndexOf('@') + 1),
  });
  const join: JoinOrder = {
    configuration: configuration.toRecord(),
    taskManagers: order.taskManagers,
    secrets: {
      'cluster-secret': await directory.makeSecret('cluster-secret'),
      'rest-token': await directory.makeSecret('rest-token'),
    },
  };
  const self = env.processes.self.map(quoted).join(' ');
  const script = `umask 077; f=$(mktemp) && cat > "$f" && exec ${self} cluster start --join "$f"`;
  await onHost(env, { host, configuration, script, input: JSON.stringify(join), done: 'started' });
}

/** @throws EngineError CLUSTER_HOST_FAILED */
export async function stopOnHost(
  env: Pick<Env, 'processes'>,
  host: string,
  directory: ClusterDirectory,
): Promise<void> {
  const configuration = await directory.readConfiguration();
  const self = env.processes.self.map(quoted).join(' ');
  const assignment = quoted(`${ClusterOptions.clusterId.key}=${directory.clusterId}`);
  const script = `exec ${self} cluster stop -D ${assignment}`;
  await onHost(env, { host, configuration, script, input: '', done: 'stopped' });
}

/** Reads the order, and removes it. @throws EngineError IO_*, CONFIG_* */
export async function takeOrder(
  env: Pick<Env, 'disk'>,
  path: string,
): Promise<Omit<JoinOrder, 'configuration'> & { readonly configuration: Configuration }> {
  const content = await readWhole(env, path);
  await env.disk.remove(path);
  const order = JSON.parse(new TextDecoder().decode(content)) as JoinOrder;
  return { ...order, configuration: Configuration.parse(order.configuration) };
}

interface HostCommand {
  readonly host: string;
  readonly configuration: Configuration;
  readonly script: string;
  readonly input: string;
  readonly done: string;
}

async function onHost(env: Pick<Env, 'processes'>, command: HostCommand): Promise<void> {
  const { host, configuration, script, input, done } = command;
  const more = (configuration.get(ClusterOptions.sshOptions) ?? '').split(/\s+/).filter(Boolean);
  // Without a terminal nobody could type a password.
  const args = ['-o', 'BatchMode=yes', ...more, host, '--', script];
  const failed = (reason: string, cause?: unknown): EngineError =>
    new EngineError('CLUSTER_HOST_FAILED', { host, done, reason }, { cause });
  let result;
  try {
    result = await env.processes.run('ssh', args, input);
  } catch (thrown) {
    throw failed(messageOf(thrown), thrown);
  }
  if (result.code === 0) return;
  const said = result.stderr.trim().split('\n').at(-1) ?? '';
  throw failed(said === '' ? `ssh ended with ${result.code ?? result.signal}` : said);
}

/** For a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
