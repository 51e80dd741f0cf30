/** `millrace jobmanager` and `millrace taskmanager`: a process of a cluster, in the foreground. */
import { Configuration, parseAssignment } from '../config/configuration.ts';
import { jobManagerProcess } from '../deploy/jobmanager-process.ts';
import { taskManagerProcess } from '../deploy/taskmanager-process.ts';
import type { Env } from '../env/env.ts';
import type { ParsedArguments } from './arguments.ts';

export async function jobManagerCommand(env: Env, args: ParsedArguments): Promise<number> {
  return jobManagerProcess(env, configurationOf(args));
}

export async function taskManagerCommand(env: Env, args: ParsedArguments): Promise<number> {
  return taskManagerProcess(env, configurationOf(args));
}

/** @throws EngineError CONFIG_* */
function configurationOf(args: ParsedArguments): Configuration {
  return Configuration.parse(Object.fromEntries(args.values('define').map(parseAssignment)));
}
