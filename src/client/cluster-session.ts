/** What every command of a cluster begins with: its configuration, the cluster, its output. */
import { EngineError } from '../base/errors.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import type { Configuration } from '../config/configuration.ts';
import type { ParsedArguments } from './arguments.ts';
import { clusterClient } from './cluster-target.ts';
import { commandConfiguration } from './command-configuration.ts';
import type { CommandEnv } from './command-env.ts';
import { CommandOutput } from './command-output.ts';
import type { RestClient } from './rest-client.ts';
import type { JobsOverview } from './rest-answers.ts';

export interface ClusterSession {
  readonly env: CommandEnv;
  readonly args: ParsedArguments;
  readonly configuration: Configuration;
  readonly client: RestClient;
  readonly output: CommandOutput;
}

/** @throws EngineError CONFIG_*, CLI_*, CLUSTER_*, IO_* */
export async function clusterSession(
  env: CommandEnv,
  args: ParsedArguments,
): Promise<ClusterSession> {
  const configuration = await commandConfiguration(env, args);
  const client = await clusterClient(env, args, configuration);
  return { env, args, configuration, client, output: new CommandOutput(env, args) };
}

/** Fewer digits could mean another job tomorrow. */
const PREFIX_MIN = 6;

/**
 * The id of a job of which the beginning may have been typed.
 * @throws EngineError CLI_JOB_ID_INVALID, CLI_JOB_ID_AMBIGUOUS, CLI_JOB_ID_UNKNOWN, REST_*
 */
export async function jobIdOf({ client }: ClusterSession, typed: string): Promise<string> {
  const text = typed.toLowerCase();
  if (/^[0-9a-f]{32}$/.test(text)) return text;
  const isPrefix = text.length >= PREFIX_MIN && /^[0-9a-f]{1,31}$/.test(text);
  const { jobs } = await client.get<JobsOverview>('/jobs/overview');
  const matches = isPrefix ? jobs.filter(({ jid }) => jid.startsWith(text)) : [];
  if (matches.length === 1) return matches[0]!.jid;
  if (matches.length > 1) {
    const names = matches.map(({ jid, name }) => `${jid} (${name})`).join(', ');
    throw new EngineError('CLI_JOB_ID_AMBIGUOUS', { text: typed, jobs: names });
  }
  if (isPrefix) throw new EngineError('CLI_JOB_ID_UNKNOWN', { text: typed });
  throw new EngineError('CLI_JOB_ID_INVALID', { text: typed, suggestion: suggestion(typed, jobs) });
}

/** People type names where ids are wanted. */
function suggestion(typed: string, jobs: JobsOverview['jobs']): string {
  const named = jobs.filter(({ name }) => name === typed);
  if (named.length === 1) return ` The job "${typed}" has the id ${named[0]!.jid}.`;
  return didYouMean(
    typed,
    jobs.map(({ jid }) => jid),
  );
}
