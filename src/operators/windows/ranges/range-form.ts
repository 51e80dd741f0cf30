/**
 * What decides which numbers are kept of the windows of a key, as a text: see V1 in
 * `key-windows.ts`. Two programs with the same text read each other's numbers.
 */
import type { WindowTime } from '../../../functions/window.ts';
import type { EngineTrigger } from './create-range-trigger.ts';

export interface RangeForm {
  /** Windows are held until they are over. */
  readonly isKept: boolean;
  readonly purges: boolean;
  readonly time: WindowTime;
}

/** @example `event, kept: timeout+eventTime+planned` */
export function formOf(trigger: EngineTrigger, { isKept, purges, time }: RangeForm): string {
  const flags = `${isKept ? ', kept' : ''}${purges ? ', purged' : ''}`;
  return `${time}${flags}: ${kinds(trigger).join('+')}`;
}

function kinds(trigger: EngineTrigger): readonly string[] {
  if (trigger.kind === 'timeout' || trigger.kind === 'purging') {
    return [trigger.kind, ...kinds(trigger.nested as EngineTrigger)];
  }
  if (trigger.kind !== 'eventTime') return [trigger.kind];
  const isPlanned = trigger.early !== undefined || trigger.late !== 'each';
  return isPlanned ? [trigger.kind, 'planned'] : [trigger.kind];
}
