/** The metrics a user's function (and a connector) can register; shown under the operator's name. */

export interface Counter {
  increment(by?: number): void;
  readonly count: number;
}

export interface Histogram {
  /** Adds a sample. */
  update(value: number): void;
}

export interface MetricGroup {
  counter(name: string): Counter;
  /** `read` is called when metrics are collected, on the thread of the function. */
  gauge(name: string, read: () => number | string): void;
  histogram(name: string): Histogram;
}
