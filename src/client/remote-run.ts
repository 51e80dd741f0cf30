/**
 * `millrace run` against a cluster: submits the job, and attached prints what its sinks print and
 * how it gets on, until it ends.
 *
 * Invariants
 * N1. The first signal leaves the job alone, or with -sae cancels it and waits; the second ends the
 *     command at once.
 * N2. The result is told after everything that the job has printed.
 * N3. What comes again after a lost connection is printed once.
 */
import { EngineError, toEngineError } from '../base/errors.ts';
import { milliseconds, seconds, type Duration } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import { ClientOptions, DeploymentOptions } from '../config/options/client-options.ts';
import { onDistinctSignal } from '../env/distinct-signals.ts';
import { decodeClientMessage, profileNoticeOf } from '../functions/client-message.ts';
import type { ProfileNotice } from '../functions/client-message.ts';
import type { ParsedArguments } from './arguments.ts';
import { CheckpointFailures } from './checkpoint-failures.ts';
import { clusterClient } from './cluster-target.ts';
import type { CommandEnv } from './command-env.ts';
import { errorOf, executionResult, statusOf } from './execution-result.ts';
import { ExitCode } from './exit-codes.ts';
import type { JobArguments } from './job-arguments.ts';
import { LiveText } from './live-text.ts';
import { copyProfile, profileText } from './profiles.ts';
import { readMessages, type SinkMessage } from './remote-messages.ts';
import { renderError } from './render-error.ts';
import type { JobDetailsAnswer, JobExceptionsAnswer, JobResultAnswer } from './rest-answers.ts';
import type { RestClient } from './rest-client.ts';
import { RestartReasons } from './restart-reasons.ts';
import { atSources, submitJob, type Submission, type Submitted } from './submission.ts';
import { withoutEffectOnJob } from './warnings.ts';
import { topLines, topOf, topTable, type Look } from './top-table.ts';

const PROGRESS_LIVE = milliseconds(500);
const PROGRESS_PLAIN = seconds(10);

export async function remoteRun(
  env: CommandEnv,
  args: ParsedArguments,
  { configuration, job }: JobArguments,
  version: string,
): Promise<number> {
  const client = await clusterClient(env, args, configuration);
  for (const idle of withoutEffectOnJob(args.values('define'))) {
    if (args.has('json')) {
      env.terminal.stdout.write(`${JSON.stringify({ type: 'warning', ...idle })}\n`);
    } else env.terminal.stderr.write(`${idle.message}\n`);
  }
  return runOn({
    ...{ env, args, configuration, client, job, version },
    isAttached: !args.has('detached') && configuration.get(DeploymentOptions.attached),
    cancelsAtExit:
      args.has('shutdownOnAttachedExit') ||
      configuration.get(DeploymentOptions.shutdownOnAttachedExit),
  });
}

export interface RunOn extends Submission {
  /** Whether the job ends when the command is interrupted or lost. */
  readonly cancelsAtExit: boolean;
}

/** Runs a job on a cluster that is known. @returns the exit code */
export async function runOn(run: RunOn): Promise<number> {
  const { env, args, isAttached, cancelsAtExit, configuration } = run;
  // From the submission on: a client may be lost before its first heartbeat.
  const promised = isAttached && cancelsAtExit;
  const submitted = await submitJob({
    ...run,
    clientHeartbeatTimeout: promised
      ? configuration.get(ClientOptions.heartbeatTimeout)
      : undefined,
  });
  const { stdout } = env.terminal;
  const { jobId } = submitted;
  if (args.has('json')) stdout.write(`${JSON.stringify({ type: 'submitted', jobId })}\n`);
  else stdout.write(`Job has been submitted with JobID ${jobId}\n`);
  await stdout.flush();
  if (!isAttached) return ExitCode.success;
  return new RemoteRun(run, submitted).finish();
}

class RemoteRun {
  readonly #env: CommandEnv;
  readonly #client: RestClient;
  readonly #configuration: Configuration;
  readonly #submitted: Submitted;
  readonly #isJson: boolean;
  readonly #verbose: boolean;
  readonly #cancelsAtExit: boolean;
  readonly #progress: LiveText;
  readonly #left: PromiseWithResolvers<number> = Promise.withResolvers();
  #signal: 'SIGINT' | 'SIGTERM' | undefined;
  readonly #timers: Disposable[] = [];
  readonly #reasons = new RestartReasons();
  readonly #checkpoints = new CheckpointFailures();
  #earlier: Look | undefined;
  #isOver = false;
  /** By operator and subtask, what came last. N3. */
  readonly #taken = new Map<string, { readonly attempt: number; readonly sequence: number }>();
  /** Why the output cannot be written. */
  #lost: EngineError | undefined;

  constructor(run: RunOn, submitted: Submitted) {
    const { env, args, configuration, client, cancelsAtExit } = run;
    this.#env = env;
    this.#client = client;
    this.#configuration = configuration;
    this.#submitted = submitted;
    this.#isJson = args.has('json');
    this.#verbose = args.has('verbose');
    this.#cancelsAtExit = cancelsAtExit;
    this.#progress = new LiveText(env.terminal.stderr);
  }

  /** Follows the job to its end. @returns the exit code */
  async finish(): Promise<number> {
    const signals = onDistinctSignal(this.#env, (signal) => this.#onSignal(signal));
    this.#showLater();
    if (this.#cancelsAtExit) {
      await this.#beat();
      this.#beatLater();
    }
    try {
      const ended = await Promise.race([this.#follow(), this.#left.promise]);
      if (typeof ended === 'number') return ended;
      this.#stopShowing();
      if (this.#lost !== undefined) throw this.#lost;
      this.#report(ended);
      await this.#env.terminal.stdout.flush();
      await this.#env.terminal.stderr.flush();
      return this.#exitCode(ended);
    } finally {
      this.#stopShowing();
      signals[Symbol.dispose]();
    }
  }

  /** N2. */
  async #follow(): Promise<JobResultAnswer> {
    const { jobId } = this.#submitted;
    const messages = readMessages(
      this.#client,
      jobId,
      (message) => this.#take(message),
      () => this.#isOver,
    );
    const [result] = await Promise.all([this.#result(), messages]);
    return result;
  }

  async #result(): Promise<JobResultAnswer> {
    const most = this.#configuration.get(ClientOptions.retryPeriod);
    const result = await executionResult(this.#client, this.#submitted.jobId, most);
    this.#isOver = true;
    return result;
  }

  /** N3. */
  async #take({ operator, payload }: SinkMessage): Promise<void> {
    const message = decodeClientMessage(payload);
    if (message.kind === 'profile') await this.#tellProfile(profileNoticeOf(message));
    if (message.kind !== 'print' || this.#lost !== undefined) return;
    const { subtask, attempt, sequence, body } = message;
    const sender = `${operator}/${subtask}`;
    const last = this.#taken.get(sender);
    const isKnown =
      last !== undefined &&
      (attempt < last.attempt || (attempt === last.attempt && sequence <= last.sequence));
    if (isKnown) return;
    this.#taken.set(sender, { attempt, sequence });
    await this.#print(subtask, new TextDecoder().decode(body));
  }

  /** What comes again is copied again: to the same file. */
  async #tellProfile(notice: ProfileNotice): Promise<void> {
    const { root } = this.#submitted;
    const told = await copyProfile({ env: this.#env, client: this.#client, root }, notice);
    this.#progress.erase();
    if (this.#isJson) this.#line({ type: 'profile', ...told });
    else this.#env.terminal.stderr.write(profileText(told));
  }

  async #print(subtask: number, text: string): Promise<void> {
    this.#progress.erase();
    const { stdout } = this.#env.terminal;
    if (this.#isJson) {
      for (const line of text.replace(/\n$/, '').split('\n'))
        this.#line({ type: 'print', subtask, line });
    } else stdout.write(text);
    try {
      await stdout.flush();
    } catch (thrown) {
      // Nobody reads what the job prints any more, as in `millrace run ... | head`.
      this.#lost = toEngineError(thrown);
      await this.#cancel();
    }
  }

  #showLater(): void {
    const delay = this.#progress.isLive && !this.#isJson ? PROGRESS_LIVE : PROGRESS_PLAIN;
    this.#after(delay, async () => {
      await this.#look();
      if (!this.#isOver) this.#showLater();
    });
  }

  async #look(): Promise<void> {
    const path = `/jobs/${this.#submitted.jobId}`;
    const job = await this.#tolerate(this.#client.get<JobDetailsAnswer>(path));
    if (job === undefined || this.#isOver) return;
    const later: Look = { at: this.#env.clock.monotonic(), job, watermarks: [] };
    await this.#tellReasons(job);
    if (this.#isOver) return;
    this.#show(this.#earlier ?? later, later);
    this.#earlier = later;
  }

  async #tellReasons(job: JobDetailsAnswer): Promise<void> {
    const path = `/jobs/${this.#submitted.jobId}/exceptions?maxExceptions=`;
    const reasons = await this.#reasons.next(job, (most) =>
      this.#tolerate(this.#client.get<JobExceptionsAnswer>(`${path}${most}`)),
    );
    for (const message of reasons) {
      this.#progress.erase();
      if (this.#isJson) this.#line({ type: 'restart', message });
      else this.#env.terminal.stderr.write(`The job failed and is tried again: ${message}\n`);
    }
    for (const message of this.#checkpoints.fresh(job['failing-checkpoints'] ?? undefined)) {
      this.#progress.erase();
      if (this.#isJson) this.#line({ type: 'warning', message });
      else this.#env.terminal.stderr.write(`${message}\n`);
    }
  }

  #show(earlier: Look, later: Look): void {
    const top = topOf(earlier, later);
    const { columns } = this.#env.terminal.stderr;
    if (this.#isJson) this.#line({ type: 'progress', ...top });
    else this.#progress.show(columns === undefined ? topLines(top) : topTable(top, columns));
  }

  /** Says to the cluster that somebody is there: without, it cancels the job. */
  #beatLater(): void {
    this.#after(this.#configuration.get(ClientOptions.heartbeatInterval), async () => {
      await this.#beat();
      if (!this.#isOver) this.#beatLater();
    });
  }

  async #beat(): Promise<void> {
    const timeout = this.#configuration.get(ClientOptions.heartbeatTimeout);
    const expiredTimestamp = this.#env.clock.now() + timeout;
    const path = `/jobs/${this.#submitted.jobId}/clientHeartbeat`;
    await this.#tolerate(this.#client.call({ method: 'PATCH', path, json: { expiredTimestamp } }));
  }

  #after(delay: Duration, act: () => Promise<void>): void {
    const timer = this.#env.clock.after(delay, () => {
      act().catch((thrown: unknown) => this.#left.reject(toEngineError(thrown)));
    });
    this.#timers.push(timer);
  }

  /** What is asked on the side does not decide about the job; the result does. */
  async #tolerate<T>(side: Promise<T>): Promise<T | undefined> {
    try {
      return await side;
    } catch (thrown) {
      this.#env.log.write('info', 'The cluster did not answer', { reason: String(thrown) });
      return undefined;
    }
  }

  #stopShowing(): void {
    this.#isOver = true;
    for (const timer of this.#timers.splice(0)) timer[Symbol.dispose]();
    this.#progress.erase();
  }

  #report(result: JobResultAnswer): void {
    const { status, accumulators = [] } = result;
    const { jobId, root } = this.#submitted;
    const runtimeMillis = result['net-runtime'];
    const failure = errorOf(result);
    const error = failure && atSources(failure, root);
    const { terminal } = this.#env;
    if (this.#isJson) {
      const { message, fix } = error ?? {};
      const told = {
        jobId,
        status: statusOf(result),
        runtimeMillis,
        accumulators,
        error: result.error,
      };
      this.#line({ type: 'result', ...told, message, fix });
    } else if (status === 'FINISHED' || result['application-status'] === 'SUCCEEDED') {
      terminal.stdout.write(finishedText(jobId, runtimeMillis, accumulators));
    } else if (error === undefined) {
      terminal.stderr.write('The job was cancelled.\n');
    }
    if (error === undefined) return;
    const { workingDirectory } = terminal;
    terminal.stderr.write(renderError(error, { verbose: this.#verbose, workingDirectory }));
  }

  #exitCode(result: JobResultAnswer): number {
    const status = statusOf(result);
    if (status === 'FINISHED') return ExitCode.success;
    if (status === 'FAILED' || this.#signal === undefined) return ExitCode.failure;
    return this.#signal === 'SIGTERM' ? ExitCode.terminated : ExitCode.interrupted;
  }

  /** N1. */
  #onSignal(signal: 'SIGINT' | 'SIGTERM'): void {
    const code = signal === 'SIGTERM' ? ExitCode.terminated : ExitCode.interrupted;
    const { stderr } = this.#env.terminal;
    const isFirst = this.#signal === undefined;
    this.#signal ??= signal;
    this.#progress.erase();
    if (isFirst && this.#cancelsAtExit) {
      stderr.write('Cancelling the job; once more leaves at once.\n');
      this.#cancel().catch((thrown: unknown) => {
        const { workingDirectory } = this.#env.terminal;
        stderr.write(renderError(thrown, { verbose: this.#verbose, workingDirectory }));
      });
      return;
    }
    const { jobId } = this.#submitted;
    const goesOn = `The job ${jobId} goes on; \`millrace cancel ${jobId}\` cancels it.\n`;
    if (isFirst) stderr.write(goesOn);
    this.#left.resolve(code);
  }

  async #cancel(): Promise<void> {
    const path = `/jobs/${this.#submitted.jobId}?mode=cancel`;
    await this.#client.call({ method: 'PATCH', path });
  }

  #line(object: Readonly<Record<string, unknown>>): void {
    this.#env.terminal.stdout.write(`${JSON.stringify(object)}\n`);
  }
}

/** As Flink's client prints it. */
function finishedText(
  jobId: string,
  runtimeMillis: number,
  accumulators: NonNullable<JobResultAnswer['accumulators']>,
): string {
  const sums = new Map<string, number>();
  for (const { name, value } of accumulators) sums.set(name, (sums.get(name) ?? 0) + value);
  const lines = [
    'Program execution finished',
    `Job with JobID ${jobId} has finished.`,
    `Job Runtime: ${runtimeMillis} ms`,
    ...(sums.size === 0 ? [] : ['Accumulator Results: ']),
    ...[...sums].map(([name, value]) => `- ${name} (number): ${value}`),
  ];
  return `${lines.join('\n')}\n`;
}
