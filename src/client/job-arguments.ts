/** What `run` and `info` have in common: which job, with which parameters and configuration. */
import { EngineError, isEngineError } from '../base/errors.ts';
import { Configuration } from '../config/configuration.ts';
import { withAssignments } from '../config/load-configuration.ts';
import { CheckpointingOptions, RecoveryOptions } from '../config/options/checkpointing-options.ts';
import { PipelineOptions } from '../config/options/pipeline-options.ts';
import type { Env } from '../env/env.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { parseAssignments, type ParsedArguments } from './arguments.ts';
import { commandConfiguration } from './command-configuration.ts';
import { jobFileUrl } from './job-file.ts';
import { typedDirectory } from './typed-directory.ts';

export interface JobArguments {
  readonly configuration: Configuration;
  readonly job: Omit<JobReference, 'jobId'>;
}

const FOLDERS = [
  CheckpointingOptions.directory,
  CheckpointingOptions.savepointDirectory,
  RecoveryOptions.path,
];
const CLAIM_MODES = ['CLAIM', 'NO_CLAIM', 'LEGACY'] as const;

/**
 * Later ones win: `defaults`, the configuration file, the environment, -p and --externals, -D.
 * @throws EngineError JOB_FILE_*, CONFIG_*, CLI_NOT_AN_ASSIGNMENT
 */
export async function jobArguments(
  env: Env,
  args: ParsedArguments,
  defaults: (given: Configuration) => Readonly<Record<string, string>> = () => ({}),
): Promise<JobArguments> {
  const moduleUrl = await jobFileUrl(env.disk, args.positionals[0]!);
  const given = withAssignments(
    (await commandConfiguration(env, args))
      .with(parallelismOf(args), { kind: 'command-line', option: '-p' })
      .with(externalsOf(args), { kind: 'command-line', option: '--externals' })
      .with(restoreOf(args), { kind: 'command-line', option: '-s' }),
    args.values('define'),
  );
  const configuration = Configuration.parse(defaults(given)).overriddenBy(given);
  const job = {
    moduleUrl,
    exportName: args.value('job'),
    parameters: parseAssignments('--param', args.values('param')),
    configuration: withAbsoluteFolders(env, configuration),
  };
  return { configuration, job };
}

/** Of the job: its folders are meant from where it is submitted. */
function withAbsoluteFolders(
  env: Pick<Env, 'disk'>,
  configuration: Configuration,
): Readonly<Record<string, string>> {
  const record = { ...configuration.toRecord() };
  for (const option of FOLDERS) {
    for (const key of [option.key, ...option.fallbackKeys]) {
      const typed = record[key];
      if (typed !== undefined) record[key] = typedDirectory(env, typed);
    }
  }
  return record;
}

/** From what the job starts. */
function restoreOf(args: ParsedArguments): Readonly<Record<string, string>> {
  const path = args.value('fromSavepoint');
  if (path === undefined) return {};
  return {
    [RecoveryOptions.path.key]: path,
    [RecoveryOptions.ignoreUnclaimed.key]: String(args.has('allowNonRestoredState')),
    [RecoveryOptions.claimMode.key]: claimModeOf(args),
  };
}

/** @throws EngineError CLI_VALUE_INVALID */
function claimModeOf(args: ParsedArguments): string {
  const typed = args.value('claimMode') ?? 'NO_CLAIM';
  const mode = typed.toUpperCase().replaceAll('-', '_');
  const known = CLAIM_MODES.find((each) => each === mode);
  if (known !== undefined) return known;
  const expected = 'claim, no_claim or legacy';
  throw new EngineError('CLI_VALUE_INVALID', { option: '--claimMode', value: typed, expected });
}

function externalsOf(args: ParsedArguments): Readonly<Record<string, string>> {
  const names = args.values('externals');
  return names.length === 0 ? {} : { [PipelineOptions.externals.key]: names.join(';') };
}

/** An error names the option that was typed, not the key that it stands for. */
function parallelismOf(args: ParsedArguments): Readonly<Record<string, string>> {
  const text = args.value('parallelism');
  if (text === undefined) return {};
  const values = { [PipelineOptions.parallelism.key]: text };
  try {
    Configuration.parse(values);
  } catch (thrown) {
    if (!isEngineError(thrown, 'CONFIG_INVALID_VALUE')) throw thrown;
    throw new EngineError(thrown.code, { ...thrown.parameters, key: '--parallelism' });
  }
  return values;
}
