/**
 * Runs one operator under the product's own driver (Task, OperatorChain, InputGate) with inputs
 * given step by step and outputs recorded; used by `verifyOperator`. No time passes but by
 * `advance`.
 */
import { AssertionError } from '../base/assert.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import type { EngineError } from '../base/errors.ts';
import type { Duration, Timestamp } from '../base/units.ts';
import type { OpenContext } from '../functions/function-context.ts';
import { keyGroupOf } from '../graph/key-groups.ts';
import type { KeySelector } from '../graph/operator-spec.ts';
import type { Batch } from '../network/batch.ts';
import { NO_TIMESTAMP, ObjectBatch } from '../network/batch.ts';
import type { ControlElement } from '../network/control-element.ts';
import { END, MIN_WATERMARK } from '../network/control-element.ts';
import { Deque } from '../network/deque.ts';
import { freezeDeep } from '../network/exchange-verifier.ts';
import type { InputChannel } from '../network/input-channel.ts';
import { InputGate } from '../network/input-gate.ts';
import { Gathering } from '../network/gathering.ts';
import { FLUSH_AT_ONCE } from '../network/flush-round.ts';
import type { OutputChannel } from '../network/output-channel.ts';
import { MetricRegistry } from '../metrics/metric-registry.ts';
import { Pressure } from '../network/pressure.ts';
import { createRecordWriter } from '../network/record-writer.ts';
import type { ChainMember, ChainOutput, MemberOutputs } from '../operators/operator-chain.ts';
import { OperatorChain } from '../operators/operator-chain.ts';
import type { DeferrableEvent, Operator, OperatorContext } from '../operators/operator.ts';
import { HeapKeyedStateBackend } from '../state/heap/heap-keyed-state-backend.ts';
import { OperatorStateBackend } from '../state/operator-state.ts';
import { snapshotInputOf } from '../state/memory-snapshot.ts';
import { Task } from '../taskexecutor/slot/task.ts';
import { hashKey } from '../types/key.ts';
import type { Schema } from '../types/schema.ts';
import { writtenBy } from './job-snapshot.ts';
import { ManualClock } from './manual-clock.ts';

/** One thing that happens to the operator. */
export type OperatorStep =
  | {
      readonly kind: 'record';
      readonly value: unknown;
      readonly timestamp?: number | undefined;
      readonly input?: 0 | 1 | undefined;
    }
  | { readonly kind: 'watermark'; readonly timestamp: number; readonly input?: 0 | 1 | undefined }
  | {
      readonly kind: 'status';
      readonly status: 'active' | 'idle';
      readonly input?: 0 | 1 | undefined;
    }
  | { readonly kind: 'epoch'; readonly id: number }
  /** Of one input; the others end after the last step. */
  | { readonly kind: 'end-of-input'; readonly input: 0 | 1 }
  | { readonly kind: 'advance'; readonly by: Duration };

/** What came out: `tag` undefined is the main output. */
export type OperatorResult =
  | {
      readonly kind: 'record';
      readonly tag: string | undefined;
      readonly value: unknown;
      readonly timestamp: number;
    }
  | { readonly kind: 'watermark'; readonly timestamp: number }
  | { readonly kind: 'status'; readonly status: 'active' | 'idle' }
  | { readonly kind: 'epoch'; readonly id: number }
  | { readonly kind: 'end' };

export interface OperatorHarnessOptions {
  readonly operator: Operator;
  readonly inputs: 1 | 2;
  /** Of each input, where the operator is keyed. */
  readonly keys?: readonly (KeySelector | undefined)[] | undefined;
  /** Schemas of the outputs; values are frozen and go through the codec. */
  readonly output: Schema<unknown>;
  readonly sideOutputs?: Readonly<Record<string, Schema<unknown>>> | undefined;
  /** In place of what the operator is otherwise told of where it runs. */
  readonly open?: Partial<OpenContext> | undefined;
  /** Holds the output after every record, so that the driver must ask again. */
  readonly fullAfterEveryRecord?: boolean | undefined;
}

/** State of an operator at a record boundary. */
export interface HarnessSnapshot {
  readonly keyed: Uint8Array | undefined;
  readonly operatorState: Uint8Array;
  readonly now: Timestamp;
  /** How far event time had come on each input. */
  readonly inputs: readonly InputTime[];
}

interface InputTime {
  readonly watermark: number;
  readonly status: 'active' | 'idle';
  readonly ended: boolean;
}

const MAX_PARALLELISM = 128;
/** Turns of the microtask queue that a settled promise may need to come back as a mail. */
const MICROTASK_TURNS = 50;

/**
 * For operators themselves; the functions of a job are tested with `harnessOf`.
 * @example
 * const harness = new OperatorHarness({ operator, inputs: 1, output: t.float64 });
 * await harness.open();
 * harness.step({ kind: 'record', value: 3, timestamp: 1_000 });
 * harness.step({ kind: 'watermark', timestamp: 2_000 });
 * harness.step({ kind: 'advance', by: seconds(1) });
 * assert.deepEqual(harness.results.at(-1), { kind: 'watermark', timestamp: 2_000 });
 */
export class OperatorHarness {
  readonly results: OperatorResult[] = [];
  failure: EngineError | undefined = undefined;
  readonly #options: OperatorHarnessOptions;
  readonly #channels: readonly ScriptedChannel[];
  readonly #pressure: Pressure;
  readonly #recorders: RecordingChannel[] = [];
  readonly #keyed: HeapKeyedStateBackend | undefined;
  readonly #operatorState = new OperatorStateBackend({
    operator: 'operator',
    subtask: 0,
    parallelism: 1,
  });
  readonly #task: Task;
  readonly #clock = new ManualClock(0 as Timestamp);
  ended: string | undefined = undefined;

  constructor(options: OperatorHarnessOptions) {
    this.#options = options;
    this.#pressure = new Pressure(() => this.#task.times.released());
    this.#channels = Array.from({ length: options.inputs }, () => new ScriptedChannel());
    const isKeyed = options.keys?.some((key) => key !== undefined) === true;
    this.#keyed = isKeyed
      ? HeapKeyedStateBackend.open({
          operator: 'operator',
          keyGroups: { first: 0, last: MAX_PARALLELISM - 1 },
          maxParallelism: MAX_PARALLELISM,
          processingTime: () => this.#clock.now(),
        })
      : undefined;
    const member: ChainMember = {
      id: 'operator',
      name: 'operator',
      operator: options.operator,
      outputs: [
        this.#recorder(undefined, options.output),
        ...Object.entries(options.sideOutputs ?? {}).map(([tag, schema]) =>
          this.#recorder(tag, schema),
        ),
      ],
    };
    const gate = new InputGate(
      this.#channels.map((channel, edge) => ({ channel, input: edge as 0 | 1, edge })),
      { clock: this.#clock, wake: () => undefined },
    );
    this.#task = new Task({
      chain: new OperatorChain([member]),
      gate,
      producers: [],
      pressure: this.#pressure,
      flushTimeout: FLUSH_AT_ONCE,
      clock: this.#clock,
      commit: undefined,
      locate: (error) => error,
      listener: {
        running: () => undefined,
        readyToCommit: () => undefined,
        wake: () => undefined,
        ended: (state, error) => {
          this.ended = state;
          this.failure = error;
        },
      },
      contextOf: (_member, outputs) => this.#context(outputs),
    });
  }

  /** Opens the operator, as it was at `snapshot` if one is given. */
  async open(snapshot?: HarnessSnapshot): Promise<void> {
    if (snapshot === undefined) return this.#task.start();
    const { keyed, operatorState, inputs } = snapshot;
    this.#clock.jumpTo(snapshot.now);
    if (keyed !== undefined) await this.#keyed!.restore([[snapshotInputOf('keyed', keyed)]]);
    await this.#operatorState.restore([snapshotInputOf('operator', operatorState)]);
    await this.#task.start();
    for (const [index, channel] of this.#channels.entries()) channel.restore(inputs[index]!);
  }

  /** Gives one step and runs the operator as far as it goes without waiting. */
  step(step: OperatorStep): void {
    if (step.kind === 'record') {
      const input = step.input ?? 0;
      this.#channels[input]!.push(this.#batch(step.value, step.timestamp, input));
    } else {
      // A record may come before another input has said again where it is; nothing else may.
      for (const channel of this.#channels) channel.announce();
      this.#control(step);
    }
    this.run();
  }

  #control(step: Exclude<OperatorStep, { readonly kind: 'record' }>): void {
    switch (step.kind) {
      case 'watermark':
      case 'status':
        for (const [input, channel] of this.#channels.entries()) {
          if (step.input === undefined || step.input === input) channel.push(step);
        }
        break;
      case 'epoch':
        for (const channel of this.#channels) channel.push({ kind: 'epoch', id: step.id });
        break;
      case 'end-of-input':
        this.#channels[step.input]!.end();
        break;
      case 'advance':
        this.run();
        this.#advance(step.by);
    }
  }

  /** Runs what can run now, and what settled promises bring. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < MICROTASK_TURNS; turn += 1) {
      this.run();
      await Promise.resolve();
    }
  }

  /** Ends the inputs, the left one first. */
  end(): void {
    for (const channel of this.#channels) channel.announce();
    for (const channel of this.#channels) {
      channel.end();
      this.run();
    }
  }

  /**
   * Steps until nothing is runnable; a held output is drained between steps, as a consumer would.
   */
  run(): void {
    for (;;) {
      if (this.#task.runnable) this.#task.step();
      else if (!this.#recorders.some((recorder) => recorder.drain())) return;
    }
  }

  /** Holds the output until `release`, as a consumer does that takes nothing. */
  hold(): void {
    this.#pressure.hold();
    // The task sees it at the end of a step.
    this.#task.mail(() => undefined);
    this.run();
  }

  release(): void {
    this.#pressure.release();
    this.run();
  }

  /** State now; the step before must have been run. */
  async snapshot(): Promise<HarnessSnapshot> {
    await this.#options.operator.prepareSnapshot?.(1);
    return {
      keyed:
        this.#keyed === undefined
          ? undefined
          : writtenBy((output) => this.#keyed!.beginSnapshot(output)),
      operatorState: writtenBy((output) => this.#operatorState.beginSnapshot(output)),
      now: this.#clock.now(),
      inputs: this.#channels.map((channel) => channel.time),
    };
  }

  async close(): Promise<void> {
    this.#task.cancel();
    await this.settle();
  }

  /** Everything that is due happens at its time. */
  #advance(by: Duration): void {
    const until = (this.#clock.now() + by) as Timestamp;
    while (this.#clock.fireNext(until)) this.run();
  }

  #batch(value: unknown, timestamp: number | undefined, input: 0 | 1): ObjectBatch {
    const batch = new ObjectBatch();
    freezeDeep(value);
    const key = this.#options.keys?.[input];
    if (key === undefined) batch.append(value, timestamp ?? NO_TIMESTAMP);
    else
      batch.appendKeyed(
        value,
        timestamp ?? NO_TIMESTAMP,
        keyGroupOf(hashKey(key.select(value)), MAX_PARALLELISM),
      );
    return batch;
  }

  #recorder(tag: string | undefined, schema: Schema<unknown>): ChainOutput {
    const channel = new RecordingChannel(tag, schema, this.results, this.#pressure, {
      fullAfterEveryRecord: this.#options.fullAfterEveryRecord === true,
    });
    this.#recorders.push(channel);
    const writer = createRecordWriter({
      channels: [channel],
      partitioner: { kind: 'forward' },
      subtask: 0,
      maxParallelism: MAX_PARALLELISM,
      parallelism: 1,
      operator: 'operator',
      random: () => 0,
      verifier: undefined,
    });
    return { tag, writer };
  }

  #context(outputs: MemberOutputs): OperatorContext {
    const keyed = this.#keyed;
    const pressure = this.#pressure;
    return {
      open: {
        jobName: 'verify',
        operatorName: 'operator',
        subtask: 0,
        parallelism: 1,
        maxParallelism: MAX_PARALLELISM,
        attempt: 1,
        logger: { debug: drop, info: drop, warn: drop, error: drop },
        metrics: new MetricRegistry(drop).root,
        ...this.#options.open,
      },
      operatorId: 'operator',
      output: outputs.main,
      sideOutput: (tag) => outputs.side(tag),
      rowOutput: (routeRow) => outputs.rows(routeRow),
      processingTime: () => this.#clock.now(),
      watermark: () => outputs.watermark(),
      emitWatermark: (timestamp) => outputs.emitWatermark(timestamp),
      emitStatus: (status) => outputs.emitStatus(status),
      activeTime: () => this.#task.times.activeTime(),
      wakeAt: (at) => this.#task.wakeAt(this.#options.operator, at),
      get isHeld(): boolean {
        return pressure.isHeld;
      },
      isRead: (tag) => outputs.isRead(tag),
      get keyedState(): HeapKeyedStateBackend {
        return keyed!;
      },
      operatorState: this.#operatorState,
      mail: (mail) => this.#task.mail(mail),
      hold: () => this.#pressure.hold(),
      release: () => this.#pressure.release(),
      fail: (error) => this.#task.fail(error),
      after: (delay, callback) => this.#clock.after(delay, () => this.#task.mail(callback)),
      forward: (event: DeferrableEvent) => this.#task.forward(event),
    };
  }
}

class ScriptedChannel implements InputChannel {
  onBarrier: InputChannel['onBarrier'] = undefined;
  readonly #queue = new Deque<Batch | ControlElement>();
  #time: InputTime = { watermark: MIN_WATERMARK, status: 'active', ended: false };
  /** Restored, and not given to the operator again. */
  #announces = false;

  get time(): InputTime {
    return this.#time;
  }

  /** Whoever sends it says again where it was, before anything else. */
  restore(time: InputTime): void {
    this.#time = time;
    this.#announces = true;
    if (time.ended) this.announce();
  }

  announce(): void {
    if (!this.#announces) return;
    this.#announces = false;
    const { watermark, status, ended } = this.#time;
    if (watermark > MIN_WATERMARK) this.#queue.push({ kind: 'watermark', timestamp: watermark });
    if (status === 'idle') this.#queue.push({ kind: 'status', status });
    if (ended) this.#queue.push(END);
  }

  end(): void {
    if (this.#time.ended) return;
    this.push(END);
    this.#time = { ...this.#time, ended: true };
  }

  push(element: Batch | ControlElement): void {
    this.announce();
    if (element.kind === 'watermark') this.#time = { ...this.#time, watermark: element.timestamp };
    if (element.kind === 'status') this.#time = { ...this.#time, status: element.status };
    this.#queue.push(element);
  }

  get hasData(): boolean {
    return this.#queue.length > 0;
  }

  poll(): Batch | ControlElement | undefined {
    return this.#queue.shift();
  }

  recycle(): void {}
  close(): void {}
  stopCapture(): void {}

  capture(): never {
    throw new AssertionError('nothing overtakes in a harness');
  }
}

/** Records what is emitted, frozen and after a round trip through the codec. */
class RecordingChannel implements OutputChannel {
  readonly #tag: string | undefined;
  readonly #schema: Schema<unknown>;
  readonly #results: OperatorResult[];
  readonly #pressure: Pressure;
  readonly #full: boolean;
  readonly gathering: Gathering = new Gathering(1);
  #holding = false;

  constructor(
    tag: string | undefined,
    schema: Schema<unknown>,
    results: OperatorResult[],
    pressure: Pressure,
    options: { readonly fullAfterEveryRecord: boolean },
  ) {
    this.#tag = tag;
    this.#schema = schema;
    this.#results = results;
    this.#pressure = pressure;
    this.#full = options.fullAfterEveryRecord;
  }

  add(value: unknown, timestamp: number): void {
    freezeDeep(value);
    const writer = new ByteWriter();
    this.#schema.codec.encode(value, writer);
    const back = this.#schema.codec.decode(new ByteReader(writer.copy()));
    this.#results.push({ kind: 'record', tag: this.#tag, value: back, timestamp });
    if (!this.#full || this.#holding) return;
    this.#holding = true;
    this.#pressure.hold();
  }

  addKeyed(value: unknown, timestamp: number): void {
    this.add(value, timestamp);
  }

  gathered(): void {
    const { batch } = this.gathering;
    const value = batch.values[0];
    const timestamp = batch.timestampAt(0);
    batch.reset();
    this.add(value, timestamp);
  }

  addRows(): void {
    throw new TypeError('the harness records values, not rows');
  }

  control(element: ControlElement): void {
    if (this.#tag !== undefined || element.kind === 'barrier') return;
    this.#results.push(element);
  }

  overtake(): void {}
  timeOut(): void {}
  flushIfDue(): void {}

  holds(): boolean {
    return false;
  }

  flush(): boolean {
    return false;
  }

  abandon(): void {}

  /** The consumer has taken everything. @returns whether that made a difference. */
  drain(): boolean {
    if (!this.#holding) return false;
    this.#holding = false;
    this.#pressure.release();
    return true;
  }
}

function drop(): void {}
