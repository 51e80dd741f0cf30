/**
 * What can be said of windows, whatever is done with their records: trigger, evictor and allowed
 * lateness, and the checks of what fits together.
 */
import type { Duration } from '../base/units.ts';
import type { Evictor } from '../functions/evictor.ts';
import {
  canMerge,
  firesByEventTimeOnly,
  requireTrigger,
  type Trigger,
} from '../functions/trigger.ts';
import { refuse, requireWhole } from '../functions/window-arguments.ts';
import { isMerging, windowTimeOf, type WindowAssigner } from '../functions/window.ts';
import type { WindowSpec } from '../graph/operator-spec.ts';
import {
  requireSynchronousAssigner,
  requireSynchronousEvictor,
  requireSynchronousTrigger,
} from './window-callbacks.ts';

export abstract class WindowModifiers<T> {
  // `any`, so that a stream of more is a stream of less, as it is without windows.
  readonly #assigner: WindowAssigner<any>;
  #trigger: Trigger<any> | undefined = undefined;
  #evictor: Evictor<any> | undefined = undefined;
  #allowedLateness: Duration = 0 as Duration;

  constructor(assigner: WindowAssigner<T>) {
    requireAssigner(assigner);
    requireSynchronousAssigner(assigner);
    this.#assigner = assigner;
  }

  /**
   * When windows fire, in place of the trigger that comes with them.
   * @example .trigger(trigger.purging(trigger.count(100)))
   */
  trigger(wanted: Trigger<T>): this {
    requireTrigger(wanted, 'trigger');
    requireSynchronousTrigger(wanted);
    const assigner = this.#assigner;
    if (isMerging(assigner) && !canMerge(wanted)) {
      const which = wanted.kind === 'custom' ? 'this one has no onMerge' : wanted.kind;
      refuse('trigger', `${assigner.kind} windows merge, and the trigger cannot (${which})`);
    }
    requireClock(assigner, wanted, 'trigger');
    this.#trigger = wanted;
    return this;
  }

  /** What is removed from windows when they fire. They keep all their records then. */
  evictor(wanted: Evictor<T>): this {
    const is = typeof wanted === 'object' && (wanted as unknown) !== null && 'kind' in wanted;
    if (!is) refuse('evictor', 'it takes an evictor such as evictor.count(10)');
    requireSynchronousEvictor(wanted);
    this.#evictor = wanted;
    return this;
  }

  /**
   * How long windows are kept after the watermark has passed their end, so that late records are
   * still counted. They fire again for each of them.
   */
  allowedLateness(lateness: Duration): this {
    requireWhole(lateness, 'allowedLateness', 'duration');
    if (lateness < 0) refuse('allowedLateness', `${lateness} ms is below 0`);
    const time = windowTimeOf(this.#assigner);
    if (time !== 'event') {
      const which =
        time === undefined ? 'the global window has' : 'windows of processing time have';
      refuse('allowedLateness', `only event time has late records, and ${which} none`);
    }
    this.#allowedLateness = lateness;
    return this;
  }

  /** As they go into the spec of an operator. */
  protected get modifiers(): Pick<
    WindowSpec,
    'assigner' | 'trigger' | 'evictor' | 'allowedLateness'
  > {
    return {
      assigner: this.#assigner,
      trigger: this.#trigger,
      evictor: this.#evictor,
      allowedLateness: this.#allowedLateness,
    };
  }

  /** @throws EngineError API_INVALID_ARGUMENT for state of windows that merge. */
  protected requireWindowState(call: string, { windowState }: { windowState?: unknown }): void {
    if (windowState === undefined || !isMerging(this.#assigner)) return;
    const which = `${this.#assigner.kind} windows merge`;
    refuse(call, `${which}, so they cannot have windowState: use globalState`);
  }
}

function requireAssigner(assigner: WindowAssigner<never>): void {
  const is = typeof assigner === 'object' && (assigner as unknown) !== null && 'kind' in assigner;
  if (!is) refuse('window', 'it takes windows such as tumbling(minutes(1))');
  if (assigner.kind !== 'custom' || assigner.defaultTrigger === undefined) return;
  requireClock(assigner, assigner.defaultTrigger, 'window');
  if (assigner.merging && !canMerge(assigner.defaultTrigger)) {
    refuse('window', 'its windows merge, and its default trigger cannot');
  }
}

/** The clock clears windows of processing time, so that what waits for event time never fires. */
function requireClock(
  assigner: WindowAssigner<never>,
  wanted: Trigger<never>,
  call: 'trigger' | 'window',
): void {
  if (windowTimeOf(assigner) !== 'processing' || !firesByEventTimeOnly(wanted)) return;
  const kind = wanted.kind === 'purging' ? 'purging of one by event time' : wanted.kind;
  refuse(
    call,
    `windows of processing time are over by the clock, and the trigger (${kind}) fires by event ` +
      'time only: use trigger.processingTime(), continuousProcessingTime(...) or windows of event time',
  );
}
