/**
 * `millrace top`: what the vertices of a running job do, as a table that is redrawn; one table
 * where nobody watches, or with `--once`. Rates and shares are those between two looks.
 */
import { EngineError } from '../base/errors.ts';
import { milliseconds, seconds, type Duration } from '../base/units.ts';
import { parseDuration } from '../config/values.ts';
import type { ParsedArguments } from './arguments.ts';
import { clusterSession, jobIdOf, type ClusterSession } from './cluster-session.ts';
import type { CommandEnv } from './command-env.ts';
import { LiveText } from './live-text.ts';
import { ExitCode } from './exit-codes.ts';
import type { JobDetailsAnswer, JobsOverview, WatermarkAnswer } from './rest-answers.ts';
import { topOf, topTable, type Look } from './top-table.ts';

const TERMINAL: readonly string[] = ['FINISHED', 'CANCELED', 'FAILED', 'SUSPENDED'];
const INTERVAL = seconds(1);
const INTERVAL_MIN = milliseconds(100);

export async function topCommand(env: CommandEnv, args: ParsedArguments): Promise<number> {
  const interval = intervalOf(args);
  const session = await clusterSession(env, args);
  const [typed] = args.positionals;
  const jobId = await (typed === undefined ? theRunningJob(session) : jobIdOf(session, typed));
  const { stdout } = env.terminal;
  const live = new LiveText(stdout);
  const isOnce = args.has('once') || (!live.isLive && !session.output.isJson);
  // Who has made a mistake should hear of it at once; later the cluster may be away for a while.
  await session.client.get(`/jobs/${jobId}/status`);
  let earlier = await look(session, jobId);
  for (;;) {
    // The rates of the first table want two looks; a job that is over has none.
    if (!hasEnded(earlier)) await session.client.pause(interval);
    const later = await look(session, jobId);
    const top = topOf(earlier, later);
    if (session.output.isJson) stdout.write(`${JSON.stringify({ type: 'top', ...top })}\n`);
    else live.show(topTable(top, stdout.columns));
    await stdout.flush();
    if (isOnce || hasEnded(later)) return ExitCode.success;
    earlier = later;
  }
}

function hasEnded({ job }: Look): boolean {
  return TERMINAL.includes(job.state);
}

async function look({ client, env }: ClusterSession, jobId: string): Promise<Look> {
  const job = await client.getPatiently<JobDetailsAnswer>(`/jobs/${jobId}`);
  const at = env.clock.monotonic();
  const watermarks = await Promise.all(
    job.vertices.map(({ id }) =>
      client.getPatiently<readonly WatermarkAnswer[]>(`/jobs/${jobId}/vertices/${id}/watermarks`),
    ),
  );
  return { at, job, watermarks };
}

/** @throws EngineError CLI_JOB_UNCLEAR */
async function theRunningJob({ client }: ClusterSession): Promise<string> {
  const { jobs } = await client.get<JobsOverview>('/jobs/overview');
  const running = jobs.filter(({ state }) => !TERMINAL.includes(state));
  if (running.length === 1) return running[0]!.jid;
  const what =
    running.length === 0
      ? 'no job runs'
      : `these run: ${running.map(({ jid, name }) => `${jid} (${name})`).join(', ')}`;
  throw new EngineError('CLI_JOB_UNCLEAR', { what });
}

function intervalOf(args: ParsedArguments): Duration {
  const typed = args.value('interval');
  if (typed === undefined) return INTERVAL;
  const interval = parseDuration(typed);
  if (interval !== undefined && interval >= INTERVAL_MIN) return interval;
  const expected = 'a duration of at least 100 ms, such as "2 s"';
  throw new EngineError('CLI_VALUE_INVALID', { option: '--interval', value: typed, expected });
}
