/**
 * Everything measured in a cluster at one moment, found by where it belongs and under the ids that
 * Flink's REST interface gives it: histograms are several ids, a meter is its rate.
 */
import type { MetricValue, ScopedMetrics } from './metric.ts';

/** By id, e.g. `numRecordsIn` or `Map.rejected`. */
export type MetricMap = ReadonlyMap<string, number | string>;

const NONE: ReadonlyMap<string, number | string> = new Map();

export class MetricStore {
  readonly #jobManager = new Map<string, number | string>();
  readonly #taskManagers = new Map<string, Map<string, number | string>>();
  readonly #jobs = new Map<string, Map<string, number | string>>();
  /** By `${jobId}/${vertexId}` and subtask. */
  readonly #subtasks = new Map<string, Map<number, Map<string, number | string>>>();

  constructor(scopes: readonly ScopedMetrics[]) {
    for (const { scope, metrics } of scopes) {
      switch (scope.kind) {
        case 'jobmanager':
          put(this.#jobManager, metrics, '');
          break;
        case 'jobmanager-job':
          put(entry(this.#jobs, scope.jobId, newMap), metrics, '');
          break;
        case 'taskmanager':
          put(entry(this.#taskManagers, scope.taskManagerId, newMap), metrics, '');
          break;
        case 'task':
        case 'operator': {
          const key = `${scope.jobId}/${scope.vertexId}`;
          const subtasks = entry(this.#subtasks, key, () => new Map());
          const prefix = scope.kind === 'task' ? '' : `${scope.operatorName}.`;
          put(entry(subtasks, scope.subtask, newMap), metrics, prefix);
        }
      }
    }
  }

  get jobManager(): MetricMap {
    return this.#jobManager;
  }

  get taskManagers(): ReadonlyMap<string, MetricMap> {
    return this.#taskManagers;
  }

  taskManager(id: string): MetricMap {
    return this.#taskManagers.get(id) ?? NONE;
  }

  get jobs(): ReadonlyMap<string, MetricMap> {
    return this.#jobs;
  }

  job(jobId: string): MetricMap {
    return this.#jobs.get(jobId) ?? NONE;
  }

  /** By subtask, as far as their slots have answered. */
  subtasks(jobId: string, vertexId: string): ReadonlyMap<number, MetricMap> {
    return this.#subtasks.get(`${jobId}/${vertexId}`) ?? new Map();
  }

  /** Of all subtasks of a vertex: `0.numRecordsIn`, `1.Map.rejected`. */
  vertex(jobId: string, vertexId: string): MetricMap {
    const all = new Map<string, number | string>();
    for (const [subtask, metrics] of this.subtasks(jobId, vertexId)) {
      for (const [id, value] of metrics) all.set(`${subtask}.${id}`, value);
    }
    return all;
  }
}

function newMap(): Map<string, number | string> {
  return new Map();
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

function put(
  into: Map<string, number | string>,
  metrics: readonly MetricValue[],
  prefix: string,
): void {
  for (const metric of metrics) {
    const id = prefix + metric.name;
    switch (metric.kind) {
      case 'counter':
      case 'gauge':
        into.set(id, metric.value);
        break;
      case 'meter':
        into.set(id, metric.rate);
        break;
      case 'histogram': {
        const { p50, ...rest } = metric.value;
        into.set(`${id}_median`, p50);
        for (const [statistic, value] of Object.entries(rest)) {
          into.set(`${id}_${statistic}`, value);
        }
      }
    }
  }
}
