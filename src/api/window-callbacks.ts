/** Refuses async functions in what windows are made of, as the types do. */
import type { Evictor } from '../functions/evictor.ts';
import type { Trigger } from '../functions/trigger.ts';
import type { WindowAssigner } from '../functions/window.ts';
import { requireFunctionObject, requireSynchronous } from './callbacks.ts';

/** @throws EngineError USER_CODE_ASYNC, API_INVALID_ARGUMENT */
export function requireSynchronousAssigner(assigner: WindowAssigner<never>): void {
  if (assigner.kind === 'custom') {
    requireSynchronous(assigner.assign, 'customWindows.assign');
    if (assigner.defaultTrigger !== undefined) requireSynchronousTrigger(assigner.defaultTrigger);
  } else if (assigner.kind === 'session' && typeof assigner.gap === 'function') {
    requireSynchronous(assigner.gap, 'session.gap');
  }
}

/** @throws EngineError USER_CODE_ASYNC, API_INVALID_ARGUMENT */
export function requireSynchronousTrigger(trigger: Trigger<never>): void {
  switch (trigger.kind) {
    case 'custom':
      requireFunctionObject(
        trigger.function,
        'trigger.custom',
        ['onElement'],
        ['onEventTime', 'onProcessingTime', 'onMerge', 'clear'],
      );
      break;
    case 'delta':
      requireSynchronous(trigger.delta, 'trigger.delta');
      break;
    case 'timeout':
    case 'purging':
      requireSynchronousTrigger(trigger.nested);
      break;
    default:
  }
}

/** @throws EngineError USER_CODE_ASYNC, API_INVALID_ARGUMENT */
export function requireSynchronousEvictor(evictor: Evictor<never>): void {
  if (evictor.kind === 'delta') requireSynchronous(evictor.delta, 'evictor.delta');
  if (evictor.kind !== 'custom') return;
  requireFunctionObject(evictor.function, 'evictor.custom', [], ['evictBefore', 'evictAfter']);
}
