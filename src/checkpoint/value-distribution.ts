/**
 * How values are spread: their least, greatest and mean over all, and quantiles over the last ones.
 */
import type { Distribution } from '../protocol/checkpoint-statistics.ts';

/** Quantiles are over so many of the last values. */
const WINDOW = 10_000;

export class ValueDistribution {
  readonly #last: number[] = [];
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  add(value: number): void {
    this.#last[this.#count % WINDOW] = value;
    this.#count += 1;
    this.#sum += value;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
  }

  /** Zeros, and NaN for the quantiles, before the first value. */
  get(): Distribution {
    const sorted = this.#last.toSorted((a, b) => a - b);
    const quantile = (q: number): number =>
      sorted.length === 0 ? NaN : sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
    const isEmpty = this.#count === 0;
    return {
      count: this.#count,
      min: isEmpty ? 0 : this.#min,
      max: isEmpty ? 0 : this.#max,
      mean: isEmpty ? 0 : this.#sum / this.#count,
      p50: quantile(0.5),
      p90: quantile(0.9),
      p95: quantile(0.95),
      p99: quantile(0.99),
      p999: quantile(0.999),
    };
  }
}
