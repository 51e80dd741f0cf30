/** Chooses the operator for windows: what each can do differs, what comes out does not. */
import type { Trigger } from '../../functions/trigger.ts';
import type { WindowAssigner, WindowTime } from '../../functions/window.ts';
import { windowTimeOf } from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import type { Operator } from '../operator.ts';
import { isOfEngine } from './ranges/create-range-trigger.ts';
import { RangeWindowOperator } from './ranges/range-window-operator.ts';
import { SessionWindowOperator } from './session-window-operator.ts';
import { SliceWindowOperator } from './slice-window-operator.ts';
import type { SliceTrigger } from './slice-window-operator.ts';
import { cumulatingSlices, slidingSlices, tumblingSlices } from './slices.ts';
import type { Slices } from './slices.ts';
import { WindowOperator } from './window-operator.ts';

export function createWindowOperator(spec: WindowSpec): Operator {
  const { assigner } = spec;
  if (!isIncremental(spec)) return new WindowOperator(spec);
  const trigger = sliceTriggerOf(spec);
  if (assigner.kind === 'session' && trigger === AT_END && isClearedByItself(spec)) {
    return new SessionWindowOperator(spec, assigner);
  }
  const aligned = alignedSlices(assigner);
  if (aligned === undefined) return new WindowOperator(spec);
  if (trigger !== undefined) return new SliceWindowOperator(spec, { ...aligned, trigger });
  if (!isOverlapping(assigner)) return new WindowOperator(spec);
  const asked = spec.trigger!;
  return isOfEngine(asked)
    ? new RangeWindowOperator(spec, { ...aligned, trigger: asked })
    : new WindowOperator(spec, aligned.slices);
}

/** Whether all that a window needs of its records is an accumulator. */
function isIncremental({ evictor, contents }: WindowSpec): boolean {
  return evictor === undefined && contents.kind !== 'list';
}

/** Whether nobody is to be told when a session is over. */
function isClearedByItself({ function: fn }: WindowSpec): boolean {
  return fn?.onClear === undefined;
}

/** Whether a record may be in several windows. */
function isOverlapping(assigner: WindowAssigner<any>): boolean {
  if (assigner.kind === 'sliding') return assigner.size > assigner.slide;
  return assigner.kind === 'cumulating' && assigner.size > assigner.step;
}

const AT_END: SliceTrigger = { atEnd: true, clock: undefined, every: undefined };

/** What fires windows, of all of them alike; undefined if each has to be asked. */
function sliceTriggerOf({
  assigner,
  trigger,
  allowedLateness,
}: WindowSpec): SliceTrigger | undefined {
  if (trigger === undefined) return AT_END;
  const time = windowTimeOf(assigner);
  if (time === undefined) return undefined;
  const wanted = simplified(trigger, time, allowedLateness);
  switch (wanted.kind) {
    case 'processingTime':
      return time === 'processing' ? AT_END : undefined;
    case 'eventTime': {
      if (time !== 'event') return undefined;
      const { early } = wanted;
      // Nothing is late but taken.
      const late = allowedLateness === 0 ? 'each' : wanted.late;
      return early === undefined && late === 'each'
        ? AT_END
        : { ...AT_END, clock: { early, late } };
    }
    case 'continuousEventTime':
      if (time !== 'event') return undefined;
      return { ...AT_END, every: { interval: wanted.interval, time } };
    case 'continuousProcessingTime': {
      const atEnd = time === 'processing';
      return { ...AT_END, atEnd, every: { interval: wanted.interval, time: 'processing' } };
    }
    default:
      return undefined;
  }
}

/**
 * A trigger of the same effect. Where nothing is late but taken, a window is over when it has fired
 * at its end: there is nothing to purge, and a time-out around that is an early firing.
 */
function simplified(
  trigger: Trigger<unknown>,
  time: WindowTime,
  lateness: number,
): Trigger<unknown> {
  if (lateness > 0 || (trigger.kind !== 'purging' && trigger.kind !== 'timeout')) return trigger;
  const nested = simplified(trigger.nested, time, lateness);
  const isEvent = nested.kind === 'eventTime' && nested.early === undefined && time === 'event';
  if (trigger.kind === 'purging') {
    const isAtEnd = isEvent || (nested.kind === 'processingTime' && time === 'processing');
    return isAtEnd ? nested : trigger;
  }
  return isEvent && !trigger.resetOnElement ? { ...nested, early: trigger.timeout } : trigger;
}

/** Undefined where windows of different subtasks, or of a user, begin at other times. */
function alignedSlices(
  assigner: WindowAssigner<any>,
): { readonly slices: Slices; readonly time: WindowTime } | undefined {
  switch (assigner.kind) {
    case 'tumbling': {
      const { size, offset, time, stagger } = assigner;
      return stagger === 'aligned' ? { slices: tumblingSlices(size, offset), time } : undefined;
    }
    case 'sliding': {
      const { size, slide, offset, time } = assigner;
      return { slices: slidingSlices(size, slide, offset), time };
    }
    case 'cumulating': {
      const { size, step, offset, time } = assigner;
      return { slices: cumulatingSlices(size, step, offset), time };
    }
    default:
      return undefined;
  }
}
