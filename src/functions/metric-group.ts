/**
 * The metrics that a user's function (and a connector) can register under its operator's name.
 * They are seen in REST (`/jobs/:id/vertices/:id/metrics`), by Prometheus and by OpenTelemetry.
 * A name is one metric: asking for it again gives the same one, asking for another kind of metric
 * under it fails with METRIC_KIND_CONFLICT.
 */

/** Counts up (or down). Of this subtask. */
export interface Counter {
  increment(by?: number): void;
  decrement(by?: number): void;
  readonly count: number;
}

/** How often something happens: a count, and its rate over the last minute. */
export interface Meter {
  /** `events` happened now; 1 by default. */
  mark(events?: number): void;
  readonly count: number;
}

/** How values are distributed: count, least, greatest, mean and quantiles of the last ones. */
export interface Histogram {
  update(value: number): void;
  readonly count: number;
}

export interface MetricGroup {
  /**
   * A counter of this subtask. Counters are accumulators: at the job's end their values are
   * summed over the subtasks into the result.
   * @throws EngineError METRIC_KIND_CONFLICT
   * @example
   * open(context) {
   *   this.rejected = context.metrics.counter('rejected');
   * }
   */
  counter(name: string): Counter;
  /**
   * A value that is asked for when somebody looks. `read` must be quick and change nothing; one
   * that throws shows no value, and its error is logged once.
   * @throws EngineError METRIC_KIND_CONFLICT if there is a metric of that name
   * @example context.metrics.gauge('cacheSize', () => this.cache.size);
   */
  gauge(name: string, read: () => number | string): void;
  /** @throws EngineError METRIC_KIND_CONFLICT */
  meter(name: string): Meter;
  /**
   * Quantiles are those of the last `window` values (1,000 by default).
   * @throws EngineError METRIC_KIND_CONFLICT
   */
  histogram(name: string, options?: { readonly window?: number | undefined }): Histogram;
  /**
   * Metrics under a further part of the name: `group('cache').counter('hits')` is `cache.hits`.
   * With a value the part is a label, as `group('topic', 'orders')`: its name is `topic.orders.`,
   * and Prometheus shows it as `{topic="orders"}`.
   */
  group(name: string, value?: string): MetricGroup;
}
