/**
 * DataStream: a stream of records without keys. A shell around a Transformation: its methods add
 * nodes to the job that is being built and run nothing. Records are immutable; a function returns
 * new ones.
 */
import { EngineError } from '../base/errors.ts';
import { collectSink } from '../connectors/collect/collect-sink.ts';
import { printSink } from '../connectors/print/print-sink.ts';
import type { AsyncCall, AsyncFunction, AsyncOptions } from '../functions/async-function.ts';
import type { Partitioner } from '../functions/partitioner.ts';
import type { OutputSpec, ProcessFunction } from '../functions/process-function.ts';
import type { AnySink } from '../functions/sink.ts';
import type { BroadcastStateDescriptor, OperatorStateSpec } from '../functions/state.ts';
import { globalWindow, type WindowAssigner } from '../functions/window.ts';
import type { WatermarkStrategy } from '../functions/watermark-strategy.ts';
import type { PartitionerSpec } from '../graph/operator-spec.ts';
import { StreamSchemas } from '../graph/stream-schemas.ts';
import type { OutputSchema, UnresolvedSpec } from '../graph/transformation.ts';
import type { Key, Schema } from '../types/schema.ts';
import { dynamic, t } from '../types/t.ts';
import type { AllWindowedStream } from './all-windowed-stream.ts';
import { asyncFunctionOf, requireAsyncOptions } from './async-options.ts';
import {
  BroadcastJoin,
  broadcastJoinSettings,
  type BroadcastJoinOptions,
} from './broadcast-join.ts';
import { BroadcastStream, type BroadcastConnectedStream } from './broadcast-stream.ts';
import {
  requireFunctionObject,
  requireSchema,
  requireSynchronous,
  requireText,
  type Synchronous,
} from './callbacks.ts';
import type { CollectedStream } from './collected-stream.ts';
import type { ConnectedStreams } from './connected-streams.ts';
import type { DataStreamSink } from './data-stream-sink.ts';
import { idOf, type StreamHandle } from './job-builder.ts';
import type { KeyedStream } from './keyed-stream.ts';
import type { LateSides } from './interval-join.ts';
import { writerStageOf } from './global-committer.ts';
import { OperatorSettings } from './operator-settings.ts';
import { functionOutputs } from './function-outputs.ts';
import type { ProcessedStream } from './processed-stream.ts';
import { TemporalJoin, temporalJoinSettings, type TemporalJoinOptions } from './temporal-join.ts';
import { countWindows } from './window-settings.ts';
import { requireStrategy } from './require-strategy.ts';
import { CoGroup, StreamJoin } from './window-join.ts';

/** Every function has a method `call`; this keeps it from being taken for a function object. */
interface NotAFunction {
  readonly apply?: never;
}

/**
 * @example
 * env
 *   .fromElements('to be', 'or not to be')
 *   .flatMap((line) => line.split(' '))
 *   .filter((word) => word !== 'or')
 *   .print();
 */
export class DataStream<T> extends OperatorSettings {
  // ------------------------------------------------------------------------ one record at a time

  /** One record for each record. @example orders.map((order) => order.amount) */
  map<R>(map: (value: T) => Synchronous<R>): DataStream<R> {
    requireSynchronous(map, 'map');
    return this.#then('map', { kind: 'map', map });
  }

  /** Any number of records for each record. @example lines.flatMap((line) => line.split(' ')) */
  flatMap<R>(flatMap: (value: T) => Iterable<R>): DataStream<R> {
    requireSynchronous(flatMap, 'flatMap');
    return this.#then('flatMap', { kind: 'flatMap', flatMap });
  }

  /**
   * The records for which `predicate` holds.
   * @example orders.filter((order) => order.amount > 0)
   */
  filter<S extends T>(predicate: (value: T) => value is S): DataStream<S>;
  filter(predicate: (value: T) => boolean): DataStream<T>;
  filter(predicate: (value: T) => boolean): DataStream<T> {
    requireSynchronous(predicate, 'filter');
    return this.#then('filter', { kind: 'filter', predicate }, { kind: 'input' });
  }

  /**
   * The general form: any number of results for each record, side outputs, and the end of input.
   * @example
   * const parsed = lines.process({
   *   emits: t.float64,
   *   outputs: { wrong: t.string },
   *   onElement(line, ctx) {
   *     const value = Number(line);
   *     if (Number.isNaN(value)) ctx.emitTo('wrong', line);
   *     else ctx.emit(value);
   *   },
   * });
   * parsed.print();
   * parsed.side.wrong.print('wrong');
   */
  process<R, O extends OutputSpec = {}, P extends OperatorStateSpec = {}>(
    process: ProcessFunction<T, R, O, P>,
  ): ProcessedStream<R, O> {
    requireFunctionObject(process, 'process', ['onElement'], ['onEnd']);
    const { builder, id } = this.handle;
    const outputs = functionOutputs<R, O>('process', process);
    const spec: UnresolvedSpec = { kind: 'process', function: process };
    const node = builder.operator({
      kind: 'operator',
      name: 'process',
      spec,
      inputs: [id],
      ...outputs.node,
    });
    return builder.kinds.processed(node, outputs.outputs);
  }

  /**
   * Asynchronous work for each record: a request to a service, a query. `capacity` records are in
   * flight at a time; the input is held back beyond.
   * @example
   * users.asyncMap((user) => fetchProfile(user), { order: 'unordered', timeout: seconds(5) })
   */
  asyncMap<R>(
    call: (value: T, call: AsyncCall) => Promise<R>,
    options: AsyncOptions,
  ): DataStream<R>;
  asyncMap<R>(
    asyncFunction: AsyncFunction<T, R> & NotAFunction,
    options: AsyncOptions,
  ): DataStream<R>;
  asyncMap<R>(
    call: ((value: T, call: AsyncCall) => Promise<R>) | AsyncFunction<T, R>,
    options: AsyncOptions,
  ): DataStream<R> {
    const asyncFunction = asyncFunctionOf(call);
    requireAsyncOptions(options);
    return this.#then('asyncMap', { kind: 'async', function: asyncFunction, options });
  }

  /**
   * Says what the event time of a record is, and how far event time has come. From here on it
   * counts; what was said before of the stream's time is forgotten, but its end. Where the source
   * has several splits, `env.from(source, strategy)` is better: it follows each of them.
   * @example
   * orders.assignTimestamps({ timestamp: (order) => order.at, outOfOrder: seconds(5) })
   */
  assignTimestamps(strategy: WatermarkStrategy<T>): DataStream<T> {
    requireStrategy(strategy, 'assignTimestamps');
    if (strategy.alignment !== undefined) {
      throw new EngineError('API_INVALID_ARGUMENT', {
        call: 'assignTimestamps',
        reason:
          'only sources can wait for each other: give alignment to env.from(source, strategy)',
      });
    }
    const spec: UnresolvedSpec = { kind: 'assignTimestamps', strategy };
    return this.#then('assignTimestamps', spec, { kind: 'input' });
  }

  /** Hands the stream to a function: the way to operators of your own or of others. */
  through<R>(operation: (stream: this) => R): R {
    return operation(this);
  }

  /**
   * States the schema of the stream, where TypeScript inferred its type and a schema is needed:
   * for state, or to send records more compactly than with their types beside them.
   * @example
   * lines.map((line) => ({ line, n: 1 })).returns(t.struct({ line: t.string, n: t.int32 }))
   */
  returns(schema: Schema<T>): this {
    requireSchema(schema, 'returns');
    const { builder, id } = this.handle;
    builder.change(id, { returns: schema }, 'returns');
    return this;
  }

  // ----------------------------------------------------------------------------- several streams

  /** All records of this stream and of others of the same type, in no particular order. */
  union(...others: readonly DataStream<T>[]): DataStream<T> {
    const { builder, id } = this.handle;
    const inputs = [id, ...others.map((other) => idOf(builder, other, 'union'))];
    return builder.kinds.stream(builder.way({ kind: 'union', name: 'union', inputs }));
  }

  /** Two streams side by side, for a function that gets records of both. */
  connect<B>(other: BroadcastStream<B>): BroadcastConnectedStream<T, B>;
  connect<U>(other: DataStream<U>): ConnectedStreams<T, U>;
  connect<U>(
    other: DataStream<U> | BroadcastStream<U>,
  ): ConnectedStreams<T, U> | BroadcastConnectedStream<T, U> {
    const { builder } = this.handle;
    idOf(builder, other, 'connect');
    const pair = { left: this.handle, right: other.handle };
    return other instanceof BroadcastStream
      ? builder.kinds.broadcastConnected(pair, other.states)
      : builder.kinds.connected(pair);
  }

  /**
   * Each record with the version of its key in another stream: by event time the one that is valid
   * at its time, by processing time the latest.
   * @example
   * orders
   *   .temporalJoin(rates)
   *   .on((order) => order.currency, (rate) => rate.currency)
   *   .left((order, rate) => ({ id: order.id, rate: rate?.value ?? 1 }))
   */
  temporalJoin<U>(
    versions: DataStream<U>,
    options?: TemporalJoinOptions<U> & { readonly time?: 'event' | undefined },
  ): TemporalJoin<T, U, LateSides<T, U>>;
  temporalJoin<U>(
    versions: DataStream<U>,
    options: TemporalJoinOptions<U> & { readonly time: 'processing' },
  ): TemporalJoin<T, U, {}>;
  temporalJoin<U>(
    versions: DataStream<U>,
    options: TemporalJoinOptions<U> = {},
  ): TemporalJoin<T, U, OutputSpec> {
    idOf(this.handle.builder, versions, 'temporalJoin');
    const pair = { left: this.handle, right: versions.handle };
    return new TemporalJoin<T, U, OutputSpec>(pair, temporalJoinSettings(options));
  }

  /**
   * Each record with the latest one of the same key in another stream, which every subtask gets in
   * full: for the smaller of two streams. This one needs no key.
   * @example
   * flights
   *   .broadcastJoin(airports, { holdUntilEnd: true })
   *   .on((flight) => flight.origin, (airport) => airport.code)
   *   .inner((flight, airport) => ({ ...flight, city: airport.city }))
   */
  broadcastJoin<U>(
    other: DataStream<U>,
    options: BroadcastJoinOptions<U> = {},
  ): BroadcastJoin<T, U> {
    idOf(this.handle.builder, other, 'broadcastJoin');
    const pair = { left: this.handle, right: other.handle };
    return new BroadcastJoin<T, U>(pair, broadcastJoinSettings(options));
  }

  /**
   * Pairs of records of both streams with equal keys in the same window.
   * @example
   * orders
   *   .join(payments)
   *   .on((order) => order.id, (payment) => payment.orderId)
   *   .window(tumbling(hours(1)))
   *   .inner((order, payment) => ({ id: order.id, delay: payment.at - order.at }))
   */
  join<U>(other: DataStream<U>): StreamJoin<T, U> {
    idOf(this.handle.builder, other, 'join');
    return new StreamJoin<T, U>({ left: this.handle, right: other.handle });
  }

  /** All records of both streams with equal keys in the same window, for one function. */
  coGroup<U>(other: DataStream<U>): CoGroup<T, U> {
    idOf(this.handle.builder, other, 'coGroup');
    return new CoGroup<T, U>({ left: this.handle, right: other.handle });
  }

  // -------------------------------------------------------------------------------- partitioning

  /**
   * Brings equal keys together: each key has one subtask, and state by key becomes possible. A
   * key is a string, number, bigint, boolean, or a tuple of them. Its schema follows from the first
   * key; `schema` states it before.
   * @example orders.keyBy((order) => order.user)
   */
  keyBy<const K extends Key>(select: (value: T) => K, schema?: Schema<K>): KeyedStream<T, K> {
    requireSynchronous(select, 'keyBy');
    if (schema !== undefined) requireSchema(schema, 'keyBy');
    const { builder } = this.handle;
    const key = { select, schema };
    return builder.kinds.keyed(this.#partition('keyBy', { kind: 'hash', key }), key);
  }

  /**
   * Puts all records into windows, which one subtask computes: by key there would be many.
   * @example orders.windowAll(tumbling(minutes(1))).sum('amount')
   */
  windowAll(assigner: WindowAssigner<T>): AllWindowedStream<T> {
    const { builder } = this.handle;
    const key = { select: oneKey, schema: t.int32 };
    const stream = this.#partition('windowAll', { kind: 'hash', key });
    return builder.kinds.allWindowed({ stream, key, keyed: false, assigner });
  }

  /**
   * Every `size` records, or every `slide` records the last `size` ones. What does not fill a
   * window by the end of the input is not counted.
   */
  countWindowAll(size: number, slide?: number): AllWindowedStream<T> {
    return countWindows(this.windowAll(globalWindow()), size, slide);
  }

  /** Subtask i to subtask i; both sides must have the same parallelism. */
  forward(): DataStream<T> {
    return this.#partitioned({ kind: 'forward' });
  }

  /** To all subtasks in turn: an even load. */
  rebalance(): DataStream<T> {
    return this.#partitioned({ kind: 'rebalance' });
  }

  /**
   * In turn to the few subtasks that stand opposite: fewer channels than `rebalance`, an even load
   * only if the input is even.
   */
  rescale(): DataStream<T> {
    return this.#partitioned({ kind: 'rescale' });
  }

  /** To a subtask chosen at random for each record. */
  shuffle(): DataStream<T> {
    return this.#partitioned({ kind: 'shuffle' });
  }

  /** All records to the first subtask. */
  global(): DataStream<T> {
    return this.#partitioned({ kind: 'global' });
  }

  /**
   * Every record to every subtask. With descriptors of broadcast state the result is for `connect`:
   * the function there keeps what was broadcast in that state.
   * @example
   * const rules = state.broadcast('rules', t.string, t.float64);
   * payments.connect(limits.broadcast(rules))
   */
  broadcast(): DataStream<T>;
  broadcast(
    first: BroadcastStateDescriptor<any, any>,
    ...more: readonly BroadcastStateDescriptor<any, any>[]
  ): BroadcastStream<T>;
  broadcast(
    ...states: readonly BroadcastStateDescriptor<any, any>[]
  ): DataStream<T> | BroadcastStream<T> {
    const { builder } = this.handle;
    const stream = this.#partition('broadcast', { kind: 'broadcast' });
    return states.length === 0
      ? builder.kinds.stream(stream)
      : builder.kinds.broadcast(stream, states);
  }

  /**
   * To the subtask that `partition` names for what `select` takes from the record.
   * @example orders.partitionCustom((order) => order.region, (region, n) => region.length % n)
   */
  partitionCustom<K>(
    select: (value: T) => Synchronous<K>,
    partition: Partitioner<NoInfer<K>>,
  ): DataStream<T> {
    requireSynchronous(select, 'partitionCustom');
    requireSynchronous(partition, 'partitionCustom');
    return this.#partitioned({ kind: 'custom', select, partition }, 'partitionCustom');
  }

  // ----------------------------------------------------------------------------------------- ends

  /** Writes the stream. The sink takes the fields of its schema; further fields are dropped. */
  sinkTo(sink: AnySink<T>): DataStreamSink {
    const { builder, id } = this.handle;
    const stage = writerStageOf(sink as AnySink);
    const writers = builder.operator({
      kind: 'operator',
      name: `Sink: ${sink.name}`,
      spec: { kind: 'sink', sink: sink as AnySink },
      inputs: [id],
      output:
        stage === undefined ? { kind: 'none' } : { kind: 'declared', schema: stage.committable },
      sideOutputs: new Map(),
    });
    if (stage === undefined) return builder.kinds.sink(writers);
    // No barrier overtakes what is broadcast: what belongs to a checkpoint comes before it.
    const partitioner = { kind: 'broadcast' } as const;
    const all = builder.way({
      ...{ kind: 'partition', name: 'committables', input: writers.id, partitioner },
    });
    const committer = builder.operator({
      kind: 'operator',
      name: `Sink: ${stage.committer.name}`,
      spec: { kind: 'sink', sink: stage.committer },
      inputs: [all.id],
      output: { kind: 'none' },
      sideOutputs: new Map(),
      ...{ parallelism: 1, maxParallelism: 1 },
    });
    return builder.kinds.sink(writers, committer);
  }

  /** Prints the records where the job was started, a line each, after the label if there is one. */
  print(label?: string): DataStreamSink {
    return this.sinkTo(printSink(label));
  }

  /**
   * Brings the records to the program that executes the job; see `executeAndCollect`. The job's
   * build returns the result.
   */
  collect(name: string = 'results'): CollectedStream<T> {
    requireText(name, 'collect');
    const { builder, id } = this.handle;
    const schema = (new StreamSchemas(builder.transformations).of(id) ?? dynamic) as Schema<T>;
    const sink = this.sinkTo(collectSink(name, schema));
    return builder.kinds.collected(sink.handle, schema);
  }

  // ------------------------------------------------------------------------------------- internal

  #then<R>(
    name: string,
    spec: UnresolvedSpec,
    output: OutputSchema = { kind: 'inferred' },
  ): DataStream<R> {
    const { builder, id } = this.handle;
    const sideOutputs = new Map<string, never>();
    return builder.kinds.stream(
      builder.operator({ kind: 'operator', name, spec, inputs: [id], output, sideOutputs }),
    );
  }

  #partitioned(partitioner: PartitionerSpec, name: string = partitioner.kind): DataStream<T> {
    return this.handle.builder.kinds.stream(this.#partition(name, partitioner));
  }

  #partition(name: string, partitioner: PartitionerSpec): StreamHandle {
    const { builder, id } = this.handle;
    return builder.way({ kind: 'partition', name, input: id, partitioner });
  }
}

/** The one key of windows of all records. */
function oneKey(): number {
  return 0;
}
