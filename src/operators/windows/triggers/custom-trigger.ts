/**
 * A user's trigger: calls its functions with a context that is valid during the call.
 *
 * Invariants
 * X1. Outside of a call the context throws USER_CODE_OUTSIDE_CALL; state handles do so because
 *     there is no current key between records.
 * X2. In a call, the handles act on its key and window.
 */
import { EngineError } from '../../../base/errors.ts';
import type { Timestamp } from '../../../base/units.ts';
import type { TriggerFunction, WindowTimers } from '../../../functions/trigger.ts';
import type { Window } from '../../../functions/window.ts';
import { NO_TIMESTAMP } from '../../../network/batch.ts';
import type { MergingHandle, NamespacedState } from '../../../state/keyed-state-backend.ts';
import { shortRecord } from '../../timestamp-errors.ts';
import { refusePromise, userCodeFailure } from '../../user-code.ts';
import { WINDOW_SCHEMA } from '../window-schema.ts';
import { CONTINUE, FIRE, FIRE_AND_PURGE, PURGE } from './window-trigger.ts';
import type { Decision, TriggerSurroundings, WindowTrigger } from './window-trigger.ts';

type AnyTriggerFunction = TriggerFunction<unknown, any>;

const DECISIONS: Readonly<Record<string, Decision>> = {
  continue: CONTINUE,
  fire: FIRE,
  purge: PURGE,
  'fire-and-purge': FIRE_AND_PURGE,
};

export class CustomWindowTrigger implements WindowTrigger {
  readonly #function: AnyTriggerFunction;
  readonly #context: CustomTriggerContext;
  readonly #operator: string;

  constructor(fn: AnyTriggerFunction, surroundings: TriggerSurroundings) {
    this.#function = fn;
    this.#context = new CustomTriggerContext(fn, surroundings);
    this.#operator = surroundings.operator;
  }

  onElement(value: unknown, timestamp: number, window: Window): Decision {
    this.#context.at = timestamp;
    return this.#decide('onElement', window, (context) =>
      this.#function.onElement(value, context as never),
    );
  }

  onEventTime(at: Timestamp, window: Window): Decision {
    if (this.#function.onEventTime === undefined) return CONTINUE;
    return this.#decide('onEventTime', window, (context) =>
      this.#function.onEventTime!(at, context as never),
    );
  }

  onProcessingTime(at: Timestamp, window: Window): Decision {
    if (this.#function.onProcessingTime === undefined) return CONTINUE;
    return this.#decide('onProcessingTime', window, (context) =>
      this.#function.onProcessingTime!(at, context as never),
    );
  }

  onMerge(window: Window, merged: readonly Window[]): void {
    this.#context.merged = merged;
    if (this.#function.onMerge !== undefined) {
      this.#call('onMerge', window, (context) => this.#function.onMerge!(context as never));
    }
  }

  clear(window: Window): void {
    if (this.#function.clear !== undefined) {
      this.#call('clear', window, (context) => this.#function.clear!(context as never));
    }
    this.#context.clearState(window);
  }

  #decide(
    role: string,
    window: Window,
    body: (context: CustomTriggerContext) => unknown,
  ): Decision {
    const result = this.#call(role, window, body);
    const decision = typeof result === 'string' ? DECISIONS[result] : undefined;
    if (decision !== undefined) return decision;
    throw new EngineError('USER_CODE_BAD_TRIGGER_RESULT', {
      role,
      operator: this.#operator,
      value: shortRecord(result),
    });
  }

  #call(role: string, window: Window, body: (context: CustomTriggerContext) => unknown): unknown {
    this.#context.enter(role, window);
    try {
      const result = body(this.#context);
      refusePromise(result, role, this.#operator);
      return result;
    } catch (thrown) {
      throw userCodeFailure(role, this.#operator, thrown);
    } finally {
      this.#context.leave();
    }
  }
}

/** What the functions get; each sees the part that its type names. */
class CustomTriggerContext {
  at = NO_TIMESTAMP;
  merged: readonly Window[] = [];
  readonly timers: WindowTimers;
  readonly #surroundings: TriggerSurroundings;
  readonly #states = new Map<string, NamespacedState<unknown, Window>>();
  readonly #handles: Readonly<Record<string, unknown>>;
  #window: Window | undefined = undefined;
  #role = '';

  constructor(fn: AnyTriggerFunction, surroundings: TriggerSurroundings) {
    this.#surroundings = surroundings;
    const handles = Object.create(null) as Record<string, unknown>;
    for (const [name, descriptor] of Object.entries(fn.state ?? {})) {
      const stored = surroundings.backend.registerNamespaced(
        surroundings.stateName(name),
        descriptor as never,
        WINDOW_SCHEMA,
      );
      this.#states.set(name, stored);
      handles[name] = stored.handle;
    }
    this.#handles = Object.freeze(handles);
    this.timers = this.#createTimers();
  }

  enter(role: string, window: Window): void {
    this.#role = role;
    this.#window = window;
    for (const each of this.#states.values()) each.setNamespace(window);
  }

  leave(): void {
    this.#window = undefined;
  }

  clearState(window: Window): void {
    for (const each of this.#states.values()) {
      each.setNamespace(window);
      (each.handle as { clear(): void }).clear();
    }
  }

  get window(): Window {
    return this.#current('window');
  }

  get watermark(): Timestamp {
    this.#current('watermark');
    return this.#surroundings.times.watermark() as Timestamp;
  }

  get processingTime(): Timestamp {
    this.#current('processingTime');
    return this.#surroundings.times.processingTime();
  }

  get timestamp(): Timestamp | undefined {
    this.#current('timestamp');
    return this.at === NO_TIMESTAMP ? undefined : (this.at as Timestamp);
  }

  get state(): Readonly<Record<string, unknown>> {
    this.#current('state');
    return this.#handles;
  }

  mergeState(name: string): void {
    const window = this.#current('mergeState');
    const stored = this.#states.get(name);
    const handle = stored?.handle as Partial<MergingHandle> | undefined;
    if (stored === undefined || handle?.take === undefined || handle.merge === undefined) {
      throw new EngineError('USER_CODE_UNKNOWN_STATE', {
        operator: this.#surroundings.operator,
        state: `"${name}" that can be merged`,
        known: [...this.#states.keys()].join(', ') || 'none',
      });
    }
    for (const each of this.merged) {
      stored.setNamespace(each);
      const taken = handle.take();
      stored.setNamespace(window);
      if (taken !== undefined) handle.merge(taken);
    }
    stored.setNamespace(window);
  }

  #createTimers(): WindowTimers {
    const { timers } = this.#surroundings;
    return {
      onEventTime: (at) => timers.registerEvent(at, this.#current('timers')),
      onProcessingTime: (at) => timers.registerProcessing(at, this.#current('timers')),
      deleteEventTime: (at) => timers.deleteEvent(at, this.#current('timers')),
      deleteProcessingTime: (at) => timers.deleteProcessing(at, this.#current('timers')),
    };
  }

  /** X1 */
  #current(member: string): Window {
    if (this.#window !== undefined) return this.#window;
    throw new EngineError('USER_CODE_OUTSIDE_CALL', {
      operator: this.#surroundings.operator,
      what: `context.${member} of the trigger's ${this.#role}`,
    });
  }
}
