/**
 * What this process uses of its machine. Not part of `Env`: only reports and metrics show it, no
 * decision is taken by it, so that nothing of it needs to be simulated.
 */
import type { Duration } from '../base/units.ts';

export interface ProcessUsage extends Disposable {
  read(): ProcessUsageSample;
}

/** Sizes in bytes. What the system does not tell is -1. */
export interface ProcessUsageSample {
  /** Of all threads, user and system, since the start of the process. */
  readonly cpuTime: Duration;
  readonly uptime: Duration;
  /** All that the system has given to the process. */
  readonly residentSet: number;
  /** V8's heap of the main thread: used, reserved, and the most there can be. */
  readonly heapUsed: number;
  readonly heapCommitted: number;
  readonly heapMax: number;
  /** Memory of buffers, outside of V8's heap, of all threads. */
  readonly arrayBuffers: number;
  readonly external: number;
  readonly threads: number;
  readonly openFiles: number;
  readonly openFilesMax: number;
  readonly collections: readonly GarbageCollections[];
}

/** Of the main thread. */
export interface GarbageCollections {
  readonly kind: 'minor' | 'major' | 'incremental';
  readonly count: number;
  readonly time: Duration;
}
