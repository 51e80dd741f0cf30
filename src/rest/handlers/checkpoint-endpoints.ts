/** Checkpoints and savepoints: what is known of them, and how they are triggered. */
import { CheckpointingOptions } from '../../config/options/checkpointing-options.ts';
import type { CheckpointRecord } from '../../protocol/checkpoint-statistics.ts';
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
  checkpointConfigOf,
  NO_CHECKPOINTING,
} from '../views/checkpoint-config-info.ts';
import { vertexCheckpoint, vertexCheckpointOf } from '../views/checkpoint-of-vertex.ts';
import {
  checkpointInfo,
  checkpointInfoOf,
  checkpointingStatistics,
  checkpointingStatisticsOf,
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
  return [
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/checkpoints',
      summary: 'What is known of the checkpoints of a job.',
      parameters: { jobid: jobId },
      answer: checkpointingStatistics,
      async handle({ path }) {
        const { checkpoints } = await requireJob(cluster, path.jobid);
        return checkpoints === undefined ? NO_STATISTICS : checkpointingStatisticsOf(checkpoints);
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/checkpoints/config',
      summary: 'How a job takes checkpoints.',
      parameters: { jobid: jobId },
      answer: checkpointConfigInfo,
      async handle({ path }) {
        const { checkpoints } = await requireJob(cluster, path.jobid);
        if (checkpoints === undefined) return NO_CHECKPOINTING;
        return checkpointConfigOf(checkpoints.settings);
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/checkpoints/details/:checkpointid',
      summary: 'One checkpoint.',
      parameters: { jobid: jobId, checkpointid: checkpointId },
      answer: checkpointInfo,
      handle: async ({ path }) =>
        checkpointInfoOf(await recordOf(cluster, path.jobid, path.checkpointid)),
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid',
      summary: 'The part of a vertex in one checkpoint.',
      parameters: { jobid: jobId, checkpointid: checkpointId, vertexid: vertexId },
      answer: vertexCheckpoint,
      async handle({ path }) {
        const known = await recordOf(cluster, path.jobid, path.checkpointid);
        const task = known.tasks.find(({ vertex }) => vertex === path.vertexid);
        if (task !== undefined) return vertexCheckpointOf(known, task);
        const where = `for task ${path.vertexid} in checkpoint ${path.checkpointid}`;
        throw handlerError(404, `There is no checkpoint statistics ${where}.`);
      },
    }),
  ];
}

async function recordOf(cluster: RestCluster, job: string, id: number): Promise<CheckpointRecord> {
  const { checkpoints } = await requireJob(cluster, job);
  const known = [
    ...(checkpoints?.history ?? []),
    checkpoints?.latestCompleted,
    checkpoints?.latestSavepoint,
    checkpoints?.latestFailed,
  ].find((record) => record?.checkpointId === id);
  if (known !== undefined) return known;
  throw handlerError(404, `Could not find checkpointing statistics for checkpoint ${id}.`);
}

interface TriggeredSavepoint {
  readonly jobId: string;
  readonly triggerId: string | null | undefined;
  readonly directory: string | null | undefined;
  /** The field that names the folder, for who leaves it out. */
  readonly field: string;
  readonly formatType: (typeof FORMATS)[number] | null | undefined;
  readonly stop: 'drain' | 'suspend' | undefined;
  readonly cancel: boolean;
}

function savepointEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const operations = operationsOf<{ readonly location: string }>(cluster);
  const start = async (given: TriggeredSavepoint): Promise<{ readonly 'request-id': string }> => {
    const { jobId, stop, cancel } = given;
    const directory = given.directory ?? undefined;
    if (directory === undefined) await requireDefaultDirectory(cluster, given);
    const format = given.formatType === 'NATIVE' ? 'native' : 'canonical';
    const id = given.triggerId ?? cluster.newId();
    operations.start(`${jobId}/${id}`, async () => {
      const dispatcher = await cluster.dispatcher();
      const { location } = await dispatcher.triggerSavepoint({ jobId, directory, format, stop });
      if (cancel) await dispatcher.cancelJob({ jobId });
      return { location };
    });
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
      handle: ({ path, body }) =>
        start({
          jobId: path.jobid,
          ...{ directory: body['target-directory'], field: 'target-directory', stop: undefined },
          ...{ triggerId: body.triggerId, formatType: body.formatType },
          cancel: body['cancel-job'] ?? false,
        }),
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
      handle: ({ path, body }) =>
        start({
          jobId: path.jobid,
          ...{ directory: body.targetDirectory, field: 'targetDirectory', cancel: false },
          ...{ triggerId: body.triggerId, formatType: body.formatType },
          stop: body.drain === true ? 'drain' : 'suspend',
        }),
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
        const full = body.checkpointType === 'FULL';
        operations.start(`${path.jobid}/${id}`, async () => {
          const dispatcher = await cluster.dispatcher();
          const { checkpointId: taken } = await dispatcher.triggerCheckpoint({
            ...{ jobId: path.jobid, full },
          });
          return { checkpointId: taken };
        });
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
        operations.start(id, async () => {
          const dispatcher = await cluster.dispatcher();
          await dispatcher.disposeSavepoint({ path });
          return {};
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

/** @throws RestError where neither the cluster nor the job names a folder for savepoints */
async function requireDefaultDirectory(
  cluster: RestCluster,
  { jobId: id, field }: TriggeredSavepoint,
): Promise<void> {
  const ofCluster = cluster.configuration.get(CheckpointingOptions.savepointDirectory);
  if (ofCluster !== undefined) return;
  const job = await findJob(cluster, id);
  if (job?.configuration[CheckpointingOptions.savepointDirectory.key] !== undefined) return;
  const unset = 'Config key [execution.checkpointing.savepoint-dir] is not set.';
  throw handlerError(400, `${unset} Property [${field}] must be provided.`);
}

function noOperation(what: string, trigger: string, job: string): ReturnType<typeof handlerError> {
  const message = `There is no ${what} operation with triggerId=${trigger} for job ${job}.`;
  return handlerError(404, message);
}
