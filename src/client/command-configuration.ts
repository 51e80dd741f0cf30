/** The configuration of a command: the file, the environment, and its `-D`. */
import type { Configuration } from '../config/configuration.ts';
import { loadConfiguration } from '../config/load-configuration.ts';
import type { Env } from '../env/env.ts';
import type { ParsedArguments } from './arguments.ts';

/** @throws EngineError CONFIG_*, IO_* */
export async function commandConfiguration(
  env: Pick<Env, 'disk' | 'terminal'>,
  args: ParsedArguments,
): Promise<Configuration> {
  const { disk, terminal } = env;
  return loadConfiguration({
    disk,
    variables: terminal.variables,
    file: args.value('config'),
    assignments: args.values('define'),
  });
}
