/** Jobs as a list, and one job: how it stands, what it is made of, how it ended. */
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { ErrorData } from '../../base/errors.ts';
import type { Gateway } from '../../protocol/service.ts';
import type { DispatcherService } from '../../protocol/dispatcher-service.ts';
import { isTerminal } from '../../protocol/job-status.ts';
import type { TerminalJobStatus } from '../../protocol/job-status.ts';
import { findJob, requireJob } from '../cluster.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { flag, jobId, text as textParameter, whole } from '../parameters.ts';
import { redact } from '../redaction.ts';
import { handlerError, serverError } from '../rest-error.ts';
import * as shape from '../shape.ts';
import { failureCause, failureCauseOf } from '../views/async-answer.ts';
import { rootExceptionInfo, rootExceptionOf, withinLimit } from '../views/failures.ts';
import { jobDetailsInfo, jobDetailsOf } from '../views/job-details.ts';
import { jobOverview, jobOverviewOf } from '../views/job-overview.ts';
import { javaAccumulator } from '../views/java-value.ts';
import { planInfo, planInfoOf } from '../views/plan.ts';
import { shownStatus } from '../views/states.ts';

const { boolean, integer, list, object, optional, record, text } = shape;

/** Failures that are shown if the client does not say how many. */
const EXCEPTIONS_SHOWN = 20;

const APPLICATION_STATUS = {
  FINISHED: 'SUCCEEDED',
  CANCELED: 'CANCELED',
  FAILED: 'FAILED',
} as const satisfies Record<TerminalJobStatus, string>;

const executionResult = object({
  status: object({ id: shape.choice(['IN_PROGRESS', 'COMPLETED']) }),
  'job-execution-result': optional(
    object({
      id: text,
      name: text,
      'application-id': text,
      'application-status': shape.choice(['SUCCEEDED', 'FAILED', 'CANCELED', 'UNKNOWN']),
      'accumulator-results': record(text),
      'net-runtime': integer,
      'start-time': integer,
      'end-time': integer,
      'failure-cause': optional(failureCause),
      /** For clients of our own. */
      status: text,
      accumulators: list(object({ operator: text, name: text, value: shape.number })),
      error: optional(shape.anything),
    }),
  ),
});

const olderException = object({
  exception: text,
  task: text,
  location: text,
  endpoint: text,
  timestamp: integer,
  taskManagerId: text,
});

export function jobEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [...listEndpoints(cluster), ...stateEndpoints(cluster), ...describingEndpoints(cluster)];
}

function listEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/jobs',
      summary: 'All jobs and their status.',
      answer: object({ jobs: list(object({ id: text, status: text })) }),
      async handle() {
        const jobs = await (await cluster.dispatcher()).requestMultipleJobDetails({});
        return {
          jobs: jobs.map((job) => ({ id: job.jobId, status: shownStatus(job.status) })),
        };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/overview',
      summary: 'All jobs with their times and the states of their tasks.',
      answer: object({ jobs: list(jobOverview) }),
      async handle() {
        const jobs = await (await cluster.dispatcher()).requestMultipleJobDetails({});
        return { jobs: jobs.map((job) => jobOverviewOf(job, cluster.clock.now())) };
      },
    }),
  ];
}

function stateEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid',
      summary: 'A job with its vertices and what they have counted.',
      parameters: { jobid: jobId },
      answer: jobDetailsInfo,
      handle: async ({ path }) =>
        jobDetailsOf(await requireJob(cluster, path.jobid), cluster.clock.now()),
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/status',
      summary: 'The status of a job.',
      parameters: { jobid: jobId },
      answer: object({ status: text }),
      async handle({ path }) {
        const job = await findJob(cluster, path.jobid);
        if (job === undefined) throw unknownJob(path.jobid);
        return { status: shownStatus(job.status) };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/execution-result',
      summary: 'How a job has ended.',
      parameters: { jobid: jobId },
      answer: executionResult,
      handle: ({ path }) => resultOf(cluster, path.jobid),
    }),
    exceptionsEndpoint(cluster),
  ];
}

function exceptionsEndpoint(cluster: RestCluster): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/jobs/:jobid/exceptions',
    summary: 'What went wrong in a job, newest first.',
    parameters: { jobid: jobId },
    query: {
      maxExceptions: whole('How many failures are shown.'),
      failureLabelFilter: textParameter('Labels as key:value; no failure has any here.'),
    },
    answer: object({
      exceptionHistory: object({ entries: list(rootExceptionInfo), truncated: boolean }),
      // What clients of Flink 1.20 look at.
      'root-exception': shape.nullable(text),
      timestamp: shape.nullable(integer),
      'all-exceptions': list(olderException),
      truncated: boolean,
    }),
    async handle({ path, query }) {
      const { failures, failuresTruncated } = await requireJob(cluster, path.jobid);
      const shown = query.maxExceptions?.[0] ?? EXCEPTIONS_SHOWN;
      const labelled = query.failureLabelFilter === undefined ? failures : [];
      const newestFirst = [...labelled].reverse().slice(0, shown);
      const { entries, cut } = withinLimit(newestFirst.map(rootExceptionOf));
      const truncated = failuresTruncated || cut || entries.length < labelled.length;
      const [newest] = entries;
      return {
        exceptionHistory: { entries, truncated },
        'root-exception': newest?.stacktrace ?? null,
        timestamp: newest?.timestamp ?? null,
        'all-exceptions': entries.map((entry) => ({
          exception: entry.stacktrace,
          task: entry.taskName ?? '(unassigned)',
          location: entry.endpoint ?? '(unassigned)',
          endpoint: entry.endpoint ?? '(unassigned)',
          timestamp: entry.timestamp,
          taskManagerId: entry.taskManagerId ?? '(unassigned)',
        })),
        truncated,
      };
    },
  });
}

function describingEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/plan',
      summary: 'The vertices of a job and how they are joined.',
      parameters: { jobid: jobId },
      answer: object({ plan: planInfo }),
      async handle({ path }) {
        const { name, jobType, graph } = await requireJob(cluster, path.jobid);
        return { plan: planInfoOf(path.jobid, name, jobType, graph) };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/jobs/:jobid/config',
      summary: 'Settings and parameters of a job, without secrets.',
      parameters: { jobid: jobId },
      audit: 'read the settings of a job',
      answer: object({
        jid: text,
        name: text,
        'execution-config': object({
          'restart-strategy': text,
          'job-parallelism': integer,
          'object-reuse-mode': boolean,
          'user-config': record(text),
        }),
      }),
      async handle({ path }) {
        const job = await requireJob(cluster, path.jobid);
        const parameters = Object.entries(job.graph?.parameters ?? {});
        const shown = redact(Object.fromEntries([...parameters, ...settingsOf(job)]));
        const texts = Object.entries(shown as object).map(([key, value]) => [key, textOf(value)]);
        return {
          jid: job.jobId,
          name: job.name,
          'execution-config': {
            'restart-strategy': job.restartStrategy,
            'job-parallelism': job.parallelism,
            // Records are immutable, and handed on without a copy.
            'object-reuse-mode': true,
            'user-config': Object.fromEntries(texts) as Record<string, string>,
          },
        };
      },
    }),
    accumulatorsEndpoint(cluster),
  ];
}

function accumulatorsEndpoint(cluster: RestCluster): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/jobs/:jobid/accumulators',
    summary: 'What the functions of a job have counted.',
    parameters: { jobid: jobId },
    query: { includeSerializedValue: flag('Also in the form that clients in Java read.') },
    answer: object({
      'job-accumulators': list(shape.anything),
      'user-task-accumulators': list(object({ name: text, type: text, value: text })),
      'serialized-user-task-accumulators': record(text),
    }),
    async handle({ path, query }) {
      const sums = sumsOf((await requireJob(cluster, path.jobid)).accumulators);
      const isSerialized = query.includeSerializedValue?.[0] === true;
      return {
        'job-accumulators': [],
        'user-task-accumulators': [...sums].map(([name, value]) => ({
          ...{ name, type: 'LongCounter', value: String(value) },
        })),
        'serialized-user-task-accumulators': isSerialized ? serialized(sums) : {},
      };
    },
  });
}

/** By name, over all operators. */
function sumsOf(accumulators: Ended['accumulators']): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { name, value } of accumulators) sums.set(name, (sums.get(name) ?? 0) + value);
  return sums;
}

function serialized(sums: ReadonlyMap<string, number>): Record<string, string> {
  return Object.fromEntries([...sums].map(([name, value]) => [name, javaAccumulator(value)]));
}

function settingsOf(job: {
  readonly configuration: Readonly<Record<string, string>>;
}): readonly (readonly [string, string])[] {
  return Object.entries(job.configuration);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

type Result = shape.TypeOf<typeof executionResult>;

async function resultOf(cluster: RestCluster, id: string): Promise<Result> {
  const job = await findJob(cluster, id);
  if (job === undefined) return storedResultOf(await cluster.dispatcher(), id);
  const { status, name, startTime, endTime, accumulators, failures } = job;
  if (!isTerminal(status)) return { status: { id: 'IN_PROGRESS' } };
  return completed({
    ...{ id, name, status, startTime, endTime },
    accumulators,
    runtimeMillis: endTime - startTime,
    error: status === 'FAILED' ? failures.at(-1)?.error : undefined,
  });
}

/** Of a job that the Dispatcher has forgotten but for its result. */
async function storedResultOf(dispatcher: Gateway<DispatcherService>, id: string): Promise<Result> {
  try {
    const result = await dispatcher.requestJobResult({ jobId: id });
    return completed({ ...result, id, name: id, startTime: -1, endTime: -1 });
  } catch (thrown) {
    if (!isEngineError(thrown, 'JOB_NOT_FOUND')) throw thrown;
    throw handlerError(404, `${FLINK_JOB_NOT_FOUND}: Could not find Flink job (${id})`);
  }
}

interface Ended {
  readonly id: string;
  readonly name: string;
  readonly status: TerminalJobStatus;
  readonly startTime: number;
  readonly endTime: number;
  readonly runtimeMillis: number;
  readonly accumulators: readonly {
    readonly operator: string;
    readonly name: string;
    readonly value: number;
  }[];
  readonly error: ErrorData | undefined;
}

function completed(ended: Ended): Result {
  const { id, name, status, startTime, endTime, error } = ended;
  return {
    status: { id: 'COMPLETED' },
    'job-execution-result': {
      ...{ id, name, status },
      'application-id': id,
      'application-status': APPLICATION_STATUS[status],
      'accumulator-results': serialized(sumsOf(ended.accumulators)),
      'net-runtime': Math.round(ended.runtimeMillis),
      'start-time': startTime,
      'end-time': endTime,
      accumulators: ended.accumulators.map(({ operator, name: counter, value }) => ({
        ...{ operator, name: counter, value },
      })),
      ...(error === undefined
        ? {}
        : { 'failure-cause': failureCauseOf(EngineError.fromData(error)), error: redact(error) }),
    },
  };
}

const FLINK_JOB_NOT_FOUND = 'org.apache.flink.runtime.messages.FlinkJobNotFoundException';

function unknownJob(id: string): ReturnType<typeof serverError> {
  return serverError(FLINK_JOB_NOT_FOUND, `Could not find Flink job (${id})`);
}
