/**
 * Everything measured in a cluster at one moment, as REST shows it, by the ids of Flink. Values are
 * numbers or texts; an id that is not there was not measured.
 */

export type MetricMap = ReadonlyMap<string, number | string>;

export interface MetricView {
  readonly jobManager: MetricMap;
  readonly taskManagers: ReadonlyMap<string, MetricMap>;
  readonly jobs: ReadonlyMap<string, MetricMap>;
  /** By subtask. */
  subtasks(jobId: string, vertexId: string): ReadonlyMap<number, MetricMap>;
}

/** A number, or undefined for what is none. */
export function numberOf(metrics: MetricMap | undefined, id: string): number | undefined {
  const value = Number(metrics?.get(id));
  return Number.isFinite(value) ? value : undefined;
}
