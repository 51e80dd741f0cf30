/** `millrace list`: the jobs of a cluster. */
import type { Timestamp } from '../base/units.ts';
import type { ParsedArguments } from './arguments.ts';
import { clusterSession } from './cluster-session.ts';
import type { CommandEnv } from './command-env.ts';
import { ExitCode } from './exit-codes.ts';
import type { JobOverviewAnswer, JobsOverview } from './rest-answers.ts';

const SCHEDULED: readonly string[] = ['CREATED', 'INITIALIZING'];
const TERMINAL: readonly string[] = ['FINISHED', 'CANCELED', 'FAILED'];

/** As wide as Flink draws them: scripts look for these lines. */
const RUNNING_TITLE = '------------------ Running/Restarting Jobs -------------------';
const SCHEDULED_TITLE = '----------------------- Scheduled Jobs -----------------------';
const TERMINATED_TITLE = '---------------------- Terminated Jobs -----------------------';
const LINE = '--------------------------------------------------------------';

export async function listCommand(env: CommandEnv, args: ParsedArguments): Promise<number> {
  const { client, output } = await clusterSession(env, args);
  const pending = client.get<JobsOverview>('/jobs/overview');
  output.say('Waiting for response...');
  const { jobs } = await pending;
  const isAll = args.has('all');
  const isNothingSaid = !isAll && !args.has('running') && !args.has('scheduled');
  const shown = {
    running: isAll || isNothingSaid || args.has('running'),
    scheduled: isAll || isNothingSaid || args.has('scheduled'),
    terminated: isAll,
  };
  const groups = {
    running: jobs.filter(({ state }) => !SCHEDULED.includes(state) && !TERMINAL.includes(state)),
    scheduled: jobs.filter(({ state }) => SCHEDULED.includes(state)),
    terminated: jobs.filter(({ state }) => TERMINAL.includes(state)),
  };
  const section = (title: string, none: string | undefined, members: JobOverviewAnswer[]): void => {
    if (members.length === 0) {
      if (none !== undefined) output.say(none);
      return;
    }
    output.say(title);
    for (const job of inOrder(members)) output.say(jobLine(env, job));
    output.say(LINE);
  };
  if (shown.running) section(RUNNING_TITLE, 'No running jobs.', groups.running);
  if (shown.scheduled) section(SCHEDULED_TITLE, 'No scheduled jobs.', groups.scheduled);
  if (shown.terminated) section(TERMINATED_TITLE, undefined, groups.terminated);
  const listed = (['running', 'scheduled', 'terminated'] as const).flatMap((group) =>
    shown[group] ? groups[group] : [],
  );
  output.result({ jobs: inOrder(listed).map(jobResult) });
  await output.flush();
  return ExitCode.success;
}

function inOrder(jobs: readonly JobOverviewAnswer[]): JobOverviewAnswer[] {
  return [...jobs].sort(
    (left, right) =>
      left['start-time'] - right['start-time'] || (left.state < right.state ? -1 : 1),
  );
}

function jobLine(env: CommandEnv, job: JobOverviewAnswer): string {
  return `${localTime(env, job['start-time'])} : ${job.jid} : ${job.name} (${job.state})`;
}

/** As Flink writes it: `21.11.2026 06:11:54`, by the clock of the user. */
function localTime(env: CommandEnv, at: number): string {
  const shifted = new Date(at + env.utcOffset(at as Timestamp) * 60_000);
  const [date, time] = shifted.toISOString().split('T') as [string, string];
  return `${date.split('-').toReversed().join('.')} ${time.slice(0, 8)}`;
}

function jobResult(job: JobOverviewAnswer): Readonly<Record<string, unknown>> {
  const { jid, name, state, duration, tasks } = job;
  const endTime = job['end-time'];
  return {
    ...{ jobId: jid, name, status: state, startTime: job['start-time'] },
    endTime: endTime < 0 ? null : endTime,
    durationMillis: duration,
    tasks,
  };
}
