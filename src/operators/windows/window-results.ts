/**
 * Where the results of windows go that are fired for many keys at a time: to the user's window
 * function, or as `{ key, window, value }`, with the time of the last moment in the window.
 */
import type { Timestamp } from '../../base/units.ts';
import type { OpenContext } from '../../functions/function-context.ts';
import type { Window } from '../../functions/window.ts';
import type { KeyedStateBackend } from '../../state/keyed-state-backend.ts';
import type { Key } from '../../types/schema.ts';
import type { Downstream } from '../operator.ts';
import type { WindowFunctionRunner } from './window-function-runner.ts';

/** A key with the group that the partitioner gave it. */
export interface GroupedKey {
  readonly key: Key;
  readonly keyGroup: number;
}

/** How windows of the clock that were not fired are told of at the end. */
export function reportUnfired(
  { metrics, logger, operatorName }: OpenContext,
  unfired: number,
  what: 'windows' | 'sessions',
): void {
  if (unfired === 0) return;
  metrics.counter('numElementsUnfired').increment(unfired);
  logger.warn(
    `${unfired} records were still in ${what} of "${operatorName}" when its input ended: ` +
      `${what} of processing time that the clock has not come to the end of are not fired`,
  );
}

export interface WindowResults {
  emit(of: GroupedKey, window: Window, value: unknown, timestamp: Timestamp): void;
}

/** @param keyed false for windows over all records, whose results have no key */
export function plainResults(output: Downstream, keyed: boolean): WindowResults {
  return keyed
    ? {
        emit: ({ key }, window, value, timestamp) =>
          output.process({ key, window, value }, timestamp),
      }
    : { emit: (_, window, value, timestamp) => output.process({ window, value }, timestamp) };
}

export function functionResults(
  runner: WindowFunctionRunner,
  backend: KeyedStateBackend,
): WindowResults {
  return {
    emit: ({ key, keyGroup }, window, value, timestamp) => {
      backend.setCurrentKey(key, keyGroup);
      runner.onWindow(window, value, timestamp);
    },
  };
}
