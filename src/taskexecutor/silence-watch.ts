/**
 * Notices that the thread of a slot says nothing any more: user code does not come back, and the
 * slot cannot say so itself. The log names it, and its tasks are told as busy for as long as it
 * lasts.
 *
 * Invariants:
 *   S1. A slot without tasks is never called silent.
 *   S2. Silence counts in ticks at which nothing had come: when the whole process stood still, the
 *       slot is not to blame.
 *   S3. What is told of a silent task is what it told last, with the time since then as busy.
 *   S4. Once the slot is being stopped nothing is told or logged any more: `onSilent` is called,
 *       once, when it is silent and stays so for a second.
 */
import { seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Clock, Log } from '../env/env.ts';
import type { MetricValue, ScopedMetrics } from '../metrics/metric.ts';
import { NO_EXCHANGE } from '../protocol/slot-messages.ts';
import type { FromSlot, TaskMetrics } from '../protocol/slot-messages.ts';
import type { TaskDeployment } from '../protocol/task-deployment.ts';
import type { MainThread } from '../rpc/main-thread.ts';

/** As often as a slot tells its metrics. */
const TICK = seconds(1);
/** Slots tell their metrics between two steps: a step of a second or two is nothing to tell. */
const SILENT_TICKS = 3;
const WARN_TICKS = 10;
/** What a slot that is being stopped may be silent for beyond `SILENT_TICKS`. */
const GRACE_TICKS = 2;
/** A warning comes again when the silence is this many times as long. */
const WARN_AGAIN = 6;

export interface SilenceWatchOptions {
  readonly main: MainThread;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly jobId: string;
  readonly slot: number;
  /** Takes what a silent slot would have told. */
  readonly tell: (message: Extract<FromSlot, { kind: 'metrics' }>) => void;
}

interface Watched {
  readonly name: string;
  counts: TaskMetrics;
}

export class SilenceWatch implements Disposable {
  readonly #options: SilenceWatchOptions;
  readonly #tasks = new Map<string, Watched>();
  #scopes: readonly ScopedMetrics[] = [];
  #heardAt: Duration;
  #ticks = 0;
  #warnAt = WARN_TICKS;
  #timer: Disposable | undefined;
  #disposed = false;
  #onSilent: (() => void) | undefined;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#heardAt = options.main.now();
  }

  get silent(): boolean {
    return this.#ticks >= SILENT_TICKS;
  }

  /** What a slot that is silent answered last of its tasks, with what has become of it. */
  get scopes(): readonly ScopedMetrics[] {
    return this.#scopes.flatMap(({ scope, metrics }) =>
      scope.kind === 'task' ? [{ scope, metrics: metrics.map(blocked) }] : [],
    );
  }

  deployed(tasks: readonly TaskDeployment[]): void {
    this.#heard();
    for (const task of tasks) {
      const { executionId, vertex, subtask, parallelism, name = vertex } = task;
      const counts = { ...NOTHING_TOLD, executionId, vertex, subtask };
      this.#tasks.set(executionId, { name: `${name} (${subtask + 1}/${parallelism})`, counts });
    }
    if (this.#timer === undefined) this.#arm();
  }

  /** Everything that the slot says. */
  heard(message: FromSlot): void {
    this.#heard();
    if (message.kind === 'metrics-answer') this.#scopes = message.scopes;
    if (message.kind === 'metrics') {
      for (const counts of message.tasks) {
        const task = this.#tasks.get(counts.executionId);
        if (task !== undefined) task.counts = counts;
      }
    }
  }

  ended(executionId: string): void {
    this.#tasks.delete(executionId);
  }

  /** S4. */
  stopping(onSilent: () => void): void {
    this.#onSilent = onSilent;
    this.#ticks = Math.min(this.#ticks, SILENT_TICKS);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
  }

  #heard(): void {
    if (this.#warnAt > WARN_TICKS && this.#onSilent === undefined) {
      const { log, jobId, slot } = this.#options;
      const message = `Slot ${slot} goes on: user code came back after ${this.#seconds} s`;
      log.write('info', message, { jobId, slot });
    }
    this.#heardAt = this.#options.main.now();
    this.#ticks = 0;
    this.#warnAt = WARN_TICKS;
  }

  get #millis(): number {
    return this.#options.main.now() - this.#heardAt;
  }

  get #seconds(): number {
    return Math.round(this.#millis / 1000);
  }

  #arm(): void {
    if (this.#disposed) return;
    this.#timer = this.#options.main.after(TICK, () => {
      this.#tick();
      this.#arm();
    });
  }

  /** S1, S2, S4. */
  #tick(): void {
    this.#ticks = this.#tasks.size === 0 ? 0 : this.#ticks + 1;
    if (this.#onSilent !== undefined) {
      if (this.#ticks >= SILENT_TICKS + GRACE_TICKS) this.#onSilent();
      return;
    }
    if (!this.silent) return;
    this.#options.tell({ kind: 'metrics', tasks: this.#counts() });
    if (this.#ticks < this.#warnAt) return;
    this.#warnAt *= WARN_AGAIN;
    const { clock, log, jobId, slot } = this.#options;
    log.write(
      'warn',
      `The code of ${this.#names()} has not come back for ${this.#seconds} s: ` +
        `it holds up all tasks of slot ${slot} of job ${jobId}`,
      { jobId, slot, since: new Date(clock.now() - this.#millis).toISOString() },
    );
  }

  #names(): string {
    const names = [...this.#tasks.values()].map(({ name }) => `"${name}"`);
    return names.length === 1 ? names[0]! : `one of ${names.join(', ')}`;
  }

  /** S3. */
  #counts(): TaskMetrics[] {
    const millis = this.#millis;
    return [...this.#tasks.values()].map(({ counts }) => ({
      ...counts,
      busyMillis: counts.busyMillis + millis,
    }));
  }
}

/** Of a task whose first record never came back. */
const NOTHING_TOLD: Omit<TaskMetrics, 'executionId' | 'vertex' | 'subtask'> = {
  ...{ recordsIn: 0, recordsOut: 0, bytesIn: 0, bytesOut: 0 },
  ...{ busyMillis: 0, idleMillis: 0, backPressuredMillis: 0 },
  ...{ watermark: undefined, waitsFor: { kind: 'records', split: undefined } },
  ...{ needsEventTime: false, lateRecordsDropped: 0, exchange: NO_EXCHANGE },
};

/** Nothing goes through; all of the time is the code's. */
function blocked(metric: MetricValue): MetricValue {
  if (metric.kind !== 'gauge') return metric;
  if (metric.name === 'isBackPressured') return { ...metric, value: 'false' };
  if (!metric.name.endsWith('PerSecond')) return metric;
  return { ...metric, value: metric.name === 'busyTimeMsPerSecond' ? 1000 : 0 };
}
