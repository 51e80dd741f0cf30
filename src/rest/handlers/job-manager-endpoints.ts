/** The JobManager's process: its settings, files and threads; the same under each job's path. */
import type { Configuration } from '../../config/configuration.ts';
import type { ListedFile, ThreadInfo } from '../../protocol/process-files.ts';
import { requireJob } from '../cluster.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint, rawEndpoint } from '../endpoint.ts';
import type { Endpoint, RawAnswer } from '../endpoint.ts';
import { applicationId, fileName, jobId, taskManagerId } from '../parameters.ts';
import { piecesOf } from '../process-view.ts';
import { redactText } from '../../base/redact-text.ts';
import { redactValue } from '../redaction.ts';
import { RestError } from '../rest-error.ts';
import { integer, list, named, object, text } from '../shape.ts';
import type { Shape } from '../shape.ts';

interface ConfigEntry {
  readonly key: string;
  readonly value: string;
}

interface LogList {
  readonly logs: readonly {
    readonly name: string;
    readonly size: number | bigint;
    readonly mtime: number | bigint;
  }[];
}

interface ThreadDump {
  readonly threadInfos: readonly {
    readonly threadName: string;
    readonly stringifiedThreadInfo: string;
  }[];
}

const configEntries = list(object({ key: text, value: text }));

export const logList: Shape<LogList> = named(
  'LogListInfo',
  object({ logs: list(object({ name: text, size: integer, mtime: integer })) }),
);

export const threadDump: Shape<ThreadDump> = named(
  'ThreadDumpInfo',
  object({ threadInfos: list(object({ threadName: text, stringifiedThreadInfo: text })) }),
);

const environment = object({
  jvm: object({ version: text, arch: text, options: list(text) }),
  classpath: list(text),
});

export function jobManagerEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    ...configEndpoints(cluster),
    ...fileEndpoints(cluster),
    endpoint({
      method: 'GET',
      path: '/jobmanager/thread-dump',
      summary: 'What the threads of the JobManager do, as far as it can tell.',
      answer: threadDump,
      handle: async () => threadDumpOf(await cluster.process.threads()),
    }),
    ...logUrlEndpoints(cluster),
  ];
}

function configEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const config = {
    method: 'GET',
    summary: 'The settings of the JobManager, without secrets.',
    audit: 'read the settings of the cluster',
    answer: configEntries,
  } as const;
  const { environment: env } = cluster.process;
  const shownEnvironment = {
    jvm: {
      version: `Node.js ${env.version}`,
      arch: env.architecture,
      options: env.options.map(redactText),
    },
    classpath: [],
  };
  const environments = { method: 'GET', summary: 'How the JobManager was started.' } as const;
  return [
    endpoint({
      ...config,
      path: '/jobmanager/config',
      handle: () => shownConfiguration(cluster.configuration),
    }),
    endpoint({
      ...config,
      path: '/jobs/:jobid/jobmanager/config',
      parameters: { jobid: jobId },
      handle: () => shownConfiguration(cluster.configuration),
    }),
    endpoint({
      ...config,
      path: '/applications/:applicationid/jobmanager/config',
      parameters: { applicationid: applicationId },
      handle: () => shownConfiguration(cluster.configuration),
    }),
    endpoint({
      ...environments,
      path: '/jobmanager/environment',
      answer: environment,
      handle: () => shownEnvironment,
    }),
    endpoint({
      ...environments,
      path: '/jobs/:jobid/jobmanager/environment',
      parameters: { jobid: jobId },
      answer: environment,
      handle: () => shownEnvironment,
    }),
  ];
}

function shownConfiguration(configuration: Configuration): readonly ConfigEntry[] {
  return Object.entries(configuration.toRecord()).map(([key, value]) => ({
    key,
    value: redactValue(key, value),
  }));
}

function fileEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const { process } = cluster;
  const named = { method: 'GET', produces: 'text/plain' } as const;
  return [
    endpoint({
      method: 'GET',
      path: '/jobmanager/logs',
      summary: 'The files that the JobManager writes.',
      answer: logList,
      handle: async () => logListOf(await process.files()),
    }),
    rawEndpoint({
      ...named,
      path: '/jobmanager/logs/:name',
      summary: 'One of these files.',
      parameters: { name: fileName },
      handle: ({ path }) => fileAnswer(cluster, path.name),
    }),
    rawEndpoint({
      ...named,
      path: '/jobmanager/log',
      summary: 'The log of the JobManager.',
      handle: () => fileAnswer(cluster, process.logName),
    }),
    rawEndpoint({
      ...named,
      path: '/jobmanager/stdout',
      summary: 'What the JobManager has written to its standard output.',
      handle: () => fileAnswer(cluster, process.stdoutName),
    }),
  ];
}

async function fileAnswer({ process }: RestCluster, name: string | undefined): Promise<RawAnswer> {
  const first = name === undefined ? undefined : await process.read(name, 0);
  if (name === undefined || first === undefined) {
    throw new RestError(404, ['This file does not exist in JobManager log dir.']);
  }
  const body = piecesOf(first, (offset) => process.read(name, offset));
  return { contentType: 'text/plain; charset=UTF-8', body };
}

function logUrlEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const answer = object({ url: text });
  return [
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/jobmanager/log-url',
      summary: 'Where the log of the JobManager can be read.',
      parameters: { jobid: jobId },
      answer,
      async handle({ path }) {
        await requireJob(cluster, path.jobid);
        return { url: `${cluster.url}/#/job-manager/logs` };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/taskmanagers/:taskmanagerid/log-url',
      summary: 'Where the log of a TaskManager can be read.',
      parameters: { jobid: jobId, taskmanagerid: taskManagerId },
      answer,
      async handle({ path }) {
        await requireJob(cluster, path.jobid);
        const id = encodeURIComponent(path.taskmanagerid);
        return { url: `${cluster.url}/#/task-manager/${id}/logs` };
      },
    }),
  ];
}

export function logListOf(files: readonly ListedFile[]): LogList {
  return { logs: files.map(({ name, size, modified }) => ({ name, size, mtime: modified })) };
}

export function threadDumpOf(threads: readonly ThreadInfo[]): ThreadDump {
  return {
    threadInfos: threads.map(({ name, info }) => ({
      threadName: name,
      stringifiedThreadInfo: redactText(info),
    })),
  };
}
