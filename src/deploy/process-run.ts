/**
 * A component that is all that its process does: started, kept until a signal or an error ends it,
 * closed in order. The exit code says which it was.
 *
 * Invariants
 * P1. The first SIGINT or SIGTERM closes the component and ends the process with 0, also while it
 *     starts; the second ends the process at once.
 * P2. A process that runs under a supervisor, or that belongs to a command, ends when that is gone.
 * P3. Whatever ends it, closing may take `CLOSE_TIMEOUT` at most: a thread that does not end, or a
 *     peer that does not answer, goes with the process.
 */
import { toEngineError } from '../base/errors.ts';
import type { EngineError } from '../base/errors.ts';
import { seconds, type Duration } from '../base/units.ts';
import { onDistinctSignal } from '../env/distinct-signals.ts';
import type { Env } from '../env/env.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import { encodeProcessMessage, type ProcessFacts } from './process-messages.ts';

/** How a process of the cluster ends, as Flink's do. */
export const ProcessExitCode = {
  orderly: 0,
  startFailed: 1,
  /** An error ended a component that had started. */
  failed: 2,
  /** Ended by a second signal: 128 + SIGTERM. */
  forced: 143,
} as const;

const CLOSE_TIMEOUT = seconds(10);

/** Where a process of a cluster belongs. */
export interface ProcessPlace {
  /** Whether a supervisor has started it, and is to hear how it goes. */
  readonly supervised: boolean;
  /** The cluster's, where it is known. */
  readonly folder: string | undefined;
  /** Of its log, in the cluster's folder of logs; undefined in the foreground. */
  readonly logName: string | undefined;
}

export interface RunningComponent {
  close(): Promise<void>;
}

export interface ProcessRunOptions {
  readonly env: Pick<Env, 'clock' | 'terminal' | 'log' | 'processes'>;
  /** For the log. */
  readonly name: string;
  /** Whether a supervisor has started this process, and is to hear how it goes. */
  readonly supervised: boolean;
  /** Whether it ends when the process is gone that started it. P2. */
  readonly owned?: boolean | undefined;
  readonly closeTimeout?: Duration | undefined;
  readonly start: (control: ProcessControl) => Promise<RunningComponent>;
}

export interface ProcessControl {
  readonly onFatal: FatalErrorHandler;
  /** Tells the supervisor, if there is one. */
  readonly ready: (facts: ProcessFacts) => void;
  /** Ends the process in order, with this code. */
  readonly end: (code: number) => void;
}

/** @returns the exit code; the process is to end with it, whatever still runs in it. */
export async function runProcess(options: ProcessRunOptions): Promise<number> {
  const { env, name, start } = options;
  const { log } = env;
  const { parent: starter } = env.processes;
  const parent = options.supervised ? starter : undefined;
  const ended = Promise.withResolvers<{ readonly code: number }>();
  const forced = Promise.withResolvers<void>();
  let signals = 0;
  const listening = onDistinctSignal(env, (signal) => {
    signals += 1;
    log.write('info', `${name} ends`, { signal });
    ended.resolve({ code: ProcessExitCode.orderly });
    if (signals > 1) forced.resolve();
  });
  const onFatal: FatalErrorHandler = (component, error) => {
    logError(env, `${component} ended`, error);
    ended.resolve({ code: ProcessExitCode.failed });
  };
  const endWithout = (who: string) => (): void => {
    log.write('warn', `${name} ends because ${who} is gone`);
    ended.resolve({ code: ProcessExitCode.orderly });
  };
  parent?.onGone(endWithout('its supervisor'));
  if (options.owned === true) {
    const isGone = endWithout('the command that it belongs to');
    // Gone before this process could look: then there is no channel any more.
    if (starter === undefined) isGone();
    else starter.onGone(isGone);
  }
  const control: ProcessControl = {
    onFatal,
    ready: (facts) => parent?.tell(encodeProcessMessage({ kind: 'ready', facts })),
    end: (code) => ended.resolve({ code }),
  };
  const starting = start(control).catch((thrown: unknown) => {
    const error = toEngineError(thrown);
    logError(env, `${name} could not start`, error);
    parent?.tell(encodeProcessMessage({ kind: 'failed', error: error.toData() }));
    ended.resolve({ code: ProcessExitCode.startFailed });
    return undefined;
  });
  const { code } = await ended.promise;
  const closing = starting.then(async (component) => {
    await component?.close();
    return component === undefined ? ('none' as const) : undefined;
  });
  const timeout = Promise.withResolvers<'timeout'>();
  const timer = env.clock.after(options.closeTimeout ?? CLOSE_TIMEOUT, () =>
    timeout.resolve('timeout'),
  );
  try {
    const how = await Promise.race([
      closing,
      forced.promise.then(() => 'forced' as const),
      timeout.promise,
    ]);
    if (how === 'forced') return ProcessExitCode.forced;
    if (how === 'timeout') {
      log.write('warn', `${name} did not end in order`);
      if (parent !== undefined) await killItself(env);
    } else if (how !== 'none') log.write('info', `${name} has ended`);
  } catch (thrown) {
    logError(env, `${name} could not end in order`, toEngineError(thrown));
    return code === ProcessExitCode.orderly ? ProcessExitCode.failed : code;
  } finally {
    timer[Symbol.dispose]();
    listening[Symbol.dispose]();
  }
  return code;
}

/**
 * P3. Ending with a code waits for all threads, and one that only collects garbage never ends: the
 * supervisor would wait for this process, too, instead of starting another.
 */
async function killItself({ terminal, processes }: ProcessRunOptions['env']): Promise<void> {
  await terminal.stderr.flush();
  processes.signal(processes.pid, 'SIGKILL');
}

function logError({ log }: Pick<Env, 'log'>, what: string, error: EngineError): void {
  const { code, fix, stack } = error;
  const internal = error.domain === 'internal';
  log.write('error', `${what}: ${error.message}`, { code, fix, ...(internal ? { stack } : {}) });
}
