/** Profiles of processes, taken on demand: of the JobManager and of TaskManagers. */
import { isEngineError } from '../../base/errors.ts';
import { ProfilingOptions } from '../../config/options/profiling-options.ts';
import type { ProfilingInfo, ProfilingMode, ProfilingRequest } from '../../protocol/profiling.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint, rawEndpoint } from '../endpoint.ts';
import type { Endpoint, RawAnswer } from '../endpoint.ts';
import { fileName, taskManagerId } from '../parameters.ts';
import { piecesOf } from '../process-view.ts';
import { handlerError, RestError } from '../rest-error.ts';
import * as shape from '../shape.ts';
import { known, taskManagerFile } from './task-manager-files.ts';

const { choice, integer, list, named, nullable, object, text } = shape;

const MODES = ['CPU', 'ITIMER', 'WALL', 'ALLOC'] as const satisfies readonly ProfilingMode[];
/** Of Flink, and without a meaning here. */
const REFUSED: Readonly<Record<string, string>> = {
  LOCK: 'Threads of this engine share no objects, and so hold no locks that one could wait for.',
};
const PROFILER = '/taskmanagers/:taskmanagerid/profiler';
const TEXT = 'application/json; charset=UTF-8';

const profilingInfo = named(
  'ProfilingInfo',
  object({
    status: choice(['RUNNING', 'FINISHED', 'FAILED']),
    mode: choice(MODES),
    triggerTime: integer,
    finishedTime: nullable(integer),
    duration: integer,
    message: nullable(text),
    outputFile: nullable(text),
    // Flink has one profile of all threads.
    thread: text,
  }),
);

const profilings = named('ProfilingInfoList', object({ profilingList: list(profilingInfo) }));

const requestBody = {
  format: 'ProfilingRequestBody',
  shape: object({ mode: text, duration: integer }),
} as const;

export function profilerEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [...ofJobManager(cluster), ...ofTaskManagers(cluster)];
}

function ofJobManager(cluster: RestCluster): readonly Endpoint[] {
  const { process } = cluster;
  const profiling = () => process.profiling ?? off();
  return [
    endpoint({
      method: 'GET',
      path: '/jobmanager/profiler',
      summary: 'The last profiles of the JobManager.',
      answer: profilings,
      handle: () => ({ profilingList: profiling().list().map(shown) }),
    }),
    endpoint({
      method: 'POST',
      path: '/jobmanager/profiler',
      summary: 'Takes a profile of each thread of the JobManager; answers that of the main one.',
      audit: 'take a profile of the JobManager',
      body: requestBody,
      answer: profilingInfo,
      async handle({ body }) {
        const request = requestOf(cluster, body);
        return shown(await begun(() => profiling().start(request, process.profiledThreads())));
      },
    }),
    rawEndpoint({
      method: 'GET',
      path: '/jobmanager/profiler/:file',
      summary: 'One of these profiles.',
      audit: 'read a profile of the JobManager',
      parameters: { file: fileName },
      produces: 'application/json',
      async handle({ path }): Promise<RawAnswer> {
        const first = await profiling().read(path.file, 0);
        if (first === undefined) throw new RestError(404, [`There is no profile ${path.file}.`]);
        const read = (offset: number) => profiling().read(path.file, offset);
        return { contentType: TEXT, body: piecesOf(first, read) };
      },
    }),
  ];
}

function ofTaskManagers(cluster: RestCluster): readonly Endpoint[] {
  const parameters = { taskmanagerid: taskManagerId } as const;
  return [
    endpoint({
      method: 'GET',
      path: PROFILER,
      summary: 'The last profiles of a TaskManager.',
      parameters,
      answer: profilings,
      async handle({ path: { taskmanagerid: taskExecutorId } }) {
        const gateway = await cluster.resourceManager();
        const answer = await begun(() =>
          known(taskExecutorId, () => gateway.requestTaskManagerProfilings({ taskExecutorId })),
        );
        return { profilingList: answer.profilings.map(shown) };
      },
    }),
    endpoint({
      method: 'POST',
      path: PROFILER,
      summary: 'Takes a profile of each slot of a TaskManager, and of its main thread.',
      audit: 'take a profile of a TaskManager',
      parameters,
      body: requestBody,
      answer: profilingInfo,
      async handle({ path: { taskmanagerid: taskExecutorId }, body }) {
        const request = { taskExecutorId, ...requestOf(cluster, body) };
        const gateway = await cluster.resourceManager();
        const start = () => gateway.startTaskManagerProfiling(request);
        return shown(await begun(() => known(taskExecutorId, start)));
      },
    }),
    rawEndpoint({
      method: 'GET',
      path: `${PROFILER}/:file`,
      summary: 'One of these profiles.',
      audit: 'read a profile of a TaskManager',
      parameters: { ...parameters, file: fileName },
      produces: 'application/json',
      async handle({ path }) {
        const file = () => taskManagerFile(cluster, path.taskmanagerid, path.file, true);
        return { ...(await begun(file)), contentType: TEXT };
      },
    }),
  ];
}

function shown(info: ProfilingInfo) {
  const { finishedTime = null, message = null, outputFile = null, ...rest } = info;
  return { ...rest, triggerTime: Math.round(rest.triggerTime), finishedTime, message, outputFile };
}

/** @throws RestError 400 */
function requestOf(
  { configuration }: RestCluster,
  body: { readonly mode: string; readonly duration: number | bigint },
): ProfilingRequest {
  const mode = MODES.find((each) => each === body.mode.toUpperCase());
  if (mode === undefined) {
    const why = REFUSED[body.mode.toUpperCase()] ?? 'There is no such mode.';
    throw handlerError(
      400,
      `The mode ${body.mode} is not supported. ${why} Use ${MODES.join(', ')}.`,
    );
  }
  const most = Math.floor(configuration.get(ProfilingOptions.durationMax) / 1000);
  const duration = Number(body.duration);
  if (duration > 0 && duration <= most) return { mode, duration };
  throw handlerError(400, `\`duration\` must be set between (0s, ${most}s].`);
}

/** @throws RestError 404 where it is off, 409 where one runs */
async function begun<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (thrown) {
    if (isEngineError(thrown, 'PROFILING_OFF')) off();
    if (isEngineError(thrown, 'PROFILING_RUNS')) throw handlerError(409, thrown.message);
    throw thrown;
  }
}

function off(): never {
  throw handlerError(
    404,
    'Profiling is off. Set rest.profiling.enabled: true in the configuration of the cluster, and start it again.',
  );
}
