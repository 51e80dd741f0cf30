/** The metrics that a user's function (and a connector) can register under its operator's name. */

export interface Counter {
  increment(by?: number): void;
  readonly count: number;
}

export interface MetricGroup {
  /**
   * A counter of this subtask. Counters are accumulators: at the job's end their values are
   * summed over the subtasks into the result.
   */
  counter(name: string): Counter;
}
