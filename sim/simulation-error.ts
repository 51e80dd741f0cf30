/**
 * What a simulation fails with: the seed that repeats it, the virtual time, why, and the last
 * events.
 */
export class SimulationError extends Error {
  override readonly name = 'SimulationError';
  readonly seed: number;
  /** Microseconds of virtual time at which it was noticed. */
  readonly micros: number;

  constructor(seed: number, micros: number, why: string, lastEvents: readonly string[]) {
    const at = (micros / 1_000_000).toFixed(6);
    super(`Seed ${seed}, at ${at} s: ${why}${lastEvents.map((line) => `\n  ${line}`).join('')}`);
    this.seed = seed;
    this.micros = micros;
  }
}
