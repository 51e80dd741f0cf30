/** Files and threads of a TaskManager, asked of it by way of the ResourceManager. */
import { isEngineError } from '../../base/errors.ts';
import type { FileList, FilePiece } from '../../protocol/process-files.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint, rawEndpoint } from '../endpoint.ts';
import type { Endpoint, RawAnswer } from '../endpoint.ts';
import { fileName, taskManagerId } from '../parameters.ts';
import { piecesOf } from '../process-view.ts';
import { handlerError, serverError } from '../rest-error.ts';
import { logList, logListOf, threadDump, threadDumpOf } from './job-manager-endpoints.ts';

const TASK_MANAGER = '/taskmanagers/:taskmanagerid';
const TEXT = 'text/plain; charset=UTF-8';

export function taskManagerFileEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const parameters = { taskmanagerid: taskManagerId } as const;
  const text = { method: 'GET', produces: 'text/plain' } as const;
  return [
    endpoint({
      method: 'GET',
      path: `${TASK_MANAGER}/logs`,
      summary: 'The files that a TaskManager writes.',
      parameters,
      answer: logList,
      handle: async ({ path }) => logListOf((await filesOf(cluster, path.taskmanagerid)).files),
    }),
    rawEndpoint({
      ...text,
      path: `${TASK_MANAGER}/logs/:name`,
      summary: 'One of these files.',
      parameters: { ...parameters, name: fileName },
      handle: ({ path }) => taskManagerFile(cluster, path.taskmanagerid, path.name),
    }),
    ...(['log', 'stdout'] as const).map((kind) =>
      rawEndpoint({
        ...text,
        path: `${TASK_MANAGER}/${kind}`,
        summary: kind === 'log' ? 'The log of a TaskManager.' : 'What jobs have printed there.',
        parameters,
        async handle({ path }) {
          const { logName, stdoutName, files } = await filesOf(cluster, path.taskmanagerid);
          const name = kind === 'log' ? logName : stdoutName;
          if (files.some((each) => each.name === name)) {
            return taskManagerFile(cluster, path.taskmanagerid, name!);
          }
          const body = `The file ${kind.toUpperCase()} does not exist on the TaskExecutor. \n`;
          return { contentType: TEXT, body };
        },
      }),
    ),
    endpoint({
      method: 'GET',
      path: `${TASK_MANAGER}/thread-dump`,
      summary: 'What the threads of a TaskManager do, as far as it can tell.',
      parameters,
      answer: threadDump,
      async handle({ path }) {
        const resourceManager = await cluster.resourceManager();
        const { threads } = await known(path.taskmanagerid, () =>
          resourceManager.requestTaskManagerThreads({ taskExecutorId: path.taskmanagerid }),
        );
        return threadDumpOf(threads);
      },
    }),
  ];
}

async function filesOf(cluster: RestCluster, taskExecutorId: string): Promise<FileList> {
  const resourceManager = await cluster.resourceManager();
  return known(taskExecutorId, () => resourceManager.requestTaskManagerFiles({ taskExecutorId }));
}

export async function taskManagerFile(
  cluster: RestCluster,
  id: string,
  name: string,
  isProfile = false,
): Promise<RawAnswer> {
  const resourceManager = await cluster.resourceManager();
  const read = async (offset: number): Promise<FilePiece | undefined> => {
    const request = { taskExecutorId: id, isProfile, name, offset };
    return (await known(id, () => resourceManager.requestTaskManagerFile(request))).piece;
  };
  const first = await read(0);
  if (first === undefined) {
    const what = `Failed to transfer file from TaskExecutor ${id}.`;
    throw serverError('org.apache.flink.util.FlinkException', what);
  }
  return { contentType: TEXT, body: piecesOf(first, read) };
}

/** @throws RestError 404 in the words of Flink */
export async function known<T>(id: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (thrown) {
    if (!isEngineError(thrown, 'TASK_EXECUTOR_UNKNOWN')) throw thrown;
    throw handlerError(404, `Could not find TaskExecutor ${id}`);
  }
}
