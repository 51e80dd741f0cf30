/**
 * The kinds of streams, by which one makes another: a KeyedStream is a DataStream and a DataStream
 * makes KeyedStreams, which modules that import each other could not say.
 */
import type { KeySelector } from '../graph/operator-spec.ts';
import type { OutputSpec } from '../functions/process-function.ts';
import type { BroadcastStateDescriptor } from '../functions/state.ts';
import type { Key, Schema } from '../types/schema.ts';
import type { AllWindowedStream } from './all-windowed-stream.ts';
import type {
  BroadcastConnectedStream,
  BroadcastStream,
  KeyedBroadcastConnectedStream,
} from './broadcast-stream.ts';
import type { CollectedStream } from './collected-stream.ts';
import type { ConnectedStreams, KeyedConnectedStreams } from './connected-streams.ts';
import type { DataStreamSink } from './data-stream-sink.ts';
import type { DataStream } from './data-stream.ts';
import type { StreamHandle } from './job-builder.ts';
import type { KeyedStream } from './keyed-stream.ts';
import type { ProcessedStream } from './processed-stream.ts';
import type { WindowInput } from './window-settings.ts';
import type { WindowedStream } from './windowed-stream.ts';

/** Two inputs, before an operator joins them. */
export interface Pair {
  readonly left: StreamHandle;
  readonly right: StreamHandle;
}

export type BroadcastStates = readonly BroadcastStateDescriptor<any, any>[];

export interface StreamKinds {
  stream<T>(stream: StreamHandle): DataStream<T>;
  keyed<T, K extends Key>(stream: StreamHandle, key: KeySelector): KeyedStream<T, K>;
  processed<T, O extends OutputSpec>(stream: StreamHandle, outputs: O): ProcessedStream<T, O>;
  connected<L, R>(pair: Pair): ConnectedStreams<L, R>;
  keyedConnected<L, R, K extends Key>(
    pair: Pair,
    keys: readonly [KeySelector, KeySelector],
  ): KeyedConnectedStreams<L, R, K>;
  broadcast<T>(stream: StreamHandle, states: BroadcastStates): BroadcastStream<T>;
  broadcastConnected<T, B>(pair: Pair, states: BroadcastStates): BroadcastConnectedStream<T, B>;
  keyedBroadcastConnected<T, K extends Key, B>(
    pair: Pair,
    key: KeySelector,
    states: BroadcastStates,
  ): KeyedBroadcastConnectedStream<T, K, B>;
  windowed<T, K extends Key>(input: WindowInput<T>): WindowedStream<T, K>;
  allWindowed<T>(input: WindowInput<T>): AllWindowedStream<T>;
  /** `committer`: that of all subtasks, behind them. */
  sink(stream: StreamHandle, committer?: StreamHandle): DataStreamSink;
  collected<T>(stream: StreamHandle, schema: Schema<T>): CollectedStream<T>;
}
