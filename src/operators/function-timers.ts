/**
 * The timers of a user's keyed function: calls its `onTimer` with the context of the operator, one
 * timer after another, as far as the output takes it.
 */
import type { KeyedCallContext } from './call-context.ts';
import type { TimeDomain } from '../functions/process-function.ts';
import type { Timestamp } from '../base/units.ts';
import type { OperatorContext } from './operator.ts';
import { TimerService } from './timer-service.ts';
import { refusePromise, userCodeFailure } from './user-code.ts';

interface TimedFunction {
  onTimer?(at: Timestamp, context: never): void;
}

/**
 * @param contextOf gives the context that the operator makes after the timers.
 */
export function functionTimers(
  context: OperatorContext,
  fn: TimedFunction,
  contextOf: () => KeyedCallContext,
): TimerService {
  const { operatorName } = context.open;
  const fire = (domain: TimeDomain, at: Timestamp): void => {
    // A program that does without them may have been restored from one that had timers.
    if (fn.onTimer === undefined) return;
    const call = contextOf();
    call.enterTimer(domain, at);
    try {
      refusePromise(fn.onTimer(at, call as never), 'onTimer', operatorName);
    } catch (thrown) {
      throw userCodeFailure('onTimer', operatorName, thrown);
    } finally {
      call.leave();
    }
  };
  return new TimerService(context, {
    name: 'timers',
    namespace: undefined,
    onEvent: (at) => fire('event', at),
    onProcessing: (at) => fire('processing', at),
  });
}
