/**
 * The function of a window: gets what the window has gathered (a reduced record, the result of an
 * aggregate, or all records) each time that it fires, and emits any number of results.
 */
import type { Timestamp } from '../base/units.ts';
import type { Schema } from '../types/schema.ts';
import type { FunctionLifecycle } from './function-context.ts';
import type { Emitter, OutputSpec } from './process-function.ts';
import type { Handles, StateSpec } from './state.ts';
import type { Window } from './window.ts';

/** What `onClear` may see; valid during the call only. */
export interface WindowClearContext<WS extends StateSpec, GS extends StateSpec> {
  readonly window: Window;
  readonly watermark: Timestamp;
  readonly processingTime: Timestamp;
  /** Of the current key and window. */
  readonly windowState: Handles<WS>;
  /** Of the current key, for all its windows. */
  readonly globalState: Handles<GS>;
}

/**
 * What `onWindow` may see; valid during the call only. What is emitted has the event time just
 * before the window's end.
 */
export interface WindowContext<R, WS extends StateSpec, GS extends StateSpec, O extends OutputSpec>
  extends WindowClearContext<WS, GS>, Emitter<R, O> {}

interface WithKey<out K> {
  readonly key: K;
}

/** For windows on all records. `V` is what the window has gathered. */
export interface WindowFunction<
  V,
  R,
  WS extends StateSpec = {},
  GS extends StateSpec = {},
  O extends OutputSpec = {},
> extends FunctionLifecycle {
  readonly emits: Schema<R>;
  /** State of a window, beside its contents. Not with windows that merge. */
  readonly windowState?: WS | undefined;
  /** State of a key over all its windows. */
  readonly globalState?: GS | undefined;
  readonly outputs?: O | undefined;
  /** The window fires; it may do so several times. */
  onWindow(value: V, context: WindowContext<NoInfer<R>, WS, GS, O>): void;
  /** The window is gone. `windowState` is cleared afterwards anyway. */
  onClear?(context: WindowClearContext<WS, GS>): void;
}

/** For windows by key. */
export interface KeyedWindowFunction<
  V,
  K,
  R,
  WS extends StateSpec = {},
  GS extends StateSpec = {},
  O extends OutputSpec = {},
> extends FunctionLifecycle {
  readonly emits: Schema<R>;
  /** State of a key and window, beside its contents. Not with windows that merge. */
  readonly windowState?: WS | undefined;
  /** State of a key over all its windows. */
  readonly globalState?: GS | undefined;
  readonly outputs?: O | undefined;
  /** The window of a key fires; it may do so several times. */
  onWindow(value: V, context: WindowContext<NoInfer<R>, WS, GS, O> & WithKey<K>): void;
  /** The window of a key is gone. `windowState` is cleared afterwards anyway. */
  onClear?(context: WindowClearContext<WS, GS> & WithKey<K>): void;
}

/** Any of them, as operators see it. */
export type AnyWindowFunction = KeyedWindowFunction<any, any, any, any, any, any>;
