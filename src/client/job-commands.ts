/** `millrace cancel`, `stop`, `savepoint` and `checkpoint`, in Flink's words. */
import { EngineError, isEngineError } from '../base/errors.ts';
import type { ParsedArguments } from './arguments.ts';
import { clusterSession, jobIdOf, type ClusterSession } from './cluster-session.ts';
import type { CommandEnv } from './command-env.ts';
import { ExitCode } from './exit-codes.ts';
import { outcome, trigger } from './operations.ts';
import type { CheckpointAnswer } from './rest-answers.ts';
import { typedDirectory } from './typed-directory.ts';

/** As Flink names the place of what has no files. */
const IN_MEMORY = '<checkpoint-not-externally-addressable>';

export async function cancelCommand(env: CommandEnv, args: ParsedArguments): Promise<number> {
  const session = await clusterSession(env, args);
  const { client, output } = session;
  const { typed, directory } = jobAndDirectory(env, args, 'withSavepoint');
  const jobId = await jobIdOf(session, typed);
  if (args.has('withSavepoint')) return cancelWithSavepoint(session, jobId, directory);
  output.say(`Cancelling job ${jobId}.`);
  await client.call({ method: 'PATCH', path: `/jobs/${jobId}?mode=cancel` });
  output.say(`Cancelled job ${jobId}.`);
  output.result({ jobId, status: 'CANCELLING' });
  await output.flush();
  return ExitCode.success;
}

async function cancelWithSavepoint(
  session: ClusterSession,
  jobId: string,
  directory: string | undefined,
): Promise<number> {
  const { output, args } = session;
  const formatType = savepointFormat(args);
  output.say(
    'DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. Use "stop" instead.',
  );
  const to = directory === undefined ? 'default savepoint directory' : directory;
  output.say(`Cancelling job ${jobId} with ${formatType} savepoint to ${to}.`);
  const path = `/jobs/${jobId}/savepoints`;
  const json = { 'target-directory': directory ?? null, 'cancel-job': true, formatType };
  const id = await trigger(session, { path, json });
  const { location } = await outcome(session, path, id, `The savepoint of job ${jobId}`);
  output.say(`Cancelled job ${jobId}. Savepoint stored in ${String(location)}.`);
  output.result({ jobId, savepoint: location });
  await output.flush();
  return ExitCode.success;
}

export async function stopCommand(env: CommandEnv, args: ParsedArguments): Promise<number> {
  const session = await clusterSession(env, args);
  const { output } = session;
  const { typed, directory } = jobAndDirectory(env, args, 'savepointPath');
  const jobId = await jobIdOf(session, typed);
  const drain = args.has('drain');
  const formatType = savepointFormat(args);
  output.say(`${drain ? 'Draining' : 'Suspending'} job "${jobId}" with a ${formatType} savepoint.`);
  const isDetached = args.has('detached');
  const mode = isDetached ? ' in detached mode' : '';
  output.say(`Triggering stop-with-savepoint${mode} for job ${jobId}.`);
  const json = { targetDirectory: directory ?? null, drain, formatType };
  const id = await trigger(session, { path: `/jobs/${jobId}/stop`, json });
  if (isDetached) {
    output.say(`Successfully trigger stop-with-savepoint in detached mode, triggerId: ${id}`);
    output.result({ jobId, triggerId: id });
    await output.flush();
    return ExitCode.success;
  }
  output.say('Waiting for response...');
  const what = `Stopping job ${jobId} with a savepoint`;
  const { location } = await outcome(session, `/jobs/${jobId}/savepoints`, id, what);
  output.say(`Savepoint completed. Path: ${String(location)}`);
  output.result({ jobId, savepoint: location });
  await output.flush();
  return ExitCode.success;
}

export async function savepointCommand(env: CommandEnv, args: ParsedArguments): Promise<number> {
  if (args.positionals[0] === 'inspect') {
    return (await import('./inspect-command.ts')).inspectCommand(env, args);
  }
  const session = await clusterSession(env, args);
  const dispose = args.value('dispose');
  if (dispose !== undefined) return disposeSavepoint(session, typedDirectory(env, dispose));
  const { output } = session;
  const [typed, to] = args.positionals;
  const directory = to === undefined ? undefined : typedDirectory(env, to);
  if (typed === undefined) throw new EngineError('CLI_JOB_ID_MISSING', { command: 'savepoint' });
  const jobId = await jobIdOf(session, typed);
  const isDetached = args.has('detached');
  const mode = isDetached ? ' in detached mode' : '';
  output.say(`Triggering savepoint${mode} for job ${jobId}.`);
  const path = `/jobs/${jobId}/savepoints`;
  const formatType = savepointFormat(args);
  const json = { 'target-directory': directory ?? null, 'cancel-job': false, formatType };
  const id = await trigger(session, { path, json });
  if (isDetached) {
    output.say(`Successfully trigger manual savepoint, triggerId: ${id}`);
    output.result({ jobId, triggerId: id });
    await output.flush();
    return ExitCode.success;
  }
  output.say('Waiting for response...');
  const { location } = await outcome(session, path, id, `The savepoint of job ${jobId}`);
  output.say(`Savepoint completed. Path: ${String(location)}`);
  output.say('You can resume your program from this savepoint with the run command.');
  output.result({ jobId, savepoint: location });
  await output.flush();
  return ExitCode.success;
}

async function disposeSavepoint(session: ClusterSession, path: string): Promise<number> {
  const { output } = session;
  output.say(`Disposing savepoint '${path}'.`);
  const id = await trigger(session, {
    path: '/savepoint-disposal',
    json: { 'savepoint-path': path },
  });
  output.say('Waiting for response...');
  await outcome(session, '/savepoint-disposal', id, `Disposing the savepoint ${path}`);
  output.say(`Savepoint '${path}' disposed.`);
  output.result({ savepoint: path, disposed: true });
  await output.flush();
  return ExitCode.success;
}

export async function checkpointCommand(env: CommandEnv, args: ParsedArguments): Promise<number> {
  const session = await clusterSession(env, args);
  const { output } = session;
  const jobId = await jobIdOf(session, args.positionals[0]!);
  const checkpointType = args.has('full') ? 'FULL' : 'CONFIGURED';
  output.say(`Triggering checkpoint for job ${jobId}.`);
  const path = `/jobs/${jobId}/checkpoints`;
  const id = await trigger(session, { path, json: { checkpointType } });
  output.say('Waiting for response...');
  const { checkpointId } = await outcome(session, path, id, `The checkpoint of job ${jobId}`);
  const type = checkpointType === 'CONFIGURED' ? '' : `(${checkpointType})`;
  output.say(`Checkpoint${type} ${String(checkpointId)} for job ${jobId} completed.`);
  const location = await locationOf(session, jobId, checkpointId);
  if (location === IN_MEMORY) {
    output.say('It is in the memory of the JobManager: no program can be resumed from it.');
    output.say('Set execution.checkpointing.dir to keep checkpoints in files.');
  } else output.say('You can resume your program from this checkpoint with the run command.');
  output.result({ jobId, checkpointId, location });
  await output.flush();
  return ExitCode.success;
}

/** Undefined: the cluster does not tell any more. */
async function locationOf(
  { client }: ClusterSession,
  jobId: string,
  checkpointId: number | undefined,
): Promise<string | undefined> {
  const path = `/jobs/${jobId}/checkpoints/details/${String(checkpointId)}`;
  try {
    return (await client.getPatiently<CheckpointAnswer>(path)).external_path;
  } catch (thrown) {
    // The checkpoint is there all the same.
    if (isEngineError(thrown, 'REST_REFUSED') || isEngineError(thrown, 'JOB_NOT_FOUND')) {
      return undefined;
    }
    throw thrown;
  }
}

/**
 * The job, and the value of an option that may have been left out: as in Flink the id stands where
 * the value could, when it stands alone.
 */
function jobAndDirectory(
  env: CommandEnv,
  args: ParsedArguments,
  option: string,
): { readonly typed: string; readonly directory: string | undefined } {
  const [first] = args.positionals;
  const value = args.value(option);
  const given = value === undefined || value === '' ? undefined : value;
  if (first !== undefined) {
    return { typed: first, directory: given === undefined ? given : typedDirectory(env, given) };
  }
  if (given !== undefined) return { typed: given, directory: undefined };
  throw new EngineError('CLI_JOB_ID_MISSING', { command: args.command });
}

/** @throws EngineError CLI_VALUE_INVALID */
function savepointFormat(args: ParsedArguments): string {
  const typed = args.value('type') ?? 'CANONICAL';
  const format = typed.toUpperCase();
  if (format === 'CANONICAL' || format === 'NATIVE') return format;
  const expected = 'canonical or native';
  throw new EngineError('CLI_VALUE_INVALID', { option: '-type', value: typed, expected });
}
