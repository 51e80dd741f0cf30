/** Makes what runs a trigger for runs of windows, of those that no user decides for. */
import { unreachable } from '../../../base/assert.ts';
import type { Trigger } from '../../../functions/trigger.ts';
import type { WindowTime } from '../../../functions/window.ts';
import { ContinuousEventTimeRanges, ContinuousProcessingTimeRanges } from './continuous-ranges.ts';
import { CountRanges } from './count-ranges.ts';
import { NEVER, PurgingRanges, TimeoutRanges } from './nesting-ranges.ts';
import type { RangeSurroundings, RangeTrigger } from './range-trigger.ts';
import { EventTimeRanges, ProcessingTimeRanges } from './time-ranges.ts';

/** Those that have to be asked for each window: what they answer is for their user to say. */
type OfUser = 'delta' | 'custom';
/** A trigger that is the engine's, and so are all within it. */
export type EngineTrigger = Exclude<Trigger<unknown>, { readonly kind: OfUser }>;

/** Whether nobody but the engine decides. */
export function isOfEngine(trigger: Trigger<unknown>): trigger is EngineTrigger {
  if (trigger.kind === 'timeout' || trigger.kind === 'purging') return isOfEngine(trigger.nested);
  return trigger.kind !== 'delta' && trigger.kind !== 'custom';
}

/** In the operator's `open`. */
export function createRangeTrigger(
  trigger: EngineTrigger,
  surroundings: RangeSurroundings,
): RangeTrigger {
  switch (trigger.kind) {
    case 'eventTime':
      return new EventTimeRanges(trigger, surroundings);
    case 'processingTime':
      return new ProcessingTimeRanges(surroundings);
    case 'count':
      return new CountRanges(trigger.count, surroundings);
    case 'continuousEventTime':
      return new ContinuousEventTimeRanges(trigger.interval, surroundings);
    case 'continuousProcessingTime':
      return new ContinuousProcessingTimeRanges(trigger.interval, surroundings);
    case 'timeout': {
      const nested = createRangeTrigger(trigger.nested as EngineTrigger, surroundings);
      return new TimeoutRanges(trigger, nested, surroundings);
    }
    case 'purging':
      return new PurgingRanges(createRangeTrigger(trigger.nested as EngineTrigger, surroundings));
    case 'never':
      return NEVER;
    default:
      return unreachable(trigger, 'createRangeTrigger');
  }
}

/** Whether something may happen when a window is over, or each that is open has been fired then. */
export function acts(trigger: EngineTrigger, time: WindowTime): boolean {
  switch (trigger.kind) {
    case 'count':
    case 'never':
      return false;
    case 'continuousProcessingTime':
      return time === 'processing';
    case 'purging':
      return acts(trigger.nested as EngineTrigger, time);
    default:
      return true;
  }
}
