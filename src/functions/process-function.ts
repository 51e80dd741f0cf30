/**
 * The process functions: the general form of a user's operator, with several outputs, state and the
 * end of input. Those of keyed streams have timers. Side outputs are named keys of the function.
 */
import type { Timestamp } from '../base/units.ts';
import type { Infer, Key, Schema } from '../types/schema.ts';
import type { CheckpointedFunction, FunctionLifecycle } from './function-context.ts';
import type {
  BroadcastState,
  Handles,
  OperatorStateSpec,
  ReadOnlyBroadcastState,
  StateDescriptor,
  StateSpec,
} from './state.ts';

export type OutputSpec = Readonly<Record<string, Schema<unknown>>>;

/** What a function may do with results; valid during the call only. */
export interface Emitter<R, O extends OutputSpec> {
  emit(this: void, value: R): void;
  /** Emits to the side output of that name. */
  emitTo<N extends keyof O & string>(this: void, output: N, value: Infer<O[N]>): void;
}

export interface ProcessContext<R, O extends OutputSpec> extends Emitter<R, O> {
  /** The record's event time; undefined on a stream without timestamps. */
  readonly timestamp: Timestamp | undefined;
  readonly processingTime: Timestamp;
  readonly watermark: Timestamp;
}

/**
 * The lists that a function declares in `operatorState`; they belong to its subtask, not to a key.
 */
export interface OperatorStateAccess<P extends OperatorStateSpec> {
  readonly operatorState: Handles<P>;
}

/**
 * Timers of the current key: `onTimer` is called at their time, with the key current. A key has at
 * most one timer for a time and kind of time: registering it again does nothing. Timers are state.
 * @example ctx.timers.onEventTime(plus(login.at, minutes(5)))
 */
export interface KeyTimers {
  /**
   * When the watermark has come to `at`; at the next watermark if it already has. At the end of
   * bounded input all fire, those too that are registered meanwhile: a timer that registers itself
   * again in `onTimer` must not do so when `ctx.watermark` is Infinity, or the job never ends.
   * @throws EngineError USER_CODE_INVALID_TIMER, USER_CODE_NO_ON_TIMER
   */
  onEventTime(at: Timestamp): void;
  /**
   * When the clock has come to `at`; soon if it already has. Those left at the end of bounded input
   * do not fire.
   * @throws EngineError USER_CODE_INVALID_TIMER, USER_CODE_NO_ON_TIMER
   */
  onProcessingTime(at: Timestamp): void;
  deleteEventTime(at: Timestamp): void;
  deleteProcessingTime(at: Timestamp): void;
}

/** Which time a timer was for. */
export type TimeDomain = 'event' | 'processing';

export interface KeyedProcessContext<
  K,
  R,
  S extends StateSpec,
  O extends OutputSpec,
> extends ProcessContext<R, O> {
  readonly key: K;
  readonly state: Handles<S>;
  readonly timers: KeyTimers;
}

/**
 * Given to `onTimer`. `timestamp`, and that of what is emitted, is the time of an event timer;
 * there is none for a timer of processing time.
 */
export interface OnTimerContext<
  K,
  R,
  S extends StateSpec,
  O extends OutputSpec,
> extends KeyedProcessContext<K, R, S, O> {
  readonly timeDomain: TimeDomain;
}

/** Given to `onEnd`: no current record. */
export interface EndContext<R, O extends OutputSpec> extends Emitter<R, O> {
  readonly processingTime: Timestamp;
}

export interface KeyedEndContext<
  K,
  R,
  S extends StateSpec,
  O extends OutputSpec,
> extends EndContext<R, O> {
  /** The handles of the key that `forEachKey` is at; throws outside of it. */
  readonly state: Handles<S>;
  /**
   * Calls `visit` for every key of this subtask that holds something in that state, in no
   * particular order.
   */
  forEachKey<H>(
    this: void,
    state: StateDescriptor<H> | (keyof S & string),
    visit: (key: K) => void,
  ): void;
}

/** For streams without keys. */
export interface ProcessFunction<T, R, O extends OutputSpec = {}, P extends OperatorStateSpec = {}>
  extends FunctionLifecycle, CheckpointedFunction<OperatorStateAccess<P>> {
  readonly emits: Schema<R>;
  readonly outputs?: O | undefined;
  readonly operatorState?: P | undefined;
  onElement(value: T, context: ProcessContext<NoInfer<R>, O> & OperatorStateAccess<P>): void;
  /** Once per subtask when all input has ended, before the final snapshot; may emit. */
  onEnd?(context: EndContext<NoInfer<R>, O> & OperatorStateAccess<P>): void;
}

/** For keyed streams. */
export interface KeyedProcessFunction<
  T,
  K extends Key,
  R,
  S extends StateSpec = {},
  O extends OutputSpec = {},
  P extends OperatorStateSpec = {},
>
  extends FunctionLifecycle, CheckpointedFunction<OperatorStateAccess<P>> {
  readonly emits: Schema<R>;
  readonly state?: S | undefined;
  readonly outputs?: O | undefined;
  readonly operatorState?: P | undefined;
  onElement(
    value: T,
    context: KeyedProcessContext<K, NoInfer<R>, S, O> & OperatorStateAccess<P>,
  ): void;
  /** A timer of the key is due. */
  onTimer?(
    at: Timestamp,
    context: OnTimerContext<K, NoInfer<R>, S, O> & OperatorStateAccess<P>,
  ): void;
  onEnd?(context: KeyedEndContext<K, NoInfer<R>, S, O> & OperatorStateAccess<P>): void;
}

export type InputSide = 'left' | 'right';

/** For two connected streams without keys. */
export interface CoProcessFunction<
  L,
  U,
  R,
  O extends OutputSpec = {},
  P extends OperatorStateSpec = {},
>
  extends FunctionLifecycle, CheckpointedFunction<OperatorStateAccess<P>> {
  readonly emits: Schema<R>;
  readonly outputs?: O | undefined;
  readonly operatorState?: P | undefined;
  onLeft(value: L, context: ProcessContext<NoInfer<R>, O> & OperatorStateAccess<P>): void;
  onRight(value: U, context: ProcessContext<NoInfer<R>, O> & OperatorStateAccess<P>): void;
  /** When one of the inputs has ended. */
  onInputEnd?(side: InputSide, context: EndContext<NoInfer<R>, O> & OperatorStateAccess<P>): void;
  onEnd?(context: EndContext<NoInfer<R>, O> & OperatorStateAccess<P>): void;
}

/** For two connected streams keyed alike: both sides share the state of a key. */
export interface KeyedCoProcessFunction<
  L,
  U,
  K extends Key,
  R,
  S extends StateSpec = {},
  O extends OutputSpec = {},
  P extends OperatorStateSpec = {},
>
  extends FunctionLifecycle, CheckpointedFunction<OperatorStateAccess<P>> {
  readonly emits: Schema<R>;
  readonly state?: S | undefined;
  readonly outputs?: O | undefined;
  readonly operatorState?: P | undefined;
  onLeft(
    value: L,
    context: KeyedProcessContext<K, NoInfer<R>, S, O> & OperatorStateAccess<P>,
  ): void;
  onRight(
    value: U,
    context: KeyedProcessContext<K, NoInfer<R>, S, O> & OperatorStateAccess<P>,
  ): void;
  /** A timer of the key is due. */
  onTimer?(
    at: Timestamp,
    context: OnTimerContext<K, NoInfer<R>, S, O> & OperatorStateAccess<P>,
  ): void;
  onInputEnd?(
    side: InputSide,
    context: KeyedEndContext<K, NoInfer<R>, S, O> & OperatorStateAccess<P>,
  ): void;
  onEnd?(context: KeyedEndContext<K, NoInfer<R>, S, O> & OperatorStateAccess<P>): void;
}

/** Reads broadcast state by its descriptor. */
export interface BroadcastReader {
  broadcast<MK, V>(descriptor: {
    readonly name: string;
    readonly key: Schema<MK>;
    readonly value: Schema<V>;
  }): ReadOnlyBroadcastState<MK, V>;
}

/** Writes it; only the broadcast side gets one, so that every subtask does the same. */
export interface BroadcastWriter {
  broadcast<MK, V>(descriptor: {
    readonly name: string;
    readonly key: Schema<MK>;
    readonly value: Schema<V>;
  }): BroadcastState<MK, V>;
}

/**
 * A stream without keys connected with a broadcast one. `onBroadcast` must do the same on every
 * subtask.
 */
export interface BroadcastProcessFunction<
  T,
  B,
  R,
  O extends OutputSpec = {},
  P extends OperatorStateSpec = {},
>
  extends FunctionLifecycle, CheckpointedFunction<OperatorStateAccess<P>> {
  readonly emits: Schema<R>;
  readonly outputs?: O | undefined;
  readonly operatorState?: P | undefined;
  onElement(
    value: T,
    context: ProcessContext<NoInfer<R>, O> & BroadcastReader & OperatorStateAccess<P>,
  ): void;
  onBroadcast(
    value: B,
    context: ProcessContext<NoInfer<R>, O> & BroadcastWriter & OperatorStateAccess<P>,
  ): void;
  onInputEnd?(
    side: 'elements' | 'broadcast',
    context: EndContext<NoInfer<R>, O> & BroadcastReader & OperatorStateAccess<P>,
  ): void;
  onEnd?(context: EndContext<NoInfer<R>, O> & BroadcastReader & OperatorStateAccess<P>): void;
}

/** A keyed stream connected with a broadcast one. */
export interface KeyedBroadcastProcessFunction<
  T,
  K extends Key,
  B,
  R,
  S extends StateSpec = {},
  O extends OutputSpec = {},
  P extends OperatorStateSpec = {},
>
  extends FunctionLifecycle, CheckpointedFunction<OperatorStateAccess<P>> {
  readonly emits: Schema<R>;
  readonly state?: S | undefined;
  readonly outputs?: O | undefined;
  readonly operatorState?: P | undefined;
  onElement(
    value: T,
    context: KeyedProcessContext<K, NoInfer<R>, S, O> & BroadcastReader & OperatorStateAccess<P>,
  ): void;
  /** A timer of the key is due. */
  onTimer?(
    at: Timestamp,
    context: OnTimerContext<K, NoInfer<R>, S, O> & BroadcastReader & OperatorStateAccess<P>,
  ): void;
  /** `forEachKey` applies something to every key of this subtask. */
  onBroadcast(
    value: B,
    context: ProcessContext<NoInfer<R>, O> &
      BroadcastWriter &
      OperatorStateAccess<P> &
      Pick<KeyedEndContext<K, NoInfer<R>, S, O>, 'forEachKey' | 'state'>,
  ): void;
  onInputEnd?(
    side: 'elements' | 'broadcast',
    context: KeyedEndContext<K, NoInfer<R>, S, O> & BroadcastReader & OperatorStateAccess<P>,
  ): void;
  onEnd?(
    context: KeyedEndContext<K, NoInfer<R>, S, O> & BroadcastReader & OperatorStateAccess<P>,
  ): void;
}
