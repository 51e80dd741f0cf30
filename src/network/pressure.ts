/**
 * Why a task's operators may not be called now: output that is over its bound (overdraft), or an
 * operator that waits (a full asynchronous operator, a sink that flushes). The driver looks at one
 * number between records.
 *
 * Invariants
 * P1. `holds` is the number of reasons; it is never negative.
 * P2. `onRelease` runs when the last reason goes, and never during a call into an operator's
 * output.
 */
import { assert } from '../base/assert.ts';

export class Pressure {
  holds = 0;
  readonly #onRelease: () => void;

  constructor(onRelease: () => void) {
    this.#onRelease = onRelease;
  }

  get isHeld(): boolean {
    return this.holds !== 0;
  }

  hold(): void {
    this.holds += 1;
  }

  release(): void {
    assert(this.holds > 0, 'P1: release without hold');
    this.holds -= 1;
    if (this.holds === 0) this.#onRelease();
  }
}
