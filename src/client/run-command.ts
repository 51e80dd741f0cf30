/**
 * `millrace run`: runs a job on a cluster inside this process, attached: prints what its sinks
 * print, shows progress, and ends with the job.
 *
 * Invariants
 * N1. The first signal cancels the job and waits for it; the second ends the command at once.
 * N2. The cluster is closed on every other way out: no thread is left.
 */
import { EngineError, toEngineError } from '../base/errors.ts';
import { milliseconds, seconds } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import { DeploymentOptions } from '../config/options/client-options.ts';
import { PipelineOptions } from '../config/options/pipeline-options.ts';
import { MiniCluster } from '../deploy/mini-cluster.ts';
import { onDistinctSignal } from '../env/distinct-signals.ts';
import type { Env } from '../env/env.ts';
import { decodeClientMessage, profileNoticeOf } from '../functions/client-message.ts';
import type { ProfileNotice } from '../functions/client-message.ts';
import type { JobDetails, JobResult } from '../protocol/job-report.ts';
import type { ParsedArguments } from './arguments.ts';
import type { Program } from './cli.ts';
import type { CommandEnv } from './command-env.ts';
import { eventTimeOf, eventTimeText } from './event-time.ts';
import { ExitCode } from './exit-codes.ts';
import type { JobClient } from './job-client.ts';
import { jobArguments, type JobArguments } from './job-arguments.ts';
import { profileSettings, profileText } from './profiles.ts';
import { Progress } from './progress.ts';
import { renderError } from './render-error.ts';
import { warningsOf } from './warnings.ts';

const PROGRESS_LIVE = milliseconds(250);
const PROGRESS_PLAIN = seconds(10);

/** What is checked on a developer's machine, and not on a cluster. */
const DEFAULTS = { [PipelineOptions.exchangeVerify.key]: 'sample' };

export async function runCommand(
  env: CommandEnv,
  args: ParsedArguments,
  { version }: Program,
): Promise<number> {
  const given = await jobArguments(env, args, (configuration) => {
    const isLocal = !isRemote(args, configuration);
    return {
      ...(isLocal ? DEFAULTS : {}),
      ...(args.has('profile') ? profileSettings(isLocal) : {}),
    };
  });
  if (isRemote(args, given.configuration)) {
    const { remoteRun } = await import('./remote-run.ts');
    return remoteRun(env, args, given, version);
  }
  return localRun(env, args, given);
}

/** Options that say something only where a cluster runs the job: they ask for one. */
const OF_CLUSTERS = [
  ...['jobmanager', 'token-file', 'detached', 'externals', 'shutdownOnAttachedExit'],
] as const;

/** What is typed goes before what is configured. @throws EngineError CLI_* */
function isRemote(args: ParsedArguments, configuration: Configuration): boolean {
  const typed = args.value('target');
  if (typed !== undefined && typed !== 'local' && typed !== 'remote') {
    const parameters = { option: '--target', value: typed, expected: 'local or remote' };
    throw new EngineError('CLI_VALUE_INVALID', parameters);
  }
  const option = OF_CLUSTERS.find((each) => args.has(each));
  if (typed === 'local' && option !== undefined) {
    throw new EngineError('CLI_OPTION_NEEDS_CLUSTER', { option: `--${option}` });
  }
  if (option !== undefined) return true;
  return (typed ?? configuration.get(DeploymentOptions.target)) === 'remote';
}

async function localRun(
  env: CommandEnv,
  args: ParsedArguments,
  { configuration, job }: JobArguments,
): Promise<number> {
  const cluster = await MiniCluster.start({ env, configuration });
  const run = new AttachedRun(env, args);
  try {
    const jobId = env.random.uuid().replaceAll('-', '');
    return await run.finish(await cluster.submit({ ...job, jobId }));
  } finally {
    // N1: whoever insists does not wait for threads to end; the process takes them along.
    if (!run.isForced) await cluster.close();
  }
}

class AttachedRun {
  readonly #env: Env;
  #client: JobClient | undefined;
  readonly #json: boolean;
  readonly #verbose: boolean;
  readonly #progress: Progress;
  #signal: 'SIGINT' | 'SIGTERM' | undefined;
  #timer: Disposable | undefined;
  /** Why the output cannot be written. */
  #lost: EngineError | undefined;
  #ended = false;
  readonly #forced: PromiseWithResolvers<number> = Promise.withResolvers();
  isForced = false;

  constructor(env: Env, args: ParsedArguments) {
    this.#env = env;
    this.#json = args.has('json');
    this.#verbose = args.has('verbose');
    this.#progress = new Progress(env.terminal.stderr);
  }

  /** Waits for the job and reports. @returns the exit code */
  async finish(client: JobClient): Promise<number> {
    const { terminal } = this.#env;
    this.#client = client;
    client.onMessage((operator, payload) => this.#print(operator, payload));
    const signals = onDistinctSignal(this.#env, (signal) => this.#onSignal(signal));
    this.#schedule(client);
    try {
      const result = await Promise.race([client.result(), this.#forced.promise]);
      this.#ended = true;
      if (typeof result === 'number') return result;
      this.#timer?.[Symbol.dispose]();
      this.#progress.erase();
      if (this.#lost !== undefined) throw this.#lost;
      // The error of a job that failed is said alone.
      if (result.status !== 'FAILED') this.#remark(result, await client.details());
      this.#report(result);
      await terminal.stdout.flush();
      await terminal.stderr.flush();
      return this.#exitCode(result);
    } finally {
      this.#timer?.[Symbol.dispose]();
      signals[Symbol.dispose]();
    }
  }

  /** A message of one of the job's sinks; the job waits for who reads the output. */
  #print(_operator: string, payload: Uint8Array): void | Promise<void> {
    const message = decodeClientMessage(payload);
    if (message.kind === 'profile') this.#tellProfile(profileNoticeOf(message));
    if (message.kind !== 'print') return undefined;
    const text = new TextDecoder().decode(message.body);
    this.#progress.erase();
    const { stdout } = this.#env.terminal;
    if (this.#json) {
      for (const line of text.replace(/\n$/, '').split('\n'))
        this.#line({ type: 'print', subtask: message.subtask, line });
    } else stdout.write(text);
    return stdout.flush().catch((thrown: unknown) => this.#outputLost(thrown));
  }

  #tellProfile(notice: ProfileNotice): void {
    this.#progress.erase();
    if (this.#json) this.#line({ type: 'profile', ...notice });
    else this.#env.terminal.stderr.write(profileText(notice));
  }

  /** Nobody reads what the job prints any more, as in `millrace run job.ts | head`. */
  #outputLost(thrown: unknown): void {
    if (this.#lost !== undefined) return;
    this.#lost = toEngineError(thrown);
    this.#cancel();
  }

  #schedule(client: JobClient): void {
    const delay = this.#progress.isLive && !this.#json ? PROGRESS_LIVE : PROGRESS_PLAIN;
    this.#timer = this.#env.clock.after(delay, () => {
      client.details().then(
        (details) => {
          if (this.#ended) return;
          this.#show(details);
          this.#schedule(client);
        },
        // The job has ended meanwhile; its result says how.
        () => undefined,
      );
    });
  }

  #show(details: JobDetails): void {
    if (this.#json) {
      this.#line({ type: 'progress', ...details, eventTime: eventTimeOf(details) });
    } else this.#progress.show(details);
  }

  #report(result: JobResult): void {
    const { terminal, clock } = this.#env;
    const error = result.error && EngineError.fromData(result.error);
    if (this.#json) {
      const { message, fix } = error ?? {};
      this.#line({ type: 'result', ...result, message, fix, cpuMillis: clock.cpuTime() });
    } else if (result.status === 'CANCELED') {
      terminal.stderr.write('The job was cancelled.\n');
    }
    if (error === undefined) return;
    terminal.stderr.write(
      renderError(error, { verbose: this.#verbose, workingDirectory: terminal.workingDirectory }),
    );
  }

  /** What a job that did not fail has been through: nobody should have to ask for that. */
  #remark(result: JobResult, details: JobDetails): void {
    const { stderr } = this.#env.terminal;
    for (const warning of warningsOf(result, details)) {
      if (this.#json) this.#line({ type: 'warning', ...warning });
      else stderr.write(`${warning.message}\n`);
    }
    if (this.#json) return;
    if (result.status === 'CANCELED') {
      // Somebody may have lost patience with a job that showed nothing.
      const time = eventTimeOf(details);
      if (time !== undefined) stderr.write(`At its end: ${eventTimeText(time)}\n`);
      return;
    }
    const { failures } = details;
    const last = failures.at(-1);
    if (last === undefined) return;
    const times = failures.length === 1 ? 'once' : `${failures.length} times`;
    stderr.write(`The job failed and was restarted ${times}; the last failure was:\n`);
    stderr.write(
      renderError(EngineError.fromData(last.error), {
        verbose: this.#verbose,
        workingDirectory: this.#env.terminal.workingDirectory,
      }),
    );
  }

  #exitCode(result: JobResult): number {
    if (result.status === 'FINISHED') return ExitCode.success;
    if (result.status === 'FAILED') return ExitCode.failure;
    return this.#signal === 'SIGTERM' ? ExitCode.terminated : ExitCode.interrupted;
  }

  #line(object: Readonly<Record<string, unknown>>): void {
    this.#env.terminal.stdout.write(`${JSON.stringify(object)}\n`);
  }

  #onSignal(signal: 'SIGINT' | 'SIGTERM'): void {
    if (this.#signal !== undefined) {
      this.isForced = true;
      this.#forced.resolve(signal === 'SIGTERM' ? ExitCode.terminated : ExitCode.interrupted);
      return;
    }
    this.#signal = signal;
    this.#progress.erase();
    this.#env.terminal.stderr.write('Cancelling the job; once more ends it at once.\n');
    this.#cancel();
  }

  #cancel(): void {
    this.#client!.cancel().catch((thrown: unknown) => {
      const { workingDirectory } = this.#env.terminal;
      this.#env.terminal.stderr.write(
        renderError(thrown, { verbose: this.#verbose, workingDirectory }),
      );
    });
  }
}
