// Operator ids: stable under changes elsewhere, moved by changes on the path, pinned by uids; and
// the fingerprint, equal for equal graphs and named differences for others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { discard } from '../connectors/discard/discard.ts';
import { requireSameGraph } from '../graph/fingerprint.ts';
import { t } from '../types/index.ts';
import { compile, failure, operatorNamed } from './compile.test-kit.ts';
import { defineJob } from './define-job.ts';
import type { StreamEnvironment } from './stream-environment.ts';

const next = (n: number): number => n + 1;

function idOf(build: (env: StreamEnvironment) => void, name = 'mine'): string {
  return operatorNamed(compile(build).graph, name).id;
}

const plain = (env: StreamEnvironment): void => {
  env.sequence(1, 9).map(next).name('mine').sinkTo(discard());
};

test('the id of a uid never changes: state in snapshots is found by it', () => {
  const id = idOf((env) => env.sequence(1, 9).name('mine').uid('my-source').sinkTo(discard()));
  assert.equal(id, '5712e5a8bfbfa8943a95ff796efbcfa9');
});

test('other branches, parallelism, groups and partitioners do not change an id', () => {
  const id = idOf(plain);
  const variants: readonly ((env: StreamEnvironment) => void)[] = [
    (env) => {
      env.fromElements('a').print();
      plain(env);
    },
    (env) => {
      plain(env);
      env.fromElements('a').print();
    },
    (env) => env.sequence(1, 9).rebalance().map(next).name('mine').sinkTo(discard()),
    (env) => {
      const source = env.sequence(1, 9);
      source.filter((n) => n > 1).sinkTo(discard());
      source.map(next).name('mine').setParallelism(3).slotSharingGroup('g').sinkTo(discard());
    },
    (env) => env.sequence(1, 9).map(next).name('mine').filter(Boolean).keyBy(next).sum().print(),
  ];
  for (const [index, variant] of variants.entries()) assert.equal(idOf(variant), id, String(index));
});

test('what lies on the path changes it, unless a uid stands between', () => {
  const id = idOf(plain);
  const longer = (env: StreamEnvironment): void => {
    env.sequence(1, 9).filter(Boolean).map(next).name('mine').sinkTo(discard());
  };
  assert.notEqual(idOf(longer), id);
  const pinned = (before: boolean): string =>
    idOf((env) => {
      const source = env.sequence(1, 9);
      const stream = before ? source.filter(Boolean) : source;
      stream.map(next).uid('pinned').map(next).name('mine').sinkTo(discard());
    });
  assert.equal(pinned(true), pinned(false));
});

test('operators with the same path are told apart by their order', () => {
  const { graph } = compile((env) => {
    const source = env.sequence(1, 9);
    source.map(next).sinkTo(discard());
    source.map(next).sinkTo(discard());
  });
  const ids = graph.vertices.flatMap(({ operators }) => operators.map(({ id }) => id));
  assert.equal(new Set(ids).size, 5);
});

test('ids of random programs are unique, and the fingerprint depends on nothing else', () => {
  const step = fc.record({
    on: fc.nat(20),
    kind: fc.constantFrom('map', 'filter', 'union', 'keyBy', 'side'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 15 }), (steps) => {
      const build = (env: StreamEnvironment): void => {
        const streams = [env.sequence(1, 9), env.sequence(1, 9)];
        for (const { on, kind } of steps) {
          const stream = streams[on % streams.length]!;
          if (kind === 'map') streams.push(stream.map(next));
          else if (kind === 'filter') streams.push(stream.filter(Boolean));
          else if (kind === 'union') streams.push(stream.union(streams[0]!));
          else if (kind === 'keyBy') streams.push(stream.keyBy(next).sum());
          else {
            const outputs = { o: t.integer };
            streams.push(stream.process({ emits: t.integer, outputs, onElement() {} }).side.o);
          }
        }
        for (const stream of streams) stream.sinkTo(discard());
      };
      const first = compile(build).graph;
      const second = compile(build).graph;
      const ids = first.vertices.flatMap(({ operators }) => operators.map(({ id }) => id));
      assert.equal(new Set(ids).size, ids.length);
      assert.deepEqual(second, first);
      assert.match(first.fingerprint, /^[0-9a-f]{32}$/);
      assert.deepEqual(JSON.parse(JSON.stringify(first)), JSON.parse(JSON.stringify(second)));
    }),
    { seed: 7, numRuns: 60 },
  );
});

test('the fingerprint does not see the cluster, and sees parameters, schemas and names', () => {
  const job = defineJob({
    name: 'job',
    params: { n: t.int32 },
    build(env, { n }) {
      env.sequence(1, n).map(next).returns(t.float64).sinkTo(discard());
    },
  });
  const print = (n: number, configuration = {}): string =>
    job.compile({ parameters: { n }, configuration }).graph.fingerprint;
  assert.equal(print(9), print(9, { 'heartbeat.interval': '1 s' }));
  assert.notEqual(print(9), print(8));
  assert.notEqual(print(9), print(9, { 'parallelism.default': '2' }));
  const typed = (schema: typeof t.float64): string =>
    compile((env) => env.sequence(1, 9).map(next).returns(schema).rebalance().sinkTo(discard()))
      .graph.fingerprint;
  assert.notEqual(typed(t.float64), typed(t.int32));
});

test('a build that differs is refused with what differs', () => {
  let calls = 0;
  const job = defineJob({
    name: 'job',
    build(env) {
      calls += 1;
      env.sequence(1, calls).map(next).name(`map ${calls}`).sinkTo(discard());
    },
  });
  const options = { parameters: {}, configuration: {} };
  const [first, second] = [job.compile(options).graph, job.compile(options).graph];
  const error = failure('GRAPH_NON_DETERMINISTIC', () => requireSameGraph(first, second));
  assert.match(error.message, /vertices\[0\]\.name: "Source: sequence\(1, 1\) -> map 1/);
  assert.match(error.fix!, /parameters only/);
  requireSameGraph(first, first);
});

test('where state outlives a run, operators that only their order tells apart need uids', () => {
  const CHECKPOINTS = { 'execution.checkpointing.interval': '10 s' };
  const twice = (uid: boolean) => (env: StreamEnvironment) => {
    for (const name of ['left', 'right']) {
      const numbers = env.sequence(1, 9);
      if (uid) numbers.uid(name);
      numbers.map(next).name(name).sinkTo(discard());
    }
  };
  compile(twice(false));
  const error = failure('GRAPH_UID_AMBIGUOUS', () => compile(twice(false), CHECKPOINTS));
  assert.match(error.message, /"Source: sequence/);
  compile(twice(true), CHECKPOINTS);
  // Nothing with state is below them.
  const alike = (env: StreamEnvironment): void => {
    const numbers = env.sequence(1, 9);
    for (const name of ['left', 'right']) numbers.map(next).sinkTo(discard()).name(name);
  };
  compile(alike, CHECKPOINTS);
});
