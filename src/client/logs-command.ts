/**
 * `millrace logs`: the log of the JobManager, of a TaskManager, or all lines about a job, until now
 * or on and on.
 */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import { RestOptions } from '../config/options/rest-options.ts';
import type { ParsedArguments } from './arguments.ts';
import { clusterSession, jobIdOf, type ClusterSession } from './cluster-session.ts';
import type { CommandEnv } from './command-env.ts';
import { ExitCode } from './exit-codes.ts';
import { logEntry, logText } from './log-line.ts';
import { LogSource } from './log-source.ts';
import type { LogListAnswer, TaskManagersAnswer } from './rest-answers.ts';

const JOB_MANAGER = 'jobmanager';
const FOLLOW_DELAY = seconds(1);

export async function logsCommand(env: CommandEnv, args: ParsedArguments): Promise<number> {
  const most = linesWanted(args);
  const session = await clusterSession(env, args);
  if (args.has('list')) return listLogs(session);
  const { sources, jobId } = await sourcesOf(session);
  const { stdout } = env.terminal;
  const print = async (lines: readonly Line[]): Promise<void> => {
    for (const line of lines) stdout.write(`${rendered(session, line, sources.length > 1)}\n`);
    await stdout.flush();
  };
  const first = await nextLines(sources, jobId);
  await print(most === undefined ? first : first.slice(Math.max(first.length - most, 0)));
  if (!args.has('follow')) return ExitCode.success;
  for (;;) {
    await session.client.pause(FOLLOW_DELAY);
    await print(await nextLines(sources, jobId));
  }
}

interface Line {
  readonly source: string;
  readonly text: string;
}

/** By time, where several logs are read. */
async function nextLines(
  sources: readonly LogSource[],
  jobId: string | undefined,
): Promise<readonly Line[]> {
  const logs = await Promise.all(
    sources.map(async (source) =>
      (await source.next())
        .filter((text) => jobId === undefined || text.includes(jobId))
        .map((text) => ({ source: source.name, text })),
    ),
  );
  if (logs.length === 1) return logs[0]!;
  return logs
    .flatMap(timed)
    .sort((left, right) => (left.time < right.time ? -1 : left.time > right.time ? 1 : 0))
    .map(({ line }) => line);
}

/** A line without a time belongs to the one before it. */
function timed(lines: readonly Line[]): readonly { readonly time: string; readonly line: Line }[] {
  let time = '';
  return lines.map((line) => {
    time = logEntry(line.text)?.time ?? time;
    return { time, line };
  });
}

function rendered({ output }: ClusterSession, { source, text }: Line, several: boolean): string {
  if (output.isJson) {
    const entry = logEntry(text) ?? { message: text };
    return JSON.stringify({ type: 'log', source, ...entry });
  }
  return several ? `[${source}] ${logText(text)}` : logText(text);
}

/** @throws EngineError CLI_NO_SUCH_LOG, CLI_JOB_ID_*, REST_* */
async function sourcesOf(
  session: ClusterSession,
): Promise<{ readonly sources: readonly LogSource[]; readonly jobId: string | undefined }> {
  const { args } = session;
  const [typed = JOB_MANAGER] = args.positionals;
  const file = args.value('file');
  if (typed === JOB_MANAGER) {
    return { sources: [logOf(session, JOB_MANAGER, file)], jobId: undefined };
  }
  const ids = await taskManagerIds(session);
  const matches = ids.filter((id) => id === typed || id.startsWith(typed));
  const id = ids.includes(typed) ? typed : matches.length === 1 ? matches[0] : undefined;
  if (id !== undefined) return { sources: [logOf(session, id, file)], jobId: undefined };
  if (!/^[0-9a-f]{6,32}$/i.test(typed)) {
    const suggestion = didYouMean(typed, [JOB_MANAGER, ...ids]);
    throw new EngineError('CLI_NO_SUCH_LOG', { name: typed, suggestion });
  }
  const jobId = await jobIdOf(session, typed);
  // Answers with an error that names the job if there is none.
  await session.client.get(`/jobs/${jobId}`);
  const names = [JOB_MANAGER, ...ids];
  return { sources: names.map((name) => logOf(session, name, undefined)), jobId };
}

function logOf(
  { client, configuration }: ClusterSession,
  name: string,
  file: string | undefined,
): LogSource {
  const log = file === undefined ? 'log' : `logs/${encodeURIComponent(file)}`;
  const maxBytes = configuration.get(RestOptions.clientMaxContentLength);
  return new LogSource(client, name, `${componentPath(name)}/${log}`, maxBytes);
}

function componentPath(name: string): string {
  return name === JOB_MANAGER ? '/jobmanager' : `/taskmanagers/${encodeURIComponent(name)}`;
}

async function taskManagerIds({ client }: ClusterSession): Promise<readonly string[]> {
  const { taskmanagers } = await client.get<TaskManagersAnswer>('/taskmanagers');
  return taskmanagers.map(({ id }) => id);
}

/** Which logs there are. */
async function listLogs(session: ClusterSession): Promise<number> {
  const { client, output } = session;
  const names = [JOB_MANAGER, ...(await taskManagerIds(session))];
  const lists = await Promise.all(
    names.map(async (name) => ({
      component: name,
      files: (await client.get<LogListAnswer>(`${componentPath(name)}/logs`)).logs,
    })),
  );
  for (const { component, files } of lists) {
    output.say(component);
    for (const { name, size } of files) output.say(`  ${name} (${size} bytes)`);
  }
  output.result({ components: lists });
  await output.flush();
  return ExitCode.success;
}

function linesWanted(args: ParsedArguments): number | undefined {
  const typed = args.value('lines');
  if (typed === undefined) return undefined;
  if (/^\d{1,9}$/.test(typed)) return Number(typed);
  const expected = 'a whole number of lines';
  throw new EngineError('CLI_VALUE_INVALID', { option: '--lines', value: typed, expected });
}
