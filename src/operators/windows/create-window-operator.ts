/** Chooses the operator for windows: what each can do differs, what comes out does not. */
import type { EventTimeTrigger } from '../../functions/trigger.ts';
import type { WindowAssigner, WindowTime } from '../../functions/window.ts';
import { windowTimeOf } from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import type { Operator } from '../operator.ts';
import { SessionWindowOperator } from './session-window-operator.ts';
import { SliceWindowOperator } from './slice-window-operator.ts';
import { cumulatingSlices, slidingSlices, tumblingSlices } from './slices.ts';
import type { Slices } from './slices.ts';
import { WindowOperator } from './window-operator.ts';

export function createWindowOperator(spec: WindowSpec): Operator {
  const { assigner } = spec;
  if (!isIncremental(spec)) return new WindowOperator(spec);
  const trigger = clockPartOf(spec);
  if (assigner.kind === 'session' && trigger === AT_END && isClearedByItself(spec)) {
    return new SessionWindowOperator(spec, assigner);
  }
  const aligned = alignedSlices(assigner);
  if (aligned === undefined) return new WindowOperator(spec);
  return trigger === undefined
    ? new WindowOperator(spec, isOverlapping(assigner) ? aligned.slices : undefined)
    : new SliceWindowOperator(spec, { ...aligned, trigger });
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

type ClockPart = Pick<EventTimeTrigger, 'early' | 'late'>;
const AT_END: ClockPart = { early: undefined, late: 'each' };

/** What fires windows besides their end; undefined if their trigger is of another kind. */
function clockPartOf({ assigner, trigger, allowedLateness }: WindowSpec): ClockPart | undefined {
  if (trigger === undefined) return AT_END;
  const time = windowTimeOf(assigner);
  if (trigger.kind === 'processingTime') return time === 'processing' ? AT_END : undefined;
  if (trigger.kind !== 'eventTime' || time !== 'event') return undefined;
  const { early } = trigger;
  // Nothing is late but taken.
  const late = allowedLateness === 0 ? 'each' : trigger.late;
  return early === undefined && late === 'each' ? AT_END : { early, late };
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
