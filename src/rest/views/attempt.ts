/** An attempt of a subtask as Flink's pages show it. */
import type { AttemptInfo, TaskManagerLocation } from '../../protocol/execution-graph-info.ts';
import type { ExecutionState } from '../../protocol/job-status.ts';
import { integer, list, named, object, optional, record, text } from '../shape.ts';
import type { Shape } from '../shape.ts';
import { ioMetrics, ioMetricsOf } from './io-metrics.ts';
import type { IoMetrics } from './io-metrics.ts';
import { isTerminalState } from './states.ts';

export interface SubtaskDetails {
  readonly subtask: number | bigint;
  readonly status: string;
  readonly attempt: number | bigint;
  readonly endpoint: string;
  readonly 'start-time': number | bigint;
  readonly 'end-time': number | bigint;
  readonly duration: number | bigint;
  readonly metrics: IoMetrics;
  readonly 'taskmanager-id': string;
  readonly 'status-duration': Readonly<Record<string, number | bigint>>;
  readonly 'other-concurrent-attempts'?: readonly unknown[] | undefined;
  /** The same as `start-time`, under an older name. */
  readonly start_time: number | bigint;
}

export const subtaskDetails: Shape<SubtaskDetails> = named(
  'SubtaskExecutionAttemptDetailsInfo',
  object({
    subtask: integer,
    status: text,
    attempt: integer,
    endpoint: text,
    'start-time': integer,
    'end-time': integer,
    duration: integer,
    metrics: ioMetrics,
    'taskmanager-id': text,
    'status-duration': record(integer),
    'other-concurrent-attempts': optional(list(text)),
    start_time: integer,
  }),
);

const UNASSIGNED = '(unassigned)';

/** How long it was in each state before its end; -1 for a state that it has not entered. */
const DURATION_STATES = ['CREATED', 'SCHEDULED', 'DEPLOYING', 'INITIALIZING', 'RUNNING'] as const;

export interface Span {
  readonly 'start-time': number;
  readonly 'end-time': number;
  readonly duration: number;
}

export function subtaskDetailsOf(
  subtask: number,
  attempt: AttemptInfo,
  now: number,
): SubtaskDetails {
  const span = spanOf(attempt, now);
  return {
    subtask,
    status: attempt.state,
    attempt: attempt.attempt,
    endpoint: endpointOf(attempt.taskManager),
    ...span,
    metrics: ioMetricsOf([attempt]),
    'taskmanager-id': attempt.taskManager?.id ?? UNASSIGNED,
    'status-duration': durationsOf(attempt, now),
    start_time: span['start-time'],
  };
}

export function endpointOf(location: TaskManagerLocation | undefined): string {
  if (location === undefined) return UNASSIGNED;
  const { host, dataPort } = location;
  // It does not listen: its job is in one process.
  if (dataPort === 0) return host;
  return host.includes(':') ? `[${host}]:${dataPort}` : `${host}:${dataPort}`;
}

/** From its deployment to its end, or to now. */
export function spanOf({ state, stateTimestamps }: AttemptInfo, now: number): Span {
  const start = stateTimestamps.DEPLOYING ?? -1;
  const end = isTerminalState(state) ? (stateTimestamps[state] ?? -1) : -1;
  return { 'start-time': start, 'end-time': end, duration: lasted(start, end, now) };
}

/** From the first deployment of several attempts to the last end, if all have ended. */
export function spanOfAll(attempts: readonly AttemptInfo[], now: number): Span {
  const spans = attempts.map((attempt) => spanOf(attempt, now));
  const starts = spans.map((span) => span['start-time']).filter((start) => start >= 0);
  const start = starts.length === 0 ? -1 : Math.min(...starts);
  const ended = attempts.length > 0 && attempts.every(({ state }) => isTerminalState(state));
  const end = ended ? Math.max(...spans.map((span) => span['end-time'])) : -1;
  return { 'start-time': start, 'end-time': end, duration: lasted(start, end, now) };
}

export function durationsOf(attempt: AttemptInfo, now: number): Readonly<Record<string, number>> {
  const { state, stateTimestamps } = attempt;
  const times = (Object.entries(stateTimestamps) as [ExecutionState, number][]).sort(
    (left, right) => left[1] - right[1],
  );
  return Object.fromEntries(
    DURATION_STATES.map((one) => {
      const begin = stateTimestamps[one];
      if (begin === undefined) return [one, -1];
      const next = times.find(([other, at]) => other !== one && isLater(other, one) && at >= begin);
      const end = state === one ? now : (next?.[1] ?? begin);
      return [one, Math.max(end - begin, 0)];
    }),
  );
}

/** Whether an attempt can enter `state` after `than`. */
function isLater(state: ExecutionState, than: (typeof DURATION_STATES)[number]): boolean {
  const order: readonly string[] = DURATION_STATES;
  return !order.includes(state) || order.indexOf(state) > order.indexOf(than);
}

function lasted(start: number, end: number, now: number): number {
  if (start < 0) return -1;
  return Math.max((end < 0 ? now : end) - start, 0);
}
