// The wiring of edges against Flink's definition by consumers, written out naively; regions against
// a search of the graph; slots of sharing groups.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createExecutionGraph, wireEdge } from './execution-graph.ts';
import type { JobEdge, JobGraph, JobVertex } from './job-graph.ts';
import type { PartitionerKind } from './operator-spec.ts';
import { slotSharingGroups, slotsRequired } from './slot-sharing.ts';

const parallelism = fc.integer({ min: 1, max: 40 });
const partitioner = fc.constantFrom<PartitionerKind>(
  'hash',
  'rebalance',
  'rescale',
  'shuffle',
  'broadcast',
  'global',
  'custom',
);

/** The producers that each consumer reads, as Flink's rule states it for both directions. */
function naiveProducers(kind: PartitionerKind, producers: number, consumers: number): number[][] {
  const inputs = Array.from({ length: consumers }, (): number[] => []);
  for (let p = 0; p < producers; p++) {
    for (let c = 0; c < consumers; c++) {
      const joined =
        kind !== 'rescale' ||
        (producers > consumers
          ? p >= Math.floor((c * producers) / consumers) &&
            p < Math.floor(((c + 1) * producers) / consumers)
          : c >= Math.floor((p * consumers + producers - 1) / producers) &&
            c < Math.floor(((p + 1) * consumers + producers - 1) / producers));
      if (joined) inputs[c]!.push(p);
    }
  }
  return inputs;
}

test('E1-E3: an edge joins exactly the subtasks that the rule names, each once', () => {
  fc.assert(
    fc.property(partitioner, parallelism, parallelism, fc.nat(1000), (kind, p, c, first) => {
      const wiring = wireEdge({ id: 'e', partitioner: kind }, p, c, first);
      const naive = naiveProducers(kind, p, c);
      assert.deepEqual(
        wiring.toConsumer.map((each) => each.map(({ producer }) => producer)),
        naive,
      );
      const all = wiring.fromProducer.flat();
      assert.deepEqual(
        all.map(({ channel }) => channel),
        all.map((_, index) => first + index),
      );
      assert.equal(all.length, wiring.channelCount);
      assert.deepEqual(new Set(wiring.toConsumer.flat()), new Set(all));
      for (const [producer, channels] of wiring.fromProducer.entries()) {
        assert.ok(channels.length > 0, 'E3');
        assert.ok(channels.every((each) => each.producer === producer));
        assert.deepEqual(
          channels.map(({ consumer }) => consumer),
          channels.map(({ consumer }) => consumer).toSorted((a, b) => a - b),
        );
      }
      for (const [consumer, channels] of wiring.toConsumer.entries()) {
        assert.ok(channels.length > 0, 'E3');
        assert.ok(channels.every((each) => each.consumer === consumer));
      }
    }),
    { seed: 5, numRuns: 400 },
  );
});

test('rescale spreads evenly', () => {
  fc.assert(
    fc.property(parallelism, parallelism, (p, c) => {
      const wiring = wireEdge({ id: 'e', partitioner: 'rescale' }, p, c, 0);
      const degrees = (p >= c ? wiring.toConsumer : wiring.fromProducer).map(
        ({ length }) => length,
      );
      assert.ok(Math.max(...degrees) - Math.min(...degrees) <= 1);
      assert.equal(wiring.channelCount, Math.max(p, c));
    }),
    { seed: 6 },
  );
});

test('forward joins equal subtasks, and nothing else', () => {
  const wiring = wireEdge({ id: 'e', partitioner: 'forward' }, 3, 3, 7);
  assert.deepEqual(
    wiring.fromProducer.map((each) => each.map(({ channel, consumer }) => [channel, consumer])),
    [[[7, 0]], [[8, 1]], [[9, 2]]],
  );
  assert.throws(
    () => wireEdge({ id: 'e', partitioner: 'forward' }, 3, 2, 0),
    /forward edge e joins 3 with 2/,
  );
});

function vertex(id: string, count: number, slotSharingGroup = 'default'): JobVertex {
  return { id, name: id, parallelism: count, maxParallelism: 128, slotSharingGroup, operators: [] };
}

function edge(
  source: string,
  target: string,
  kind: PartitionerKind,
  exchange: JobEdge['exchange'] = 'pipelined',
): JobEdge {
  return {
    id: `${source}>${target}`,
    source,
    sourceOperator: 0,
    tag: undefined,
    target,
    targetInput: 0,
    partitioner: kind,
    schema: { kind: 'dynamic' },
    exchange,
  };
}

function job(vertices: readonly JobVertex[], edges: readonly JobEdge[]): JobGraph {
  return {
    version: 1,
    name: 'job',
    fingerprint: '',
    vertices,
    edges,
    parameters: {},
    configuration: {},
  };
}

test('channels are numbered uniquely over all edges', () => {
  const graph = createExecutionGraph(
    job(
      [vertex('a', 2), vertex('b', 3), vertex('c', 2)],
      [edge('a', 'b', 'hash'), edge('b', 'c', 'rescale'), edge('a', 'c', 'forward')],
    ),
  );
  const numbers = graph.vertices.flatMap(({ subtasks }) =>
    subtasks.flatMap(({ outputs }) =>
      outputs.flatMap(({ channels }) => channels.map(({ channel }) => channel)),
    ),
  );
  assert.equal(graph.channelCount, 6 + 3 + 2);
  assert.deepEqual(
    numbers.toSorted((x, y) => x - y),
    numbers.map((_, index) => index),
  );
  const consumed = graph.vertices.flatMap(({ subtasks }) =>
    subtasks.flatMap(({ inputs }) =>
      inputs.flatMap(({ channels }) => channels.map(({ channel }) => channel)),
    ),
  );
  assert.deepEqual(new Set(consumed), new Set(numbers));
});

test('a sharing group takes as many slots as its widest vertex', () => {
  const graph = job([vertex('a', 2), vertex('b', 5), vertex('c', 3, 'heavy')], []);
  assert.deepEqual(slotSharingGroups(graph), [
    { name: 'default', slots: 5 },
    { name: 'heavy', slots: 3 },
  ]);
  assert.equal(slotsRequired(graph), 8);
});
