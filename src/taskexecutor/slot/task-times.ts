/**
 * Where a task's time goes: busy in steps, held by output (back-pressured), or idle. Measured at
 * the borders of steps.
 */
import type { Duration } from '../../base/units.ts';

export class TaskTimes {
  readonly #monotonic: () => Duration;
  readonly #started: number;
  #stepBegan = 0;
  #heldSince = -1;
  #busy = 0;
  #held = 0;

  constructor(monotonic: () => Duration) {
    this.#monotonic = monotonic;
    this.#started = monotonic();
  }

  begin(): void {
    this.released();
    this.#stepBegan = this.#monotonic();
  }

  /** @returns how long the step took. */
  end(held: boolean): number {
    const now = this.#monotonic();
    const took = now - this.#stepBegan;
    this.#busy += took;
    if (held) this.#heldSince = now;
    return took;
  }

  /** Output has drained, outside of a step. */
  released(): void {
    if (this.#heldSince < 0) return;
    this.#held += this.#monotonic() - this.#heldSince;
    this.#heldSince = -1;
  }

  /** Time gone by in which output was not held. */
  activeTime(): Duration {
    const now = this.#monotonic();
    const held = this.#held + (this.#heldSince >= 0 ? now - this.#heldSince : 0);
    return (now - held) as Duration;
  }

  read(): {
    readonly busyMillis: number;
    readonly idleMillis: number;
    readonly backPressuredMillis: number;
  } {
    const now = this.#monotonic();
    const held = this.#held + (this.#heldSince >= 0 ? now - this.#heldSince : 0);
    const idle = Math.max(0, now - this.#started - this.#busy - held);
    return { busyMillis: this.#busy, idleMillis: idle, backPressuredMillis: held };
  }
}
