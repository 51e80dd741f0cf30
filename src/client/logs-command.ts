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
import { clusterHere } from './cluster-target.ts';
import type { CommandEnv } from './command-env.ts';
import { ExitCode } from './exit-codes.ts';
import { logEntry, logText } from './log-line.ts';
import { fileLog, LogSource, restLog } from './log-source.ts';
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

/** Whose log there is: `id` as the cluster calls it, and what else people may type. */
interface Component {
  readonly id: string;
  readonly name?: string | undefined;
  /** On this machine. */
  readonly file?: string | undefined;
}

/** @throws EngineError CLI_NO_SUCH_LOG, CLI_JOB_ID_*, REST_* */
async function sourcesOf(
  session: ClusterSession,
): Promise<{ readonly sources: readonly LogSource[]; readonly jobId: string | undefined }> {
  const { args, client } = session;
  const [typed = JOB_MANAGER] = args.positionals;
  const file = args.value('file');
  if (typed === JOB_MANAGER) {
    return { sources: [logOf(session, { id: JOB_MANAGER }, file)], jobId: undefined };
  }
  const components = await taskManagers(session);
  const one =
    components.find(({ id, name }) => id === typed || name === typed) ??
    onlyOne(components.filter(({ id }) => id.startsWith(typed)));
  if (one !== undefined) return { sources: [logOf(session, one, file)], jobId: undefined };
  if (!/^[0-9a-f]{6,32}$/i.test(typed)) {
    const known = components.flatMap(({ id, name = id }) => [id, name]);
    const suggestion = didYouMean(typed, [JOB_MANAGER, ...known]);
    throw new EngineError('CLI_NO_SUCH_LOG', { name: typed, suggestion });
  }
  const jobId = await jobIdOf(session, typed);
  // Answers with an error that names the job if there is none.
  await client.get(`/jobs/${jobId}`);
  const all = [{ id: JOB_MANAGER }, ...components];
  return { sources: all.map((component) => logOf(session, component, undefined)), jobId };
}

function onlyOne<T>(values: readonly T[]): T | undefined {
  return values.length === 1 ? values[0] : undefined;
}

function logOf(
  { client, configuration, env }: ClusterSession,
  { id, file: path }: Component,
  file: string | undefined,
): LogSource {
  const maxBytes = configuration.get(RestOptions.clientMaxContentLength);
  if (path !== undefined && file === undefined) {
    return new LogSource(id, fileLog(env.disk, path, maxBytes));
  }
  const log = file === undefined ? 'log' : `logs/${encodeURIComponent(file)}`;
  return new LogSource(id, restLog(client, `${componentPath(id)}/${log}`, maxBytes));
}

function componentPath(id: string): string {
  return id === JOB_MANAGER ? '/jobmanager' : `/taskmanagers/${encodeURIComponent(id)}`;
}

/** Those of this machine with the files that they log to. */
async function taskManagers({ client, env }: ClusterSession): Promise<readonly Component[]> {
  const { taskmanagers } = await client.get<TaskManagersAnswer>('/taskmanagers');
  const here = (await clusterHere(env, client.url))?.file.processes ?? [];
  return taskmanagers.map(({ id }) => {
    const record = here.find((process) => process.id === id);
    return { id, name: record?.name, file: record?.log };
  });
}

/** Which logs there are. */
async function listLogs(session: ClusterSession): Promise<number> {
  const { client, output } = session;
  const lists = await Promise.all(
    [{ id: JOB_MANAGER }, ...(await taskManagers(session))].map(async (component: Component) => {
      const { id, name = null, file } = component;
      if (file !== undefined)
        return { component: id, name, files: [await fileHere(session, file)] };
      const { logs } = await client.get<LogListAnswer>(`${componentPath(id)}/logs`);
      return { component: id, name, files: logs };
    }),
  );
  for (const { component, name, files } of lists) {
    output.say(name === null ? component : `${component} (${name})`);
    for (const { name: fileName, size } of files) output.say(`  ${fileName} (${size} bytes)`);
  }
  output.result({ components: lists });
  await output.flush();
  return ExitCode.success;
}

async function fileHere(
  { env }: ClusterSession,
  path: string,
): Promise<LogListAnswer['logs'][number]> {
  const stat = await env.disk.stat(path);
  return { name: path, size: stat?.size ?? 0, mtime: stat?.modified ?? 0 };
}

function linesWanted(args: ParsedArguments): number | undefined {
  const typed = args.value('lines');
  if (typed === undefined) return undefined;
  if (/^\d{1,9}$/.test(typed)) return Number(typed);
  const expected = 'a whole number of lines';
  throw new EngineError('CLI_VALUE_INVALID', { option: '--lines', value: typed, expected });
}
