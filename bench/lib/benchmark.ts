/** What bench/main.ts runs. */
import type { Measured } from './report.ts';

export interface Benchmark {
  readonly name: string;
  /** Rejects if a run gave a wrong result. */
  measure(runs: number): Promise<Measured>;
}
