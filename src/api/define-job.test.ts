// What a build leads to besides tasks: schemas of edges and state, defaults and their precedence,
// places in the program, what `build` sees, and that compiling again gives the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../base/units.ts';
import { discard } from '../connectors/discard/discard.ts';
import { sequence } from '../connectors/generator/sequence.ts';
import { state } from '../functions/state.ts';
import { guardGlobals } from '../graph/build-guard.ts';
import { jobBrand, type CompiledJob } from '../graph/job-graph.ts';
import { t } from '../types/index.ts';
import { compile, failure } from './compile.test-kit.ts';
import { defineJob } from './define-job.ts';
import type { StreamEnvironment } from './stream-environment.ts';

const Order = t.struct({ user: t.string, n: t.int32 });
const orders = [{ user: 'ada', n: 1 }];

/** The kinds of schemas of all edges, in order. */
function edgeKinds(build: (env: StreamEnvironment) => void): readonly string[] {
  return compile(build).graph.edges.map(({ schema }) => schema.kind);
}

test('an edge has the schema declared for its stream, else dynamic', () => {
  const kinds = edgeKinds((env) => {
    const source = env.fromCollection(orders, Order);
    source.rebalance().sinkTo(discard());
    source
      .filter((o) => o.n > 0)
      .rebalance()
      .sinkTo(discard());
    const mapped = source.map((o) => o.n);
    mapped.rebalance().sinkTo(discard());
    source
      .map((o) => o.n)
      .returns(t.int32)
      .rebalance()
      .sinkTo(discard());
    const process = { emits: t.string, outputs: { late: t.boolean }, onElement() {} };
    const processed = source.process(process);
    processed.rebalance().sinkTo(discard());
    processed.side.late.rebalance().sinkTo(discard());
    source
      .keyBy((o) => o.user)
      .sum('n')
      .rebalance()
      .sinkTo(discard());
  });
  assert.deepEqual(kinds, [
    'struct',
    'struct',
    'dynamic',
    'int32',
    'string',
    'boolean',
    'struct',
    'struct',
  ]);
});

test('returns on a union or a partition states the schema of what flows there', () => {
  const { graph, edges } = compile((env) => {
    const a = env.sequence(1, 2).map((n) => n);
    const b = env.sequence(3, 4).map((n) => n);
    a.union(b)
      .returns(t.int32)
      .keyBy((n) => n)
      .reduce(Math.max)
      .print();
  });
  assert.deepEqual(
    graph.edges.map(({ schema }) => schema.kind),
    ['int32', 'int32'],
  );
  for (const { id, schema } of graph.edges) {
    assert.equal(edges.get(id)?.schema.description, schema);
  }
});

test('values of one primitive type have its schema, others dynamic', () => {
  const kinds = edgeKinds((env) => {
    for (const values of [['a', 'b'], [1, 2.5], [true], ['a', 1], [{ a: 1 }], []]) {
      env
        .fromElements<unknown>(...values)
        .rebalance()
        .sinkTo(discard());
    }
  });
  assert.deepEqual(kinds, ['string', 'float64', 'boolean', 'dynamic', 'dynamic', 'dynamic']);
});

test('state has the declared schema: given, of the stream, or of the operation', () => {
  const kinds = (build: (env: StreamEnvironment) => void): readonly unknown[] =>
    [...compile(build).operators.values()].flatMap(({ spec }) =>
      spec.kind === 'reduce' || spec.kind === 'rolling' ? [spec.value.kind] : [],
    );
  assert.deepEqual(
    kinds((env) => {
      const plain = env.sequence(1, 9).map((n) => n);
      plain
        .keyBy((n) => n)
        .sum()
        .print();
      plain
        .keyBy((n) => n)
        .reduce(Math.max, t.int32)
        .print();
      env
        .sequence(1, 9)
        .keyBy((n) => n)
        .min()
        .print();
      env
        .fromCollection(orders, Order)
        .keyBy((o) => o.user)
        .maxBy('n')
        .print();
      plain
        .returns(t.int16)
        .keyBy((n) => n)
        .sum()
        .print();
    }),
    ['int16', 'int32', 'integer', 'struct', 'int16'],
  );
});

test('stateful operators are marked', () => {
  const { graph } = compile((env) => {
    const keyed = env.sequence(1, 9).keyBy((n) => n);
    keyed.process({ emits: t.string, onElement() {} }).print();
    const withState = { emits: t.string, state: { n: state.value(t.int32) }, onElement() {} };
    keyed.process(withState).name('with state').print();
    env
      .sequence(1, 2)
      .asyncMap((n) => Promise.resolve(n), { timeout: seconds(1) })
      .print();
  });
  const stateful = graph.vertices.flatMap(({ operators }) =>
    operators.filter((operator) => operator.stateful).map(({ name }) => name),
  );
  assert.deepEqual(stateful, [
    'Source: sequence(1, 9)',
    'with state',
    'Source: sequence(1, 2)',
    'asyncMap',
  ]);
});

test('defaults: operator before env before configuration', () => {
  const parallelisms = (
    build: (env: StreamEnvironment) => void,
    configuration: Readonly<Record<string, string>>,
  ): readonly (readonly [number, number])[] =>
    compile(build, configuration).graph.vertices.map((v) => [v.parallelism, v.maxParallelism]);
  const build = (env: StreamEnvironment): void => {
    env
      .sequence(1, 9)
      .rebalance()
      .map(String)
      .setParallelism(5)
      .sinkTo(discard())
      .setMaxParallelism(64);
  };
  const withEnv = (env: StreamEnvironment): void =>
    build(env.setParallelism(3).setMaxParallelism(100));
  const given = { 'parallelism.default': '2', 'pipeline.max-parallelism': '90' };
  assert.deepEqual(parallelisms(build, {}), [
    [1, 128],
    [5, 128],
    [1, 64],
  ]);
  assert.deepEqual(parallelisms(build, given), [
    [2, 90],
    [5, 90],
    [2, 64],
  ]);
  assert.deepEqual(parallelisms(withEnv, given), [
    [3, 100],
    [5, 100],
    [3, 64],
  ]);
  failure('CONFIG_INVALID_VALUE', () => compile(build, { 'pipeline.max-parallelism': '0' }));
  failure('CONFIG_UNKNOWN_OPTION', () => compile((env) => build(env.configure('paralelism', '2'))));
});

test('the graph carries name, parameters and configuration as JSON', () => {
  const { graph } = defineJob({
    name: 'mine',
    params: { big: t.int64 },
    build(env, { big }) {
      assert.equal(typeof big, 'bigint');
      env.configure('restart-strategy', 'fixed-delay').sequence(1, 9).sinkTo(discard());
    },
  }).compile({ parameters: { big: '5' }, configuration: { 'pipeline.name': 'other' } });
  assert.equal(graph.name, 'other');
  assert.deepEqual(JSON.parse(JSON.stringify(graph.parameters)), { big: '5' });
  assert.deepEqual(graph.configuration, {
    'pipeline.name': 'other',
    'restart-strategy.type': 'fixed-delay',
  });
  assert.throws(() => {
    (graph.vertices[0] as { name: string }).name = 'x';
  }, TypeError);
});

test('operators know where they were declared', () => {
  const compiled: CompiledJob = compile((env) => {
    const source = env.sequence(1, 9);
    source.through((stream) => stream.map(String)).print();
  });
  const places = [...compiled.operators.values()].map(({ declaredAt }) => declaredAt);
  assert.equal(places.length, 3);
  for (const place of places)
    assert.match(place!, /^\/.*\/src\/api\/define-job\.test\.ts:\d+:\d+$/);
  const columns = places.map((place) => place!.split(':').slice(-2).join(':'));
  assert.equal(new Set(columns).size, 3);
  const job = defineJob({ name: 'mine', build: () => {} });
  assert.match(job.declaredAt!, /define-job\.test\.ts:\d+:\d+$/);
  assert.equal(job[jobBrand], 1);
});

test('the guard is around build', () => {
  const realm = { crypto: { randomUUID: () => 'id' }, Date };
  const job = defineJob({
    name: 'mine',
    build(env) {
      env.fromElements(realm.crypto.randomUUID()).print();
    },
  });
  const options = { parameters: {}, configuration: {} };
  const error = failure('GRAPH_BUILD_FORBIDDEN', () =>
    job.compile({ ...options, guard: guardGlobals(realm) }),
  );
  assert.match(error.message, /"mine" called crypto\.randomUUID\(\)/);
  assert.equal(job.compile(options).graph.vertices.length, 1);
});

test('side outputs by any name, made only when they are read', () => {
  const { graph } = compile((env) => {
    const outputs = { ['__proto__']: t.string, constructor: t.int32, unread: t.string };
    const { side } = env.sequence(1, 9).process({ emits: t.string, outputs, onElement() {} });
    side.constructor.sinkTo(discard());
    side['__proto__'].sinkTo(discard());
  });
  assert.deepEqual(
    graph.vertices[0]?.operators[1]?.chainedOutputs.map(({ tag }) => tag),
    ['constructor', '__proto__'],
  );
});

test('the side outputs of a source have its schemas', () => {
  const source = { ...sequence(1, 9), outputs: { wrong: t.string } };
  const { graph } = compile((env) => {
    const numbers = env.from(source);
    numbers.rebalance().print();
    numbers.side.wrong.rebalance().print();
  });
  const edges = graph.edges.map(({ tag, schema }) => [tag, schema.kind]);
  assert.deepEqual(edges, [
    [undefined, 'integer'],
    ['wrong', 'string'],
  ]);
});
