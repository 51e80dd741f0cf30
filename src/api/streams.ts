/** The kinds of streams, put together for a JobBuilder. */
import { AllWindowedStream } from './all-windowed-stream.ts';
import {
  BroadcastConnectedStream,
  BroadcastStream,
  KeyedBroadcastConnectedStream,
} from './broadcast-stream.ts';
import { CollectedStream } from './collected-stream.ts';
import { ConnectedStreams, KeyedConnectedStreams } from './connected-streams.ts';
import { DataStreamSink } from './data-stream-sink.ts';
import { DataStream } from './data-stream.ts';
import { KeyedStream } from './keyed-stream.ts';
import { ProcessedStream } from './processed-stream.ts';
import { WindowedStream } from './windowed-stream.ts';
import type { StreamKinds } from './stream-kinds.ts';

export const STREAM_KINDS: StreamKinds = {
  stream: (stream) => new DataStream(stream),
  keyed: (stream, key) => new KeyedStream(stream, key),
  processed: (stream, outputs) => new ProcessedStream(stream, outputs),
  connected: (pair) => new ConnectedStreams(pair),
  keyedConnected: (pair, keys) => new KeyedConnectedStreams(pair, keys),
  broadcast: (stream, states) => new BroadcastStream(stream, states),
  broadcastConnected: (pair, states) => new BroadcastConnectedStream(pair, states),
  keyedBroadcastConnected: (pair, key, states) =>
    new KeyedBroadcastConnectedStream(pair, key, states),
  windowed: (input) => new WindowedStream(input),
  allWindowed: (input) => new AllWindowedStream(input),
  sink: (stream, committer) => new DataStreamSink(stream, committer),
  collected: (stream, schema) => new CollectedStream(stream, schema),
};
