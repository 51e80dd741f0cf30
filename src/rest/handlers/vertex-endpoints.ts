/** The vertices of a job, their subtasks and attempts. */
import type {
  ExecutionGraphInfo,
  ExecutionVertexInfo,
} from '../../protocol/execution-graph-info.ts';
import type { Accumulator } from '../../protocol/slot-messages.ts';
import {
  attemptsOf,
  findVertex,
  requireAttempt,
  requireJob,
  requireJobVertex,
  requireSubtask,
  requireVertex,
} from '../cluster.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { numberOf } from '../metric-view.ts';
import type { MetricMap } from '../metric-view.ts';
import { attemptNumber, jobId, subtaskIndex, vertexId, whole, word } from '../parameters.ts';
import * as shape from '../shape.ts';
import { aggregated, aggregatedOf } from '../views/aggregated.ts';
import { endpointOf, spanOfAll, subtaskDetails, subtaskDetailsOf } from '../views/attempt.ts';
import { ioMetrics, ioMetricsOf } from '../views/io-metrics.ts';
import { countStates, stateCounts, stateTimesOf, vertexState } from '../views/states.ts';

const { integer, list, number, object, optional, text } = shape;

const VERTEX = '/jobs/:jobid/vertices/:vertexid';
const parameters = { jobid: jobId, vertexid: vertexId } as const;

/** Ratios of back-pressure from which Flink speaks of low and of high. */
const LOW_RATIO = 0.1;
const HIGH_RATIO = 0.5;

const userAccumulators = list(object({ name: text, type: text, value: text }));

export function vertexEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    ...overviewEndpoints(cluster),
    ...observationEndpoints(cluster),
    ...accumulatorEndpoints(cluster),
    ...subtaskEndpoints(cluster),
  ];
}

function overviewEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: VERTEX,
      summary: 'A vertex with its subtasks.',
      parameters,
      answer: object({
        id: text,
        name: text,
        parallelism: integer,
        maxParallelism: integer,
        now: integer,
        subtasks: list(subtaskDetails),
        aggregated,
      }),
      async handle({ path }) {
        const vertex = requireJobVertex(await requireJob(cluster, path.jobid), path.vertexid);
        const now = cluster.clock.now();
        const { id, name, parallelism, maxParallelism, subtasks } = vertex;
        return {
          ...{ id, name, parallelism, maxParallelism, now },
          subtasks: subtasks.map(({ subtask, current }) => subtaskDetailsOf(subtask, current, now)),
          aggregated: aggregatedOf(attemptsOf(vertex), now),
        };
      },
    }),
    endpoint({
      method: 'GET',
      path: `${VERTEX}/subtasktimes`,
      summary: 'When each subtask entered each state.',
      parameters,
      answer: object({
        id: text,
        name: text,
        now: integer,
        subtasks: list(
          object({ subtask: integer, endpoint: text, duration: integer, timestamps: stateCounts }),
        ),
      }),
      async handle({ path }) {
        const vertex = requireVertex(await requireJob(cluster, path.jobid), path.vertexid);
        const now = cluster.clock.now();
        return { id: vertex.id, name: vertex.name, now, subtasks: timesOf(vertex, now) };
      },
    }),
    taskManagersEndpoint(cluster),
  ];
}

function taskManagersEndpoint(cluster: RestCluster): Endpoint {
  return endpoint({
    method: 'GET',
    path: `${VERTEX}/taskmanagers`,
    summary: 'A vertex by the TaskManagers in which its subtasks run.',
    parameters,
    answer: object({
      id: text,
      name: text,
      now: integer,
      taskmanagers: list(
        object({
          endpoint: text,
          status: text,
          'start-time': integer,
          'end-time': integer,
          duration: integer,
          metrics: ioMetrics,
          'status-counts': stateCounts,
          'taskmanager-id': text,
          aggregated,
        }),
      ),
    }),
    async handle({ path }) {
      const vertex = requireJobVertex(await requireJob(cluster, path.jobid), path.vertexid);
      const now = cluster.clock.now();
      return { id: vertex.id, name: vertex.name, now, taskmanagers: byTaskManager(vertex, now) };
    },
  });
}

/** Since its first state, to its end or to now. */
function timesOf(vertex: ExecutionVertexInfo, now: number) {
  return vertex.subtasks.map(({ subtask, current }) => {
    const { stateTimestamps, state, taskManager } = current;
    const since = Math.min(...Object.values(stateTimestamps), now);
    const ended = state === 'FINISHED' || state === 'CANCELED' || state === 'FAILED';
    const until = ended ? (stateTimestamps[state] ?? now) : now;
    return {
      subtask,
      endpoint: endpointOf(taskManager),
      duration: Math.max(until - since, 0),
      timestamps: stateTimesOf(stateTimestamps),
    };
  });
}

function byTaskManager(vertex: ExecutionVertexInfo, now: number) {
  const groups = Map.groupBy(attemptsOf(vertex), ({ taskManager }) => taskManager?.id);
  return [...groups].map(([id, attempts]) => {
    const counts = countStates(attempts.map(({ state }) => state));
    return {
      endpoint: endpointOf(attempts[0]!.taskManager),
      status: vertexState(counts, attempts.length),
      ...spanOfAll(attempts, now),
      metrics: ioMetricsOf(attempts),
      'status-counts': counts,
      'taskmanager-id': id ?? '(unassigned)',
      aggregated: aggregatedOf(attempts, now),
    };
  });
}

// -------------------------------------------------------------------------------- observation

function observationEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: `${VERTEX}/backpressure`,
      summary: 'For how much of its time each subtask waited for those after it.',
      parameters,
      answer: object({
        status: text,
        backpressureLevel: optional(text),
        'backpressure-level': optional(text),
        'end-timestamp': optional(integer),
        subtasks: optional(
          list(
            object({
              subtask: integer,
              'attempt-number': integer,
              backpressureLevel: text,
              'backpressure-level': text,
              ratio: number,
              idleRatio: number,
              busyRatio: number,
            }),
          ),
        ),
      }),
      async handle({ path }) {
        const job = await requireJob(cluster, path.jobid);
        const vertex = findVertex(job, path.vertexid);
        const metrics = (await cluster.metrics()).subtasks(path.jobid, path.vertexid);
        if (vertex === undefined || metrics.size === 0) return { status: 'deprecated' };
        return backPressureOf(vertex, metrics, cluster.clock.now());
      },
    }),
    endpoint({
      method: 'GET',
      path: `${VERTEX}/watermarks`,
      summary: 'How far each subtask is in event time.',
      parameters,
      answer: list(object({ id: text, value: text })),
      async handle({ path }) {
        const vertex = requireVertex(await requireJob(cluster, path.jobid), path.vertexid);
        return vertex.subtasks.flatMap(({ subtask, current }) =>
          current.watermark === undefined
            ? []
            : [{ id: `${subtask}.currentInputWatermark`, value: String(current.watermark) }],
        );
      },
    }),
    endpoint({
      method: 'GET',
      path: `${VERTEX}/flamegraph`,
      summary: 'Disabled, as in Flink unless rest.flamegraph.enabled is set.',
      parameters,
      query: {
        type: word('What is sampled.', ['FULL', 'ON_CPU', 'OFF_CPU']),
        subtaskindex: whole('One subtask instead of all.'),
      },
      answer: object({ endTimestamp: integer, data: optional(shape.anything) }),
      handle: () => ({ endTimestamp: -2 }),
    }),
  ];
}

function backPressureOf(
  vertex: ExecutionVertexInfo,
  metrics: ReadonlyMap<number, MetricMap>,
  now: number,
) {
  const subtasks = vertex.subtasks.map(({ subtask, current }) => {
    const of = (name: string): number => {
      const perSecond = numberOf(metrics.get(subtask), `${name}TimeMsPerSecond`) ?? 0;
      return Math.min(Math.max(perSecond / 1000, 0), 1);
    };
    const ratio = of('backPressured');
    return {
      subtask,
      'attempt-number': current.attempt,
      backpressureLevel: levelOf(ratio),
      'backpressure-level': levelOf(ratio),
      ...{ ratio, idleRatio: of('idle'), busyRatio: of('busy') },
    };
  });
  const level = levelOf(Math.max(0, ...subtasks.map(({ ratio }) => ratio)));
  return {
    status: 'ok',
    backpressureLevel: level,
    'backpressure-level': level,
    'end-timestamp': now,
    subtasks,
  };
}

function levelOf(ratio: number): string {
  if (ratio <= LOW_RATIO) return 'ok';
  return ratio <= HIGH_RATIO ? 'low' : 'high';
}

// -------------------------------------------------------------------------------- accumulators

function accumulatorEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: `${VERTEX}/accumulators`,
      summary: 'What the functions of a vertex have counted.',
      parameters,
      answer: object({ id: text, 'user-accumulators': userAccumulators }),
      async handle({ path }) {
        const job = await requireJob(cluster, path.jobid);
        const vertex = requireVertex(job, path.vertexid);
        return { id: vertex.id, 'user-accumulators': accumulatorsOf(job, vertex) };
      },
    }),
    endpoint({
      method: 'GET',
      path: `${VERTEX}/subtasks/accumulators`,
      summary: 'What the functions of each subtask have counted.',
      parameters,
      answer: object({
        id: text,
        parallelism: integer,
        subtasks: list(
          object({
            subtask: integer,
            attempt: integer,
            endpoint: text,
            'user-accumulators': userAccumulators,
          }),
        ),
      }),
      async handle({ path }) {
        const vertex = requireVertex(await requireJob(cluster, path.jobid), path.vertexid);
        return {
          id: vertex.id,
          parallelism: vertex.parallelism,
          subtasks: vertex.subtasks.map(({ subtask, current }) => ({
            subtask,
            attempt: current.attempt,
            endpoint: endpointOf(current.taskManager),
            'user-accumulators': shownAccumulators(current.accumulators),
          })),
        };
      },
    }),
  ];
}

function accumulatorsOf(job: ExecutionGraphInfo, { operators }: ExecutionVertexInfo) {
  const ids = new Set(operators.map(({ id }) => id));
  return shownAccumulators(job.accumulators.filter(({ operator }) => ids.has(operator)));
}

function shownAccumulators(accumulators: readonly Accumulator[]) {
  return accumulators.map(({ name, value }) => ({
    ...{ name, type: 'LongCounter', value: String(value) },
  }));
}

// ------------------------------------------------------------------------------------ subtasks

function subtaskEndpoints(cluster: RestCluster): readonly Endpoint[] {
  const subtask = { ...parameters, subtaskindex: subtaskIndex } as const;
  const attempt = { ...subtask, attempt: attemptNumber } as const;
  return [
    endpoint({
      method: 'GET',
      path: `${VERTEX}/subtasks/:subtaskindex`,
      summary: 'The present attempt of a subtask.',
      parameters: subtask,
      answer: subtaskDetails,
      async handle({ path }) {
        const vertex = requireVertex(await requireJob(cluster, path.jobid), path.vertexid);
        const { current } = requireSubtask(vertex, path.subtaskindex);
        return subtaskDetailsOf(path.subtaskindex, current, cluster.clock.now());
      },
    }),
    endpoint({
      method: 'GET',
      path: `${VERTEX}/subtasks/:subtaskindex/attempts/:attempt`,
      summary: 'An attempt of a subtask.',
      parameters: attempt,
      answer: subtaskDetails,
      async handle({ path }) {
        const vertex = requireVertex(await requireJob(cluster, path.jobid), path.vertexid);
        const found = requireAttempt(requireSubtask(vertex, path.subtaskindex), path.attempt);
        return subtaskDetailsOf(path.subtaskindex, found, cluster.clock.now());
      },
    }),
    endpoint({
      method: 'GET',
      path: `${VERTEX}/subtasks/:subtaskindex/attempts/:attempt/accumulators`,
      summary: 'What the functions of an attempt have counted.',
      parameters: attempt,
      answer: object({
        subtask: integer,
        attempt: integer,
        id: text,
        'user-accumulators': userAccumulators,
      }),
      async handle({ path }) {
        const vertex = requireVertex(await requireJob(cluster, path.jobid), path.vertexid);
        const found = requireAttempt(requireSubtask(vertex, path.subtaskindex), path.attempt);
        return {
          subtask: path.subtaskindex,
          attempt: found.attempt,
          id: found.executionId,
          'user-accumulators': shownAccumulators(found.accumulators),
        };
      },
    }),
  ];
}
