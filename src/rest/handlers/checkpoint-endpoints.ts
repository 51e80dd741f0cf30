/**
 * Checkpoints and savepoints. The engine cannot take any yet: the statistics are those of a job
 * without checkpoints, and what is triggered fails with that as its cause.
 */
import { EngineError } from '../../base/errors.ts';
import { AsyncOperations } from '../async-operations.ts';
import { findJob, requireJob } from '../cluster.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { checkpointId, jobId, triggerId, vertexId } from '../parameters.ts';
import { handlerError } from '../rest-error.ts';
import * as shape from '../shape.ts';
import {
  asyncAnswer,
  checkpointAnswer,
  checkpointOutcomeOf,
  operationNotFound,
  outcomeOf,
  triggered,
} from '../views/async-answer.ts';
import {
  checkpointConfigInfo,
  checkpointingStatistics,
  NO_CHECKPOINTING,
  NO_STATISTICS,
} from '../views/checkpoint-statistics.ts';

const { absent, boolean, choice, hexId, object, text } = shape;

const FORMATS = ['CANONICAL', 'NATIVE'] as const;

const savepointBody = object({
  'target-directory': absent(text),
  'cancel-job': absent(boolean),
  formatType: absent(choice(FORMATS)),
  triggerId: absent(hexId),
});

const stopBody = object({
  targetDirectory: absent(text),
  drain: absent(boolean),
  formatType: absent(choice(FORMATS)),
  triggerId: absent(hexId),
});

const checkpointBody = object({
  checkpointType: absent(choice(['CONFIGURED', 'FULL', 'INCREMENTAL'])),
  triggerId: absent(hexId),
});

export function checkpointEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    ...statisticsEndpoints(cluster),
    ...savepointEndpoints(cluster),
    ...triggerCheckpointEndpoints(cluster),
    ...disposalEndpoints(cluster),
  ];
}

function statisticsEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const unknown = async (job: string, checkpoint: number): Promise<never> => {
    await requireJob(cluster, job);
    throw handlerError(
      404,
      `Could not find checkpointing statistics for checkpoint ${checkpoint}.`,
    );
  };
  return [
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/checkpoints',
      summary: 'What is known of the checkpoints of a job.',
      parameters: { jobid: jobId },
      answer: checkpointingStatistics,
      async handle({ path }) {
        await requireJob(cluster, path.jobid);
        return NO_STATISTICS;
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/checkpoints/config',
      summary: 'How a job takes checkpoints.',
      parameters: { jobid: jobId },
      answer: checkpointConfigInfo,
      async handle({ path }) {
        await requireJob(cluster, path.jobid);
        return NO_CHECKPOINTING;
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/checkpoints/details/:checkpointid',
      summary: 'One checkpoint.',
      parameters: { jobid: jobId, checkpointid: checkpointId },
      answer: shape.anything,
      handle: ({ path }) => unknown(path.jobid, path.checkpointid),
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid',
      summary: 'The part of a vertex in one checkpoint.',
      parameters: { jobid: jobId, checkpointid: checkpointId, vertexid: vertexId },
      answer: shape.anything,
      handle: ({ path }) => unknown(path.jobid, path.checkpointid),
    }),
  ];
}

/** Fails when the job is not there, and else because there are no checkpoints. */
async function impossible(cluster: RestCluster, id: string, what: string): Promise<never> {
  const job = await findJob(cluster, id);
  if (job === undefined) throw new EngineError('JOB_NOT_FOUND', { jobId: id });
  throw new EngineError('CHECKPOINT_UNSUPPORTED', { what, jobId: id });
}

function savepointEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const operations = operationsOf<{ readonly location: string }>(cluster);
  const start = (job: string, given: string | null | undefined, what: string) => {
    const id = given ?? cluster.newId();
    operations.start(`${job}/${id}`, () => impossible(cluster, job, what));
    return { 'request-id': id };
  };
  return [
    endpoint({
      method: 'POST',
      path: '/jobs/:jobid/savepoints',
      summary: 'Takes a savepoint of a job, and cancels it if that is wanted.',
      parameters: { jobid: jobId },
      body: { format: 'SavepointTriggerRequestBody', shape: savepointBody },
      status: 202,
      audit: 'trigger a savepoint',
      answer: triggered,
      handle({ path, body }) {
        requireDirectory(body['target-directory'], 'target-directory');
        return start(path.jobid, body.triggerId, 'savepoint');
      },
    }),
    endpoint({
      method: 'POST',
      path: '/jobs/:jobid/stop',
      summary: 'Stops a job with a savepoint.',
      parameters: { jobid: jobId },
      body: { format: 'StopWithSavepointRequestBody', shape: stopBody },
      status: 202,
      audit: 'stop a job with a savepoint',
      answer: triggered,
      handle({ path, body }) {
        requireDirectory(body.targetDirectory, 'targetDirectory');
        return start(path.jobid, body.triggerId, 'savepoint for the stop');
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/savepoints/:triggerid',
      summary: 'How a savepoint that was triggered went.',
      parameters: { jobid: jobId, triggerid: triggerId },
      answer: asyncAnswer(object({ location: text })),
      handle: ({ path }) => {
        const found = operations.find(`${path.jobid}/${path.triggerid}`);
        if (found === undefined) throw noOperation('savepoint', path.triggerid, path.jobid);
        return outcomeOf(found.outcome);
      },
    }),
  ];
}

function triggerCheckpointEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const operations = operationsOf<{ readonly checkpointId: number | bigint }>(cluster);
  return [
    endpoint({
      method: 'POST',
      path: '/jobs/:jobid/checkpoints',
      summary: 'Takes a checkpoint of a job.',
      parameters: { jobid: jobId },
      body: { format: 'CheckpointTriggerRequestBody', shape: checkpointBody },
      status: 202,
      audit: 'trigger a checkpoint',
      answer: triggered,
      handle({ path, body }) {
        const id = body.triggerId ?? cluster.newId();
        operations.start(`${path.jobid}/${id}`, () =>
          impossible(cluster, path.jobid, 'checkpoint'),
        );
        return { 'request-id': id };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/checkpoints/:triggerid',
      summary: 'How a checkpoint that was triggered went.',
      parameters: { jobid: jobId, triggerid: triggerId },
      answer: checkpointAnswer,
      handle({ path }) {
        const found = operations.find(`${path.jobid}/${path.triggerid}`);
        if (found === undefined) throw noOperation('checkpoint', path.triggerid, path.jobid);
        return checkpointOutcomeOf(found.outcome);
      },
    }),
  ];
}

function disposalEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const operations = operationsOf<{}>(cluster);
  return [
    endpoint({
      method: 'POST',
      path: '/savepoint-disposal',
      summary: 'Deletes a savepoint.',
      body: {
        format: 'SavepointDisposalRequest',
        shape: object({ 'savepoint-path': absent(text) }),
      },
      audit: 'dispose of a savepoint',
      answer: triggered,
      handle({ body }) {
        const path = body['savepoint-path'];
        if (typeof path !== 'string') {
          throw handlerError(400, 'Field savepoint-path must not be omitted or be null.');
        }
        const id = cluster.newId();
        operations.start(id, () => {
          throw new EngineError('SAVEPOINT_NOT_FOUND', { path });
        });
        return { 'request-id': id };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/savepoint-disposal/:triggerid',
      summary: 'How the deletion of a savepoint went.',
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

function operationsOf<T>(cluster: RestCluster): AsyncOperations<T> {
  return new AsyncOperations<T>(cluster.clock, cluster.keepOperations);
}

function requireDirectory(given: string | null | undefined, field: string): void {
  if (typeof given === 'string') return;
  const unset = 'Config key [execution.checkpointing.savepoint-dir] is not set.';
  throw handlerError(400, `${unset} Property [${field}] must be provided.`);
}

function noOperation(what: string, trigger: string, job: string): ReturnType<typeof handlerError> {
  const message = `There is no ${what} operation with triggerId=${trigger} for job ${job}.`;
  return handlerError(404, message);
}
