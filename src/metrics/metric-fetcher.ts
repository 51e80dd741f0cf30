/**
 * Fetches the metrics of a cluster for those who look at them: not for each look, and never twice
 * at a time.
 *
 * F1. What `store` gives is at most the update interval older than the call, plus the time that
 *     fetching takes.
 * F2. One fetch runs at a time; who asks meanwhile gets its answer.
 */
import type { Duration } from '../base/units.ts';
import { MetricStore } from './metric-store.ts';
import type { ScopedMetrics } from './metric.ts';

export interface MetricFetcherOptions {
  readonly read: () => Promise<readonly ScopedMetrics[]>;
  readonly now: () => Duration;
  readonly interval: Duration;
}

export class MetricFetcher {
  readonly #options: MetricFetcherOptions;
  #store: MetricStore = new MetricStore([]);
  #fetchedAt: number = -Infinity;
  #fetching: Promise<MetricStore> | undefined;

  constructor(options: MetricFetcherOptions) {
    this.#options = options;
  }

  /** @throws what `read` rejects with; the next call tries again. */
  async store(): Promise<MetricStore> {
    const { now, interval } = this.#options;
    if (now() - this.#fetchedAt < interval) return this.#store;
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  async #fetch(): Promise<MetricStore> {
    const { read, now } = this.#options;
    const began = now();
    this.#store = new MetricStore(await read());
    this.#fetchedAt = began;
    return this.#store;
  }
}
