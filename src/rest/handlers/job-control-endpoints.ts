/** What can be done to a job, and what Flink's default scheduler cannot do to one. */
import { isTerminal } from '../../protocol/job-status.ts';
import type { JobStatus } from '../../protocol/job-status.ts';
import { findJob, requireJob } from '../cluster.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint, rawEndpoint } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { integerFrom, jobId, operatorUid, rescaleId, triggerId, word } from '../parameters.ts';
import { handlerError, RestError, serverError } from '../rest-error.ts';
import { anything, integer, isObject, object, record } from '../shape.ts';

const NOTHING = object({});

export function jobControlEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    ...cancelEndpoints(cluster),
    ...attachedEndpoints(cluster),
    ...resourceEndpoints(cluster),
    ...rescaleEndpoints(),
  ];
}

function cancelEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'PATCH',
      path: '/jobs/:jobid',
      summary: 'Cancels a job.',
      parameters: { jobid: jobId },
      query: { mode: word('What to do to the job.', ['cancel', 'stop']) },
      status: 202,
      audit: 'cancel a job',
      answer: NOTHING,
      handle: ({ path, query }) => terminate(cluster, path.jobid, query.mode?.[0] ?? 'cancel'),
    }),
    ...(['GET', 'DELETE'] as const).flatMap((method) =>
      (['cancel', 'stop'] as const).map((mode) =>
        endpoint({
          method,
          path: `/jobs/:jobid/yarn-${mode}`,
          summary: mode === 'cancel' ? 'Cancels a job, as the dashboard does.' : 'No longer there.',
          parameters: { jobid: jobId },
          status: 202,
          changes: true,
          audit: 'cancel a job',
          answer: NOTHING,
          handle: ({ path }) => terminate(cluster, path.jobid, mode),
        }),
      ),
    ),
  ];
}

async function terminate(
  cluster: RestCluster,
  id: string,
  mode: 'cancel' | 'stop',
): Promise<object> {
  if (mode === 'stop') {
    throw handlerError(
      308,
      'The termination mode "stop" has been removed. For an ungraceful shutdown, please use "cancel" instead. For a graceful shutdown, please use "jobs/:jobId/stop" instead.',
    );
  }
  const job = await findJob(cluster, id);
  if (job === undefined) throw handlerError(404, 'Job could not be found.');
  requireCancellable(job.status);
  await (await cluster.dispatcher()).cancelJob({ jobId: id });
  return {};
}

/** A job that has been cancelled may be cancelled again. */
function requireCancellable(status: JobStatus): void {
  if (!isTerminal(status) || status === 'CANCELED') return;
  const what = 'Job cancellation failed because the job has already reached another terminal state';
  throw handlerError(409, `${what} (${status}).`);
}

function attachedEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    rawEndpoint({
      method: 'GET',
      path: '/jobs/:jobid/client-messages',
      summary:
        'What the sinks of a job send for a client, a line of JSON each, until the job has ended. ' +
        'Who reads slowly holds the job back; a new reader takes the place of an earlier one.',
      parameters: { jobid: jobId },
      produces: 'application/x-ndjson',
      // From now on the job prints here, and nowhere else.
      changes: true,
      audit: 'read what a job prints',
      async handle({ path }) {
        await requireJob(cluster, path.jobid);
        const body = await cluster.clientMessages(path.jobid);
        return { contentType: 'application/x-ndjson', body };
      },
    }),
    endpoint({
      method: 'PATCH',
      path: '/jobs/:jobid/clientHeartbeat',
      summary: 'Says that the client of an attached job lives.',
      parameters: { jobid: jobId },
      body: {
        format: 'JobClientHeartbeatRequestBody',
        shape: object({ expiredTimestamp: integer }),
      },
      status: 202,
      answer: NOTHING,
      async handle({ path, body }) {
        await requireJob(cluster, path.jobid);
        await cluster.clientHeartbeat(path.jobid, Number(body.expiredTimestamp));
        return {};
      },
    }),
    endpoint({
      method: 'POST',
      path: '/jobs/:jobid/coordinators/:operatorUid',
      summary: 'Requests to coordinators of operators are Java objects: always refused.',
      parameters: { jobid: jobId, operatorUid },
      body: {
        format: 'ClientCoordinationRequestBody',
        shape: object({ serializedCoordinationRequest: anything }),
      },
      answer: NOTHING,
      handle() {
        throw handlerError(
          501,
          'This engine cannot read Java objects, and so no requests to coordinators of operators.',
        );
      },
    }),
  ];
}

const NOT_ADAPTIVE =
  'The DefaultScheduler does not support changing the parallelism without a job restart. This feature is currently only expected to work with the AdaptiveScheduler.';

function resourceEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const path = '/jobs/:jobid/resource-requirements';
  const requirements = record(anything);
  return [
    endpoint({
      method: 'GET',
      path,
      summary: 'Bounds of the parallelism of vertices, which the default scheduler has not.',
      parameters: { jobid: jobId },
      answer: requirements,
      async handle(input) {
        await requireJob(cluster, input.path.jobid);
        throw serverError('java.lang.UnsupportedOperationException', NOT_ADAPTIVE);
      },
    }),
    endpoint({
      method: 'PUT',
      path,
      summary: 'Changes the parallelism of a running job, which the default scheduler cannot.',
      parameters: { jobid: jobId },
      body: { format: 'JobResourceRequirementsBody', shape: requirements },
      audit: 'change the parallelism of a job',
      answer: NOTHING,
      async handle(input) {
        if (!isObject(input.body) || Object.keys(input.body).length === 0) {
          throw handlerError(400, 'Request body does not specify resource requirements.');
        }
        await requireJob(cluster, input.path.jobid);
        throw serverError('java.lang.UnsupportedOperationException', NOT_ADAPTIVE);
      },
    }),
  ];
}

function rescaleEndpoints(): readonly Endpoint[] {
  const disabled = (): never => {
    throw handlerError(503, 'Rescaling is temporarily disabled. See FLINK-12312.');
  };
  return [
    endpoint({
      method: 'PATCH',
      path: '/jobs/:jobid/rescaling',
      summary: 'Disabled, as in Flink.',
      parameters: { jobid: jobId },
      query: { parallelism: integerFrom(1, 'The wanted parallelism.') },
      answer: NOTHING,
      handle: disabled,
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/rescaling/:triggerid',
      summary: 'Disabled, as in Flink.',
      parameters: { jobid: jobId, triggerid: triggerId },
      answer: NOTHING,
      handle: disabled,
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/rescales/config',
      summary: 'Of the adaptive scheduler, which no job has.',
      parameters: { jobid: jobId },
      answer: NOTHING,
      handle({ path }) {
        throw handlerError(404, `AdaptiveScheduler is not enabled for this job (${path.jobid}).`);
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/rescales/details/:rescaleuuid',
      summary: 'Of the adaptive scheduler, which no job has.',
      parameters: { jobid: jobId, rescaleuuid: rescaleId },
      answer: NOTHING,
      handle({ path }) {
        const what = 'AdaptiveScheduler rescales was not enabled for job';
        throw handlerError(404, `${what} ${path.jobid}.`);
      },
    }),
    ...['overview', 'history', 'summary'].map((name) =>
      endpoint({
        method: 'GET',
        path: `/jobs/:jobid/rescales/${name}`,
        summary: 'Of the adaptive scheduler, which no job has.',
        parameters: { jobid: jobId },
        answer: NOTHING,
        handle({ path }) {
          throw rescalesUnavailable(path.jobid);
        },
      }),
    ),
  ];
}

function rescalesUnavailable(id: string): RestError {
  const what = [
    `The job \`${id}\` has not enabled the \`Adaptive\` scheduler,`,
    'or it has been enabled but the value of configuration option',
    '`web.adaptive-scheduler.rescale-history.size` has not been set to greater than `0`.',
  ];
  const type = 'org.apache.flink.runtime.rest.handler.job.rescales.RescalesUnavailableException';
  return new RestError(404, [`${type}: ${what.join(' ')}`]);
}
