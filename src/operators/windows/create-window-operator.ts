/** Chooses the operator for windows: what each can do differs, what comes out does not. */
import type { WindowAssigner, WindowTime } from '../../functions/window.ts';
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
  if (assigner.kind === 'session') return new SessionWindowOperator(spec, assigner);
  const aligned = alignedSlices(assigner);
  return aligned === undefined
    ? new WindowOperator(spec)
    : new SliceWindowOperator(spec, aligned.slices, aligned.time);
}

/**
 * Whether all that a window needs of its records is an accumulator, and all that fires it is time.
 */
function isIncremental({ trigger, evictor, contents, function: fn }: WindowSpec): boolean {
  if (trigger !== undefined || evictor !== undefined || contents.kind === 'list') return false;
  if (fn === undefined) return true;
  return fn.onClear === undefined && Object.keys(fn.windowState ?? {}).length === 0;
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
