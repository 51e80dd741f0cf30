import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { createExecutionGraph } from '../graph/execution-graph.ts';
import type { JobEdge, JobGraph, JobVertex } from '../graph/job-graph.ts';
import { plain } from '../protocol/service.ts';
import { failoverRegionsOf } from './failover-strategy.ts';
import type { FailoverStrategy } from './failover-strategy.ts';

function vertex(id: string, parallelism: number): JobVertex {
  const operators: JobVertex['operators'] = [];
  return { id, name: id, parallelism, maxParallelism: 128, slotSharingGroup: 'g', operators };
}

function edge(source: string, target: string, partitioner: JobEdge['partitioner']): JobEdge {
  return {
    ...{ id: `${source}-${target}`, source, sourceOperator: 0, tag: undefined, target },
    ...{ targetInput: 0, partitioner, schema: plain().description, exchange: 'pipelined' },
  };
}

/** `shared`: all vertices share slots, subtask by subtask; else every subtask has its own. */
function regions(
  strategy: FailoverStrategy,
  vertices: readonly JobVertex[],
  edges: readonly JobEdge[],
  shared: boolean,
): readonly number[] {
  const graph: JobGraph = {
    ...{ version: 1, name: 'j', fingerprint: 'f', vertices, edges },
    ...{ parameters: {}, configuration: {} },
  };
  const first = new Map<string, number>();
  let count = 0;
  for (const { id, parallelism } of vertices) {
    first.set(id, shared ? 0 : count);
    count = shared ? Math.max(count, parallelism) : count + parallelism;
  }
  const slotOf = (id: string, subtask: number): number => first.get(id)! + subtask;
  return failoverRegionsOf(createExecutionGraph(graph), strategy, count, slotOf);
}

const forward = [edge('a', 'b', 'forward')];
const hash = [edge('a', 'b', 'hash')];
const two = [vertex('a', 3), vertex('b', 3)];

test('region: slots whose tasks exchange records fail together', () => {
  assert.deepEqual(regions('region', two, forward, true), [0, 1, 2]);
  assert.deepEqual(regions('region', two, forward, false), [0, 1, 2, 0, 1, 2]);
  assert.deepEqual(regions('region', two, hash, true), [0, 0, 0]);
  const rescale = [edge('a', 'b', 'rescale')];
  const pairs = regions('region', [vertex('a', 4), vertex('b', 2)], rescale, false);
  assert.deepEqual(pairs, [0, 0, 1, 1, 0, 1]);
});

test('region: tasks that only share a slot fail together, as the slot has one worker', () => {
  const apart = [vertex('a', 2), vertex('b', 3)];
  assert.deepEqual(regions('region', apart, [], true), [0, 1, 2]);
  assert.deepEqual(regions('region', apart, [], false), [0, 1, 2, 3, 4]);
  // b1 reads a2 and a3, and stands in the slot of a1, which b0 reads.
  const joined = [vertex('a', 4), vertex('b', 2), vertex('c', 4)];
  const rescale = [edge('a', 'b', 'rescale')];
  assert.deepEqual(regions('region', joined, rescale, true), [0, 0, 0, 0]);
});

test('region: consumers of a blocking result restart with its producer, in whose worker it is', () => {
  const blocking: JobEdge = { ...edge('a', 'b', 'forward'), exchange: 'blocking' };
  assert.deepEqual(regions('region', two, [blocking], false), [0, 1, 2, 0, 1, 2]);
});

test('full: everything is one region', () => {
  assert.deepEqual(regions('full', two, forward, false), [0, 0, 0, 0, 0, 0]);
});

test('individual: only where no task sends records to another', () => {
  assert.deepEqual(regions('individual', two, [], false), [0, 1, 2, 3, 4, 5]);
  assert.throws(
    () => regions('individual', two, forward, false),
    (error) =>
      isEngineError(error) &&
      error.code === 'JOB_FAILOVER_INDIVIDUAL' &&
      /"a" sends records to "b"/.test(error.message),
  );
});
