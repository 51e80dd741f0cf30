/** The functions of joins, for those who need more than a result for each pair. */
import type { Timestamp } from '../base/units.ts';
import type { FunctionLifecycle } from './function-context.ts';
import type { Schema } from '../types/schema.ts';
import type { Emitter, OutputSpec } from './process-function.ts';
import type { StateSpec } from './state.ts';
import type { WindowClearContext, WindowContext } from './window-function.ts';
import type { Window } from './window.ts';

export interface IntervalJoinContext<R, O extends OutputSpec> extends Emitter<R, O> {
  readonly leftTimestamp: Timestamp;
  readonly rightTimestamp: Timestamp;
  /** The later one of both: that of the results. */
  readonly timestamp: Timestamp;
}

/** For the pairs of an interval join. */
export interface IntervalJoinFunction<
  L,
  U,
  R,
  O extends OutputSpec = {},
> extends FunctionLifecycle {
  readonly emits: Schema<R>;
  readonly outputs?: O | undefined;
  /** Called once for every pair that the interval allows. */
  onPair(left: L, right: U, context: IntervalJoinContext<NoInfer<R>, O>): void;
}

/**
 * A record of a join or coGroup, as windows, triggers, evictors and the late side output see it.
 */
export type JoinElement<L, R> =
  | { readonly side: 'left'; readonly value: L }
  | { readonly side: 'right'; readonly value: R };

/** Valid during the call only. What is emitted has the event time just before the window's end. */
export interface WindowJoinContext<K, R, O extends OutputSpec> extends Emitter<R, O> {
  readonly key: K;
  readonly window: Window;
  readonly watermark: Timestamp;
  readonly processingTime: Timestamp;
}

/** For the pairs of a key and window. */
export interface WindowJoinFunction<
  L,
  U,
  K,
  R,
  O extends OutputSpec = {},
> extends FunctionLifecycle {
  readonly emits: Schema<R>;
  readonly outputs?: O | undefined;
  /** Called once for every pair, each time that the window fires. */
  onPair(left: L, right: U, context: WindowJoinContext<K, NoInfer<R>, O>): void;
}

/** For the records of both sides of a key and window. */
export interface CoGroupFunction<
  L,
  U,
  K,
  R,
  WS extends StateSpec = {},
  GS extends StateSpec = {},
  O extends OutputSpec = {},
> extends FunctionLifecycle {
  readonly emits: Schema<R>;
  /** State of a key and window, beside its records. Not with windows that merge. */
  readonly windowState?: WS | undefined;
  /** State of a key over all its windows. */
  readonly globalState?: GS | undefined;
  readonly outputs?: O | undefined;
  /** The window of a key fires. One of the groups may be empty; both are in order of arrival. */
  onGroups(
    lefts: readonly L[],
    rights: readonly U[],
    context: WindowContext<NoInfer<R>, WS, GS, O> & { readonly key: K },
  ): void;
  /** The window of a key is gone. `windowState` is cleared afterwards anyway. */
  onClear?(context: WindowClearContext<WS, GS> & { readonly key: K }): void;
}
