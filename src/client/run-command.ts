/**
 * `millrace run`: runs a job on a cluster inside this process, attached: prints what its sinks print,
 * shows progress, and ends with the job.
 *
 * Invariants
 * N1. The first signal cancels the job and waits for it; the second ends the command at once.
 * N2. The cluster is closed on every other way out: no thread is left.
 */
import { EngineError } from '../base/errors.ts';
import { milliseconds, seconds } from '../base/units.ts';
import { Configuration, parseAssignment } from '../config/configuration.ts';
import { PipelineOptions } from '../config/options.ts';
import { MiniCluster } from '../deploy/mini-cluster.ts';
import type { Env } from '../env/env.ts';
import { decodeClientMessage } from '../functions/client-message.ts';
import type { JobDetails, JobResult } from '../protocol/job-report.ts';
import type { CommandSpec, ParsedArguments } from './arguments.ts';
import { parseAssignments } from './arguments.ts';
import { ExitCode } from './exit-codes.ts';
import type { JobClient } from './job-client.ts';
import { jobFileUrl } from './job-file.ts';
import { Progress } from './progress.ts';
import { renderError } from './render-error.ts';

export const RUN: CommandSpec = {
  name: 'run',
  summary: 'Runs a job on this machine, to its end.',
  positionals: ['JOB_FILE'],
  options: [
    {
      name: 'parallelism',
      short: 'p',
      value: 'N',
      help: 'parallel subtasks of operators that do not say otherwise',
    },
    {
      name: 'param',
      value: 'KEY=VALUE',
      multiple: true,
      help: 'a parameter of the job; may be repeated',
    },
    {
      name: 'define',
      short: 'D',
      value: 'KEY=VALUE',
      multiple: true,
      help: 'a configuration option; may be repeated',
    },
    { name: 'job', value: 'NAME', help: 'which export, where the file exports several jobs' },
    { name: 'json', help: 'print one JSON object a line instead of text' },
    { name: 'verbose', help: 'print whole stacks of errors, and the log of the engine' },
    { name: 'help', short: 'h', help: 'print this' },
  ],
  examples: [
    'millrace run examples/word-count.ts',
    'millrace run examples/flight-delays.ts -p 4 --param out=out/delays',
    'millrace run jobs.ts --job hourly -D restart-strategy.type=fixed-delay --json',
  ],
};

const PROGRESS_LIVE = milliseconds(250);
const PROGRESS_PLAIN = seconds(10);

export async function runCommand(env: Env, args: ParsedArguments): Promise<number> {
  const moduleUrl = await jobFileUrl(env.disk, args.positionals[0]!);
  const configuration = configurationOf(args);
  const cluster = await MiniCluster.start({ env, configuration });
  const run = new AttachedRun(env, args);
  try {
    const job = {
      jobId: env.random.uuid().replaceAll('-', ''),
      moduleUrl,
      exportName: args.value('job'),
      parameters: parseAssignments('--param', args.values('param')),
      configuration: configuration.toRecord(),
    };
    return await run.finish(await cluster.submit(job));
  } finally {
    // N1: whoever insists does not wait for threads to end; the process takes them along.
    if (!run.isForced) await cluster.close();
  }
}

/** Later ones win: what `millrace run` sets by default, -p, -D. */
function configurationOf(args: ParsedArguments): Configuration {
  const values: Record<string, string> = { [PipelineOptions.exchangeVerify.key]: 'sample' };
  const parallelism = args.value('parallelism');
  if (parallelism !== undefined) values[PipelineOptions.parallelism.key] = parallelism;
  const defined = args.values('define').map(parseAssignment);
  return Configuration.parse({ ...values, ...Object.fromEntries(defined) });
}

class AttachedRun {
  readonly #env: Env;
  #client: JobClient | undefined;
  readonly #json: boolean;
  readonly #verbose: boolean;
  readonly #progress: Progress;
  #signal: 'SIGINT' | 'SIGTERM' | undefined;
  #timer: Disposable | undefined;
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
    const signals = terminal.onSignal((signal) => this.#onSignal(signal));
    this.#schedule(client);
    try {
      const result = await Promise.race([client.result(), this.#forced.promise]);
      this.#ended = true;
      if (typeof result === 'number') return result;
      this.#timer?.[Symbol.dispose]();
      this.#progress.erase();
      this.#report(result);
      await terminal.stdout.flush();
      await terminal.stderr.flush();
      return this.#exitCode(result);
    } finally {
      this.#timer?.[Symbol.dispose]();
      signals[Symbol.dispose]();
    }
  }

  /** A message of one of the job's sinks. */
  #print(_operator: string, payload: Uint8Array): void {
    const message = decodeClientMessage(payload);
    if (message.kind !== 'print') return;
    const text = new TextDecoder().decode(message.body);
    this.#progress.erase();
    const { stdout } = this.#env.terminal;
    if (!this.#json) stdout.write(text);
    else
      for (const line of text.trimEnd().split('\n'))
        this.#line({ type: 'print', subtask: message.subtask, line });
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
    if (this.#json) this.#line({ type: 'progress', ...details });
    else this.#progress.show(details);
  }

  #report(result: JobResult): void {
    const { terminal, clock } = this.#env;
    if (this.#json) {
      this.#line({ type: 'result', ...result, cpuMillis: clock.cpuTime() });
    } else if (result.status === 'CANCELED') {
      terminal.stderr.write('The job was cancelled.\n');
    }
    if (result.error === undefined) return;
    const error = EngineError.fromData(result.error);
    terminal.stderr.write(
      renderError(error, { verbose: this.#verbose, workingDirectory: terminal.workingDirectory }),
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
    this.#client!.cancel().catch((thrown: unknown) => {
      const { workingDirectory } = this.#env.terminal;
      this.#env.terminal.stderr.write(
        renderError(thrown, { verbose: this.#verbose, workingDirectory }),
      );
    });
  }
}
