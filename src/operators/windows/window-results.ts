/**
 * Where the results of windows go that are fired for many keys at a time: to the user's window
 * function, or as `{ key, window, value }`, with the time of the last moment in the window.
 */
import type { Timestamp } from '../../base/units.ts';
import type { OpenContext } from '../../functions/function-context.ts';
import type { Counter } from '../../functions/metric-group.ts';
import type { Window, WindowTime } from '../../functions/window.ts';
import type { KeyedStateBackend } from '../../state/keyed-state-backend.ts';
import type { Key } from '../../types/schema.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import type { Downstream, OperatorContext } from '../operator.ts';
import { WindowFunctionRunner } from './window-function-runner.ts';
import type { Times } from './window-schema.ts';

/** A key with the group that the partitioner gave it. */
export interface GroupedKey {
  readonly key: Key;
  readonly keyGroup: number;
}

/** How windows that were not fired are told of at the end. */
export function reportUnfired(
  { metrics, logger, operatorName }: OpenContext,
  unfired: number,
  what: 'windows' | 'sessions' | 'unfired windows',
): void {
  if (unfired === 0) return;
  metrics.counter('numElementsUnfired').increment(unfired);
  logger.warn(
    what === 'unfired windows'
      ? unfiredWarning(operatorName, unfired, 'event')
      : `${unfired} records were still in ${what} of "${operatorName}" when its input ended: ` +
          `${what} of processing time that the clock has not come to the end of are not fired`,
  );
}

export function unfiredWarning(
  operator: string,
  unfired: number,
  time: WindowTime | undefined,
): string {
  const why =
    time === 'processing'
      ? 'windows of processing time fire by the clock, which had not come to their end'
      : 'their trigger had not fired';
  return (
    `"${operator}": ${unfired} records were left in windows when the input ended and are in no ` +
    `result, because ${why}. If they must be, use event time with trigger.eventTime().`
  );
}

/** Counts records of windows that were over, and that their trigger has never fired with. */
export class DroppedUnfired {
  readonly #open: OpenContext;
  #counter: Counter | undefined;

  constructor(open: OpenContext) {
    this.#open = open;
  }

  add(count: number): void {
    if (count === 0) return;
    const { metrics, logger, operatorName } = this.#open;
    if (this.#counter === undefined) {
      this.#counter = metrics.counter('numElementsDroppedUnfired');
      logger.warn(
        `"${operatorName}": a window was cleared with records that its trigger had never fired, ` +
          'and they are in no result. numElementsDroppedUnfired counts them. If they must be, use ' +
          'a trigger that fires at the end of the window, such as the one it has by default or ' +
          'trigger.timeout(...).',
      );
    }
    this.#counter.increment(count);
  }
}

export class WindowResults {
  readonly #output: Downstream;
  readonly #keyed: boolean;
  readonly #backend: KeyedStateBackend;
  readonly #function: WindowFunctionRunner | undefined;
  readonly #clears: boolean;

  /** In the operator's `open`, which returns what `open` of this returns. */
  constructor({ function: fn, keyed }: WindowSpec, context: OperatorContext, times: Times) {
    this.#output = context.output;
    this.#keyed = keyed;
    this.#backend = context.keyedState;
    this.#function = fn === undefined ? undefined : new WindowFunctionRunner(fn, context, times);
    this.#clears = fn?.onClear !== undefined || Object.keys(fn?.windowState ?? {}).length > 0;
  }

  open(context: OperatorContext): void | Promise<void> {
    return this.#function?.open(context);
  }

  close(): void | Promise<void> {
    return this.#function?.close();
  }

  /** Whether somebody is told of windows that are over, or has state of them. */
  get clears(): boolean {
    return this.#clears;
  }

  /** The window of the key is over. */
  clear({ key, keyGroup }: GroupedKey, window: Window): void {
    this.#backend.setCurrentKey(key, keyGroup);
    this.#function!.clear(window, window.end - 1);
  }

  emit({ key, keyGroup }: GroupedKey, window: Window, value: unknown, timestamp: Timestamp): void {
    if (this.#function !== undefined) {
      this.#backend.setCurrentKey(key, keyGroup);
      this.#function.onWindow(window, value, timestamp);
    } else if (this.#keyed) {
      this.#output.process({ key, window, value }, timestamp);
    } else {
      this.#output.process({ window, value }, timestamp);
    }
  }
}
