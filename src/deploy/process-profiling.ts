/**
 * Profiles of a process on demand: of all its threads at once, for a while, as files of V8 that
 * Chrome DevTools, VS Code and speedscope open.
 *
 * Invariants
 * P1. One profiling at a time.
 * P2. The files of the last `historySize` profilings are kept; those of earlier ones are removed.
 * P3. A thread that ends meanwhile, or does not answer, fails alone.
 * P4. A name is looked for in the list; no other becomes part of a path.
 */
import { EngineError, toEngineError } from '../base/errors.ts';
import { milliseconds, seconds } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import { ProfilingOptions } from '../config/options/profiling-options.ts';
import type { Env, ProcessRole } from '../env/env.ts';
import { LogFolder } from '../env/log-folder.ts';
import type { FilePiece } from '../protocol/process-files.ts';
import type {
  ProcessProfiling,
  ProfiledThread,
  ProfilingInfo,
  ProfilingRequest,
} from '../protocol/profiling.ts';
import { ClusterDirectory } from './cluster-directory.ts';
import { processFolder } from './process-folders.ts';

const INTERVAL = milliseconds(1);
/** How long a thread may take to begin or to give its profile. */
const ANSWER_TIMEOUT = seconds(10);

export interface ProcessProfilesOptions {
  readonly env: Pick<Env, 'clock' | 'disk' | 'log' | 'profiler'>;
  readonly folder: string;
  /** Of the process, as its files are called. */
  readonly name: string;
  readonly historySize: number;
}

type Info = { -readonly [K in keyof ProfilingInfo]: ProfilingInfo[K] };

export class ProcessProfiles implements ProcessProfiling, Disposable {
  readonly #options: ProcessProfilesOptions;
  /** The newest first; one entry for each thread. */
  #runs: readonly (readonly Info[])[] = [];
  #timer: Disposable | undefined;
  #isRunning = false;

  constructor(options: ProcessProfilesOptions) {
    this.#options = options;
  }

  list(): readonly ProfilingInfo[] {
    return this.#runs.flat();
  }

  async start(
    request: ProfilingRequest,
    threads: readonly ProfiledThread[],
  ): Promise<ProfilingInfo> {
    const { clock, profiler } = this.#options.env;
    if (this.#isRunning) throw new EngineError('PROFILING_RUNS', { process: this.#options.name });
    this.#isRunning = true;
    const main: ProfiledThread = {
      name: 'main',
      profile: (kind) => (kind === 'cpu' ? profiler.start(INTERVAL) : profiler.startHeap()),
    };
    const begun = [main, ...threads].map((thread) => this.#begin(thread, request));
    const run = begun.map(({ info }) => info);
    this.#runs = [run, ...this.#runs];
    this.#timer = clock.after(seconds(request.duration), () => {
      const ends = begun.map(({ end }) => end());
      Promise.all(ends)
        .then(() => this.#forgetOld())
        .catch((thrown: unknown) => {
          const { message } = toEngineError(thrown);
          this.#options.env.log.write('warn', `an old profile was not removed: ${message}`);
        })
        .finally(() => (this.#isRunning = false));
    });
    await Promise.all(begun.map(({ ready }) => ready));
    return run[0]!;
  }

  /** P4. */
  async read(name: string, offset: number): Promise<FilePiece | undefined> {
    const { env, folder } = this.#options;
    if (!this.list().some(({ outputFile }) => outputFile === name)) return undefined;
    return new LogFolder(env.disk, folder).read(name, offset);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  /** P3. */
  #begin(
    thread: ProfiledThread,
    request: ProfilingRequest,
  ): { readonly info: Info; readonly ready: Promise<void>; readonly end: () => Promise<void> } {
    const { clock } = this.#options.env;
    const info: Info = {
      ...{ ...request, status: 'RUNNING', thread: thread.name, triggerTime: clock.now() },
      ...{ finishedTime: undefined, message: undefined, outputFile: undefined },
    };
    const fail = (thrown: unknown): undefined => {
      info.status = 'FAILED';
      info.message = toEngineError(thrown).message;
      info.finishedTime = clock.now();
      return undefined;
    };
    const kind = request.mode === 'ALLOC' ? 'heap' : 'cpu';
    const recording = this.#inTime(thread.profile(kind)).catch(fail);
    const end = async (): Promise<void> => {
      const begun = await recording;
      if (begun === undefined) return;
      try {
        info.outputFile = await this.#write(info, await this.#inTime(begun.stop()));
        info.status = 'FINISHED';
        info.message = 'Profiling Successful';
        info.finishedTime = clock.now();
      } catch (thrown) {
        fail(thrown);
      }
    };
    return { info, ready: recording.then(() => undefined), end };
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    using _timer = this.#options.env.clock.after(ANSWER_TIMEOUT, () => {
      const reason = `the thread did not answer within ${ANSWER_TIMEOUT} ms`;
      late.reject(new EngineError('PROFILER_UNAVAILABLE', { place: 'V8', reason }));
    });
    return await Promise.race([work, late.promise]);
  }

  async #write({ mode, thread, triggerTime }: ProfilingInfo, text: string): Promise<string> {
    const { env, folder, name } = this.#options;
    const time = new Date(triggerTime).toISOString().slice(0, 19).replaceAll(/[T:]/g, '_');
    const ending = mode === 'ALLOC' ? 'heapprofile' : 'cpuprofile';
    const words = `${name}_${mode}_${time}_${thread}`.replaceAll(/[^\w.-]+/g, '-');
    await env.disk.makeDirectory(folder, 'private');
    const file = await env.disk.open(`${folder}/${words}.${ending}`, 'write', 'private');
    try {
      await file.write(new TextEncoder().encode(text), 0);
    } finally {
      await file.close();
    }
    return `${words}.${ending}`;
  }

  /** P2. */
  async #forgetOld(): Promise<void> {
    const { env, folder, historySize } = this.#options;
    const old = this.#runs.slice(historySize).flat();
    this.#runs = this.#runs.slice(0, historySize);
    for (const { outputFile } of old) {
      if (outputFile !== undefined) await env.disk.remove(`${folder}/${outputFile}`);
    }
  }
}

/** Undefined where it is off. @throws EngineError CLUSTER_HOME_UNKNOWN, IO_* */
export async function processProfiling(
  env: Env,
  configuration: Configuration,
  { role, name }: { readonly role: ProcessRole; readonly name: string },
): Promise<ProcessProfiles | undefined> {
  if (!configuration.get(ProfilingOptions.enabled)) return undefined;
  const folder = await processFolder(env, profilingBase(env, configuration), role);
  const historySize = configuration.get(ProfilingOptions.historySize);
  return new ProcessProfiles({ env, folder, name, historySize });
}

/** Below which each process has a folder of its own. */
export function profilingBase(
  env: Pick<Env, 'disk' | 'terminal' | 'random'>,
  configuration: Configuration,
): string {
  const configured = configuration.get(ProfilingOptions.directory);
  return env.disk.resolve(configured ?? `${ClusterDirectory.of(env, configuration).path}/profiles`);
}
