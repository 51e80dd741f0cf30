/**
 * Runs a whole job in a test, in this thread and without any waiting: all subtasks, through the
 * product's own tasks, gates and exchanges; with time that passes by hand, sources that the test
 * feeds, and sinks whose records it reads.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { CollectedStream } from '../api/collected-stream.ts';
import type { BuildResult, Collected } from '../api/collected-stream.ts';
import { DataStreamSink } from '../api/data-stream-sink.ts';
import { defineJob } from '../api/define-job.ts';
import type { Job } from '../api/define-job.ts';
import type { ParameterSpec, ParameterValues } from '../api/parameters.ts';
import type { StreamEnvironment } from '../api/stream-environment.ts';
import { EngineError } from '../base/errors.ts';
import { timestamp } from '../base/units.ts';
import type { Duration, Timestamp, TimestampInput } from '../base/units.ts';
import type { BroadcastStateDescriptor, StateSpec } from '../functions/state.ts';
import type { KeyedStateBackend } from '../state/keyed-state-backend.ts';
import type { Key, Schema } from '../types/schema.ts';
import type { OutputRecord } from './captured-sink.ts';
import { JobUnderTest } from './job-under-test.ts';
import type { JobState } from './job-snapshot.ts';
import { findOperator, operatorsOf, shownName } from './operator-lookup.ts';
import {
  atKey,
  readBroadcast,
  readOperatorLists,
  readStates,
  readTimers,
  requireOperatorStates,
  requireStates,
} from './state-view.ts';
import type { StateValues } from './state-view.ts';
import { tapId } from './tapped-sides.ts';
import type { SidesToRead } from './tapped-sides.ts';
import { TestSource } from './test-source.ts';
import type { LoggedLine } from './test-world.ts';

export interface JobHarnessOptions<P extends ParameterSpec = ParameterSpec> {
  readonly params?: ParameterValues<P> | undefined;
  /**
   * Options under Flink's keys. Every record of every edge is verified unless
   * `millrace.exchange.verify` says otherwise.
   */
  readonly configuration?: Readonly<Record<string, string>> | undefined;
  /** Of operators that say nothing; as `parallelism.default`. */
  readonly parallelism?: number | undefined;
  /**
   * The sources that the test feeds, by uid or name; the others run for real. Unless said, those
   * are fed that have no end.
   */
  readonly feed?: 'all' | readonly string[] | undefined;
  /** Sinks that really write, by uid or name; the others are captured. */
  readonly write?: readonly string[] | undefined;
  /**
   * Side outputs to be read by `side`, by the uid or name of their operator. What the job itself
   * reads is in the outputs of its sinks; all others are dropped, and operators that count what
   * they drop, such as late records, count those.
   * @example { hourly: ['late'] }
   */
  readonly sides?: SidesToRead | undefined;
  /** Where the clock begins; 1970 unless said. */
  readonly startAt?: TimestampInput | undefined;
  /** Of what the engine draws at random, e.g. for `shuffle`. */
  readonly seed?: number | undefined;
  /**
   * Whether functions of the job may read the machine's clock (`Date`, `performance`, `Temporal`).
   * Refused unless said, because what they do would depend on when the test runs; what comes after
   * an `await` of theirs is not looked at.
   */
  readonly wallClock?: 'refused' | 'allowed' | undefined;
}

/** A job, or no more than its build. */
export type JobOrBuild<P extends ParameterSpec, R extends BuildResult> =
  | Job<P, R>
  | ((env: StreamEnvironment) => R);

/** Where a job was, to go on from there; kept in memory, with the job. */
export interface JobSnapshot<R = BuildResult> {
  readonly takenAt: Timestamp;
  readonly job: Job<ParameterSpec, R>;
  readonly options: JobHarnessOptions;
  readonly state: JobState;
}

/**
 * @example
 * const harness = await JobHarness.start(bruteForce, { feed: ['logins'] });
 * harness.source('logins').emit({ user: 'ada', ok: false }, 1_000);
 * harness.watermark(5_000);
 * await harness.advance(minutes(5));
 * assert.deepEqual(harness.outputs('alerts'), [{ user: 'ada', failures: 1 }]);
 * await harness.end();
 */
export class JobHarness<R = BuildResult> implements AsyncDisposable {
  readonly #job: Job<ParameterSpec, R>;
  readonly #options: JobHarnessOptions;
  readonly #test: JobUnderTest;
  readonly #result: R;

  private constructor(
    job: Job<ParameterSpec, R>,
    options: JobHarnessOptions,
    state: JobState | undefined,
  ) {
    this.#job = job;
    this.#options = options;
    const { parallelism } = options;
    const { compiled, result } = job.compileWithResult({
      parameters: options.params ?? {},
      configuration: {
        'millrace.exchange.verify': 'all',
        ...options.configuration,
        ...(parallelism === undefined ? {} : { 'parallelism.default': String(parallelism) }),
      },
    });
    this.#result = result;
    this.#test = new JobUnderTest(compiled, options, state);
  }

  /** Compiles the job, and opens and starts all its tasks. @throws EngineError why it cannot. */
  static async start<P extends ParameterSpec, R extends BuildResult>(
    job: JobOrBuild<P, R>,
    options: JobHarnessOptions<P> = {},
  ): Promise<JobHarness<R>> {
    const defined = typeof job === 'function' ? defineJob({ name: 'test', build: job }) : job;
    return JobHarness.#opened(defined, options, undefined);
  }

  /**
   * Goes on from a snapshot in fresh tasks, e.g. at another parallelism. `options` win over those
   * that the job was started with; `job` is a later version of it, if given.
   * @example const again = await JobHarness.restore(await harness.snapshot(), { parallelism: 3 });
   */
  static async restore<R extends BuildResult>(
    snapshot: JobSnapshot<R>,
    options: JobHarnessOptions & { readonly job?: JobOrBuild<ParameterSpec, R> } = {},
  ): Promise<JobHarness<R>> {
    const { job = snapshot.job, ...more } = options;
    const defined = typeof job === 'function' ? defineJob({ name: 'test', build: job }) : job;
    return JobHarness.#opened(defined, { ...snapshot.options, ...more }, snapshot.state);
  }

  /** The same job from its beginning, in fresh tasks. */
  async fresh(options: JobHarnessOptions = {}): Promise<JobHarness<R>> {
    return JobHarness.#opened(this.#job, { ...this.#options, ...options }, undefined);
  }

  static async #opened<R>(
    job: Job<ParameterSpec, R>,
    options: JobHarnessOptions,
    state: JobState | undefined,
  ): Promise<JobHarness<R>> {
    const harness = new JobHarness<R>(job, options, state);
    try {
      await harness.#test.open();
    } catch (error) {
      await harness.close();
      throw error;
    }
    return harness;
  }

  // --------------------------------------------------------------------------------------- inputs

  /**
   * A source that the test feeds. What it is given goes through the job at once, as far as nothing
   * waits. `schema` gives the type; the values are checked by the source's own.
   * @example harness.source('orders', Order).emit({ id: 'a', amount: 3 }, 1_000);
   */
  source<T = unknown>(name: string, _schema?: Schema<T>): TestSource<T> {
    const { fed } = this.#test;
    const among = operatorsOf(this.#test.graph, ({ id }) => fed.has(id));
    const { operator } = findOperator(among, name, 'source');
    return new TestSource<T>(fed.get(operator.id)!, () => this.#step());
  }

  /** A watermark from every source that the test feeds, where it is not beyond that already. */
  watermark(at: TimestampInput): void {
    this.atOnce(() => {
      for (const source of this.#test.fed.values()) {
        for (const subtask of source.subtasks) {
          const { ended, watermark } = subtask.state;
          if (!ended && (at === Number.POSITIVE_INFINITY || timestamp(at) > watermark)) {
            subtask.watermark(at);
          }
        }
      }
    });
  }

  /**
   * What sources are given in `feed` lies ready before any of it is processed: together it makes
   * batches, and no order holds between sources or subtasks.
   */
  atOnce(feed: () => void): void {
    this.#test.together(feed);
    this.#step();
  }

  /** Ends the sources that the test feeds, runs the job to its end, and commits. */
  async end(): Promise<void> {
    await this.#test.end();
  }

  // ----------------------------------------------------------------------------------------- time

  get now(): Timestamp {
    return this.#test.world.clock.now();
  }

  /**
   * Lets time pass: everything that is due happens in its order, and runs to its end before the
   * next. Event time is not moved by it.
   */
  async advance(by: Duration): Promise<void> {
    await this.#test.advance(by);
  }

  /** Runs until nothing can run and no promise brings anything. */
  async run(): Promise<void> {
    await this.#test.settle();
  }

  // -------------------------------------------------------------------------------------- outputs

  /** What a sink has got so far, by uid or name, or by the label of `print` or `collect`. */
  outputs<T = unknown>(sink: string, schema?: Schema<T>): readonly T[] {
    return this.records(sink, schema).map(({ value }) => value);
  }

  /** The same with timestamp and subtask of each. */
  records<T = unknown>(sink: string, _schema?: Schema<T>): readonly OutputRecord<T>[] {
    this.#test.check();
    const { captured } = this.#test;
    const among = operatorsOf(this.#test.graph, ({ id }) => captured.has(id));
    const { operator } = findOperator(among, sink, 'outputs');
    return [...captured.get(operator.id)!.records] as OutputRecord<T>[];
  }

  /** What an operator has put into one of the side outputs that `sides` names. */
  side<T = unknown>(operator: string, output: string, _schema?: Schema<T>): readonly T[] {
    this.#test.check();
    const { id } = this.#find(operator, 'side');
    const sink = this.#test.captured.get(tapId(id, output));
    if (sink !== undefined) return sink.records.map(({ value }) => value) as readonly T[];
    const reason = `start the harness with sides: { ${JSON.stringify(operator)}: ['${output}'] }`;
    throw new EngineError('API_INVALID_ARGUMENT', { call: 'side', reason });
  }

  /** What the job's build returned, with records so far in place of collected streams. */
  results(): Collected<R> {
    this.#test.check();
    const records = (stream: CollectedStream<unknown>): readonly unknown[] =>
      this.#test.recordsOf(stream);
    const result: unknown = this.#result;
    if (result instanceof CollectedStream) return records(result) as Collected<R>;
    if (result === undefined || result instanceof DataStreamSink) return undefined as Collected<R>;
    const streams = Object.entries(result as Record<string, CollectedStream<unknown>>);
    return Object.fromEntries(
      streams.map(([name, stream]) => [name, records(stream)]),
    ) as Collected<R>;
  }

  // ---------------------------------------------------------------------------------------- inside

  /**
   * The state of a key in a function that declares state, by uid or name. With the declaration the
   * values have their types.
   * @example harness.state('brute-force', 'ada', { failures: state.value(t.int32) }).failures
   */
  state<S extends StateSpec>(operator: string, key: Key, spec: S): StateValues<S>;
  state(operator: string, key: Key): Readonly<Record<string, unknown>>;
  state(operator: string, key: Key, spec?: StateSpec): Readonly<Record<string, unknown>> {
    const { id, name } = this.#find(operator, 'state');
    const states = spec ?? requireStates(this.#test.specOf(id), name);
    return this.#atKey(operator, key, 'state', (backend) => readStates(backend, states));
  }

  /**
   * The lists that a function declares in `operatorState`: by name, then by subtask.
   * @example harness.operatorState('numbered')['next'] // [[12], [7]]
   */
  operatorState(operator: string): Readonly<Record<string, readonly (readonly unknown[])[]>> {
    this.#test.check();
    const { id, name } = this.#find(operator, 'operatorState');
    const spec = requireOperatorStates(this.#test.specOf(id), name);
    return readOperatorLists(this.#test.tasks, id, spec);
  }

  /** A broadcast state by subtask: a function that does the same on all has equal ones. */
  broadcastState<MK, V>(
    operator: string,
    descriptor: BroadcastStateDescriptor<MK, V>,
  ): readonly ReadonlyMap<MK, V>[] {
    this.#test.check();
    return readBroadcast(this.#test.tasks, this.#find(operator, 'broadcastState').id, descriptor);
  }

  /**
   * When the timers of event time of a key are due, ascending: those of a function, and those that
   * windows and joins have set.
   */
  eventTimers(operator: string, key: Key): readonly Timestamp[] {
    return this.#atKey(operator, key, 'eventTimers', (backend) => readTimers(backend, 'event'));
  }

  /** The same for processing time. */
  processingTimers(operator: string, key: Key): readonly Timestamp[] {
    const read = (backend: KeyedStateBackend): readonly Timestamp[] =>
      readTimers(backend, 'processing');
    return this.#atKey(operator, key, 'processingTimers', read);
  }

  /**
   * A counter of an operator (undefined: of all), over its subtasks; 0 if it was never made.
   * @example harness.counter('hourly', 'numLateRecordsDropped')
   */
  counter(operator: string | undefined, name: string): number {
    const of = operator === undefined ? undefined : this.#find(operator, 'counter').id;
    return this.#test.tasks
      .flatMap(({ metrics }) => metrics.flatMap((each) => each.accumulators()))
      .filter((each) => (of === undefined || each.operator === of) && each.name === name)
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** How far event time has come in all subtasks of an operator. */
  watermarkOf(operator: string): number {
    const { id } = this.#find(operator, 'watermarkOf');
    const marks = this.#test.tasks
      .filter(({ operators }) => operators.some((each) => each.id === id))
      .map(({ task }) => task.watermarkOf(id));
    return Math.min(...marks);
  }

  /** What the job, and the engine on its behalf, has written to the log. */
  get log(): readonly LoggedLine[] {
    return this.#test.world.lines;
  }

  /** The names of the operators, as they can be asked for. */
  get operators(): readonly string[] {
    return operatorsOf(this.#test.graph).map(({ operator }) => shownName(operator));
  }

  /** Those of them that have state by key. */
  get keyedOperators(): readonly string[] {
    const keyed = this.#test.tasks.flatMap(({ operators }) =>
      operators.filter(({ keyedState }) => keyedState !== undefined).map(({ id }) => id),
    );
    const found = operatorsOf(this.#test.graph, ({ id }) => keyed.includes(id));
    return found.map(({ operator }) => shownName(operator));
  }

  // ------------------------------------------------------------------------------------ snapshots

  /** All state of the job at this moment. @throws EngineError where something is under way. */
  async snapshot(): Promise<JobSnapshot<R>> {
    await this.#test.settle();
    const state = await this.#test.snapshot();
    const { takenAt } = state;
    return { takenAt, job: this.#job, options: this.#options, state };
  }

  /** Cancels what runs. Needed only where a job is not brought to its end. */
  async close(): Promise<void> {
    await this.#test.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Reads the keyed state of an operator, where the key belongs. */
  #atKey<T>(operator: string, key: Key, call: string, read: (backend: KeyedStateBackend) => T): T {
    this.#test.check();
    const { id, name } = this.#find(operator, call);
    const found = atKey(this.#test.tasks, id, key, (backend) => ({ value: read(backend) }));
    if (found !== undefined) return found.value;
    throw new EngineError('API_INVALID_ARGUMENT', { call, reason: `"${name}" has no keys` });
  }

  #find(name: string, call: string): { readonly id: string; readonly name: string } {
    return findOperator(operatorsOf(this.#test.graph), name, call).operator;
  }

  #step(): void {
    this.#test.step();
  }
}
