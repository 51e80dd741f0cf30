import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { JobEdge, JobGraph, JobVertex } from '../graph/job-graph.ts';
import { dynamic } from '../types/index.ts';
import type { JobPlan } from './job-plan.ts';
import { deploymentsOf, executionIdOf, parseExecutionId, planJob } from './job-plan.ts';

const schema = dynamic.description;

function vertex(
  id: string,
  parallelism: number,
  slotSharingGroup = 'default',
  kind = 'map',
): JobVertex {
  const operators = [
    {
      ...{ id: `op-${id}`, name: id, uid: undefined, stateful: false, chainedOutputs: [] },
      kind: kind as 'map',
      output: schema,
    },
  ];
  return { id, name: id, parallelism, maxParallelism: 128, slotSharingGroup, operators };
}

function edge(
  source: string,
  target: string,
  partitioner: JobEdge['partitioner'] = 'hash',
): JobEdge {
  return {
    ...{ id: `${source}-${target}`, source, sourceOperator: 0, tag: undefined, target },
    ...{ targetInput: 0, partitioner, schema, exchange: 'pipelined' },
  };
}

function graph(vertices: readonly JobVertex[], edges: readonly JobEdge[]): JobGraph {
  return {
    version: 1,
    name: 'j',
    fingerprint: 'f',
    vertices,
    edges,
    parameters: {},
    configuration: {},
  };
}

const planned = (of: JobGraph): JobPlan => planJob(of, 'region');

const location = (slot: number) => ({
  ...{ taskExecutorId: 'te', slot, generation: 3, host: 'h', dataPort: slot + 100 },
});

test('N1: subtask i of all vertices of a co-location group is in one slot', () => {
  const together = (id: string, of: JobVertex): JobVertex => ({ ...of, coLocationGroups: [id] });
  const plan = planned(
    graph(
      [
        vertex('a', 3),
        together('k', vertex('b', 2, 'x')),
        vertex('c', 4, 'x'),
        together('k', vertex('d', 2, 'x')),
      ],
      [edge('a', 'b'), edge('b', 'c'), edge('a', 'd')],
    ),
  );
  const slot = (id: string): number => plan.executions[plan.indexes.get(id)!]!.slot;
  for (const i of [0, 1]) assert.equal(slot(`b/${i}`), slot(`d/${i}`));
  assert.notEqual(slot('b/0'), slot('b/1'));
  // What no build lets through: the plan refuses it, too.
  const torn = [together('k', vertex('a', 2)), together('k', vertex('b', 2, 'x'))];
  assert.throws(() => planned(graph(torn, [edge('a', 'b')])), /N1: subtask 0 of k/);
});

test('subtask i of every vertex of a group shares slot i; groups have slots of their own', () => {
  const plan = planned(
    graph(
      [vertex('a', 1), vertex('b', 3), vertex('c', 2, 'other')],
      [edge('a', 'b'), edge('b', 'c')],
    ),
  );
  assert.equal(plan.slotCount, 5);
  const slots = plan.executions.map(
    ({ vertex: { id }, subtask, slot }) => `${id}${subtask}@${slot}`,
  );
  assert.deepEqual(slots, ['a0@0', 'b0@0', 'b1@1', 'b2@2', 'c0@3', 'c1@4']);
});

test('the ids of executions lead back to them, whatever the vertex is called', () => {
  const plan = planned(graph([vertex('a/b', 2)], []));
  for (const [index, execution] of plan.executions.entries()) {
    assert.deepEqual(parseExecutionId(plan, executionIdOf(execution, 7)), { index, attempt: 7 });
  }
  for (const id of ['', 'a/b', 'a/b/2/1', 'a/b/0/x', 'a/b/0', 'c/0/1']) {
    assert.equal(parseExecutionId(plan, id), undefined, id);
  }
});

test('a deployment that only commits has no channels', () => {
  const plan = planned(graph([vertex('a', 1), vertex('b', 1)], [edge('a', 'b')]));
  const committables = [{ operator: 'op-b', committables: [new Uint8Array([1])] }];
  const bySlot = deploymentsOf(plan, {
    attempt: 3,
    executions: [1],
    locationOf: location,
    restoreOf: () => ({ kind: 'commit', committables }),
  });
  const [task] = bySlot.get(0)!;
  assert.deepEqual([task!.inputs, task!.outputs], [[], []]);
  assert.deepEqual(task!.restore, { kind: 'commit', committables });
});

test('every channel has one producer and one consumer, which name each other', () => {
  const parallelism = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(
      parallelism,
      parallelism,
      fc.constantFrom('hash', 'rescale', 'broadcast'),
      (a, b, kind) => {
        const plan = planned(graph([vertex('a', a), vertex('b', b)], [edge('a', 'b', kind)]));
        const executions = plan.executions.keys().toArray();
        const bySlot = deploymentsOf(plan, {
          ...{ attempt: 3, executions, locationOf: location, restoreOf: () => undefined },
        });
        const tasks = [...bySlot].flatMap(([slot, each]) => each.map((task) => ({ slot, task })));
        assert.equal(tasks.length, a + b);
        const produced = new Map<number, string>();
        for (const { slot, task } of tasks) {
          for (const { channel, consumer, location: at } of task.outputs.flatMap(
            (output) => output.channels,
          )) {
            assert.ok(!produced.has(channel), 'a channel has two producers');
            produced.set(channel, `${task.subtask}@${slot} ${consumer}@${at.slot}`);
          }
        }
        for (const { slot, task } of tasks) {
          for (const { channel, producer, location: at } of task.inputs.flatMap(
            (input) => input.channels,
          )) {
            assert.equal(produced.get(channel), `${producer}@${at.slot} ${task.subtask}@${slot}`);
            produced.delete(channel);
          }
        }
        assert.equal(produced.size, 0, 'a channel has no consumer');
      },
    ),
    { seed: 7 },
  );
});
