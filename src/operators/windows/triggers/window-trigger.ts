/**
 * What window operators call of a trigger, whatever its kind. All of it concerns the current key.
 */
import type { Timestamp } from '../../../base/units.ts';
import type { ValueState } from '../../../functions/state.ts';
import { state } from '../../../functions/state.ts';
import type { Window, WindowTime } from '../../../functions/window.ts';
import type { KeyedStateBackend, NamespacedState } from '../../../state/keyed-state-backend.ts';
import { t } from '../../../types/t.ts';
import { WINDOW_SCHEMA, type Times } from '../window-schema.ts';

export const CONTINUE = 0;
export const FIRE = 1;
export const PURGE = 2;
export const FIRE_AND_PURGE: number = FIRE | PURGE;

/** CONTINUE, or FIRE and PURGE or both. */
export type Decision = number;

export interface WindowTrigger {
  onElement(value: unknown, timestamp: number, window: Window): Decision;
  onEventTime(at: Timestamp, window: Window): Decision;
  onProcessingTime(at: Timestamp, window: Window): Decision;
  /** `merged` have become `window`; they are cleared next. */
  onMerge(window: Window, merged: readonly Window[]): void;
  /** Forgets state and timers of a window. */
  clear(window: Window): void;
}

/** Timers of the current key and a window; TimerService has them. */
export interface TriggerTimers {
  registerEvent(at: number, window: Window): void;
  deleteEvent(at: number, window: Window): void;
  registerProcessing(at: number, window: Window): void;
  deleteProcessing(at: number, window: Window): void;
}

/** Who may have a timer of the clock. Timers of a window at one time are one timer. */
export interface TimerOwner {
  hasTimerAt(at: number, window: Window): boolean;
}

/** What triggers are made with. */
export interface TriggerSurroundings {
  readonly operator: string;
  readonly backend: KeyedStateBackend;
  readonly timers: TriggerTimers;
  /** Of the windows; undefined for the global one. */
  readonly time: WindowTime | undefined;
  readonly times: Times;
  /** All that have timers of the clock, which one of them must not delete from another. */
  readonly byClock: TimerOwner[];
  /** A name for state that no other trigger of the operator has. */
  readonly stateName: (name: string) => string;
}

/** A whole number of the current key and a window, e.g. a time or a count. */
export class WindowNumber {
  readonly #state: NamespacedState<ValueState<number | undefined>, Window>;

  constructor({ backend, stateName }: TriggerSurroundings, name: string) {
    const descriptor = state.value(t.integer);
    this.#state = backend.registerNamespaced(stateName(name), descriptor, WINDOW_SCHEMA);
  }

  get(window: Window): number | undefined {
    this.#state.setNamespace(window);
    return this.#state.handle.get();
  }

  /** Undefined clears. */
  set(window: Window, value: number | undefined): void {
    this.#state.setNamespace(window);
    this.#state.handle.set(value);
  }
}
