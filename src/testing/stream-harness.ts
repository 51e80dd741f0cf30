/**
 * Tests one function or operator, or a few, without a job around it: records in, records out, with
 * time, state and timers in the hand of the test.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import type { CollectedStream } from '../api/collected-stream.ts';
import type { DataStream } from '../api/data-stream.ts';
import { defineJob } from '../api/define-job.ts';
import { ProcessedStream } from '../api/processed-stream.ts';
import { EngineError } from '../base/errors.ts';
import type { Duration, Timestamp, TimestampInput } from '../base/units.ts';
import type { StateSpec } from '../functions/state.ts';
import type { Infer, Key, Schema } from '../types/schema.ts';
import { builtOnce } from './built-once.ts';
import type { OutputRecord } from './captured-sink.ts';
import { JobHarness } from './job-harness.ts';
import type { JobHarnessOptions, JobSnapshot } from './job-harness.ts';
import { manualSource } from './manual-source.ts';
import type { StateValues } from './state-view.ts';
import type { TestSource } from './test-source.ts';

export interface HarnessOptions extends Pick<
  JobHarnessOptions,
  'configuration' | 'parallelism' | 'startAt' | 'seed' | 'wallClock'
> {
  /**
   * Side outputs that nobody is to read, by name; all others are read. It matters to operators that
   * count what they drop, such as late records.
   */
  readonly unread?: readonly string[] | undefined;
  /**
   * Builds once for this harness and all that come from it; see `builtOnce`. For tests that run
   * thousands of cases.
   */
  readonly buildOnce?: boolean | undefined;
}

/** What may differ between a harness and those that come from it. */
export type FurtherOptions = Omit<HarnessOptions, 'unread' | 'buildOnce'>;

/** The records of a stream. */
type RecordOf<S> = S extends DataStream<infer R> ? R : never;

/** The records of a stream's side outputs, by name. */
type SidesOf<S> =
  S extends ProcessedStream<infer _R, infer O>
    ? { readonly [N in keyof O & string]: Infer<O[N]> }
    : {};

type AnyStream = DataStream<any>;

/**
 * A harness around what `build` makes of its input. Every record that goes in or out is verified
 * and frozen, so that a function that changes its records is found.
 * @example
 * const harness = await harnessOf(
 *   (orders) => orders.keyBy((order) => order.user).process(highestOrder),
 *   { input: Order },
 * );
 * harness.push({ user: 'ada', amount: 3 }, 1_000);
 * assert.deepEqual(harness.output(), [{ user: 'ada', highest: 3 }]);
 */
export function harnessOf<T, S extends AnyStream>(
  build: (input: DataStream<T>) => S,
  options: HarnessOptions & { readonly input: Schema<T> },
): Promise<StreamHarness<T, RecordOf<S>, SidesOf<S>>>;
/**
 * The same with two inputs.
 * @example
 * const harness = await harnessOf(
 *   (orders, payments) =>
 *     orders.connect(payments).keyBy((o) => o.id, (p) => p.order).process(match),
 *   { left: Order, right: Payment },
 * );
 * harness.pushLeft({ id: 'a', amount: 3 }, 1_000);
 * harness.pushRight({ order: 'a' }, 2_000);
 */
export function harnessOf<L, U, S extends AnyStream>(
  build: (left: DataStream<L>, right: DataStream<U>) => S,
  options: HarnessOptions & { readonly left: Schema<L>; readonly right: Schema<U> },
): Promise<TwoInputHarness<L, U, RecordOf<S>, SidesOf<S>>>;
export async function harnessOf(
  build: (...inputs: DataStream<any>[]) => AnyStream,
  options: HarnessOptions & Readonly<Partial<Record<'input' | 'left' | 'right', Schema<unknown>>>>,
): Promise<StreamHarness<any, any, any> | TwoInputHarness<any, any, any, any>> {
  const { input, left, right, unread = [], buildOnce = false, ...rest } = options;
  const inputs = input === undefined ? { left, right } : { input };
  const job = defineJob({
    name: 'harness',
    build(env): Streams {
      const streams = Object.entries(inputs).map(([name, schema]) =>
        env.from(manualSource(name, schema!)).name(name),
      );
      return collected(build(...streams), unread);
    },
  });
  const harness = await JobHarness.start(buildOnce ? builtOnce(job) : job, {
    ...rest,
    feed: Object.keys(inputs),
  });
  return input === undefined ? new TwoInputHarness(harness) : new StreamHarness(harness);
}

type Streams = Readonly<Record<string, CollectedStream<unknown>>>;

const OUTPUT = 'output';
const side = (name: string): string => `side ${name}`;

function collected(stream: AnyStream, unread: readonly string[]): Streams {
  const streams: Record<string, CollectedStream<unknown>> = {
    [OUTPUT]: stream.collect(OUTPUT),
  };
  if (!(stream instanceof ProcessedStream)) return streams;
  const sides = stream.side as Readonly<Record<string, DataStream<unknown>>>;
  for (const name of Object.keys(sides)) {
    if (!unread.includes(name)) streams[side(name)] = sides[name]!.collect(side(name));
  }
  return streams;
}

/** What harnesses of one and of two inputs have in common. */
abstract class AnyStreamHarness<R, O> implements AsyncDisposable {
  /** The job that was made of it; for whatever this class has no short form for. */
  readonly job: JobHarness;

  constructor(job: JobHarness) {
    this.job = job;
  }

  get now(): Timestamp {
    return this.job.now;
  }

  /** A watermark from every input, where it is not beyond that already. */
  watermark(at: TimestampInput): void {
    this.job.watermark(at);
  }

  /** Lets time pass; timers of processing time fire, and event time is not moved. */
  async advance(by: Duration): Promise<void> {
    await this.job.advance(by);
  }

  /** Waits for what promises bring, e.g. those of `asyncMap`. */
  async run(): Promise<void> {
    await this.job.run();
  }

  /** Ends the inputs; what is emitted at the end is in the outputs then. */
  async end(): Promise<void> {
    await this.job.end();
  }

  /** The values emitted so far. */
  output(): readonly R[] {
    return this.job.outputs<R>(OUTPUT);
  }

  /** The same with timestamps. */
  records(): readonly OutputRecord<R>[] {
    return this.job.records<R>(OUTPUT);
  }

  /** The values of a side output so far. */
  side<N extends keyof O & string>(name: N): readonly O[N][] {
    return this.job.outputs<O[N]>(side(name));
  }

  /** The state of a key, in the function that declares state. */
  state<S extends StateSpec>(key: Key, spec: S): StateValues<S>;
  state(key: Key): Readonly<Record<string, unknown>>;
  state(key: Key, spec?: StateSpec): Readonly<Record<string, unknown>> {
    const operator = this.#keyedOperator('state');
    return spec === undefined ? this.job.state(operator, key) : this.job.state(operator, key, spec);
  }

  /** When the timers of event time of a key are due, ascending. */
  eventTimers(key: Key): readonly Timestamp[] {
    return this.job.eventTimers(this.#keyedOperator('eventTimers'), key);
  }

  /** When its timers of processing time are due. */
  processingTimers(key: Key): readonly Timestamp[] {
    return this.job.processingTimers(this.#keyedOperator('processingTimers'), key);
  }

  /** A counter, over all operators and subtasks. */
  counter(name: string): number {
    return this.job.counter(undefined, name);
  }

  async snapshot(): Promise<JobSnapshot> {
    return this.job.snapshot();
  }

  async close(): Promise<void> {
    await this.job.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #keyedOperator(call: string): string {
    const keyed = this.job.keyedOperators;
    if (keyed.length === 1) return keyed[0]!;
    throw new EngineError('API_INVALID_ARGUMENT', {
      call,
      reason:
        keyed.length === 0
          ? 'there is no operator with keys'
          : `several have keys; ask harness.job for that of ${keyed.join(', ')}`,
    });
  }
}

/** See `harnessOf`. `T` goes in, `R` comes out, `O` are the side outputs by name. */
export class StreamHarness<T, R, O = {}> extends AnyStreamHarness<R, O> {
  readonly #input: TestSource<T>;

  constructor(job: JobHarness) {
    super(job);
    this.#input = job.source<T>('input');
  }

  /** A record, with its event time if it has one. What it brings is in the outputs afterwards. */
  push(value: T, at?: TimestampInput): void {
    this.#input.emit(value, at);
  }

  /** The input no longer holds event time back until it says something again. */
  idle(): void {
    this.#input.idle();
  }

  /** The same from its beginning. */
  async fresh(options: FurtherOptions = {}): Promise<StreamHarness<T, R, O>> {
    return new StreamHarness<T, R, O>(await this.job.fresh(options));
  }

  /** A fresh harness that goes on from a snapshot of this one, e.g. at another parallelism. */
  async restored(
    snapshot: JobSnapshot,
    options: FurtherOptions = {},
  ): Promise<StreamHarness<T, R, O>> {
    return new StreamHarness<T, R, O>(await JobHarness.restore(snapshot, options));
  }
}

/** See `harnessOf`. */
export class TwoInputHarness<L, U, R, O = {}> extends AnyStreamHarness<R, O> {
  /** Each input, for whatever this class has no short form for: idleness, its end, its subtasks. */
  readonly left: TestSource<L>;
  readonly right: TestSource<U>;

  constructor(job: JobHarness) {
    super(job);
    this.left = job.source<L>('left');
    this.right = job.source<U>('right');
  }

  pushLeft(value: L, at?: TimestampInput): void {
    this.left.emit(value, at);
  }

  pushRight(value: U, at?: TimestampInput): void {
    this.right.emit(value, at);
  }

  /** The same from its beginning. */
  async fresh(options: FurtherOptions = {}): Promise<TwoInputHarness<L, U, R, O>> {
    return new TwoInputHarness<L, U, R, O>(await this.job.fresh(options));
  }

  /** A fresh harness that goes on from a snapshot of this one, e.g. at another parallelism. */
  async restored(
    snapshot: JobSnapshot,
    options: FurtherOptions = {},
  ): Promise<TwoInputHarness<L, U, R, O>> {
    return new TwoInputHarness<L, U, R, O>(await JobHarness.restore(snapshot, options));
  }
}
