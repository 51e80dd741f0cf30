/**
 * The attempts of every subtask of a job and when each entered which state, as wall-clock times.
 * What it is told are the states of the job machine before and after a step.
 *
 * N1. An attempt that has given way to the next does not change any more.
 * N2. Of a subtask at most `limit` earlier attempts are kept, the last ones.
 */
import { assert } from '../base/assert.ts';
import type { ErrorData } from '../base/errors.ts';
import type {
  AttemptInfo,
  SubtaskInfo,
  TaskCounters,
  TaskManagerLocation,
} from '../protocol/execution-graph-info.ts';
import type { ExecutionState } from '../protocol/job-status.ts';
import { NO_EXCHANGE } from '../protocol/slot-messages.ts';
import type { Accumulator, TaskMetrics } from '../protocol/slot-messages.ts';
import { isTerminalExecution } from '../scheduling/execution-state.ts';
import type { ExecutionRecord } from '../scheduling/job-state.ts';
import { executionIdOf } from './job-plan.ts';
import type { PlannedExecution } from './job-plan.ts';

/** What an execution has counted in its present attempt. */
export interface CountsOfAttempt {
  readonly counts: TaskMetrics | undefined;
  readonly accumulators: readonly Accumulator[];
}

interface Attempt {
  readonly attempt: number;
  readonly generation: number;
  state: ExecutionState;
  readonly stateTimestamps: Partial<Record<ExecutionState, number>>;
  taskManager: TaskManagerLocation | undefined;
  error: ErrorData | undefined;
}

interface Subtask {
  current: Attempt;
  previous: readonly AttemptInfo[];
}

const NO_COUNTS: TaskCounters = {
  recordsIn: 0,
  recordsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  busyMillis: 0,
  idleMillis: 0,
  backPressuredMillis: 0,
  watermark: undefined,
  waitsFor: undefined,
  needsEventTime: false,
  lateRecordsDropped: 0,
  exchange: NO_EXCHANGE,
};

export class AttemptHistory {
  readonly #planned: readonly PlannedExecution[];
  readonly #limit: number;
  readonly #countsOf: (execution: number) => CountsOfAttempt;
  readonly #subtasks: readonly Subtask[];
  /** When the state of any of them changed last. */
  lastChange: number;

  constructor(
    planned: readonly PlannedExecution[],
    limit: number,
    countsOf: (execution: number) => CountsOfAttempt,
    now: number,
  ) {
    this.#planned = planned;
    this.#limit = limit;
    this.#countsOf = countsOf;
    this.#subtasks = planned.map(() => ({ current: begun(0, 0, now), previous: [] }));
    this.lastChange = now;
  }

  note(before: readonly ExecutionRecord[], after: readonly ExecutionRecord[], now: number): void {
    for (const [index, record] of after.entries()) {
      if (before[index] === record) continue;
      const subtask = this.#subtasks[index]!;
      if (record.generation !== subtask.current.generation) this.#begin(index, record, now);
      const { current } = subtask;
      if (current.state === record.state) continue;
      current.state = record.state;
      current.stateTimestamps[record.state] = now;
      this.lastChange = now;
    }
  }

  /** Where the present attempt was deployed to. */
  deployed(execution: number, taskManager: TaskManagerLocation): void {
    this.#subtasks[execution]!.current.taskManager = taskManager;
  }

  failed(execution: number, error: ErrorData): void {
    this.#subtasks[execution]!.current.error ??= error;
  }

  /** E.g. `map (2/4) - execution #0`, as Flink names it. */
  taskName(execution: number): string {
    const { vertex, subtask } = this.#planned[execution]!;
    const { attempt } = this.#subtasks[execution]!.current;
    return `${vertex.name} (${subtask + 1}/${vertex.parallelism}) - execution #${attempt}`;
  }

  locationOf(execution: number): TaskManagerLocation | undefined {
    return this.#subtasks[execution]!.current.taskManager;
  }

  /** Its id, if it was deployed and has not ended. */
  running(execution: number): string | undefined {
    const { generation, taskManager, state } = this.#subtasks[execution]!.current;
    if (taskManager === undefined || isTerminalExecution(state)) return undefined;
    return executionIdOf(this.#planned[execution]!, generation);
  }

  subtask(execution: number): SubtaskInfo {
    const { current, previous } = this.#subtasks[execution]!;
    const { subtask } = this.#planned[execution]!;
    return { subtask, current: this.#infoOf(execution, current), previous };
  }

  #begin(execution: number, { generation }: ExecutionRecord, now: number): void {
    const subtask = this.#subtasks[execution]!;
    const last = subtask.current;
    assert(generation > last.generation, 'N1: an attempt was begun before its predecessor');
    if (last.generation === 0) {
      const { stateTimestamps } = last;
      subtask.current = { ...begun(0, generation, now), stateTimestamps };
      return;
    }
    if (!isTerminalExecution(last.state)) {
      last.state = 'CANCELED';
      last.stateTimestamps.CANCELED = now;
    }
    // N1, N2
    subtask.previous = [...subtask.previous, this.#infoOf(execution, last)].slice(-this.#limit);
    subtask.current = begun(last.attempt + 1, generation, now);
  }

  #infoOf(execution: number, of: Attempt): AttemptInfo {
    const { counts, accumulators } = this.#countsOf(execution);
    const { attempt, generation, state, stateTimestamps, taskManager, error } = of;
    const executionId = executionIdOf(this.#planned[execution]!, generation);
    // An attempt that has told nothing yet has nothing of the one before it.
    const known = counts?.executionId === executionId ? counts : undefined;
    return {
      ...countersOf(known),
      ...{ attempt, executionId, state, taskManager, error, accumulators },
      stateTimestamps: { ...stateTimestamps },
      countsComplete: known !== undefined && isTerminalExecution(state),
    };
  }
}

function countersOf(metrics: TaskMetrics | undefined): TaskCounters {
  if (metrics === undefined) return NO_COUNTS;
  const {
    executionId: _id,
    vertex: _vertex,
    subtask: _subtask,
    accumulators: _accumulators,
    ...counters
  } = metrics;
  return counters;
}

function begun(attempt: number, generation: number, now: number): Attempt {
  return {
    attempt,
    generation,
    state: 'CREATED',
    stateTimestamps: { CREATED: now },
    taskManager: undefined,
    error: undefined,
  };
}
