/**
 * The barrier that a task is at: its operators prepare their state, for which a sink may have to
 * wait, and then the state of all of them is taken at once.
 *
 * Invariants
 * B1. Between the first `prepareSnapshot` of a chain and the moment at which its state is taken
 *     nothing else is called: what is emitted then would be in no checkpoint, or in two.
 */
import { assert } from '../../../base/assert.ts';
import type { AlignedBarrier } from '../../../network/input-gate.ts';
import type { BarrierElement } from '../../../network/control-element.ts';
import type { Pressure } from '../../../network/pressure.ts';

/** What happens at the barriers of a task. */
export interface BarrierHandler {
  /** Asks the operators. */
  prepare(event: AlignedBarrier): Promise<void> | undefined;
  /** Takes their state and sends the barrier on. */
  take(event: AlignedBarrier): void;
  /** Of a task whose operators have finished, and which waits to commit. */
  takeFinished(barrier: BarrierElement): void;
  superseded(checkpointId: number, by: number): void;
  decline(checkpointId: number, reason: string): void;
  /**
   * The task ends. `orderly`: what is being written still counts; else it is given up, and
   * deleted.
   */
  close(orderly: boolean): Promise<void>;
}

export interface TakenBarrierOptions {
  readonly handler: BarrierHandler | undefined;
  readonly pressure: Pressure;
  wake(): void;
  fail(thrown: unknown): void;
}

export class TakenBarrier {
  readonly #options: TakenBarrierOptions;
  #event: AlignedBarrier | undefined;
  #isPrepared = false;

  constructor(options: TakenBarrierOptions) {
    this.#options = options;
  }

  /** B1 */
  get isTaking(): boolean {
    return this.#event !== undefined;
  }

  /** `resume` would go on. */
  get isPrepared(): boolean {
    return this.#isPrepared;
  }

  begin(event: AlignedBarrier): void {
    const { handler, pressure } = this.#options;
    assert(handler !== undefined, 'T4: a barrier without checkpoints');
    assert(this.#event === undefined, 'B1: two barriers at once');
    const preparing = handler.prepare(event);
    if (preparing === undefined) {
      handler.take(event);
      return;
    }
    this.#event = event;
    pressure.hold();
    preparing.then(
      () => {
        this.#isPrepared = true;
        this.#options.wake();
      },
      (thrown: unknown) => this.#options.fail(thrown),
    );
  }

  /** At the begin of a step. @returns whether the task may do anything else. */
  resume(): boolean {
    const event = this.#event;
    if (event === undefined) return true;
    if (!this.#isPrepared) return false;
    this.#event = undefined;
    this.#isPrepared = false;
    this.#options.handler!.take(event);
    this.#options.pressure.release();
    return true;
  }
}
