/** What many seeds have done together, for the line at the end. */
import type { SeedOutcome } from './run-seed.ts';

export class Totals {
  #seeds = 0;
  #events = 0;
  #seconds = 0;
  #checkpoints = 0;
  #savepoints = 0;
  #restores = 0;
  readonly #injected = new Map<string, number>();
  #twice = 0;

  add(outcome: SeedOutcome, twice: boolean): void {
    const { events, virtualSeconds, injected, checkpoints, savepoints, restores } = outcome;
    this.#seeds += 1;
    if (twice) this.#twice += 1;
    this.#events += events;
    this.#seconds += virtualSeconds;
    this.#checkpoints += checkpoints;
    this.#savepoints += savepoints;
    this.#restores += restores;
    for (const [name, count] of injected) {
      this.#injected.set(name, (this.#injected.get(name) ?? 0) + count);
    }
  }

  line(failures: number): string {
    const faults = [...this.#injected].map(([name, count]) => `${name} ${count}`).join(', ');
    return (
      `${this.#seeds} seeds, ${this.#twice} of them twice with equal traces, ` +
      `${this.#events} events, ${(this.#seconds / 3600).toFixed(2)} virtual hours; ` +
      `${this.#checkpoints} checkpoints (${this.#savepoints} of them savepoints), ` +
      `${this.#restores} restores; ` +
      `faults: ${faults}; ${failures} failures`
    );
  }
}
