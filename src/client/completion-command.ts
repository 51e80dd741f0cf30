/** `millrace completion`: prints the script by which a shell completes commands. */
import { EngineError } from '../base/errors.ts';
import { OPTIONS } from '../config/options.ts';
import type { Env } from '../env/env.ts';
import type { ParsedArguments } from './arguments.ts';
import type { Program } from './cli.ts';
import { completionScript, SHELLS } from './completion.ts';
import { ExitCode } from './exit-codes.ts';

export async function completionCommand(
  { terminal }: Pick<Env, 'terminal'>,
  args: ParsedArguments,
  { commands }: Program,
): Promise<number> {
  const typed = args.positionals[0]!;
  const shell = SHELLS.find((each) => each === typed);
  if (shell === undefined) {
    const expected = SHELLS.join(', ');
    throw new EngineError('CLI_VALUE_INVALID', { option: 'SHELL', value: typed, expected });
  }
  const optionKeys = [...OPTIONS.keys()];
  terminal.stdout.write(completionScript(shell, { commands, optionKeys }));
  await terminal.stdout.flush();
  return ExitCode.success;
}
