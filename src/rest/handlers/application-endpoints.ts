/** Applications, which Flink puts around jobs: each job is one of its own, with the job's id. */
import { isTerminal } from '../../protocol/job-status.ts';
import type { JobStatus } from '../../protocol/job-status.ts';
import type { JobSummary } from '../../protocol/execution-graph-info.ts';
import { findJob } from '../cluster.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { applicationId } from '../parameters.ts';
import { handlerError, serverError } from '../rest-error.ts';
import { integer, list, object, record, text } from '../shape.ts';
import { errorText, exceptionName } from '../views/failures.ts';
import { jobOverview, jobOverviewOf } from '../views/job-overview.ts';
import { shownStatus } from '../views/states.ts';

const parameters = { applicationid: applicationId } as const;

const overview = {
  id: text,
  name: text,
  'start-time': integer,
  'end-time': integer,
  duration: integer,
  status: text,
};

export function applicationEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [...overviewEndpoints(cluster), ...endEndpoints(cluster)];
}

function overviewEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/applications/overview',
      summary: 'All applications.',
      answer: object({
        applications: list(object({ ...overview, jobs: record(integer) })),
      }),
      async handle() {
        const jobs = await (await cluster.dispatcher()).requestMultipleJobDetails({});
        const now = cluster.clock.now();
        return {
          applications: jobs.map((job) => ({
            ...overviewOf(job, now),
            jobs: { [shownStatus(job.status)]: 1 },
          })),
        };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/applications/:applicationid',
      summary: 'An application and its jobs.',
      parameters,
      answer: object({ ...overview, timestamps: record(integer), jobs: list(jobOverview) }),
      async handle({ path }) {
        const now = cluster.clock.now();
        const job = await requireSummary(cluster, path.applicationid);
        return {
          ...overviewOf(job, now),
          timestamps: await timestampsOf(cluster, job),
          jobs: [jobOverviewOf(job, now)],
        };
      },
    }),
  ];
}

function endEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/applications/:applicationid/exceptions',
      summary: 'Why an application has failed.',
      parameters,
      answer: object({
        exceptionHistory: object({
          entries: list(
            object({ exceptionName: text, stacktrace: text, timestamp: integer, jobId: text }),
          ),
        }),
      }),
      async handle({ path }) {
        const { status } = await requireSummary(cluster, path.applicationid);
        const job = await findJob(cluster, path.applicationid);
        const last = status === 'FAILED' ? job?.failures.at(-1) : undefined;
        if (last === undefined) return { exceptionHistory: { entries: [] } };
        const entry = {
          exceptionName: exceptionName(last.error),
          stacktrace: errorText(last.error),
          timestamp: last.timestamp,
          jobId: path.applicationid,
        };
        return { exceptionHistory: { entries: [entry] } };
      },
    }),
    endpoint({
      method: 'POST',
      path: '/applications/:applicationid/cancel',
      summary: 'Cancels an application.',
      parameters,
      status: 202,
      audit: 'cancel an application',
      answer: object({}),
      async handle({ path }) {
        const job = await findJob(cluster, path.applicationid);
        if (job === undefined || isTerminal(job.status)) {
          throw handlerError(404, 'Application could not be found.');
        }
        await (await cluster.dispatcher()).cancelJob({ jobId: path.applicationid });
        return {};
      },
    }),
  ];
}

async function requireSummary(cluster: RestCluster, id: string): Promise<JobSummary> {
  const jobs = await (await cluster.dispatcher()).requestMultipleJobDetails({});
  const job = jobs.find(({ jobId }) => jobId === id);
  if (job !== undefined) return job;
  throw serverError(
    'org.apache.flink.runtime.messages.FlinkApplicationNotFoundException',
    `Could not find Flink application (${id})`,
  );
}

function overviewOf(job: JobSummary, now: number) {
  return {
    id: job.jobId,
    name: `SingleJobApplication(${job.name})`,
    'start-time': job.startTime,
    'end-time': job.endTime,
    duration: Math.max((job.endTime < 0 ? now : job.endTime) - job.startTime, 0),
    status: applicationStatus(job.status),
  };
}

/** Flink spells this one otherwise. */
function applicationStatus(status: JobStatus): string {
  switch (status) {
    case 'INITIALIZING':
      return 'CREATED';
    case 'CANCELLING':
      return 'CANCELING';
    case 'FAILING':
    case 'FAILED':
    case 'FINISHED':
    case 'CANCELED':
      return status;
    case 'CREATED':
    case 'RUNNING':
    case 'RESTARTING':
    case 'COMMITTING':
      return 'RUNNING';
  }
}

async function timestampsOf(
  cluster: RestCluster,
  summary: JobSummary,
): Promise<Readonly<Record<string, number>>> {
  const times = (await findJob(cluster, summary.jobId))?.statusTimestamps ?? {};
  return {
    CREATED: times.INITIALIZING ?? summary.startTime,
    RUNNING: times.RUNNING ?? 0,
    FAILING: times.FAILING ?? 0,
    FAILED: times.FAILED ?? 0,
    CANCELING: times.CANCELLING ?? 0,
    CANCELED: times.CANCELED ?? 0,
    FINISHED: times.FINISHED ?? 0,
  };
}
