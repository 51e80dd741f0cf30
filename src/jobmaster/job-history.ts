/**
 * What a JobMaster remembers of its job for those who ask: times, failures, and the vertices in
 * short.
 */
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { JobMetrics } from '../metrics/job-metrics.ts';
import type { JobFailure, SubtaskTime, VertexDetails } from '../protocol/job-report.ts';
import { isTerminal } from '../protocol/job-status.ts';
import type { ExecutionState } from '../protocol/job-status.ts';
import type { TaskMetrics } from '../protocol/slot-messages.ts';
import type { JobState } from '../scheduling/job-state.ts';
import type { JobPlan } from './job-plan.ts';

const FAILURES_MAX = 16;

export class JobHistory {
  readonly #started: Duration;
  #ended: Duration | undefined;
  #failures: readonly JobFailure[] = [];

  constructor(started: Duration) {
    this.#started = started;
  }

  /** The last ones, oldest first. */
  get failures(): readonly JobFailure[] {
    return this.#failures;
  }

  note(before: JobState, after: JobState, now: Duration): void {
    if (after.failure !== undefined && after.failure !== before.failure) {
      const failure = { afterMillis: now - this.#started, error: after.failure.toData() };
      this.#failures = [...this.#failures, failure].slice(-FAILURES_MAX);
    }
    if (isTerminal(after.status)) this.#ended ??= now;
  }

  runtimeMillis(now: Duration): number {
    return milliseconds((this.#ended ?? now) - this.#started);
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
