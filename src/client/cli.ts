/** The command line `millrace`: finds the command, and says what is wrong where none fits. */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError, isEngineError, toEngineError } from '../base/errors.ts';
import type { CommandSpec, ParsedArguments } from './arguments.ts';
import { parseArguments } from './arguments.ts';
import type { CommandEnv } from './command-env.ts';
import { CANCEL, CHECKPOINT, LIST, LOGS, SAVEPOINT, STOP, TOP } from './cluster-specs.ts';
import {
  BUNDLE,
  CLUSTER,
  COMPLETION,
  CONFIG_COMMAND,
  INFO,
  JOBMANAGER,
  RUN,
  RUN_APPLICATION,
  SECURE,
  STANDALONE_JOB,
  SUPERVISOR,
  TASKMANAGER,
} from './command-specs.ts';
import { ExitCode } from './exit-codes.ts';
import { commandHelp, programHelp } from './help.ts';
import { renderError } from './render-error.ts';

type Run = (env: CommandEnv, args: ParsedArguments, program: Program) => Promise<number>;

/** What a command may want to know of the whole. */
export interface Program {
  readonly version: string;
  readonly commands: readonly CommandSpec[];
}

/** What a command does is loaded when it is given: most of it is the engine. */
type Command = readonly [spec: CommandSpec, load: () => Promise<Run>];

const COMMANDS: readonly Command[] = [
  [RUN, async () => (await import('./run-command.ts')).runCommand],
  [RUN_APPLICATION, async () => (await import('./application-command.ts')).runApplicationCommand],
  [INFO, async () => (await import('./info-command.ts')).infoCommand],
  [BUNDLE, async () => (await import('./bundle-command.ts')).bundleCommand],
  [LIST, async () => (await import('./list-command.ts')).listCommand],
  [CANCEL, async () => (await import('./job-commands.ts')).cancelCommand],
  [STOP, async () => (await import('./job-commands.ts')).stopCommand],
  [SAVEPOINT, async () => (await import('./job-commands.ts')).savepointCommand],
  [CHECKPOINT, async () => (await import('./job-commands.ts')).checkpointCommand],
  [TOP, async () => (await import('./top-command.ts')).topCommand],
  [LOGS, async () => (await import('./logs-command.ts')).logsCommand],
  [CONFIG_COMMAND, async () => (await import('./config-command.ts')).configCommand],
  [COMPLETION, async () => (await import('./completion-command.ts')).completionCommand],
  [STANDALONE_JOB, async () => (await import('./process-commands.ts')).standaloneJobCommand],
  [JOBMANAGER, async () => (await import('./process-commands.ts')).jobManagerCommand],
  [TASKMANAGER, async () => (await import('./process-commands.ts')).taskManagerCommand],
  [SUPERVISOR, async () => (await import('./process-commands.ts')).supervisorCommand],
  [SECURE, async () => (await import('./secure-command.ts')).secureCommand],
  [CLUSTER, async () => (await import('./cluster-command.ts')).clusterCommand],
];

/** What all commands take, for the page about them. */
export function commandSpecs(): readonly CommandSpec[] {
  return COMMANDS.map(([spec]) => spec);
}

/** Runs the command that `env.terminal.args` say; never throws. @returns the exit code. */
export async function cli(env: CommandEnv, version: string): Promise<number> {
  const { terminal } = env;
  const [name, ...rest] = terminal.args;
  let args: ParsedArguments | undefined;
  const specs = commandSpecs().filter(({ hidden }) => hidden !== true);
  try {
    if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
      terminal.stdout.write(programHelp(specs));
      return name === undefined ? ExitCode.failure : ExitCode.success;
    }
    if (name === '--version' || name === '-v') {
      terminal.stdout.write(`${version}\n`);
      return ExitCode.success;
    }
    const command = COMMANDS.find(([spec]) => spec.name === name);
    if (command === undefined) throw unknownCommand(name, specs);
    const [spec, load] = command;
    args = parseArguments(spec, rest);
    if (args.has('help')) {
      terminal.stdout.write(commandHelp(spec));
      return ExitCode.success;
    }
    const run = await load();
    return await run(env, args, { version, commands: specs });
  } catch (thrown) {
    if (isEngineError(thrown, 'OUTPUT_CLOSED')) return unreadCode(name, args);
    if (terminal.args.includes('--json')) {
      terminal.stdout.write(`${JSON.stringify({ type: 'error', ...errorFields(thrown) })}\n`);
      // Whoever does not read it any more gets the text all the same.
      await terminal.stdout.flush().catch(() => undefined);
    }
    const verbose = terminal.args.includes('--verbose');
    terminal.stderr.write(
      renderError(thrown, { verbose, workingDirectory: terminal.workingDirectory }),
    );
    await terminal.stderr.flush().catch(() => undefined);
    return ExitCode.failure;
  }
}

/**
 * Whoever reads has seen enough, as in `millrace list | head`: that is no error, and nothing to
 * tell. A job that is followed ends with its reader.
 */
function unreadCode(name: string | undefined, args: ParsedArguments | undefined): number {
  const isFollowed = name === RUN.name || name === RUN_APPLICATION.name;
  return isFollowed && args?.has('detached') !== true ? ExitCode.unread : ExitCode.success;
}

/** An error for programs: as data, and as the text that people get. */
function errorFields(thrown: unknown): Readonly<Record<string, unknown>> {
  const error = toEngineError(thrown);
  return { message: error.message, fix: error.fix, error: error.toData() };
}

function unknownCommand(name: string, specs: readonly CommandSpec[]): EngineError {
  const known = specs.map((spec) => spec.name);
  const candidates = name.startsWith('-') ? ['--version', '--help'] : [...known, 'help'];
  return new EngineError('CLI_UNKNOWN_COMMAND', {
    name,
    suggestion: /\.[cm]?[jt]s$/.test(name)
      ? ` Did you mean "run ${name}"?`
      : didYouMean(name, candidates),
    known: known.join(', '),
  });
}
