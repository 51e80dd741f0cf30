/** Makes what runs a trigger of what describes it. */
import { unreachable } from '../../../base/assert.ts';
import type { Trigger } from '../../../functions/trigger.ts';
import type { WindowTime } from '../../../functions/window.ts';
import {
  ContinuousEventTimeWindowTrigger,
  ContinuousProcessingTimeWindowTrigger,
} from './continuous-triggers.ts';
import { CountWindowTrigger } from './count-trigger.ts';
import { CustomWindowTrigger } from './custom-trigger.ts';
import { DeltaWindowTrigger } from './delta-trigger.ts';
import { NEVER, PurgingWindowTrigger, TimeoutWindowTrigger } from './nesting-triggers.ts';
import { EventTimeWindowTrigger, ProcessingTimeWindowTrigger } from './time-triggers.ts';
import type { TriggerSurroundings, WindowTrigger } from './window-trigger.ts';

/** In the operator's `open`. */
export function createTrigger(
  trigger: Trigger<unknown>,
  surroundings: TriggerSurroundings,
): WindowTrigger {
  switch (trigger.kind) {
    case 'eventTime':
      return new EventTimeWindowTrigger(trigger, surroundings);
    case 'processingTime':
      return new ProcessingTimeWindowTrigger(surroundings);
    case 'count':
      return new CountWindowTrigger(trigger.count, surroundings);
    case 'delta':
      return new DeltaWindowTrigger(trigger, surroundings);
    case 'continuousEventTime':
      return new ContinuousEventTimeWindowTrigger(trigger.interval, surroundings);
    case 'continuousProcessingTime':
      return new ContinuousProcessingTimeWindowTrigger(trigger.interval, surroundings);
    case 'timeout': {
      const nested = createTrigger(trigger.nested, surroundings);
      return new TimeoutWindowTrigger(trigger, nested, surroundings);
    }
    case 'purging':
      return new PurgingWindowTrigger(createTrigger(trigger.nested, surroundings));
    case 'never':
      return NEVER;
    case 'custom':
      return new CustomWindowTrigger(trigger.function, surroundings);
    default:
      return unreachable(trigger, 'createTrigger');
  }
}

/**
 * Whether every record has been fired when event time has ended: by a timer at the end of the
 * window, or by any that clears it.
 */
export function firesAtEnd(trigger: Trigger<unknown>, time: WindowTime | undefined): boolean {
  switch (trigger.kind) {
    case 'eventTime':
    case 'continuousEventTime':
      return time !== 'processing';
    case 'timeout':
      return time === 'event';
    case 'purging':
      return firesAtEnd(trigger.nested, time);
    default:
      return false;
  }
}

/** Whether a trigger has a timer at the end of every window that has records. */
export function hasTimerAtEnd(trigger: Trigger<unknown>, time: WindowTime | undefined): boolean {
  switch (trigger.kind) {
    case 'eventTime':
      return time === 'event';
    case 'processingTime':
      return time === 'processing';
    case 'purging':
      return hasTimerAtEnd(trigger.nested, time);
    default:
      return false;
  }
}

/** Whether a trigger may drop contents of a window that goes on. */
export function mayPurge(trigger: Trigger<unknown>): boolean {
  if (trigger.kind === 'timeout') return mayPurge(trigger.nested);
  return trigger.kind === 'purging' || trigger.kind === 'custom';
}

/** Whether a user decides, and may leave timers behind. */
export function isCustom(trigger: Trigger<unknown>): boolean {
  if (trigger.kind === 'timeout' || trigger.kind === 'purging') return isCustom(trigger.nested);
  return trigger.kind === 'custom';
}

/** Names of state that are never given twice; the same ones for the same program. */
export function stateNames(): (name: string) => string {
  const taken = new Set<string>();
  return (name) => {
    let free = `trigger:${name}`;
    for (let n = 2; taken.has(free); n += 1) free = `trigger:${name}:${n}`;
    taken.add(free);
    return free;
  };
}
