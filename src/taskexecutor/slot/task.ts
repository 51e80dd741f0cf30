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
 * T4. The state of the operators is taken at a record boundary, when no event is half handled;
 *     while an operator prepares it (`isTaking`) nothing else happens in the task.
 * T6. Triggers and what comes from enumerators take effect in the order in which they came.
 * T7. After the barrier of a savepoint that stops the job nothing is read and nothing fires, until
 *     the savepoint is complete (then the task ends) or aborted (then it goes on).
 * T8. After the end has been sent there is no barrier: the task adds to a checkpoint what it has
 *     prepared to commit, or declines it.
 * T9. A task with sinks that commit is FINISHED only when all they have prepared is known to be
 *     committed, or was stopped after a savepoint that holds it.
 * T5. A step takes about a millisecond, or one record, whatever a record costs.
 * T5. Event time may end before the input, with idle inputs beside one that is finished; what is
 *     registered after that fires when the input ends.
 */
import { assert, unreachable } from '../../base/assert.ts';
import type { EngineError } from '../../base/errors.ts';
import { toEngineError } from '../../base/errors.ts';
import type { Timestamp } from '../../base/units.ts';
import type { OperatorId } from '../../graph/job-graph.ts';
import type { Batch } from '../../network/batch.ts';
import { END, MAX_WATERMARK, STOPPED } from '../../network/control-element.ts';
import type { BarrierElement } from '../../network/control-element.ts';
import { FLUSH_AT_ONCE } from '../../network/flush-round.ts';
import type { FlushRound } from '../../network/flush-round.ts';
import type { AlignedBarrier, GateEvent, InputGate } from '../../network/input-gate.ts';
import type { Pressure } from '../../network/pressure.ts';
import type { DeferrableEvent, Operator } from '../../operators/operator.ts';
import type { OperatorChain, OperatorRecords } from '../../operators/operator-chain.ts';
import { SourceOperator } from '../../operators/source-operator.ts';
import { processBatch } from './process-batch.ts';
import { ProcessingTime } from './processing-time.ts';
import { TakenBarrier } from './checkpoint/taken-barrier.ts';
import type { WatermarkHold } from '../../protocol/slot-messages.ts';
import { StepSize } from './step-size.ts';
import type { TaskOptions, TaskPhase } from './task-options.ts';
import { TaskTimes } from './task-times.ts';
import { holdOf } from './watermark-hold.ts';

export class Task {
  readonly #options: TaskOptions;
  readonly #chain: OperatorChain;
  readonly #gate: InputGate | undefined;
  readonly #pressure: Pressure;
  readonly #source: SourceOperator | undefined;
  readonly #mails: (() => void)[] = [];
  readonly #taken: TakenBarrier;
  /** A savepoint before which event time and the operators are ended. */
  #draining: BarrierElement | undefined;
  /** T7. The savepoint after which the job ends. */
  #stopAt = 0;
  /** T7. It is complete. */
  #stopped = false;
  /** The operators have finished. */
  #drained: boolean;
  /** T8. Came while the operators were finishing. */
  readonly #triggeredLate: BarrierElement[] = [];
  readonly #processingTime: ProcessingTime;
  readonly times: TaskTimes;
  readonly #stepSize = new StepSize();
  #phase: TaskPhase = 'created';
  #batch: Batch | undefined;
  #event: GateEvent | undefined;
  #sourceReady = true;
  #sourceEnded = false;
  #endSent = false;
  /** Of a drain: how many inputs have been ended. */
  #inputsEnded = 0;
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
    this.#drained = options.hadFinished === true;
    this.#taken = new TakenBarrier({
      handler: options.checkpoints,
      pressure: options.pressure,
      wake: () => options.listener.wake(),
      fail: (thrown) => this.fail(thrown),
    });
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
    return clock === undefined ? holdOf(this.#gate!, this.#options.producers) : clock.timeHold;
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
      await this.#options.restore?.();
      if (this.#isIn('initializing') && this.#options.hadFinished !== true) {
        await this.#chain.open(this.#options.contextOf);
      }
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
    if (this.#taken.isTaking) return this.#taken.isPrepared;
    if (this.#mails.length > 0) return true;
    if (this.#phase === 'finishing') return !this.#pressure.isHeld;
    if (this.#phase !== 'running') return false;
    if (this.#isUrgent) return true;
    if (this.#pressure.isHeld) return false;
    if (this.#batch !== undefined || this.#event !== undefined) return true;
    if (this.#draining !== undefined) return true;
    if (this.#processingTime.isDue && !this.#isSilent) return true;
    if (this.#gate !== undefined) return this.#gate.hasData;
    if (this.#stopAt !== 0) return false;
    return this.#sourceEnded || (this.#sourceReady && !this.#source!.isWaiting);
  }

  /** T7. Nothing fires. */
  get #isSilent(): boolean {
    return this.#stopAt !== 0 || this.#options.hadFinished === true;
  }

  /** T4. A barrier has overtaken, which does not wait for output to drain. */
  get #isUrgent(): boolean {
    return this.#gate?.hasUrgent === true && this.#event === undefined;
  }

  /** Does a bounded piece of work. Failures end the task, never the caller. */
  step(): void {
    const before = this.recordsIn;
    this.times.begin();
    try {
      if (!this.#taken.resume()) return;
      this.#runMails();
      if (this.#phase === 'running' && this.#isUrgent && !this.#taken.isTaking) {
        this.#begin(this.#gate!.takeUrgent()!);
      }
      if (this.#taken.isTaking || this.#pressure.isHeld) return;
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
    assert(this.#give(event), 'O3: an operator that defers is not called again');
  }

  /** T6. From the enumerator of the source; not for one that drains, and has its last splits. */
  sourceMail(mail: () => void): void {
    this.mail(() => {
      if (this.#draining === undefined && !this.#drained) mail();
    });
  }

  /** The source's reader may have records again. */
  sourceAvailable(): void {
    this.#sourceReady = true;
    this.#options.listener.wake();
  }

  /** T6. Begins a checkpoint: nobody is left who would send its barrier. */
  trigger(barrier: BarrierElement): void {
    if (this.#isOver()) this.#decline(barrier, 'it has ended');
    else this.mail(() => this.#triggered(barrier));
  }

  /** It is durable. */
  checkpointCompleted(checkpointId: number): void {
    if (this.#stopAt === 0 || checkpointId !== this.#stopAt) return;
    this.#stopped = true;
    if (this.#source !== undefined && this.#phase === 'running') this.#phase = 'finishing';
    this.#options.listener.wake();
  }

  /** It never will be durable. */
  checkpointAborted(checkpointId: number): void {
    this.#gate?.abort(checkpointId);
    // After a drain the operators have finished: only a restart goes on from before that.
    if (checkpointId === this.#stopAt && !this.#drained) this.#stopAt = 0;
    this.#options.listener.wake();
  }

  /** The job has reached its end everywhere: make the results visible. */
  commit(): void {
    if (this.#phase !== 'ready-to-commit') return;
    this.#phase = 'committing';
    this.#options.commit!().then(
      (committed) => {
        // It has failed meanwhile: an earlier commit did, and this one was never made.
        if (!this.#isIn('committing')) return;
        assert(committed, 'T9: what is pending at the end is committed, or the task fails');
        this.#end('FINISHED', undefined);
      },
      (thrown: unknown) => this.fail(thrown),
    );
  }

  /** A checkpoint that it took part in after its end has committed everything. */
  allCommitted(): void {
    if (this.#phase === 'ready-to-commit' && !this.#stopped) this.#end('FINISHED', undefined);
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
    for (const [index, mail] of mails.entries()) {
      if (this.#isOver()) return;
      mail();
      if (!this.#taken.isTaking) continue;
      // T4
      this.#mails.unshift(...mails.slice(index + 1));
      return;
    }
  }

  /** @returns whether the task may go on to its input. */
  #fireProcessingTime(): boolean {
    if (!this.#processingTime.isDue || this.#isSilent) return true;
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
    if (this.#draining !== undefined) {
      this.#drain(this.#draining);
      return;
    }
    // T7
    if (this.#stopAt !== 0) return;
    if (!this.#sourceEnded && this.#options.hadFinished !== true) {
      if (source.isWaiting) return;
      this.#sourceReady = false;
      const result = source.poll(this.#stepSize.records);
      this.recordsIn += source.polled;
      if (result === 'more') this.#sourceReady = true;
      if (result !== 'end') return;
      this.#sourceEnded = true;
      if (this.#pressure.isHeld) return;
    }
    if (!this.#drained && !this.#chain.watermark(MAX_WATERMARK)) return;
    this.#phase = 'finishing';
  }

  #process(batch: Batch): void {
    const before = batch.cursor;
    if (this.#timeEnded) this.#owesTime = true;
    processBatch(batch, {
      head: this.#chain.head,
      input: this.#gate!.input,
      pressure: this.#pressure,
      records: this.#stepSize.records,
    });
    this.recordsIn += batch.cursor - before;
    if (batch.cursor < batch.size) return;
    this.#batch = undefined;
    this.#gate!.recycle(batch);
  }

  /** Handles an aligned event, or goes on with one whose operator asked to be called again. */
  #handle(event: GateEvent): void {
    if (isDeferrable(event) && this.#event === undefined && !this.#drained) {
      if (this.#chain.head.defer?.(event) === true) return;
    }
    this.#event = event;
    if (!this.#goOnWith(event)) return;
    this.#event = undefined;
  }

  /** @returns whether it is done. */
  #goOnWith(event: GateEvent): boolean {
    // Where the operators have finished, the rest has nobody to reach.
    if (isDeferrable(event)) return this.#drained || this.#give(event);
    switch (event.kind) {
      case 'barrier':
        if (event.barrier.options.stop === 'drain' && !this.#endInputs()) return false;
        this.#begin(event);
        return true;
      case 'superseded':
        this.#options.checkpoints?.superseded(event.checkpointId, event.by);
        return true;
      case 'end-of-input':
        if (event.stopped === true) this.#stopped = true;
        else if (!this.#drained && !this.#chain.endInput(event.input)) return false;
        this.#openInputs -= 1;
        if (this.#openInputs === 0) this.#phase = 'finishing';
        return true;
      default:
        return unreachable(event, 'Task');
    }
  }

  /** To the operators. @returns whether they have handled it. */
  #give(event: DeferrableEvent): boolean {
    switch (event.kind) {
      case 'watermark':
        if (!this.#chain.watermark(event.timestamp)) return false;
        this.#timeEnded = event.timestamp === MAX_WATERMARK;
        return true;
      case 'status':
        this.#chain.status(event.status);
        return true;
      case 'epoch':
        this.#chain.closeEpoch();
        this.#chain.broadcast(event);
        return true;
      default:
        return unreachable(event, 'Task');
    }
  }

  #finish(): void {
    if (this.#pressure.isHeld) return;
    if (!this.#endSent) {
      if (!this.#stopped && !this.#finishOperators()) return;
      this.#chain.broadcast(this.#stopped ? STOPPED : END);
      this.#chain.flush();
      this.#endSent = true;
      // What the consumers have not taken yet holds the pressure.
      if (this.#pressure.isHeld) return;
    }
    if (this.#options.commit === undefined) {
      for (const barrier of this.#triggeredLate) this.#decline(barrier, 'it is ending');
      this.#end('FINISHED', undefined);
      return;
    }
    this.#phase = 'ready-to-commit';
    for (const barrier of this.#triggeredLate) this.#options.checkpoints?.takeFinished(barrier);
    this.#options.listener.readyToCommit();
  }

  /** @returns whether they have; if not, it is to be called again when output is free. */
  #finishOperators(): boolean {
    if (this.#drained) return true;
    if (this.#owesTime) {
      if (!this.#chain.watermark(MAX_WATERMARK)) return false;
      this.#owesTime = false;
      if (this.#pressure.isHeld) return false;
    }
    if (!this.#chain.finish() || this.#pressure.isHeld) return false;
    this.#drained = true;
    return true;
  }

  // ---------------------------------------------------------------------------------- checkpoints

  /** T6 */
  #triggered(barrier: BarrierElement): void {
    switch (this.#phase) {
      case 'running':
        if (this.#gate !== undefined) this.#gate.trigger(barrier);
        else this.#beginAtSource(barrier);
        return;
      case 'finishing':
        this.#triggeredLate.push(barrier);
        return;
      case 'ready-to-commit':
        this.#options.checkpoints?.takeFinished(barrier);
        return;
      case 'created':
      case 'initializing':
        this.#decline(barrier, 'it is not running yet');
        return;
      default:
        this.#decline(barrier, 'it is ending');
    }
  }

  #beginAtSource(barrier: BarrierElement): void {
    if (this.#sourceEnded || this.#options.hadFinished === true) this.#triggeredLate.push(barrier);
    else if (this.#draining !== undefined) this.#decline(barrier, 'it is draining');
    else if (barrier.options.stop === 'drain') this.#draining = barrier;
    else this.#begin(ofSource(barrier, this.#options.clock.monotonic()));
  }

  #begin(event: AlignedBarrier): void {
    if (event.barrier.options.stop !== undefined) this.#stopAt = event.barrier.checkpointId;
    this.#taken.begin(event);
  }

  /** Ends event time and the operators behind a source, then begins the savepoint. */
  #drain(barrier: BarrierElement): void {
    if (!this.#timeEnded) {
      if (!this.#chain.watermark(MAX_WATERMARK)) return;
      this.#timeEnded = true;
      if (this.#pressure.isHeld) return;
    }
    if (!this.#finishOperators()) return;
    this.#draining = undefined;
    this.#begin(ofSource(barrier, this.#options.clock.monotonic()));
  }

  /** Of a drain: all data has come. @returns false: call again. */
  #endInputs(): boolean {
    for (; this.#openInputs > 0 && !this.#drained; this.#inputsEnded += 1) {
      if (this.#inputsEnded === this.#gate!.inputs) break;
      if (this.#pressure.isHeld) return false;
      if (!this.#chain.endInput(this.#inputsEnded as 0 | 1)) return false;
    }
    return !this.#pressure.isHeld && this.#finishOperators();
  }

  #decline({ checkpointId }: BarrierElement, reason: string): void {
    this.#options.checkpoints?.decline(checkpointId, reason);
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
    assert(!this.#isOver(), 'T3: a task ends once');
    this.#phase = 'closing';
    this.#processingTime.close();
    this.#mails.length = 0;
    for (const barrier of this.#triggeredLate.splice(0)) this.#decline(barrier, 'it has ended');
    this.#close(state).then(
      () => this.#ended(state, error),
      (thrown: unknown) =>
        this.#ended('FAILED', error ?? this.#options.locate(toEngineError(thrown))),
    );
  }

  /** T3. What a checkpoint has written that nobody will refer to is deleted first. */
  async #close(state: 'FINISHED' | 'CANCELED' | 'FAILED'): Promise<void> {
    try {
      await this.#options.checkpoints?.close(state === 'FINISHED');
    } finally {
      await this.#chain.close();
    }
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

function isDeferrable(event: GateEvent): event is DeferrableEvent {
  return event.kind === 'watermark' || event.kind === 'status' || event.kind === 'epoch';
}

/** As a barrier comes out of a gate. */
function ofSource(barrier: BarrierElement, since: number): AlignedBarrier {
  return { kind: 'barrier', barrier, since, inFlight: [] };
}
