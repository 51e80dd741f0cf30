/**
 * The operator contract. Operators are synchronous and cooperative, called by one driver (the task)
 * in one thread, and never wait.
 *
 * Contract
 * O1. `open` is called once, first; `close` once, last, if `open` was called, also after a failure.
 * O2. Between them the driver calls one method at a time. Output goes to `context.output` at any
 *     point of a call; it never refuses. The driver alone looks at the outbox, between records, and
 *     never calls `process*` while overdraft or a hold of the operator is pending.
 * O3. Only a chain's head is answered "call me again": `watermark`, `endInput` and `finish` return
 *     false for it; the driver calls again once output has drained. Every operator may answer so
 *     to `finish`, since the driver finishes a chain one operator after the other.
 * O4. `watermark` fires what is due; the driver forwards the watermark after it returned true.
 * O5. Restored state is in `keyedState` and `operatorState` before `open`. `prepareSnapshot` is
 *     called at a record boundary only, before the state is taken, and must not emit, but for what
 *     a sink's writer has prepared: what the operator keeps itself goes into its `operatorState`.
 *     While it is at work (a promise) nothing is called but mails.
 * O6. A value handed to `output` is immutable from then on.
 * O7. `processingTime` is called once before the first record and then whenever the clock has come
 *     to the time that `context.wakeAt` asked for, never while output is held. Like `watermark` it
 *     may fire a part and answer false, at any place of a chain.
 * O8. Watermarks and idleness from before an operator that generates event time end at it, but for
 *     +infinity, which it passes on. What it emits reaches all that descends from it up to the next
 *     such operator, after the records emitted before.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Duration, Timestamp } from '../base/units.ts';
import type { OpenContext } from '../functions/function-context.ts';
import type { RowBatch } from '../network/batch.ts';
import type {
  EpochMarkElement,
  StatusElement,
  WatermarkElement,
} from '../network/control-element.ts';
import type { KeyedStateBackend } from '../state/keyed-state-backend.ts';
import type { OperatorStateBackend } from '../state/operator-state.ts';

/** Where records go: the next operator of the chain, or the outbox at its end. */
export interface Downstream {
  process(value: unknown, timestamp: number): void;
}

export interface OperatorContext {
  readonly open: OpenContext;
  readonly operatorId: string;
  /** The main output. */
  readonly output: Downstream;
  /** A side output; records of one that nobody reads are dropped. */
  sideOutput(tag: string): Downstream;
  /**
   * Where rows leave, for an operator whose main output is one edge. `routeRow` gives the key group
   * of a row and is needed where the edge is partitioned by key. Asked for once, in `open`.
   * @throws AssertionError where the output is a chain, or several edges
   */
  rowOutput(routeRow?: (batch: RowBatch, row: number) => number): RowDownstream;
  processingTime(): Timestamp;
  /** How far event time has come for this operator. */
  watermark(): number;
  /**
   * Of an operator that generates event time: for all that is behind it, in the chain and at its
   * edges. Must ascend.
   */
  emitWatermark(timestamp: number): void;
  emitStatus(status: 'active' | 'idle'): void;
  /**
   * Monotonic time without that in which the task could not go on, because its output was held: a
   * stream on which nothing comes by this clock is idle.
   */
  activeTime(): Duration;
  /**
   * Asks for a call of the operator's `processingTime` at that time; the earliest request since the
   * last call wins.
   */
  wakeAt(at: Timestamp): void;
  /** Output is held: an operator that fires much at once answers false and is called again. */
  readonly isHeld: boolean;
  /** Whether anybody reads that side output. */
  isRead(tag: string): boolean;
  /** Of keyed operators. @throws AssertionError for others. */
  readonly keyedState: KeyedStateBackend;
  readonly operatorState: OperatorStateBackend;
  /**
   * Runs `mail` in the task's thread between records; for results of asynchronous work. Dropped
   * after `close`.
   */
  mail(mail: () => void): void;
  /** No more records until `release`; control elements wait as well. */
  hold(): void;
  release(): void;
  /** Fails the task. For callbacks that no caller would see throw. */
  fail(error: unknown): void;
  /** Runs `callback` as a mail after `delay`. */
  after(delay: Duration, callback: () => void): Disposable;
  /** Lets an event go on that `defer` has taken; in a mail or a call of the operator. */
  forward(event: DeferrableEvent): void;
}

/** Control that an operator at a chain's head may keep until its results are out. */
export type DeferrableEvent = WatermarkElement | StatusElement | EpochMarkElement;

export interface RowDownstream {
  /** The batch to begin and commit rows in. */
  readonly batch: RowBatch;
  /** After every commit. */
  committed(): void;
}

/** Why event time stands where it is, for people. */
export type TimeHold =
  /** Nothing came for so long that it holds nobody. */
  | { readonly kind: 'idle' }
  /** A record or watermark that takes it further, in a split if there are several. */
  | { readonly kind: 'records'; readonly split: string | undefined }
  /** Other sources of its group. */
  | { readonly kind: 'alignment'; readonly group: string }
  /** Its source has no strategy, and says nothing itself. */
  | { readonly kind: 'no-watermarks' };

/** As `CheckpointNotice` of the protocol. */
export interface CheckpointNotice {
  readonly checkpointId: number;
  readonly outcome: 'complete' | 'aborted';
}

export interface Operator {
  /** To its main output exactly one record for each that it is given: nobody need count them. */
  readonly emits?: 'one' | undefined;
  /** Records emitted to its main output, where it counts them itself, which is cheapest. */
  readonly recordsOut?: number | undefined;
  /**
   * Event time begins anew behind this operator (O8): it calls `context.emitWatermark` and
   * `emitStatus`, and `watermark` is called with +infinity only.
   */
  readonly generatesTime?: true | undefined;
  /** What event time behind it waits for; of an operator that generates event time. */
  readonly timeHold?: TimeHold | undefined;
  open(context: OperatorContext): void | Promise<void>;
  close(): void | Promise<void>;
  /**
   * Takes an event that must not overtake results still to come; true: `context.forward` will
   * follow. Head only.
   */
  defer?(event: DeferrableEvent): boolean;
  /** Fires timers at or below `timestamp`. */
  watermark?(timestamp: number): boolean;
  /** Fires timers of processing time at or below `now`. False: call again (O7). */
  processingTime?(now: Timestamp): boolean;
  /** An aligned EpochMark, or a barrier or watermark that closes the epoch: flush bundles. */
  closeEpoch?(): void;
  /** One input has no more records; the last one is followed by `finish`. */
  endInput?(input: 0 | 1): boolean;
  /** All inputs have ended: emit what is left. */
  finish?(): boolean;
  /** Puts what it keeps itself into `operatorState` (O5); sinks flush. */
  prepareSnapshot?(
    checkpointId: number,
    purpose?: 'checkpoint' | 'savepoint',
  ): void | Promise<void>;
  /**
   * What has become of a checkpoint that it took part in; never before its `prepareSnapshot` has
   * ended. What it throws or rejects with fails the task.
   */
  notifyCheckpoint?(notice: CheckpointNotice): void | Promise<void>;
}

export interface OneInputOperator extends Operator, Downstream {
  /**
   * Present on operators that work on rows: then `process` is never called on a RowBatch's rows.
   */
  processRows?(batch: RowBatch): void;
}

/** Head of a chain after keyBy: gets the key group that the partitioner computed. */
export interface KeyedOperator extends OneInputOperator {
  processKeyed(value: unknown, timestamp: number, keyGroup: number): void;
  /**
   * These records come next, in this order: their state may be fetched from memory, many lines at
   * once, where one record after another would wait for its own. Changes nothing that can be seen.
   */
  approach?(next: NextRecords): void;
}

/** Records from `from` on, and before `end`, of a batch: at most `RECORDS_AHEAD`. */
export interface NextRecords {
  readonly values: readonly unknown[];
  readonly keyGroups: Uint16Array;
  readonly from: number;
  readonly end: number;
}

/** Few enough that what was fetched for the last of them is still in the cache. */
export const RECORDS_AHEAD = 64;

export interface TwoInputOperator extends Operator {
  /** `keyGroup` is -1 on an input without keys. */
  processLeft(value: unknown, timestamp: number, keyGroup: number): void;
  processRight(value: unknown, timestamp: number, keyGroup: number): void;
}
