/**
 * States in Flink's lists: one number for each of its names, whether this engine has the state or
 * not.
 */
import { EXECUTION_STATES } from '../../protocol/job-status.ts';
import type { ExecutionState, JobStatus } from '../../protocol/job-status.ts';
import { integer, object } from '../shape.ts';
import type { Shape } from '../shape.ts';

const FLINK_STATES: readonly FlinkState[] = [...EXECUTION_STATES, 'RECONCILING'];

const FLINK_STATUSES = [
  'INITIALIZING',
  'CREATED',
  'RUNNING',
  'FAILING',
  'FAILED',
  'CANCELLING',
  'CANCELED',
  'FINISHED',
  'RESTARTING',
  'SUSPENDED',
  'RECONCILING',
] as const;

type FlinkState = ExecutionState | 'RECONCILING';
type FlinkStatus = (typeof FLINK_STATUSES)[number];

export type StateCounts = Readonly<Record<FlinkState, number>>;
export type LowerStateCounts = Readonly<Record<Lowercase<FlinkState> | 'total', number>>;

export const stateCounts: Shape<StateCounts> = numbersOf(FLINK_STATES);
export const lowerStateCounts: Shape<LowerStateCounts> = numbersOf([
  'total',
  ...FLINK_STATES.map((state) => state.toLowerCase()),
]);
export const statusTimes: Shape<Readonly<Record<FlinkStatus, number>>> = numbersOf(FLINK_STATUSES);

function numbersOf<T>(names: readonly string[]): Shape<T> {
  return object(Object.fromEntries(names.map((name) => [name, integer]))) as Shape<any>;
}

export function countStates(states: Iterable<ExecutionState>): StateCounts {
  const counts = zeros(FLINK_STATES);
  for (const state of states) counts[state] += 1;
  return counts;
}

export function lowerCounts(
  counts: Readonly<Partial<Record<ExecutionState, number>>>,
  total: number,
): LowerStateCounts {
  const lower = FLINK_STATES.map((state) => [
    state.toLowerCase(),
    counts[state as ExecutionState] ?? 0,
  ]);
  return { total, ...Object.fromEntries(lower) };
}

/** 0 for a state that was never entered. */
export function stateTimesOf(
  timestamps: Readonly<Partial<Record<ExecutionState, number>>>,
): StateCounts {
  return { ...zeros(FLINK_STATES), ...timestamps };
}

/** 0 for a status that the job never had. Committing is running to Flink's clients. */
export function statusTimesOf(
  timestamps: Readonly<Partial<Record<JobStatus, number>>>,
): Readonly<Record<FlinkStatus, number>> {
  const { COMMITTING: _committing, ...known } = timestamps;
  return { ...zeros(FLINK_STATUSES), ...known };
}

export function shownStatus(status: JobStatus): FlinkStatus {
  return status === 'COMMITTING' ? 'RUNNING' : status;
}

/** Of a vertex, as Flink makes it from those of its subtasks. */
export function vertexState(counts: StateCounts, parallelism: number): ExecutionState {
  for (const state of ['FAILED', 'CANCELING', 'CANCELED', 'INITIALIZING', 'RUNNING'] as const) {
    if (counts[state] > 0) return state;
  }
  if (counts.FINISHED === 0) return 'CREATED';
  return counts.FINISHED === parallelism ? 'FINISHED' : 'RUNNING';
}

export function isTerminalState(state: ExecutionState): boolean {
  return state === 'FINISHED' || state === 'CANCELED' || state === 'FAILED';
}

function zeros<T extends string>(names: readonly T[]): Record<T, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<T, number>;
}
