/** The part of one vertex in one checkpoint, in Flink's shape. */
import type {
  CheckpointRecord,
  SubtaskCheckpoint,
  VertexCheckpoint,
} from '../../protocol/checkpoint-statistics.ts';
import { boolean, choice, integer, list, named, object, optional } from '../shape.ts';
import type { Shape } from '../shape.ts';
import { taskOf } from './checkpoint-statistics.ts';

type Whole = number | bigint;
type TaskInfo = ReturnType<typeof taskOf>;

interface Span {
  readonly min: Whole;
  readonly max: Whole;
  readonly avg: Whole;
}

interface Durations<T> {
  readonly sync: T;
  readonly async: T;
}

interface Alignment<T> {
  readonly buffered: T;
  readonly processed: T;
  readonly persisted: T;
  readonly duration: T;
}

interface SubtaskInfo {
  readonly index: Whole;
  readonly status: 'completed' | 'pending_or_failed';
  readonly ack_timestamp?: Whole | undefined;
  readonly end_to_end_duration?: Whole | undefined;
  readonly checkpointed_size?: Whole | undefined;
  readonly state_size?: Whole | undefined;
  readonly checkpoint?: Durations<Whole> | undefined;
  readonly alignment?: Alignment<Whole> | undefined;
  readonly start_delay?: Whole | undefined;
  readonly unaligned_checkpoint?: boolean | undefined;
  readonly aborted?: boolean | undefined;
}

interface SummaryInfo {
  readonly checkpointed_size: Span;
  readonly state_size: Span;
  readonly end_to_end_duration: Span;
  readonly checkpoint_duration: Durations<Span>;
  readonly alignment: Alignment<Span>;
  readonly start_delay: Span;
}

export interface VertexCheckpointInfo extends TaskInfo {
  readonly summary: SummaryInfo;
  readonly subtasks: readonly SubtaskInfo[];
}

const span = named('MinMaxAvgStatistics', object({ min: integer, max: integer, avg: integer }));
const alignment = <T>(of: Shape<T>): Shape<Alignment<T>> =>
  object({ buffered: of, processed: of, persisted: of, duration: of });

export const vertexCheckpoint: Shape<VertexCheckpointInfo> = named(
  'TaskCheckpointStatisticsWithSubtaskDetails',
  object({
    ...{ id: integer, status: choice(['IN_PROGRESS', 'COMPLETED', 'FAILED']) },
    ...{ latest_ack_timestamp: integer, checkpointed_size: integer, state_size: integer },
    ...{ end_to_end_duration: integer, alignment_buffered: integer, processed_data: integer },
    ...{ persisted_data: integer, num_subtasks: integer, num_acknowledged_subtasks: integer },
    summary: object({
      ...{ checkpointed_size: span, state_size: span, end_to_end_duration: span },
      checkpoint_duration: object({ sync: span, async: span }),
      alignment: alignment(span),
      start_delay: span,
    }),
    subtasks: list(
      object({
        index: integer,
        status: choice(['completed', 'pending_or_failed']),
        ack_timestamp: optional(integer),
        end_to_end_duration: optional(integer),
        checkpointed_size: optional(integer),
        state_size: optional(integer),
        checkpoint: optional(object({ sync: integer, async: integer })),
        alignment: optional(alignment(integer)),
        start_delay: optional(integer),
        unaligned_checkpoint: optional(boolean),
        aborted: optional(boolean),
      }),
    ),
  }),
);

export function vertexCheckpointOf(
  known: CheckpointRecord,
  task: VertexCheckpoint,
): VertexCheckpointInfo {
  return {
    ...taskOf(known, task),
    summary: summaryOf(task.subtasks.filter((one): one is SubtaskCheckpoint => one !== undefined)),
    subtasks: task.subtasks.map((one, index) => subtaskOf(one, index)),
  };
}

function summaryOf(known: readonly SubtaskCheckpoint[]): SummaryInfo {
  const over = (pick: (one: SubtaskCheckpoint) => number): Span => {
    if (known.length === 0) return { min: 0, max: 0, avg: 0 };
    const values = known.map((one) => Math.round(pick(one)));
    const sum = values.reduce((total, value) => total + value, 0);
    const avg = Math.round(sum / values.length);
    return { min: Math.min(...values), max: Math.max(...values), avg };
  };
  return {
    checkpointed_size: over((one) => one.writtenBytes),
    state_size: over((one) => one.stateBytes),
    end_to_end_duration: over((one) => one.durationMillis),
    checkpoint_duration: {
      sync: over((one) => one.syncMillis),
      async: over((one) => one.asyncMillis),
    },
    alignment: {
      buffered: { min: 0, max: 0, avg: 0 },
      processed: over((one) => one.processedBytes),
      persisted: over((one) => one.inFlightBytes),
      duration: over((one) => one.alignmentMillis),
    },
    start_delay: over((one) => one.startDelayMillis),
  };
}

function subtaskOf(known: SubtaskCheckpoint | undefined, index: number): SubtaskInfo {
  if (known === undefined) return { index, status: 'pending_or_failed' };
  return {
    ...{ index, status: 'completed', ack_timestamp: known.acknowledgedAt },
    end_to_end_duration: Math.round(known.durationMillis),
    ...{ checkpointed_size: known.writtenBytes, state_size: known.stateBytes },
    checkpoint: { sync: Math.round(known.syncMillis), async: Math.round(known.asyncMillis) },
    alignment: {
      buffered: 0,
      processed: known.processedBytes,
      persisted: known.inFlightBytes,
      duration: Math.round(known.alignmentMillis),
    },
    start_delay: Math.round(known.startDelayMillis),
    ...{ unaligned_checkpoint: known.unaligned, aborted: false },
  };
}
