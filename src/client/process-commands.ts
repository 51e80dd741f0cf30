/** `millrace jobmanager` and `millrace taskmanager`: a process of a cluster, in the foreground. */
import { jobManagerProcess } from '../deploy/jobmanager-process.ts';
import { taskManagerProcess } from '../deploy/taskmanager-process.ts';
import type { Env } from '../env/env.ts';
import type { ParsedArguments } from './arguments.ts';
import { commandConfiguration } from './command-configuration.ts';

export async function jobManagerCommand(env: Env, args: ParsedArguments): Promise<number> {
  return jobManagerProcess(env, await commandConfiguration(env, args));
}

export async function taskManagerCommand(env: Env, args: ParsedArguments): Promise<number> {
  return taskManagerProcess(env, await commandConfiguration(env, args));
}
