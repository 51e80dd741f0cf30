// Who gets which state of a checkpoint; the names of rules are those of state-assignment.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import { isEngineError } from '../base/errors.ts';
import type { Timestamp } from '../base/units.ts';
import type { JobEdge, JobGraph, JobVertex } from '../graph/job-graph.ts';
import { defaultMaxParallelism, keyGroupRange, subtaskOfKeyGroup } from '../graph/key-groups.ts';
import type { ChannelState, OperatorSnapshot, StateHandle } from '../protocol/checkpoint.ts';
import type {
  CheckpointMetadata,
  EdgeMetadata,
  VertexMetadata,
} from '../storage/checkpoint-metadata.ts';
import { t } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { withFormerKeyGroups } from './former-key-groups.ts';
import { StateAssignment } from './state-assignment.ts';

const MAX_PARALLELISM = 16;

function vertex(id: string, parallelism: number, maxParallelism = MAX_PARALLELISM): JobVertex {
  const operators = [
    {
      ...{ id, name: id, uid: `uid-${id}`, kind: 'process' as const, stateful: true },
      ...{ chainedOutputs: [], output: undefined },
    },
  ];
  return { id, name: id, parallelism, maxParallelism, slotSharingGroup: 'default', operators };
}

function graph(
  producers: number,
  consumers: number,
  partitioner: JobEdge['partitioner'],
): JobGraph {
  const edge: JobEdge = {
    id: 'a:0',
    source: 'a',
    sourceOperator: 0,
    tag: undefined,
    target: 'b',
    targetInput: 0,
    partitioner,
    schema: t.string.description,
    exchange: 'pipelined',
  };
  return {
    ...{ version: 1, name: 'job', fingerprint: 'f', edges: [edge], parameters: {} },
    vertices: [vertex('a', producers), vertex('b', consumers)],
    configuration: {},
  };
}

function inline(...bytes: number[]): StateHandle {
  return { kind: 'inline', bytes: new Uint8Array(bytes) };
}

function snapshot(operator: string, subtask: number, parallelism: number): OperatorSnapshot {
  const { first, last } = keyGroupRange(subtask, MAX_PARALLELISM, parallelism);
  return {
    operator,
    keyed: { firstKeyGroup: first, lastKeyGroup: last, parts: [inline(1, subtask)] },
    operatorState: inline(2, subtask),
    committables: [{ checkpointId: 3, committables: [new Uint8Array([subtask])] }],
  };
}

/** Of a job with these parallelisms, in which every channel has records in flight. */
/** As `contentOf` describes an edge. */
function edgesOf({ edges }: JobGraph): readonly EdgeMetadata[] {
  return edges.map(({ id, source, target, targetInput, tag, partitioner, schema, ...each }) => ({
    ...{ edge: id, source, target, targetInput, tag, partitioner, schema },
    partitionedBy: each.partitionedBy,
    keyedBy: each.keyedBy?.by,
  }));
}

function taken(
  producers: number,
  consumers: number,
  partitioner: JobEdge['partitioner'] = 'hash',
): CheckpointMetadata {
  const channel = (producer: number, consumer: number): ChannelState => ({
    ...{ edge: 'a:0', producer, consumer, handle: inline(producer, consumer) },
  });
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
  const operator = (id: string, parallelism: number) => ({
    ...{ operator: id, uid: `uid-${id}`, name: id, parallelism, maxParallelism: MAX_PARALLELISM },
    subtasks: numbers(parallelism).map((subtask) => snapshot(id, subtask, parallelism)),
    committable: t.bytes.description,
    ...{ enumerator: undefined, enumeratorSchema: undefined, keyedBy: undefined },
  });
  return {
    ...{ jobId: 'j', jobName: 'job', checkpointId: 7, triggeredAt: 0 as Timestamp },
    ...{ purpose: 'checkpoint', format: undefined, fingerprint: 'f', blob: new Uint8Array(0) },
    operators: [operator('a', producers), operator('b', consumers)],
    edges: edgesOf(graph(producers, consumers, partitioner)),
    vertices: [
      {
        ...{ vertex: 'a', name: 'a', parallelism: producers, maxParallelism: MAX_PARALLELISM },
        subtasks: numbers(producers).map((producer) => ({
          finished: false,
          inputs: [],
          outputs: numbers(consumers).map((consumer) => channel(producer, consumer)),
        })),
      },
      {
        ...{ vertex: 'b', name: 'b', parallelism: consumers, maxParallelism: MAX_PARALLELISM },
        subtasks: numbers(consumers).map((consumer) => ({
          finished: false,
          inputs: numbers(producers).map((producer) => channel(producer, consumer)),
          outputs: [],
        })),
      },
    ],
  };
}

function channelsOf(states: readonly ChannelState[]): string[] {
  return states.map(({ producer, consumer }) => `${producer}-${consumer}`);
}

const parallelism = fc.integer({ min: 1, max: 9 });

test('A1: everything goes to whom it belongs, at any parallelism', () => {
  const property = fc.property(
    ...([parallelism, parallelism, parallelism, parallelism] as const),
    fc.constantFrom('hash' as const, 'rebalance' as const),
    (producers, consumers, newProducers, newConsumers, partitioner) => {
      const now = graph(newProducers, newConsumers, partitioner);
      const assignment = new StateAssignment(taken(producers, consumers, partitioner), now, false);
      const [a, b] = now.vertices as [JobVertex, JobVertex];
      const ofA = Array.from({ length: newProducers }, (_, i) => assignment.restoreOf(a, i));
      const ofB = Array.from({ length: newConsumers }, (_, i) => assignment.restoreOf(b, i));
      for (const [subtask, { operators }] of ofB.entries()) {
        const [own] = operators;
        const range = keyGroupRange(subtask, MAX_PARALLELISM, newConsumers);
        for (let group = range.first; group <= range.last; group++) {
          const holders = own!.keyed.filter(
            ({ firstKeyGroup, lastKeyGroup }) => firstKeyGroup <= group && group <= lastKeyGroup,
          );
          assert.equal(holders.length, 1, `key group ${group}`);
        }
        for (const { firstKeyGroup, lastKeyGroup } of own!.keyed) {
          assert.ok(firstKeyGroup <= range.last && range.first <= lastKeyGroup);
        }
        assert.deepEqual(
          own!.operatorState.map(({ subtask: of }) => of),
          Array.from({ length: consumers }, (_, of) => of),
        );
        assert.equal(own!.formerParallelism, consumers);
      }
      const committed = ofB.flatMap(({ operators }) =>
        operators[0]!.committables.flatMap(({ committables }) => committables.map(([of]) => of)),
      );
      assert.deepEqual(
        committed.toSorted((left, right) => left! - right!),
        Array.from({ length: consumers }, (_, of) => of),
      );
      const all = channelsOf(
        taken(producers, consumers).vertices[1]!.subtasks.flatMap(({ inputs }) => inputs),
      ).toSorted();
      assert.deepEqual(channelsOf(ofA.flatMap(({ outputs }) => outputs)).toSorted(), all);
      // Of a keyed channel each subtask takes the records that are its own.
      const inputs = channelsOf(ofB.flatMap((restore) => restore.inputs)).toSorted();
      const isShared = partitioner === 'hash' && consumers !== newConsumers;
      assert.deepEqual(isShared ? [...new Set(inputs)] : inputs, all);
    },
  );
  fc.assert(property, { numRuns: cases(300), seed: 5 });
});

test('A3: at the same parallelism every subtask gets what it had', () => {
  const now = graph(2, 3, 'hash');
  const assignment = new StateAssignment(taken(2, 3), now, false);
  const { operators, inputs } = assignment.restoreOf(now.vertices[1]!, 2);
  assert.deepEqual(operators[0]!.keyed, [snapshot('b', 2, 3).keyed]);
  assert.deepEqual(channelsOf(inputs), ['0-2', '1-2']);
  const { outputs } = assignment.restoreOf(now.vertices[0]!, 1);
  assert.deepEqual(channelsOf(outputs), ['1-0', '1-1', '1-2']);
});

test('A3: a task that had finished has finished; at another parallelism if all had', () => {
  const metadata = taken(2, 2);
  const finishing = (...finished: boolean[]): CheckpointMetadata => ({
    ...metadata,
    vertices: metadata.vertices.map((each) => ({
      ...each,
      subtasks: each.subtasks.map((subtask, index) => ({
        ...{ ...subtask, finished: finished[index]! },
      })),
    })),
  });
  const finished = (given: CheckpointMetadata, producers: number): boolean[] => {
    const now = graph(producers, 2, 'hash');
    const assignment = new StateAssignment(given, now, false);
    return Array.from({ length: producers }, (_, subtask) =>
      assignment.restoreOf(now.vertices[0]!, subtask),
    ).map((restore) => restore.finished);
  };
  assert.deepEqual(finished(finishing(true, false), 2), [true, false]);
  assert.deepEqual(finished(finishing(true, false), 3), [false, false, false]);
  assert.deepEqual(finished(finishing(true, true), 3), [true, true, true]);
});

function refusal(metadata: CheckpointMetadata, now: JobGraph): string {
  try {
    const assignment = new StateAssignment(metadata, now, false);
    return `checkpoint ${assignment.checkpointId} was taken`;
  } catch (error) {
    assert.ok(isEngineError(error), String(error));
    return `${error.code}: ${error.message}`;
  }
}

test('A2: what cannot go on is refused, with the operator and the fix', () => {
  const now = graph(2, 2, 'hash');
  const { vertices } = now;
  const without = { ...now, vertices: vertices.slice(1), edges: [] };
  assert.match(
    refusal(taken(2, 2), without),
    /^RESTORE_STATE_UNCLAIMED: .* checkpoint 7.* "a" \(uid uid-a\)/,
  );
  assert.equal(
    new StateAssignment(taken(2, 2), without, true).restoreOf(vertices[1]!, 0).finished,
    false,
  );
  const wide = { ...now, vertices: [vertices[0]!, vertex('b', 20, 32)] };
  assert.match(refusal(taken(2, 2), wide), /^RESTORE_TOO_FEW_KEY_GROUPS: "b" .* parallelism 20/);
  const other = { ...now, vertices: [vertices[0]!, vertex('b', 2, 32)] };
  assert.match(refusal(taken(2, 2), other), /^RESTORE_OTHER_KEY_GROUPS: "b" .* 16 .* 32/);
  assert.match(refusal(taken(2, 2), { ...now, edges: [] }), /^RESTORE_IN_FLIGHT_LOST: .*"a"/);
});

/** As `taken`, of operators that keep nothing. */
function inFlightOnly(where: 'both' | 'inputs' | 'outputs', maxParallelism: number) {
  const metadata = taken(2, 2);
  return {
    ...metadata,
    operators: metadata.operators.map((each) => ({
      ...{ ...each, maxParallelism },
      subtasks: each.subtasks.map((subtask) => ({
        ...{ ...subtask!, keyed: undefined, operatorState: undefined, committables: [] },
      })),
    })),
    vertices: metadata.vertices.map((each) => ({
      ...{ ...each, maxParallelism },
      subtasks: each.subtasks.map(({ finished, inputs, outputs }) => ({
        finished,
        inputs: where === 'outputs' ? [] : inputs,
        outputs: where === 'inputs' ? [] : outputs,
      })),
    })),
  };
}

test('A2: records in flight by key are refused other key groups, also without keyed state', () => {
  for (const where of ['both', 'inputs', 'outputs'] as const) {
    for (const [consumers, most] of [
      [3, 8],
      [2, 8],
      [20, 32],
    ] as const) {
      const given = inFlightOnly(where, MAX_PARALLELISM);
      const now = (partitioner: JobEdge['partitioner'], max: number): JobGraph => {
        const built = graph(2, Math.min(consumers, max), partitioner);
        const insisting = { ...vertex('b', Math.min(consumers, max), max) };
        return {
          ...built,
          vertices: [built.vertices[0]!, { ...insisting, explicitMaxParallelism: true }],
        };
      };
      const refused = now('hash', most);
      assert.equal(withFormerKeyGroups(refused, given), refused);
      assert.match(
        refusal(given, refused),
        new RegExp(`^RESTORE_IN_FLIGHT_KEY_GROUPS: "b" .* in 16 groups, .* to be ${most}`),
      );
      assert.match(refusal(given, now('hash', 16)), /was taken/);
      const dealt = { ...given, edges: edgesOf(now('rebalance', most)) };
      assert.match(refusal(dealt, now('rebalance', most)), /was taken/);
      const none = { ...given, edges: [], vertices: given.vertices.map(withoutInFlight) };
      assert.match(refusal(none, refused), /was taken/);
    }
  }
});

test('A2: what was on its way to an operator that is gone does not go to another', () => {
  const given = inFlightOnly('outputs', MAX_PARALLELISM);
  const built = graph(2, 2, 'hash');
  const [edge] = built.edges;
  const vertices = [built.vertices[0]!, vertex('c', 2)];
  const now = { ...built, vertices, edges: [{ ...edge!, target: 'c' }] };
  assert.match(refusal(given, now), /^RESTORE_IN_FLIGHT_LOST: .*"a"/);
  const { outputs } = new StateAssignment(given, now, true).restoreOf(now.vertices[0]!, 0);
  assert.deepEqual(outputs, []);
});

test('A2: an edge that is another now is refused with its ends and what has changed', () => {
  const Former = t.struct({ id: t.string, n: t.int32 });
  const cases: readonly (readonly [Partial<JobEdge>, Partial<JobEdge>, RegExp])[] = [
    [{ partitioner: 'rebalance' }, { partitioner: 'hash' }, /by rebalance, and would be by hash/],
    [{ partitioner: 'hash' }, { partitioner: 'shuffle' }, /by hash, and would be by shuffle/],
    [{ partitioner: 'hash' }, { partitioner: 'broadcast' }, /by hash, and would be by broadcast/],
    [
      { keyedBy: { by: '.user' } },
      { keyedBy: { by: '.item', formerly: ['.thing'] } },
      /dealt out by another key: it was user of the record, and is item/,
    ],
    [
      { partitioner: 'custom', partitionedBy: 'one' },
      { partitioner: 'custom', partitionedBy: 'another' },
      /the functions of its partitionCustom are others/,
    ],
    [{ targetInput: 0 }, { targetInput: 1 }, /for input 1, and would come to input 2/],
    [{ tag: 'late' }, { tag: undefined }, /the side output "late", and it carries the main output/],
    [
      { schema: Former.description },
      { schema: t.struct({ id: t.string, n: t.string }).description },
      /their schema is another \(the record\.n: it was int32, and is string\)/,
    ],
    // Its bytes are others.
    [
      { schema: Former.description },
      { schema: t.struct({ id: t.string, n: t.integer }).description },
      /their schema is another/,
    ],
  ];
  for (const [former, now, change] of cases) {
    const withEdge = (each: Partial<JobEdge>): JobGraph => {
      const built = graph(2, 2, 'hash');
      return { ...built, edges: [{ ...built.edges[0]!, ...each }] };
    };
    for (const where of ['inputs', 'outputs'] as const) {
      const given = {
        ...inFlightOnly(where, MAX_PARALLELISM),
        edges: edgesOf(withEdge(former)),
      };
      const message = refusal(given, withEdge(now));
      assert.match(message, /^RESTORE_IN_FLIGHT_CHANGED: .* from "a" to "b"/);
      assert.match(message, change);
      assert.match(refusal(given, withEdge(former)), /was taken/);
      // Nobody gets records that were given up.
      const assignment = new StateAssignment(given, withEdge(now), true);
      const [a, b] = withEdge(now).vertices as [JobVertex, JobVertex];
      assert.deepEqual(assignment.restoreOf(a, 0).outputs, []);
      assert.deepEqual(assignment.restoreOf(b, 0).inputs, []);
      assert.equal(assignment.lostEdges.length, 1);
      const none = { ...given, edges: [], vertices: given.vertices.map(withoutInFlight) };
      assert.match(refusal(none, withEdge(now)), /was taken/);
    }
  }
});

test('A2: records in flight go on by the same key, and by one of which nobody knows more', () => {
  const by = (keyedBy: JobEdge['keyedBy']): JobGraph => {
    const built = graph(2, 2, 'hash');
    return { ...built, edges: [{ ...built.edges[0]!, keyedBy }] };
  };
  const given = { ...inFlightOnly('inputs', MAX_PARALLELISM), edges: edgesOf(by({ by: '.user' })) };
  for (const now of [
    { by: '.user' },
    { by: '.customer', formerly: ['.user'] },
    { by: `#${'0'.repeat(32)}` },
  ]) {
    assert.match(refusal(given, by(now)), /was taken/);
  }
});

test('A2: what partitionCustom has dealt out stays with the number of subtasks', () => {
  const given = {
    ...inFlightOnly('inputs', MAX_PARALLELISM),
    edges: edgesOf(graph(2, 2, 'custom')),
  };
  assert.match(refusal(given, graph(3, 2, 'custom')), /was taken/);
  assert.match(
    refusal(given, graph(2, 3, 'custom')),
    /^RESTORE_IN_FLIGHT_CHANGED: .*dealt them out to 2 subtasks, and there are 3/,
  );
});

test('a default that comes to a field of what is in flight changes none of its bytes', () => {
  const schema = (of: Schema<string>) => t.struct({ id: of }).description;
  const [former, now] = [schema(t.string), schema(t.field(t.string, { default: '' }))];
  const built = graph(2, 2, 'hash');
  const withSchema = (each: typeof former): JobGraph => ({
    ...built,
    edges: [{ ...built.edges[0]!, schema: each }],
  });
  const given = { ...inFlightOnly('both', MAX_PARALLELISM), edges: edgesOf(withSchema(former)) };
  assert.match(refusal(given, withSchema(now)), /was taken/);
});

function withoutInFlight(each: VertexMetadata): VertexMetadata {
  const subtasks = each.subtasks.map(({ finished }) => ({ finished, inputs: [], outputs: [] }));
  return { ...each, subtasks };
}

test('A1: key groups are taken over for records in flight, past a parallelism of 85 too', () => {
  const of = (consumers: number): JobGraph => {
    const built = graph(2, consumers, 'hash');
    const b = vertex('b', consumers, defaultMaxParallelism(consumers));
    return { ...built, vertices: [built.vertices[0]!, b] };
  };
  assert.equal(of(85).vertices[1]!.maxParallelism, 128);
  assert.equal(of(86).vertices[1]!.maxParallelism, 256);
  for (const where of ['both', 'inputs', 'outputs'] as const) {
    const given = inFlightOnly(where, 128);
    for (const consumers of [1, 85, 86, 128]) {
      const now = withFormerKeyGroups(of(consumers), given);
      const [, b] = now.vertices as [JobVertex, JobVertex];
      assert.equal(b.maxParallelism, 128);
      const assignment = new StateAssignment(given, now, false);
      const restored = Array.from({ length: consumers }, (_, i) => assignment.restoreOf(b, i));
      // Each group's owner is given the channels of the former owner.
      for (let group = 0; group < 128; group += 1) {
        const former = subtaskOfKeyGroup(group, 128, 2);
        const { inputs } = restored[subtaskOfKeyGroup(group, 128, consumers)]!;
        const found = new Set(channelsOf(inputs));
        for (const producer of [0, 1]) {
          assert.equal(found.has(`${producer}-${former}`), where !== 'outputs');
        }
      }
    }
    const wider = withFormerKeyGroups(of(129), given);
    assert.match(
      refusal(given, wider),
      /^RESTORE_IN_FLIGHT_KEY_GROUPS: "b" .* in 128 groups, .* to be 256/,
    );
  }
});

test('the states of enumerators go to the sources that are still there', () => {
  const metadata = taken(1, 1);
  const [a, b] = metadata.operators;
  const state = new Uint8Array([1]);
  const schema = t.bytes.description;
  const source = { ...a!, enumerator: state, enumeratorSchema: schema };
  const withState = { ...metadata, operators: [source, b!] };
  const assignment = new StateAssignment(withState, graph(1, 1, 'hash'), false);
  assert.deepEqual(assignment.sources(), [{ operator: 'a', state, schema }]);
});
