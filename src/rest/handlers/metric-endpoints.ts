/** Metrics by id, of one thing or aggregated over several. */
import type { RestCluster } from '../cluster.ts';
import { endpoint } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { numberOf } from '../metric-view.ts';
import type { MetricMap } from '../metric-view.ts';
import {
  jobId,
  subtaskIndex,
  taskManagerId,
  text as textParameter,
  vertexId,
  word,
} from '../parameters.ts';
import type { Parameter } from '../parameters.ts';
import * as shape from '../shape.ts';

const { list, number, object, optional, text } = shape;

const AGGREGATIONS = ['min', 'max', 'sum', 'avg', 'skew'] as const;
type Aggregation = (typeof AGGREGATIONS)[number];

const get: Parameter<string> = textParameter('Ids, separated by commas; none: all ids are listed.');
const agg: Parameter<Aggregation> = word('Which aggregates; none: all.', AGGREGATIONS);

/** Without `get` ids only, with it ids and values. */
const collection = list(object({ id: text, value: optional(text) }));
const aggregates = list(
  object({
    id: text,
    min: optional(number),
    max: optional(number),
    avg: optional(number),
    sum: optional(number),
    skew: optional(number),
  }),
);

const EMPTY: Readonly<MetricMap> = new Map();

export function metricEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [...singleEndpoints(cluster), ...vertexEndpoints(cluster), ...aggregating(cluster)];
}

function singleEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/jobmanager/metrics',
      summary: 'What the JobManager measures.',
      query: { get },
      answer: collection,
      handle: async ({ query }) => shown((await cluster.metrics()).jobManager, query.get),
    }),
    endpoint({
      method: 'GET',
      path: '/taskmanagers/:taskmanagerid/metrics',
      summary: 'What a TaskManager measures.',
      parameters: { taskmanagerid: taskManagerId },
      query: { get },
      answer: collection,
      async handle({ path, query }) {
        const { taskManagers } = await cluster.metrics();
        return shown(taskManagers.get(path.taskmanagerid) ?? EMPTY, query.get);
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/metrics',
      summary: 'What the JobManager measures of a job.',
      parameters: { jobid: jobId },
      query: { get },
      answer: collection,
      async handle({ path, query }) {
        return shown((await cluster.metrics()).jobs.get(path.jobid) ?? EMPTY, query.get);
      },
    }),
  ];
}

function vertexEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const vertex = '/jobs/:jobid/vertices/:vertexid';
  const parameters = { jobid: jobId, vertexid: vertexId } as const;
  return [
    endpoint({
      method: 'GET',
      path: `${vertex}/metrics`,
      summary: 'What all subtasks of a vertex measure, with their index in front.',
      parameters,
      query: { get },
      answer: collection,
      async handle({ path, query }) {
        const subtasks = (await cluster.metrics()).subtasks(path.jobid, path.vertexid);
        const all = [...subtasks].flatMap(([subtask, metrics]) =>
          [...metrics].map(([id, value]) => [`${subtask}.${id}`, value] as const),
        );
        return shown(new Map(all), query.get);
      },
    }),
    endpoint({
      method: 'GET',
      path: `${vertex}/subtasks/:subtaskindex/metrics`,
      summary: 'What a subtask measures.',
      parameters: { ...parameters, subtaskindex: subtaskIndex },
      query: { get },
      answer: collection,
      async handle({ path, query }) {
        const subtasks = (await cluster.metrics()).subtasks(path.jobid, path.vertexid);
        return shown(subtasks.get(path.subtaskindex) ?? EMPTY, query.get);
      },
    }),
    endpoint({
      method: 'GET',
      path: `${vertex}/jm-operator-metrics`,
      summary: 'What the JobManager measures of the operators of a vertex: nothing.',
      parameters,
      query: { get },
      answer: collection,
      handle: () => [],
    }),
  ];
}

function aggregating(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/taskmanagers/metrics',
      summary: 'Metrics over TaskManagers.',
      query: { get, agg, taskmanagers: textParameter('Ids; none: all.') },
      answer: aggregates,
      async handle({ query }) {
        const { taskManagers } = await cluster.metrics();
        return aggregate(chosen(taskManagers, query.taskmanagers), query);
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/metrics',
      summary: 'Metrics over jobs.',
      query: { get, agg, jobs: jobId },
      answer: aggregates,
      async handle({ query }) {
        return aggregate(chosen((await cluster.metrics()).jobs, query.jobs), query);
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/vertices/:vertexid/subtasks/metrics',
      summary: 'Metrics over the subtasks of a vertex.',
      parameters: { jobid: jobId, vertexid: vertexId },
      query: { get, agg, subtasks: textParameter('Indexes or ranges such as 0-3; none: all.') },
      answer: aggregates,
      async handle({ path, query }) {
        const subtasks = (await cluster.metrics()).subtasks(path.jobid, path.vertexid);
        const wanted = query.subtasks?.flatMap(rangeOf);
        return aggregate(chosen(subtasks, wanted), query);
      },
    }),
  ];
}

/** `3`, or all of `1-4`; nothing for what is neither. */
function rangeOf(item: string): readonly number[] {
  const [, first, last] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(item) ?? [];
  if (first === undefined) return [];
  const from = Number(first);
  const length = Number(last ?? first) - from + 1;
  return Array.from({ length: Math.min(Math.max(length, 0), 32_768) }, (_, i) => from + i);
}

function chosen<K>(
  all: ReadonlyMap<K, MetricMap>,
  keys: readonly K[] | undefined,
): readonly MetricMap[] {
  if (keys === undefined) return [...all.values()];
  return keys.flatMap((key) => all.get(key) ?? []);
}

function shown(metrics: MetricMap, ids: readonly string[] | undefined) {
  if (ids === undefined) return [...metrics.keys()].map((id) => ({ id }));
  return ids.flatMap((id) => {
    const value = metrics.get(id);
    return value === undefined ? [] : [{ id, value: String(value) }];
  });
}

function aggregate(
  maps: readonly MetricMap[],
  query: {
    readonly get: readonly string[] | undefined;
    readonly agg: readonly Aggregation[] | undefined;
  },
) {
  if (query.get === undefined) {
    return [...new Set(maps.flatMap((metrics) => [...metrics.keys()]))].map((id) => ({ id }));
  }
  const wanted = query.agg ?? AGGREGATIONS;
  return query.get.flatMap((id) => {
    const values = maps.flatMap((metrics) => numberOf(metrics, id) ?? []);
    if (values.length === 0) return [];
    const found = wanted.map((name) => [name, aggregationOf(name, values)]);
    return [{ id, ...(Object.fromEntries(found) as Partial<Record<Aggregation, number>>) }];
  });
}

function aggregationOf(name: Aggregation, values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  const mean = sum / values.length;
  switch (name) {
    case 'min':
      return Math.min(...values);
    case 'max':
      return Math.max(...values);
    case 'sum':
      return sum;
    case 'avg':
      return mean;
    case 'skew': {
      // The mean distance from the mean, in percent of it, as Flink has it.
      if (mean === 0) return 0;
      const distance = values.reduce((total, value) => total + Math.abs(value - mean), 0);
      return Math.min((distance / values.length / mean) * 100, 100);
    }
  }
}
