/** The cluster as a whole: what it is, how full it is, its data sets, and its end. */
import { WebOptions } from '../../config/options/rest-options.ts';
import { AsyncOperations } from '../async-operations.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { dataSetId, triggerId } from '../parameters.ts';
import { anything, boolean, integer, list, object, optional, text } from '../shape.ts';
import { asyncAnswer, operationNotFound, outcomeOf, triggered } from '../views/async-answer.ts';

/** The version of Flink whose interface this is. */
export const FLINK_VERSION = '2.3.0';

const clusterOverview = object({
  taskmanagers: integer,
  'taskmanagers-blocked': optional(integer),
  'slots-total': integer,
  'slots-available': integer,
  'slots-free-and-blocked': optional(integer),
  'jobs-running': integer,
  'jobs-finished': integer,
  'jobs-cancelled': integer,
  'jobs-failed': integer,
  'flink-version': text,
  'flink-commit': text,
  'millrace-version': text,
});

const dashboardConfiguration = object({
  'refresh-interval': integer,
  'timezone-name': text,
  'timezone-offset': integer,
  'flink-version': text,
  'flink-revision': text,
  features: object({
    'web-submit': boolean,
    'web-cancel': boolean,
    'web-rescale': boolean,
    'web-history': boolean,
  }),
});

export function clusterEndpoints(cluster: RestCluster, version: string): readonly Endpoint[] {
  const { configuration } = cluster;
  return [
    endpoint({
      method: 'GET',
      path: '/config',
      summary: 'What the dashboard needs to know of the server.',
      answer: dashboardConfiguration,
      handle: () => ({
        'refresh-interval': Math.round(configuration.get(WebOptions.refreshInterval)),
        'timezone-name': 'Coordinated Universal Time',
        'timezone-offset': 0,
        'flink-version': FLINK_VERSION,
        'flink-revision': `millrace ${version}`,
        features: {
          'web-submit': configuration.get(WebOptions.submitEnable),
          'web-cancel': configuration.get(WebOptions.cancelEnable),
          'web-rescale': false,
          'web-history': false,
        },
      }),
    }),
    endpoint({
      method: 'GET',
      path: '/overview',
      summary: 'How many TaskManagers, slots and jobs there are.',
      answer: clusterOverview,
      async handle() {
        const overview = await (await cluster.dispatcher()).requestClusterOverview({});
        return {
          taskmanagers: overview.taskManagers,
          'slots-total': overview.slotsTotal,
          'slots-available': overview.slotsAvailable,
          'jobs-running': overview.jobsRunning,
          'jobs-finished': overview.jobsFinished,
          'jobs-cancelled': overview.jobsCancelled,
          'jobs-failed': overview.jobsFailed,
          'flink-version': FLINK_VERSION,
          'flink-commit': 'millrace',
          'millrace-version': version,
        };
      },
    }),
    endpoint({
      method: 'DELETE',
      path: '/cluster',
      summary: 'Ends the cluster.',
      audit: 'shut down the cluster',
      answer: object({}),
      handle() {
        cluster.shutDown();
        return {};
      },
    }),
    ...dataSetEndpoints(cluster),
  ];
}

/** This engine caches no results between jobs: there are no data sets, and none to delete. */
function dataSetEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const operations = new AsyncOperations<object>(cluster.clock, cluster.keepOperations);
  return [
    endpoint({
      method: 'GET',
      path: '/datasets',
      summary: 'Cached results of jobs: none.',
      answer: object({ dataSets: list(anything) }),
      handle: () => ({ dataSets: [] }),
    }),
    endpoint({
      method: 'DELETE',
      path: '/datasets/:datasetid',
      summary: 'Deletes a cached result.',
      parameters: { datasetid: dataSetId },
      status: 202,
      audit: 'delete a data set',
      answer: triggered,
      handle() {
        const id = cluster.newId();
        operations.start(id, () => Promise.resolve({}));
        return { 'request-id': id };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/datasets/delete/:triggerid',
      summary: 'How the deletion of a cached result went.',
      parameters: { triggerid: triggerId },
      answer: asyncAnswer(object({})),
      handle({ path }) {
        const found = operations.find(path.triggerid);
        if (found === undefined) throw operationNotFound();
        return outcomeOf(found.outcome);
      },
    }),
  ];
}
