/**
 * `millrace jobmanager` and `millrace taskmanager`: a process of a cluster, in the foreground. Also
 * what the background runs: the same two under a supervisor, and that.
 */
import { withAssignments } from '../config/load-configuration.ts';
import type { Configuration } from '../config/configuration.ts';
import { ClusterDirectory } from '../deploy/cluster-directory.ts';
import { jobManagerProcess } from '../deploy/jobmanager-process.ts';
import type { ProcessPlace } from '../deploy/process-run.ts';
import { supervisorProcess } from '../deploy/supervisor-process.ts';
import { taskManagerProcess } from '../deploy/taskmanager-process.ts';
import type { Env } from '../env/env.ts';
import type { ParsedArguments } from './arguments.ts';
import type { Program } from './cli.ts';
import { jobArguments } from './job-arguments.ts';
import { jobConfiguration } from './submission.ts';
import { commandConfiguration, withAuthentication } from './command-configuration.ts';

export async function jobManagerCommand(env: Env, args: ParsedArguments): Promise<number> {
  const configuration = withAuthentication(args, await configurationOf(env, args));
  return jobManagerProcess(env, configuration, placeOf(args));
}

/** `millrace standalone-job`: a JobManager for one job, which ends with it. */
export async function standaloneJobCommand(
  env: Env,
  args: ParsedArguments,
  { version: engine }: Program,
): Promise<number> {
  const { configuration, job: given } = await jobArguments(env, args);
  const job = { ...given, configuration: jobConfiguration(given.configuration) };
  return jobManagerProcess(env, withAuthentication(args, configuration), placeOf(args), {
    ...{ job, engine },
  });
}

export async function taskManagerCommand(env: Env, args: ParsedArguments): Promise<number> {
  return taskManagerProcess(env, await configurationOf(env, args), placeOf(args));
}

/** Started by `millrace cluster start` only. */
export async function supervisorCommand(env: Env, args: ParsedArguments): Promise<number> {
  return supervisorProcess({
    env,
    configuration: await configurationOf(env, args),
    taskManagers: Number(args.value('taskmanagers')),
    jobManager: args.has('jobmanager'),
    hosts: args.values('host'),
    owned: args.has('owned'),
  });
}

function placeOf(args: ParsedArguments): ProcessPlace {
  return {
    supervised: args.has('supervised'),
    folder: args.value('directory'),
    logName: args.value('log'),
  };
}

/** @throws EngineError CONFIG_*, IO_*, CLUSTER_FILE_INVALID */
async function configurationOf(env: Env, args: ParsedArguments): Promise<Configuration> {
  const folder = args.value('directory');
  if (folder === undefined) return commandConfiguration(env, args);
  const stored = await ClusterDirectory.at(env, folder).readConfiguration();
  return withAssignments(stored, args.values('define'));
}
