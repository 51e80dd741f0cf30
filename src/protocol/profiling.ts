/** Profiles of the threads of a process, taken on demand and kept for a while. */
import type { FilePiece } from './process-files.ts';

/** Those of Flink that mean something here: a thread of V8 is sampled by the wall clock. */
export type ProfilingMode = 'CPU' | 'ITIMER' | 'WALL' | 'ALLOC';

export interface ProfilingRequest {
  readonly mode: ProfilingMode;
  /** Seconds. */
  readonly duration: number;
}

/** One for each thread. */
export interface ProfilingInfo extends ProfilingRequest {
  readonly status: 'RUNNING' | 'FINISHED' | 'FAILED';
  readonly thread: string;
  /** Epoch milliseconds. */
  readonly triggerTime: number;
  readonly finishedTime: number | undefined;
  /** Why there is none, or that there is one. */
  readonly message: string | undefined;
  readonly outputFile: string | undefined;
}

export interface ProfiledThread {
  readonly name: string;
  /** @throws EngineError PROFILER_UNAVAILABLE */
  profile(kind: 'cpu' | 'heap'): Promise<{ stop(): Promise<string> }>;
}

/** What a process that may be profiled does. */
export interface ProcessProfiling {
  /** The newest first. */
  list(): readonly ProfilingInfo[];
  /**
   * Begins, of its main thread and of these; the first of what `list` shows of it.
   * @throws EngineError PROFILING_RUNS
   */
  start(request: ProfilingRequest, threads: readonly ProfiledThread[]): Promise<ProfilingInfo>;
  /** A piece of a file; undefined for one that is not in the list. */
  read(name: string, offset: number): Promise<FilePiece | undefined>;
}
