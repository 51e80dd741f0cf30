/**
 * One subtask of a JobVertex: drives a chain from its input to its edges, one step at a time, in
 * the thread of its slot. Nothing in a step waits.
 *
 * Invariants
 * T1. An operator is called only when no hold is pending, except to run a mail (which may release
 * it).
 * T2. A watermark is forwarded after everything it fires was emitted; END is the last element of
 * every
 *     edge and comes once, after every operator has finished.
 * T3. The listener hears exactly one terminal state, after the chain was closed.
 * T4. Barriers come only from a checkpoint coordinator; none is triggered while there is none.
 * T5. A step takes about a millisecond, or one record, whatever a record costs.
 * T5. Event time may end before the input, with idle inputs beside one that is finished; what is
 *     registered after that fires when the input ends.
 */
import { assert, unreachable } from '../../base/assert.ts';
import type { EngineError } from '../../base/errors.ts';
import { toEngineError } from '../../base/errors.ts';
import type { Timestamp } from '../../base/units.ts';
import type { Clock } from '../../env/env.ts';
import type { OperatorId, VertexId } from '../../graph/job-graph.ts';
import type { Batch, ObjectBatch } from '../../network/batch.ts';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import { END, MAX_WATERMARK } from '../../network/control-element.ts';
import { FLUSH_AT_ONCE } from '../../network/flush-round.ts';
import type { FlushRound } from '../../network/flush-round.ts';
import type { GateEvent, InputGate } from '../../network/input-gate.ts';
import { Pressure } from '../../network/pressure.ts';
import type {
  DeferrableEvent,
  KeyedOperator,
  OneInputOperator,
  Operator,
  TwoInputOperator,
} from '../../operators/operator.ts';
import type { ContextOf, OperatorChain, OperatorRecords } from '../../operators/operator-chain.ts';
import { SourceOperator } from '../../operators/source-operator.ts';
import { ProcessingTime } from './processing-time.ts';
import type { WatermarkHold } from '../../protocol/slot-messages.ts';
import { StepSize } from './step-size.ts';
import { TaskTimes } from './task-times.ts';

export type TaskPhase =
  | 'created'
  | 'initializing'
  | 'running'
  | 'finishing'
  | 'ready-to-commit'
  | 'committing'
  | 'closing'
  | 'finished'
  | 'canceled'
  | 'failed';

export interface TaskListener {
  running(): void;
  /**
   * All input has ended and all output is handed over; `commit` is to be called when the job
   * allows.
   */
  readyToCommit(): void;
  /** At once when the task fails, before its operators are closed; `ended` follows. */
  failing?(error: EngineError): void;
  ended(state: 'FINISHED' | 'CANCELED' | 'FAILED', error: EngineError | undefined): void;
  /** Something happened outside of a step; the slot's loop must look again. */
  wake(): void;
}

export interface TaskOptions {
  readonly chain: OperatorChain;
  /** Undefined for a chain with a source at its head. */
  readonly gate: InputGate | undefined;
  /** Who fills the channels of the gate, in its order. */
  readonly producers: readonly { readonly vertex: VertexId; readonly subtask: number }[];
  readonly pressure: Pressure;
  readonly contextOf: ContextOf;
  readonly listener: TaskListener;
  /** Milliseconds for which its output may gather; see flush-round.ts. */
  readonly flushTimeout: number;
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'after'>;
  /** Commits what the sinks of the chain prepared; undefined if there is no committer. */
  readonly commit: (() => Promise<void>) | undefined;
  /** Adds place and names to an error on its way up. */
  readonly locate: (error: EngineError) => EngineError;
}

export class Task {
  readonly #options: TaskOptions;
  readonly #chain: OperatorChain;
  readonly #gate: InputGate | undefined;
  readonly #pressure: Pressure;
  readonly #source: SourceOperator | undefined;
  readonly #mails: (() => void)[] = [];
  readonly #processingTime: ProcessingTime;
  readonly times: TaskTimes;
  readonly #stepSize = new StepSize();
  #phase: TaskPhase = 'created';
  #batch: Batch | undefined;
  #event: GateEvent | undefined;
  #sourceReady = true;
  #sourceEnded = false;
  #endSent = false;
  /** T5. Event time has ended, for the operators at the head. */
  #timeEnded = false;
  /** T5. Something has been processed since. */
  #owesTime = false;
  #openInputs: number;
  recordsIn = 0;

  constructor(options: TaskOptions) {
    this.#options = options;
    this.#chain = options.chain;
    this.#gate = options.gate;
    this.#pressure = options.pressure;
    this.times = new TaskTimes(() => options.clock.monotonic());
    this.#processingTime = new ProcessingTime(
      options.clock,
      options.chain.members.map(({ operator }) => operator),
      () => options.listener.wake(),
    );
    const head = options.chain.head;
    this.#source = head instanceof SourceOperator ? head : undefined;
    assert(
      (this.#source === undefined) === (options.gate !== undefined),
      'T1: a task has a source or a gate',
    );
    this.#openInputs = options.gate?.inputs ?? 0;
  }

  get phase(): TaskPhase {
    return this.#phase;
  }

  /** How far event time has come where the chain ends. */
  get watermark(): number {
    return this.#chain.lastWatermark;
  }

  /** Whether output, or an operator that waits, keeps the task from going on. */
  get isHeld(): boolean {
    return this.#pressure.isHeld;
  }

  /** What `watermark` waits for; undefined when event time has ended. */
  get waitsFor(): WatermarkHold | undefined {
    if (this.watermark === MAX_WATERMARK) return undefined;
    const clock = this.#chain.lastClock;
    if (clock !== undefined) return clock.timeHold;
    const gate = this.#gate!;
    const { holder } = gate;
    if (holder === undefined) return gate.isIdle ? this.#idleInputs(gate) : undefined;
    return { kind: 'input', ...this.#options.producers[holder]! };
  }

  #idleInputs(gate: InputGate): WatermarkHold {
    const verticesThatAre = (status: 'idle' | 'ended'): readonly VertexId[] => {
      const places = gate.channelsThatAre(status);
      return [...new Set(places.map((place) => this.#options.producers[place]!.vertex))];
    };
    return { kind: 'idle', idle: verticesThatAre('idle'), ended: verticesThatAre('ended') };
  }

  /** How far event time has come for an operator of its chain. */
  watermarkOf(operator: OperatorId): number {
    return this.#chain.watermarkOf(operator);
  }

  get source(): SourceOperator | undefined {
    return this.#source;
  }

  get recordsOut(): number {
    let sum = 0;
    for (const writer of this.#chain.writers) sum += writer.recordsIn;
    return sum;
  }

  /** What an operator of its chain was given and has emitted, by its place in the chain. */
  recordsOf(place: number): OperatorRecords {
    return this.#chain.recordsOf(place, this.recordsIn);
  }

  async start(): Promise<void> {
    assert(this.#phase === 'created', 'T3: a task starts once');
    this.#phase = 'initializing';
    try {
      await this.#chain.open(this.#options.contextOf);
    } catch (thrown) {
      this.fail(thrown);
      return;
    }
    if (!this.#isIn('initializing')) return;
    this.#phase = 'running';
    this.#options.listener.running();
    this.#options.listener.wake();
  }

  /** Whether `step` could do something now. */
  get runnable(): boolean {
    if (this.#mails.length > 0) return true;
    if (this.#phase === 'finishing') return !this.#pressure.isHeld;
    if (this.#phase !== 'running' || this.#pressure.isHeld) return false;
    if (this.#batch !== undefined || this.#event !== undefined) return true;
    if (this.#processingTime.isDue) return true;
    if (this.#gate !== undefined) return this.#gate.hasData;
    return this.#sourceEnded || (this.#sourceReady && !this.#source!.isWaiting);
  }

  /** Does a bounded piece of work. Failures end the task, never the caller. */
  step(): void {
    const before = this.recordsIn;
    this.times.begin();
    try {
      this.#runMails();
      if (this.#pressure.isHeld) return;
      if (this.#phase === 'running' && this.#fireProcessingTime()) this.#advance();
      if (this.#phase === 'finishing') this.#finish();
    } catch (thrown) {
      this.fail(thrown);
    } finally {
      const millis = this.times.end(this.#pressure.isHeld);
      this.#stepSize.took(this.recordsIn - before, millis);
    }
  }

  /** Hands over the partly filled batches that are due. */
  flush(round: FlushRound): void {
    if (this.#phase !== 'running' && this.#phase !== 'finishing') return;
    try {
      for (const writer of this.#chain.writers) writer.flushIfDue(round);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  /** Whether what it emits is due after every step. */
  get flushesAtOnce(): boolean {
    return this.#options.flushTimeout === FLUSH_AT_ONCE;
  }

  /** Asks for a call of the operator's `processingTime` at that time. */
  wakeAt(operator: Operator, at: Timestamp): void {
    this.#processingTime.wakeAt(operator, at);
  }

  mail(mail: () => void): void {
    if (this.#isOver()) return;
    this.#mails.push(mail);
    this.#options.listener.wake();
  }

  /** Lets an event go on that the head had deferred. */
  forward(event: DeferrableEvent): void {
    switch (event.kind) {
      case 'watermark':
        assert(
          this.#chain.watermark(event.timestamp),
          'O3: an operator that defers is not called again',
        );
        return;
      case 'epoch':
        this.#chain.closeEpoch();
        this.#chain.broadcast(event);
        return;
      case 'status':
        this.#chain.status(event.status);
    }
  }

  /** The source's reader may have records again. */
  sourceAvailable(): void {
    this.#sourceReady = true;
    this.#options.listener.wake();
  }

  /** The job has reached its end everywhere: make the results visible. */
  commit(): void {
    if (this.#phase !== 'ready-to-commit') return;
    this.#phase = 'committing';
    this.#options.commit!().then(
      () => this.#end('FINISHED', undefined),
      (thrown: unknown) => this.fail(thrown),
    );
  }

  cancel(): void {
    // A commit that has begun is completed: half of it may be visible.
    if (this.#phase === 'committing' || this.#isOver()) return;
    this.#end('CANCELED', undefined);
  }

  fail(thrown: unknown): void {
    if (this.#isOver()) return;
    const error = this.#options.locate(toEngineError(thrown));
    this.#options.listener.failing?.(error);
    this.#end('FAILED', error);
  }

  // ------------------------------------------------------------------------------------- stepping

  #runMails(): void {
    // Mails that come while these run wait for the next step.
    const mails = this.#mails.splice(0);
    for (const mail of mails) {
      if (this.#isOver()) return;
      mail();
    }
  }

  /** @returns whether the task may go on to its input. */
  #fireProcessingTime(): boolean {
    if (!this.#processingTime.isDue) return true;
    if (this.#timeEnded) this.#owesTime = true;
    return this.#processingTime.fire() && !this.#pressure.isHeld;
  }

  #advance(): void {
    if (this.#batch !== undefined) {
      this.#process(this.#batch);
      return;
    }
    if (this.#event !== undefined) {
      this.#handle(this.#event);
      return;
    }
    if (this.#source !== undefined) {
      this.#poll(this.#source);
      return;
    }
    const next = this.#gate!.next();
    if (next === undefined) return;
    if (next.kind === 'objects' || next.kind === 'rows') {
      this.#batch = next;
      this.#process(next);
    } else {
      this.#handle(next);
    }
  }

  #poll(source: SourceOperator): void {
    if (!this.#sourceEnded) {
      if (source.isWaiting) return;
      this.#sourceReady = false;
      const result = source.poll(this.#stepSize.records);
      this.recordsIn += source.polled;
      if (result === 'more') this.#sourceReady = true;
      if (result !== 'end') return;
      this.#sourceEnded = true;
      if (this.#pressure.isHeld) return;
    }
    if (!this.#chain.watermark(MAX_WATERMARK)) return;
    this.#phase = 'finishing';
  }

  #process(batch: Batch): void {
    const before = batch.cursor;
    if (this.#timeEnded) this.#owesTime = true;
    if (batch.kind === 'rows') {
      (this.#chain.head as OneInputOperator).processRows!(batch);
      batch.cursor = batch.size;
    } else if ('processLeft' in this.#chain.head) {
      this.#processTwo(batch, this.#chain.head as TwoInputOperator);
    } else if ('processKeyed' in this.#chain.head) {
      this.#processKeyed(batch, this.#chain.head as KeyedOperator);
    } else {
      this.#processOne(batch, this.#chain.head as OneInputOperator);
    }
    this.recordsIn += batch.cursor - before;
    if (batch.cursor < batch.size) return;
    this.#batch = undefined;
    this.#gate!.recycle(batch);
  }

  #processOne(batch: ObjectBatch, head: OneInputOperator): void {
    const { values, timestamps, hasTimestamps } = batch;
    const pressure = this.#pressure;
    const end = this.#endOfStep(batch);
    let i = batch.cursor;
    while (i < end) {
      head.process(values[i], hasTimestamps ? timestamps![i]! : NO_TIMESTAMP);
      i += 1;
      if (pressure.holds !== 0) break;
    }
    batch.cursor = i;
  }

  #processKeyed(batch: ObjectBatch, head: KeyedOperator): void {
    const { values, timestamps, hasTimestamps, keyGroups } = batch;
    assert(batch.hasKeyGroups, 'T1: a keyed operator gets records of a hash edge');
    const pressure = this.#pressure;
    const end = this.#endOfStep(batch);
    let i = batch.cursor;
    while (i < end) {
      head.processKeyed(values[i], hasTimestamps ? timestamps![i]! : NO_TIMESTAMP, keyGroups![i]!);
      i += 1;
      if (pressure.holds !== 0) break;
    }
    batch.cursor = i;
  }

  #processTwo(batch: ObjectBatch, head: TwoInputOperator): void {
    const left = this.#gate!.input === 0;
    const pressure = this.#pressure;
    const end = this.#endOfStep(batch);
    let i = batch.cursor;
    while (i < end) {
      const group = batch.hasKeyGroups ? batch.keyGroups![i]! : -1;
      if (left) head.processLeft(batch.values[i], batch.timestampAt(i), group);
      else head.processRight(batch.values[i], batch.timestampAt(i), group);
      i += 1;
      if (pressure.holds !== 0) break;
    }
    batch.cursor = i;
  }

  #endOfStep({ cursor, size }: ObjectBatch): number {
    return Math.min(size, cursor + this.#stepSize.records);
  }

  /** Handles an aligned event, or goes on with one whose operator asked to be called again. */
  #handle(event: GateEvent): void {
    if (event.kind !== 'end-of-input' && event.kind !== 'barrier' && this.#event === undefined) {
      if (this.#chain.head.defer?.(event) === true) return;
    }
    this.#event = event;
    switch (event.kind) {
      case 'watermark':
        if (!this.#chain.watermark(event.timestamp)) return;
        this.#timeEnded = event.timestamp === MAX_WATERMARK;
        break;
      case 'status':
        this.#chain.status(event.status);
        break;
      case 'epoch':
        this.#chain.closeEpoch();
        this.#chain.broadcast(event);
        break;
      case 'end-of-input':
        if (!this.#chain.endInput(event.input)) return;
        this.#openInputs -= 1;
        if (this.#openInputs === 0) this.#phase = 'finishing';
        break;
      case 'barrier':
        assert(false, 'T4: a barrier without a checkpoint coordinator');
        break;
      default:
        unreachable(event, 'Task');
    }
    this.#event = undefined;
  }

  #finish(): void {
    if (this.#pressure.isHeld) return;
    if (this.#owesTime) {
      if (!this.#chain.watermark(MAX_WATERMARK)) return;
      this.#owesTime = false;
      if (this.#pressure.isHeld) return;
    }
    if (!this.#endSent) {
      if (!this.#chain.finish() || this.#pressure.isHeld) return;
      this.#chain.broadcast(END);
      this.#chain.flush();
      this.#endSent = true;
      // What the consumers have not taken yet holds the pressure.
      if (this.#pressure.isHeld) return;
    }
    if (this.#options.commit === undefined) {
      this.#end('FINISHED', undefined);
      return;
    }
    this.#phase = 'ready-to-commit';
    this.#options.listener.readyToCommit();
  }

  // --------------------------------------------------------------------------------------- ending

  #isIn(phase: TaskPhase): boolean {
    return this.#phase === phase;
  }

  #isOver(): boolean {
    return (
      this.#phase === 'closing' ||
      this.#phase === 'finished' ||
      this.#phase === 'canceled' ||
      this.#phase === 'failed'
    );
  }

  #end(state: 'FINISHED' | 'CANCELED' | 'FAILED', error: EngineError | undefined): void {
    this.#phase = 'closing';
    this.#processingTime.close();
    this.#mails.length = 0;
    this.#chain.close().then(
      () => this.#ended(state, error),
      (thrown: unknown) =>
        this.#ended('FAILED', error ?? this.#options.locate(toEngineError(thrown))),
    );
  }

  #ended(state: 'FINISHED' | 'CANCELED' | 'FAILED', error: EngineError | undefined): void {
    this.#phase = state === 'FINISHED' ? 'finished' : state === 'CANCELED' ? 'canceled' : 'failed';
    if (state !== 'FINISHED') {
      this.#chain.abandon();
      this.#gate?.close();
    }
    this.#options.listener.ended(state, error);
  }
}
