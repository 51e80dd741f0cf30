/**
 * Runs a user's window function: opens and closes it, and calls it with a context that is valid
 * during the call, with the state of the key, and of the key and window.
 *
 * Invariants
 * X1. In a call the handles of `windowState` act on its key and window.
 */
import type { Timestamp } from '../../base/units.ts';
import type { StateSpec } from '../../functions/state.ts';
import type { AnyWindowFunction } from '../../functions/window-function.ts';
import type { Window } from '../../functions/window.ts';
import type { NamespacedState } from '../../state/keyed-state-backend.ts';
import type { Key } from '../../types/schema.ts';
import { CallContext } from '../call-context.ts';
import type { OperatorContext } from '../operator.ts';
import { refusePromise, userCodeFailure } from '../user-code.ts';
import { WINDOW_SCHEMA, type Times } from './window-schema.ts';

export class WindowFunctionRunner {
  readonly #function: AnyWindowFunction;
  readonly #context: WindowFunctionContext;
  readonly #operator: string;

  /** In the operator's `open`. */
  constructor(fn: AnyWindowFunction, context: OperatorContext, times: Times) {
    this.#function = fn;
    this.#context = new WindowFunctionContext(fn, context, times);
    this.#operator = context.open.operatorName;
  }

  /** The window of the current key fires. */
  onWindow(window: Window, value: unknown, timestamp: number): void {
    this.#call('onWindow', window, timestamp, (context) =>
      this.#function.onWindow(value, context as never),
    );
  }

  /** The window of the current key is over. */
  clear(window: Window, timestamp: number): void {
    if (this.#function.onClear !== undefined) {
      this.#call('onClear', window, timestamp, (context) =>
        this.#function.onClear!(context as never),
      );
    }
    this.#context.clearWindowState(window);
  }

  open(context: OperatorContext): void | Promise<void> {
    return this.#lifecycle('open', () => this.#function.open?.(context.open));
  }

  close(): void | Promise<void> {
    return this.#lifecycle('close', () => this.#function.close?.());
  }

  #call(
    role: string,
    window: Window,
    timestamp: number,
    body: (context: WindowFunctionContext) => unknown,
  ): void {
    this.#context.enterWindow(role, window, timestamp);
    try {
      refusePromise(body(this.#context), role, this.#operator);
    } catch (thrown) {
      throw userCodeFailure(role, this.#operator, thrown);
    } finally {
      this.#context.leave();
    }
  }

  #lifecycle(role: string, body: () => void | Promise<void>): void | Promise<void> {
    try {
      const waiting = body();
      return waiting === undefined ? undefined : this.#awaiting(role, waiting);
    } catch (thrown) {
      throw userCodeFailure(role, this.#operator, thrown);
    }
  }

  async #awaiting(role: string, promise: Promise<void>): Promise<void> {
    try {
      await promise;
    } catch (thrown) {
      throw userCodeFailure(role, this.#operator, thrown);
    }
  }
}

class WindowFunctionContext extends CallContext {
  readonly #operator: OperatorContext;
  readonly #times: Times;
  readonly #windowStates: readonly NamespacedState<unknown, Window>[];
  readonly #windowHandles: Readonly<Record<string, unknown>>;
  readonly #globalHandles: Readonly<Record<string, unknown>>;
  #window!: Window;

  constructor(fn: AnyWindowFunction, context: OperatorContext, times: Times) {
    super(context, { outputs: fn.outputs });
    this.#operator = context;
    this.#times = times;
    const backend = context.keyedState;
    const stored = new Map<string, NamespacedState<unknown, Window>>();
    for (const [name, descriptor] of declared(fn.windowState)) {
      const named = `window:${name}`;
      stored.set(name, backend.registerNamespaced(named, descriptor, WINDOW_SCHEMA));
    }
    this.#windowStates = [...stored.values()];
    this.#windowHandles = handles([...stored].map(([name, { handle }]) => [name, handle]));
    this.#globalHandles = handles(
      declared(fn.globalState).map(([name, descriptor]) => [
        name,
        backend.register(`global:${name}`, descriptor),
      ]),
    );
  }

  enterWindow(role: string, window: Window, timestamp: number): void {
    this.enter(role, timestamp);
    this.#window = window;
    for (const state of this.#windowStates) state.setNamespace(window);
  }

  clearWindowState(window: Window): void {
    for (const state of this.#windowStates) {
      state.setNamespace(window);
      (state.handle as { clear(): void }).clear();
    }
  }

  get key(): Key {
    this.check('key');
    return this.#operator.keyedState.currentKey!;
  }

  get window(): Window {
    this.check('window');
    return this.#window;
  }

  override get watermark(): Timestamp {
    this.check('watermark');
    return this.#times.watermark() as Timestamp;
  }

  get windowState(): Readonly<Record<string, unknown>> {
    this.check('windowState');
    return this.#windowHandles;
  }

  get globalState(): Readonly<Record<string, unknown>> {
    this.check('globalState');
    return this.#globalHandles;
  }
}

function declared(spec: StateSpec | undefined): [string, StateSpec[string]][] {
  return Object.entries(spec ?? {});
}

function handles(named: Iterable<readonly [string, unknown]>): Readonly<Record<string, unknown>> {
  const record = Object.create(null) as Record<string, unknown>;
  for (const [name, handle] of named) record[name] = handle;
  return Object.freeze(record);
}
