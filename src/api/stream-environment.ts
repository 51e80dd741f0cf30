/** What `build` gets: where a job's streams begin, and its defaults. */
import { MAX_PARALLELISM_LIMIT } from '../config/options/pipeline-options.ts';
import type { CheckpointingMode } from '../config/options/checkpointing-options.ts';
import { EngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import { collection } from '../connectors/collection/collection.ts';
import { sequence } from '../connectors/generator/sequence.ts';
import type { OutputSpec } from '../functions/process-function.ts';
import type { AnySource } from '../functions/source.ts';
import type { WatermarkStrategy } from '../functions/watermark-strategy.ts';
import type { Schema } from '../types/schema.ts';
import { checkpointOptions } from './checkpoint-settings.ts';
import type { CheckpointSettings } from './checkpoint-settings.ts';
import { requireCount, requireSchema } from './callbacks.ts';
import type { DataStream } from './data-stream.ts';
import type { JobBuilder } from './job-builder.ts';
import type { ProcessedStream } from './processed-stream.ts';
import { requireStrategy } from './require-strategy.ts';

/**
 * @example
 * defineJob({
 *   name: 'squares',
 *   build(env) {
 *     env.sequence(1, 10).map((n) => n * n).print();
 *   },
 * });
 */
export class StreamEnvironment {
  /** What it is underneath; for those who build on the API. */
  readonly handle: JobBuilder;

  constructor(builder: JobBuilder) {
    this.handle = builder;
  }

  /**
   * The records of a source; what it puts aside, e.g. lines that it could not parse, is under
   * `side`.
   * `strategy` says what their event time is. Each split has its own watermarks and idleness then,
   * and the stream has the least of those of all splits that are not idle.
   * @example
   * env.from(fileSource({ path: 'orders/*.jsonl', format: json(Order) }), {
   *   timestamp: (order) => order.at,
   *   outOfOrder: seconds(5),
   * })
   */
  from<T, O extends OutputSpec>(
    source: AnySource<T> & { readonly outputs: O },
    strategy?: WatermarkStrategy<NoInfer<T>>,
  ): ProcessedStream<T, O>;
  from<T>(source: AnySource<T>, strategy?: WatermarkStrategy<NoInfer<T>>): DataStream<T>;
  from<T>(source: AnySource<T>, strategy?: WatermarkStrategy<NoInfer<T>>): DataStream<T> {
    const isSource = typeof source === 'object' && source !== null && source.kind === 'source';
    if (!isSource) {
      throw new EngineError('API_INVALID_ARGUMENT', { call: 'from', reason: 'it takes a source' });
    }
    if (strategy !== undefined) requireStrategy(strategy, 'from');
    const builder = this.handle;
    const outputs = source.outputs ?? {};
    const node = builder.operator({
      kind: 'operator',
      name: `Source: ${source.name}`,
      spec: { kind: 'source', source, strategy },
      inputs: [],
      output: { kind: 'declared', schema: source.produces },
      sideOutputs: new Map(Object.entries(outputs)),
      parallelism: source.parallelism,
    });
    return source.outputs === undefined
      ? builder.kinds.stream(node)
      : builder.kinds.processed(node, outputs);
  }

  /**
   * The given values, in one subtask and in order.
   * @example env.fromElements('to be', 'or not to be')
   */
  fromElements<T>(...values: readonly T[]): DataStream<T> {
    return this.from(collection(values));
  }

  /** The given values, in one subtask and in order. @example env.fromCollection(orders, Order) */
  fromCollection<T>(values: Iterable<T>, schema?: Schema<T>): DataStream<T> {
    if (schema !== undefined) requireSchema(schema, 'fromCollection');
    return this.from(collection(values, schema));
  }

  /** The whole numbers from `from` to `to`, both included. @example env.sequence(1, 100) */
  sequence(from: number, to: number): DataStream<number> {
    return this.from(sequence(from, to));
  }

  /** The parallelism of operators that say nothing, in place of `parallelism.default`. */
  setParallelism(parallelism: number): this {
    requireCount(parallelism, 'setParallelism', MAX_PARALLELISM_LIMIT);
    return this.configure('parallelism.default', String(parallelism));
  }

  /**
   * The number of key groups of operators that say nothing, in place of `pipeline.max-parallelism`.
   */
  setMaxParallelism(maxParallelism: number): this {
    requireCount(maxParallelism, 'setMaxParallelism', MAX_PARALLELISM_LIMIT);
    return this.configure('pipeline.max-parallelism', String(maxParallelism));
  }

  /**
   * Takes a checkpoint of the job every `interval`. After a failure the job goes on from the newest
   * complete one, and every record counts exactly once in its state, or at least once if that is
   * said. Operators with state need a name of their own then, or a `uid`.
   * @example
   * defineJob({
   *   name: 'orders',
   *   build(env) {
   *     env.enableCheckpointing(seconds(10), { directory: 's3://orders/checkpoints' });
   *     env.sequence(1, 10).print();
   *   },
   * });
   */
  enableCheckpointing(
    interval: Duration,
    settings: CheckpointingMode | CheckpointSettings = {},
  ): this {
    const given = typeof settings === 'string' ? { mode: settings } : settings;
    for (const [key, value] of Object.entries(checkpointOptions(interval, given))) {
      this.configure(key, value);
    }
    return this;
  }

  /** Every operator runs as a task of its own. */
  disableOperatorChaining(): this {
    return this.configure('pipeline.operator-chaining.enabled', 'false');
  }

  /** Sets an option of the job; it wins over the command line and the cluster's configuration. */
  configure(key: string, value: string): this {
    this.handle.configure(key, value);
    return this;
  }
}
