/**
 * A histogram over the last values: a ring of fixed size; statistics are computed when somebody
 * asks.
 *
 * S1. An update is O(1) and allocates nothing.
 * S2. `count` counts all values ever, statistics are those of the last `window`.
 */
import { assert } from '../base/assert.ts';
import type { Histogram } from '../functions/metric-group.ts';
import type { HistogramStatistics } from './metric.ts';

export class SlidingHistogram implements Histogram {
  readonly #ring: Float64Array;
  count = 0;

  constructor(window: number) {
    assert(Number.isInteger(window) && window > 0, `a histogram of ${window} values`);
    this.#ring = new Float64Array(window);
  }

  update(value: number): void {
    this.#ring[this.count++ % this.#ring.length] = value;
  }

  /** All 0 before the first value. */
  statistics(): HistogramStatistics {
    const size = Math.min(this.count, this.#ring.length);
    if (size === 0) return NOTHING;
    const sorted = this.#ring.slice(0, size).sort();
    const mean = sorted.reduce((sum, value) => sum + value, 0) / size;
    const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const quantile = (q: number): number => sorted[Math.max(0, Math.ceil(q * size) - 1)]!;
    return {
      count: this.count,
      min: sorted[0]!,
      max: sorted[size - 1]!,
      mean,
      stddev: size < 2 ? 0 : Math.sqrt(squares / (size - 1)),
      p50: quantile(0.5),
      p75: quantile(0.75),
      p95: quantile(0.95),
      p98: quantile(0.98),
      p99: quantile(0.99),
      p999: quantile(0.999),
    };
  }
}

const NOTHING: HistogramStatistics = {
  ...{ count: 0, min: 0, max: 0, mean: 0, stddev: 0 },
  ...{ p50: 0, p75: 0, p95: 0, p98: 0, p99: 0, p999: 0 },
};
