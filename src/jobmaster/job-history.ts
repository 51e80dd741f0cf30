/**
 * What a JobMaster remembers of its job for those who ask: times, attempts, failures, and the
 * vertices in short.
 */
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import { EngineError } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { HistoryOptions } from '../config/options/history-options.ts';
import type { JobMetrics } from '../metrics/job-metrics.ts';
import type { FailureInfo } from '../protocol/execution-graph-info.ts';
import type { JobFailure, SubtaskTime, VertexDetails } from '../protocol/job-report.ts';
import { isTerminal } from '../protocol/job-status.ts';
import type { ExecutionState, JobStatus } from '../protocol/job-status.ts';
import type { TaskMetrics } from '../protocol/slot-messages.ts';
import type { JobEvent, JobState } from '../scheduling/job-state.ts';
import { AttemptHistory } from './attempt-history.ts';
import type { CountsOfAttempt } from './attempt-history.ts';
import { briefly, FailureHistory } from './failure-history.ts';
import type { JobPlan } from './job-plan.ts';

/** Two clocks read at once: one for spans, one for people. */
export interface Moment {
  readonly now: Duration;
  /** Wall-clock milliseconds since 1970. */
  readonly wall: number;
}

export class JobHistory {
  readonly #started: Moment;
  readonly #limits: { readonly failures: number; readonly attempts: number };
  readonly #statusTimestamps: Partial<Record<JobStatus, number>>;
  readonly #failures: FailureHistory;
  #attempts: AttemptHistory | undefined;
  #ended: Moment | undefined;
  #inShort: readonly JobFailure[] = [];
  #restarts = 0;
  #lastStatusChange: number;

  constructor(started: Moment, configuration: Configuration) {
    this.#started = started;
    this.#limits = {
      failures: configuration.get(HistoryOptions.exceptionHistorySize),
      attempts: configuration.get(HistoryOptions.attemptsHistorySize),
    };
    this.#failures = new FailureHistory(this.#limits.failures);
    this.#statusTimestamps = { INITIALIZING: started.wall };
    this.#lastStatusChange = started.wall;
  }

  get startTime(): number {
    return this.#started.wall;
  }

  /** -1 as long as the job has not ended. */
  get endTime(): number {
    return this.#ended?.wall ?? -1;
  }

  get lastModification(): number {
    return Math.max(this.#lastStatusChange, this.#attempts?.lastChange ?? 0);
  }

  get statusTimestamps(): Readonly<Partial<Record<JobStatus, number>>> {
    return { ...this.#statusTimestamps };
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Undefined before the job is planned. */
  get attempts(): AttemptHistory | undefined {
    return this.#attempts;
  }

  get failures(): FailureHistory {
    return this.#failures;
  }

  /** The last failures, oldest first. */
  get failuresInShort(): readonly JobFailure[] {
    return this.#inShort;
  }

  planned(plan: JobPlan, countsOf: (execution: number) => CountsOfAttempt, wall: number): void {
    this.#attempts = new AttemptHistory(plan.executions, this.#limits.attempts, countsOf, wall);
  }

  note(before: JobState, after: JobState, event: JobEvent, { now, wall }: Moment): void {
    // The task of a failure is the attempt that failed, not the one after it.
    this.#noteFailure(before, after, event, { now, wall });
    this.#attempts?.note(before.executions, after.executions, wall);
    if (after.status !== before.status) {
      this.#statusTimestamps[after.status] = wall;
      this.#lastStatusChange = wall;
    }
    if (isTerminal(after.status)) this.#ended ??= { now, wall };
  }

  /** For what a job waits before it can begin; the same reason again is not told again. */
  waits(error: EngineError, { now, wall }: Moment): void {
    const data = error.toData();
    const last = this.#failures.all.at(-1);
    if (last !== undefined && EngineError.fromData(last.error).message === error.message) return;
    this.#failures.add({
      ...{ error: data, timestamp: wall, concurrent: [] },
      ...{ taskName: undefined, endpoint: undefined, taskManagerId: undefined },
    });
    const inShort = { afterMillis: now - this.#started.now, error: data };
    this.#inShort = [...this.#inShort, inShort].slice(-this.#limits.failures);
  }

  runtimeMillis(now: Duration): number {
    return milliseconds((this.#ended?.now ?? now) - this.#started.now);
  }

  #noteFailure(before: JobState, after: JobState, event: JobEvent, { now, wall }: Moment): void {
    const began = after.failure !== undefined && after.failure !== before.failure;
    const given = errorOf(event);
    const error = began ? after.failure : given;
    if (error === undefined) return;
    if (!began && !isConcurrent(before, event)) return;
    const failure = this.#describe(error, event, before, wall);
    if (!began) {
      this.#failures.addConcurrent(failure);
      return;
    }
    this.#failures.add(failure);
    if (RESTARTS.includes(after.status)) this.#restarts++;
    const inShort = { afterMillis: now - this.#started.now, error: failure.error };
    this.#inShort = [...this.#inShort, inShort].slice(-this.#limits.failures);
  }

  #describe(error: EngineError, event: JobEvent, before: JobState, wall: number): FailureInfo {
    const data = error.toData();
    const execution = executionOf(event, before);
    const attempts = this.#attempts;
    const location = execution === undefined ? undefined : attempts?.locationOf(execution);
    const { host, dataPort: port } = location ?? {};
    const ofTask = event.kind === 'task-state';
    if (ofTask) attempts?.failed(event.execution, briefly(data));
    return {
      error: data,
      timestamp: wall,
      taskName: ofTask ? attempts?.taskName(event.execution) : undefined,
      endpoint: location && (port === 0 ? host : `${host}:${port}`),
      taskManagerId: location?.id,
      concurrent: [],
    };
  }

  vertices(
    plan: JobPlan | undefined,
    state: JobState,
    metrics: JobMetrics<TaskMetrics>,
    now: Duration,
  ): readonly VertexDetails[] {
    if (plan === undefined) return [];
    return plan.graph.jobGraph.vertices.map(({ id, name, parallelism, operators }) => {
      const executions = Array.from({ length: parallelism }, (_, i) =>
        plan.indexes.get(`${id}/${i}`)!,
      );
      const states: Partial<Record<ExecutionState, number>> = {};
      for (const execution of executions) {
        const { state: one } = state.executions[execution]!;
        states[one] = (states[one] ?? 0) + 1;
      }
      return {
        ...{ id, name, parallelism, states },
        ...metrics.sum(executions),
        operators: operators.map((operator) => ({ id: operator.id, name: operator.name })),
        subtasks: executions.flatMap((execution, subtask) =>
          timeOf(metrics, execution, subtask, now),
        ),
      };
    });
  }
}

/** What a job is when a failure has not ended it. */
const RESTARTS: readonly JobStatus[] = ['RESTARTING', 'COMMITTING'];

/** Whether it comes while what it is about is being stopped. */
function isConcurrent(state: JobState, event: JobEvent): boolean {
  if (isTerminal(state.status)) return false;
  const slot = 'slot' in event ? event.slot : undefined;
  const of = 'execution' in event ? state.executions[event.execution]?.slot : slot;
  if (of === undefined) return false;
  return state.regions[state.regionOf[of]!]!.stopping;
}

/** The error that an event brings, if it brings one. */
function errorOf(event: JobEvent): EngineError | undefined {
  return 'error' in event ? event.error : undefined;
}

/** The one that failed, or one that runs where something failed. */
function executionOf(event: JobEvent, { executions }: JobState): number | undefined {
  if ('execution' in event) return event.execution;
  if (!('slot' in event)) return undefined;
  const index = executions.findIndex(({ slot }) => slot === event.slot);
  return index < 0 ? undefined : index;
}

function timeOf(
  metrics: JobMetrics<TaskMetrics>,
  execution: number,
  subtask: number,
  now: Duration,
): readonly SubtaskTime[] {
  const last = metrics.last(execution, now);
  if (last === undefined) return [];
  const { watermark, waitsFor, needsEventTime, lateRecordsDropped } = last.counts;
  const standsMillis = last.stands;
  return [{ subtask, watermark, standsMillis, waitsFor, needsEventTime, lateRecordsDropped }];
}
