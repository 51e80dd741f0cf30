/** The public API: `import { defineJob, t } from 'millrace'`. */
import type { BuildResult, Collected } from './api/collected-stream.ts';
import type { Job } from './api/define-job.ts';
import type { ExecuteArguments } from './api/execute-and-collect.ts';
import type { ParameterSpec } from './api/parameters.ts';

export { defineJob } from './api/define-job.ts';
export type { Job, JobOptions } from './api/define-job.ts';
export { param } from './api/parameters.ts';
export type { JobParameter, Parameters, ParameterSpec, ParameterValues } from './api/parameters.ts';
export type { StreamEnvironment } from './api/stream-environment.ts';
export type { NotSynchronous, Synchronous } from './api/callbacks.ts';
export type { DataStream } from './api/data-stream.ts';
export type { DataStreamSink } from './api/data-stream-sink.ts';
export type { KeyedStream } from './api/keyed-stream.ts';
export type { SlotSharingGroup } from './api/slot-sharing-group.ts';
export type { AllWindowedStream, WindowResult } from './api/all-windowed-stream.ts';
export type { KeyedWindowResult, WindowedStream } from './api/windowed-stream.ts';
export type { LateOutput } from './api/window-settings.ts';
export type { ProcessedStream, SideOutputs } from './api/processed-stream.ts';
export type { ConnectedStreams, KeyedConnectedStreams } from './api/connected-streams.ts';
export type {
  BroadcastConnectedStream,
  BroadcastStream,
  KeyedBroadcastConnectedStream,
} from './api/broadcast-stream.ts';
export type {
  CoGroup,
  KeyedCoGroup,
  KeyedJoin,
  StreamJoin,
  WindowCoGroup,
  WindowJoin,
} from './api/window-join.ts';
export type {
  BroadcastJoin,
  BroadcastJoinOptions,
  KeyedBroadcastJoin,
} from './api/broadcast-join.ts';
export type { KeyedTemporalJoin, TemporalJoin, TemporalJoinOptions } from './api/temporal-join.ts';
export type { BoundedIntervalJoin, IntervalJoin, LateSides } from './api/interval-join.ts';
export type { BuildResult, Collected, CollectedStream } from './api/collected-stream.ts';
export type { ExecuteArguments, ExecuteOptions } from './api/execute-and-collect.ts';

/**
 * Runs a job on threads of this program, and gives back the records of the streams that its build
 * returned, in the same shape. The job's module is loaded by the workers too, so it must export the
 * job, and must not run it while it is loaded. With `execution.target: remote` in the configuration
 * it runs on a cluster, which is found as `millrace run -t remote` finds it.
 * @example
 * export const squares = defineJob({
 *   name: 'squares',
 *   build: (env) => env.sequence(1, 3).map((n) => n * n).collect(),
 * });
 * if (import.meta.main) console.log(await executeAndCollect(squares)); // [1, 4, 9]
 */
export async function executeAndCollect<P extends ParameterSpec, R extends BuildResult>(
  job: Job<P, R>,
  ...[options = {}]: ExecuteArguments<P>
): Promise<Collected<R>> {
  const local = await import('./deploy/execute-and-collect.ts');
  return local.executeAndCollect(job, options);
}

export { calendarDate, dateText, utcDateOf } from './types/calendar-date.ts';
export type { CalendarDate } from './types/calendar-date.ts';
export { decimal, fromUnscaled, unscaled } from './types/decimal.ts';
export type { Decimal } from './types/decimal.ts';
export { fromStandard, t } from './types/index.ts';
export type { Infer, JsonValue, Key, Schema, Shape, Struct } from './types/index.ts';

export { state } from './functions/state.ts';
export type {
  AggregatingState,
  AggregatingStateDescriptor,
  BroadcastState,
  BroadcastStateDescriptor,
  Handles,
  ListState,
  ListStateDescriptor,
  MapState,
  MapStateDescriptor,
  OperatorStateSpec,
  ReadOnlyBroadcastState,
  ReducingState,
  ReducingStateDescriptor,
  SplitStateDescriptor,
  StateDescriptor,
  StateSpec,
  UnionStateDescriptor,
  ValueState,
  ValueStateDescriptor,
} from './functions/state.ts';
export type { StateTtl, StateTtlCleanup } from './functions/state-ttl.ts';

export { count, maxOf, meanOf, minOf, sumOf } from './functions/aggregates.ts';
export type { AggregateFunction } from './functions/aggregate-function.ts';
export type {
  AsyncCall,
  AsyncFunction,
  AsyncOptions,
  AsyncRetry,
} from './functions/async-function.ts';
export type {
  CheckpointedFunction,
  CheckpointListener,
  FunctionLifecycle,
  FunctionLogger,
  OpenContext,
} from './functions/function-context.ts';
export type {
  CoGroupFunction,
  IntervalJoinContext,
  IntervalJoinFunction,
  JoinElement,
  WindowJoinContext,
  WindowJoinFunction,
} from './functions/join-function.ts';
export type { Counter, Histogram, Meter, MetricGroup } from './functions/metric-group.ts';
export type { Partitioner } from './functions/partitioner.ts';
export type {
  BroadcastProcessFunction,
  BroadcastReader,
  BroadcastWriter,
  CoProcessFunction,
  Emitter,
  EndContext,
  InputSide,
  KeyedBroadcastProcessFunction,
  KeyedCoProcessFunction,
  KeyedEndContext,
  KeyedProcessContext,
  KeyedProcessFunction,
  OperatorStateAccess,
  OutputSpec,
  ProcessContext,
  ProcessFunction,
} from './functions/process-function.ts';
export type {
  FileEntry,
  FileInput,
  FileOutput,
  FileStatus,
  FileSystem,
  IncompleteFiles,
  OpenOptions,
  RecoverableOutput,
  RecoverableWriter,
} from './functions/file-system.ts';
export type {
  AnySink,
  Committer,
  CommitRequest,
  RestoredWriterState,
  Sink,
  SinkWriter,
  SinkWriterContext,
  WriteContext,
} from './functions/sink.ts';
export type {
  AnySource,
  Boundedness,
  ConnectorEnv,
  PollResult,
  Source,
  SourceOutput,
  SourceReader,
  SourceReaderContext,
  SourceSplit,
  SplitEnumerator,
  SplitEnumeratorContext,
  SplitOutput,
} from './functions/source.ts';

export {
  cumulating,
  customWindows,
  globalWindow,
  session,
  sliding,
  tumbling,
} from './functions/window.ts';
export type {
  CumulatingWindows,
  CustomWindows,
  GlobalWindows,
  SessionWindows,
  SlidingWindows,
  TumblingWindows,
  Window,
  WindowAssigner,
  WindowStagger,
  WindowTime,
} from './functions/window.ts';
export { trigger } from './functions/trigger.ts';
export type {
  Trigger,
  TriggerConstructors,
  TriggerContext,
  TriggerElementContext,
  TriggerFunction,
  TriggerMergeContext,
  TriggerResult,
  WindowTimers,
} from './functions/trigger.ts';
export { evictor } from './functions/evictor.ts';
export type {
  Evictor,
  EvictorConstructors,
  EvictorContext,
  EvictorFunction,
  TimestampedValue,
} from './functions/evictor.ts';
export type {
  KeyedWindowFunction,
  WindowClearContext,
  WindowContext,
  WindowFunction,
} from './functions/window-function.ts';
export { ingestionTime, noWatermarks } from './functions/watermark-strategy.ts';
export type {
  WatermarkAlignment,
  WatermarkGenerator,
  WatermarkOutput,
  WatermarkStrategy,
} from './functions/watermark-strategy.ts';

export { collection } from './connectors/collection/collection.ts';
export { discard } from './connectors/discard/discard.ts';
export type { DiscardOptions } from './connectors/discard/discard.ts';
export { generator } from './connectors/generator/generator.ts';
export type { GeneratorOptions } from './connectors/generator/generator.ts';
export { sequence } from './connectors/generator/sequence.ts';

export { days, hours, milliseconds, minutes, plus, seconds, timestamp } from './base/units.ts';
export type { Duration, Timestamp, TimestampInput } from './base/units.ts';
export { EngineError, isEngineError } from './base/errors.ts';
export type { ErrorCode, ErrorData, ErrorDomain, ErrorScope } from './base/errors.ts';
