/**
 * `millrace run-application`: a cluster on this machine for one job, which is built and run in it;
 * the cluster ends with the job, and the command with its exit code.
 *
 * Invariants
 * A1. Whatever happens to the job, its cluster is stopped before the command ends; where the
 *     command is killed the cluster ends by itself.
 * A2. Of an application that did not end well nothing but the logs is kept, and that for a while
 *     (`deploy/ended-applications.ts`).
 */
import { EngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { JobManagerOptions } from '../config/options/job-manager-options.ts';
import { RestOptions } from '../config/options/rest-options.ts';
import { TaskManagerOptions } from '../config/options/task-manager-options.ts';
import type { Configuration } from '../config/configuration.ts';
import { APPLICATION_PREFIX } from '../deploy/cluster-directory.ts';
import { startCluster, stopCluster } from '../deploy/cluster-on-machine.ts';
import type { ClusterState } from '../deploy/cluster-state.ts';
import { removeOldApplications } from '../deploy/ended-applications.ts';
import type { ParsedArguments } from './arguments.ts';
import type { Program } from './cli.ts';
import { clientAt } from './cluster-target.ts';
import type { CommandEnv } from './command-env.ts';
import { ExitCode } from './exit-codes.ts';
import { jobArguments } from './job-arguments.ts';
import { profileSettings } from './profiles.ts';
import { runOn } from './remote-run.ts';

const START_TIMEOUT = seconds(60);

export async function runApplicationCommand(
  env: CommandEnv,
  args: ParsedArguments,
  { version }: Program,
): Promise<number> {
  const { configuration: given, job } = await jobArguments(env, args, () =>
    args.has('profile') ? profileSettings(false) : {},
  );
  const configuration = ownCluster(env, args, given);
  // While the cluster starts or stops nobody else listens. A1.
  let signal: 'SIGINT' | 'SIGTERM' | undefined;
  using _signals = env.terminal.onSignal((each) => void (signal ??= each));
  await removeOldApplications(env);
  const state = await startCluster(env, {
    configuration,
    owned: true,
    taskManagers: countOf(args, 'taskmanagers') ?? 1,
    ...{ jobManager: true, hosts: [], timeout: START_TIMEOUT },
  });
  let code: number = ExitCode.failure;
  try {
    if (signal !== undefined) {
      code = signal === 'SIGTERM' ? ExitCode.terminated : ExitCode.interrupted;
      return code;
    }
    const client = await clientAt(env, args, configuration, { url: restUrlOf(state) });
    code = await runOn({
      ...{ env, args, configuration, client, job, version },
      ...{ isAttached: true, cancelsAtExit: true },
    });
    return code;
  } finally {
    await stopCluster(env, state.directory);
    await cleanUp(env, state, code);
  }
}

/** A name, and ports, that no other cluster of this machine has, unless they are configured. */
function ownCluster(env: CommandEnv, args: ParsedArguments, given: Configuration): Configuration {
  const slots = countOf(args, 'slots');
  const own = {
    [ClusterOptions.clusterId.key]: `${APPLICATION_PREFIX}${env.random.uuid().slice(0, 8)}`,
    [RestOptions.port.key]: '0',
    [JobManagerOptions.rpcPort.key]: '0',
  };
  const typed = slots === undefined ? {} : { [TaskManagerOptions.slots.key]: String(slots) };
  const free = given.with(typed, { kind: 'command-line', option: '--slots' });
  const missing = Object.entries(own).filter(
    ([key]) => !given.entries().some(({ option }) => option.key === key),
  );
  return free.with(Object.fromEntries(missing));
}

function restUrlOf({ file, directory }: ClusterState): string {
  if (file.restUrl !== undefined) return file.restUrl;
  const parameters = { cluster: directory.clusterId, reason: 'it does not serve REST' };
  throw new EngineError('CLUSTER_NOT_STARTED', { ...parameters, log: directory.folder('log') });
}

/** The logs of what went well are of no use. */
async function cleanUp(env: CommandEnv, state: ClusterState, code: number): Promise<void> {
  const { path } = state.directory;
  if (code === ExitCode.success) await env.disk.remove(path);
  else {
    // The supervisor does it unless it was killed.
    await state.directory.removeAllButLogs();
    env.terminal.stderr.write(`The logs of the cluster are in ${state.directory.folder('log')}\n`);
  }
}

function countOf(args: ParsedArguments, option: string): number | undefined {
  const typed = args.value(option);
  if (typed === undefined) return undefined;
  const count = Number(typed);
  if (/^\d+$/.test(typed) && count >= 1 && count <= 1000) return count;
  const parameters = { option: `--${option}`, value: typed };
  throw new EngineError('CLI_VALUE_INVALID', {
    ...parameters,
    expected: 'a whole number from 1 to 1000',
  });
}
