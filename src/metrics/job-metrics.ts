/**
 * What the tasks of a job have counted, kept per subtask for its present attempt, with the rates
 * between the last two reports of each.
 *
 * Z1. Only reports of a subtask's present attempt count; a new attempt begins with nothing.
 */
import type { Duration } from '../base/units.ts';

/** Counted since the task's start; times in milliseconds. */
export interface TaskCounts {
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly busyMillis: number;
  readonly idleMillis: number;
  readonly backPressuredMillis: number;
  readonly watermark: number | undefined;
  /** What the watermark waits for; undefined, as the watermark, when event time has ended. */
  readonly waitsFor: unknown;
}

interface Sample<C> {
  readonly at: Duration;
  readonly counts: C;
}

interface Samples<C> {
  readonly last: Sample<C>;
  readonly before: Sample<TaskCounts>;
  /** Since when the watermark is the same. */
  readonly standsSince: Duration;
}

export interface VertexCounts {
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly recordsInPerSecond: number;
  readonly recordsOutPerSecond: number;
  readonly busy: number;
  readonly idle: number;
  readonly backPressured: number;
  readonly watermark: number | undefined;
}

const NOTHING: TaskCounts = {
  recordsIn: 0,
  recordsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  busyMillis: 0,
  idleMillis: 0,
  backPressuredMillis: 0,
  watermark: undefined,
  waitsFor: 'its first report',
};

/** Shorter spans give rates that jump. */
const RATE_SPAN_MIN_MILLIS = 100;

export class JobMetrics<C extends TaskCounts = TaskCounts> {
  readonly #attempts = new Map<number, { readonly attempt: number; readonly started: Duration }>();
  readonly #samples = new Map<number, Samples<C>>();

  /** Z1. */
  beginAttempt(execution: number, attempt: number, now: Duration): void {
    this.#attempts.set(execution, { attempt, started: now });
    this.#samples.delete(execution);
  }

  report(execution: number, attempt: number, counts: C, now: Duration): void {
    const present = this.#attempts.get(execution);
    if (present?.attempt !== attempt) return;
    const known = this.#samples.get(execution);
    const last = { at: now, counts };
    const first = { at: present.started, counts: NOTHING };
    const short = known !== undefined && now - known.last.at < RATE_SPAN_MIN_MILLIS;
    const before = known === undefined ? first : short ? known.before : known.last;
    const stands = known !== undefined && known.last.counts.watermark === counts.watermark;
    this.#samples.set(execution, { last, before, standsSince: stands ? known.standsSince : now });
  }

  /** What an execution reported last, and for how long its watermark has been the same. */
  last(
    execution: number,
    now: Duration,
  ): { readonly counts: C; readonly stands: number } | undefined {
    const samples = this.#samples.get(execution);
    if (samples === undefined) return undefined;
    return { counts: samples.last.counts, stands: now - samples.standsSince };
  }

  /** Sums over some executions, e.g. those of one vertex. */
  sum(executions: readonly number[]): VertexCounts {
    const sum = { recordsIn: 0, recordsOut: 0, bytesIn: 0, bytesOut: 0 };
    const rates = { recordsInPerSecond: 0, recordsOutPerSecond: 0 };
    const shares = { busy: 0, idle: 0, backPressured: 0 };
    let watermark: number | undefined = Infinity;
    for (const execution of executions) {
      const sample = this.#samples.get(execution);
      const counts = sample?.last.counts ?? NOTHING;
      sum.recordsIn += counts.recordsIn;
      sum.recordsOut += counts.recordsOut;
      sum.bytesIn += counts.bytesIn;
      sum.bytesOut += counts.bytesOut;
      const reached = counts.watermark ?? (counts.waitsFor === undefined ? Infinity : undefined);
      if (reached === undefined) watermark = undefined;
      else if (watermark !== undefined) watermark = Math.min(watermark, reached);
      if (sample === undefined) continue;
      const span = Math.max(sample.last.at - sample.before.at, 1);
      const { counts: before } = sample.before;
      rates.recordsInPerSecond += ((counts.recordsIn - before.recordsIn) * 1000) / span;
      rates.recordsOutPerSecond += ((counts.recordsOut - before.recordsOut) * 1000) / span;
      const share = 1 / executions.length;
      shares.busy += share * part(counts.busyMillis - before.busyMillis, span);
      shares.idle += share * part(counts.idleMillis - before.idleMillis, span);
      const pressed = counts.backPressuredMillis - before.backPressuredMillis;
      shares.backPressured += share * part(pressed, span);
    }
    if (watermark === Infinity) watermark = undefined;
    return { ...sum, ...rates, ...shares, watermark };
  }
}

function part(millis: number, span: number): number {
  return Math.min(Math.max(millis / span, 0), 1);
}
