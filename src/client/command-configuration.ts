/** The configuration of a command: the file, the environment, and its `-D`. */
import type { Configuration } from '../config/configuration.ts';
import { loadConfiguration } from '../config/load-configuration.ts';
import { RestOptions } from '../config/options/rest-options.ts';
import { SecurityOptions } from '../config/options/security-options.ts';
import type { Env } from '../env/env.ts';
import type { ParsedArguments } from './arguments.ts';

/** @throws EngineError CONFIG_*, IO_* */
export async function commandConfiguration(
  env: Pick<Env, 'disk' | 'terminal'>,
  args: ParsedArguments,
): Promise<Configuration> {
  const { disk, terminal } = env;
  const configuration = await loadConfiguration({
    disk,
    variables: terminal.variables,
    file: args.value('config'),
    assignments: args.values('define'),
  });
  if (!args.has('insecure-bind')) return configuration;
  const origin = { kind: 'command-line', option: '--insecure-bind' } as const;
  return configuration.with({ [SecurityOptions.insecureBind.key]: 'true' }, origin);
}

/** With `--no-auth`, of the commands that have it. */
export function withAuthentication(
  args: ParsedArguments,
  configuration: Configuration,
): Configuration {
  if (!args.has('no-auth')) return configuration;
  const origin = { kind: 'command-line', option: '--no-auth' } as const;
  return configuration.with({ [RestOptions.authentication.key]: 'false' }, origin);
}
