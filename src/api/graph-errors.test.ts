// Every refusal of a graph: its code, the operator and the place in the user's program it names.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../base/errors.ts';
import { discard } from '../connectors/discard/discard.ts';
import { state } from '../functions/state.ts';
import { createStreamGraph } from '../graph/stream-graph.ts';
import type { Transformation } from '../graph/transformation.ts';
import { t } from '../types/index.ts';
import { compile, failure } from './compile.test-kit.ts';
import type { DataStream } from './data-stream.ts';
import { defineJob } from './define-job.ts';
import type { StreamEnvironment } from './stream-environment.ts';

const Order = t.struct({ user: t.string, n: t.int32 });
/** What only users of plain JavaScript can pass. */
const untyped = (value: unknown): never => value as never;

type Build = (env: StreamEnvironment) => void;

const orders = (env: StreamEnvironment): DataStream<{ user: string; n: number }> =>
  env.sequence(1, 9).map((n) => ({ user: `u${n}`, n }));

const CASES: readonly (readonly [string, ErrorCode, Build, RegExp])[] = [
  ['no operators', 'GRAPH_EMPTY', () => {}, /builds no operators/],
  [
    'a stream without sink',
    'GRAPH_NO_SINK',
    (env) => {
      const source = env.sequence(1, 9);
      source.map((n) => n).name('lost');
      source.sinkTo(discard());
    },
    /The stream "lost" goes nowhere \(declared at .*graph-errors\.test\.ts:\d+:\d+\)/,
  ],
  [
    'a keyBy that nothing reads',
    'GRAPH_NO_SINK',
    (env) => {
      const source = env.sequence(1, 9);
      source.keyBy((n) => n);
      source.sinkTo(discard());
    },
    /"keyBy" goes nowhere/,
  ],
  [
    'two operators with one uid',
    'GRAPH_DUPLICATE_UID',
    (env) =>
      env
        .sequence(1, 9)
        .uid('x')
        .map((n) => n)
        .uid('x')
        .sinkTo(discard()),
    /uid "x": "Source: sequence\(1, 9\)" \(declared at .*\) and "map" \(declared/,
  ],
  [
    'more subtasks than key groups',
    'GRAPH_MAX_PARALLELISM',
    (env) => env.sequence(1, 9).setParallelism(8).setMaxParallelism(4).sinkTo(discard()),
    /"Source: sequence\(1, 9\)" runs with parallelism 8, but has only 4 key groups/,
  ],
  [
    'a reduction without schema',
    'GRAPH_STATE_SCHEMA_MISSING',
    (env) =>
      orders(env)
        .name('orders')
        .keyBy((o) => o.user)
        .reduce((a) => a)
        .sinkTo(discard()),
    /"reduce" keeps records in state, but nothing says what they look like \(declared at /,
  ],
  [
    'a sum by field without schema',
    'GRAPH_STATE_SCHEMA_MISSING',
    (env) =>
      orders(env)
        .keyBy((o) => o.user)
        .sum('n')
        .sinkTo(discard()),
    /"sum" keeps records/,
  ],
  [
    'the minimum of values without schema',
    'GRAPH_STATE_SCHEMA_MISSING',
    (env) =>
      env
        .sequence(1, 9)
        .map(String)
        .keyBy((s) => s)
        .min()
        .sinkTo(discard()),
    /"min" keeps records/,
  ],
  [
    'a union of different schemas',
    'GRAPH_STATE_SCHEMA_MISSING',
    (env) =>
      env
        .fromCollection([1], t.int32)
        .union(env.fromCollection([1], t.float64))
        .keyBy((n) => n)
        .reduce((a) => a)
        .sinkTo(discard()),
    /"reduce" keeps records/,
  ],
  [
    'keys of two families',
    'GRAPH_KEY_FAMILIES',
    (env) => {
      const left = env.fromElements('a').keyBy((s) => s, t.string);
      const right = env.sequence(1, 2).keyBy((n) => n, t.int32) as never as typeof left;
      left.connect(right).map(String, String).sinkTo(discard());
      const process = { emits: t.string, onLeft() {}, onRight() {} };
      left.connect(right).process(process).sinkTo(discard());
    },
    /inputs of "process" have keys of different families, string and number/,
  ],
  [
    'a key schema that is no key',
    'GRAPH_INVALID_KEY_SCHEMA',
    (env) =>
      env
        .sequence(1, 2)
        .keyBy((n) => n, t.optional(t.int32) as never)
        .reduce((a) => a)
        .sinkTo(discard()),
    /key schema of "reduce" is optional, which is no key/,
  ],
  [
    'a setting on what is no operator',
    'GRAPH_INVALID_SETTING',
    (env) => env.sequence(1, 2).rebalance().setParallelism(2).sinkTo(discard()),
    /setParallelism of "rebalance" cannot be set: it is not an operator/,
  ],
  [
    'an async callback',
    'USER_CODE_ASYNC',
    (env) =>
      env
        .sequence(1, 2)
        .map(untyped(async () => 1))
        .print(),
    /map/,
  ],
  [
    'no callback',
    'API_INVALID_ARGUMENT',
    (env) =>
      env
        .sequence(1, 2)
        .map(undefined as never)
        .print(),
    /map cannot take this: it takes a function, not nothing/,
  ],
  [
    'no schema',
    'API_INVALID_ARGUMENT',
    (env) =>
      env
        .sequence(1, 2)
        .returns('string' as never)
        .print(),
    /it takes a schema such as t\.string/,
  ],
  [
    'no method',
    'API_INVALID_ARGUMENT',
    (env) =>
      env
        .sequence(1, 2)
        .process({ emits: t.string } as never)
        .print(),
    /process\.onElement/,
  ],
  [
    'no parallelism',
    'API_INVALID_ARGUMENT',
    (env) => env.sequence(1, 2).setParallelism(1.5).print(),
    /from 1 to 32768, not 1\.5/,
  ],
  [
    'no time-out',
    'API_INVALID_ARGUMENT',
    (env) =>
      env
        .sequence(1, 2)
        .asyncMap((n) => Promise.resolve(n), {} as never)
        .print(),
    /timeout must be longer/,
  ],
  [
    'no source',
    'API_INVALID_ARGUMENT',
    (env) => env.from({} as never).print(),
    /from cannot take this/,
  ],
  [
    'an unserialisable value',
    'API_INVALID_ARGUMENT',
    (env) => env.fromElements(() => 1).print(),
    /value 0 does not fit its schema/,
  ],
  [
    'one broadcast state twice',
    'API_INVALID_ARGUMENT',
    (env) => {
      const rules = state.broadcast('rules', t.string, t.string);
      env.sequence(1, 2).connect(env.sequence(1, 2).broadcast(rules, rules));
    },
    /two of its states are called "rules"/,
  ],
];

for (const [what, code, build, message] of CASES) {
  test(`refused: ${what}`, () => {
    const error = failure(code, () => compile(build, { 'parallelism.default': '1' }));
    assert.match(error.message, message);
  });
}

test('the fix for a missing schema is the line to add, after the operator that lacks it', () => {
  const error = failure('GRAPH_STATE_SCHEMA_MISSING', () =>
    compile((env) =>
      orders(env)
        .name('orders')
        .keyBy((o) => o.user)
        .sum('n')
        .print(),
    ),
  );
  assert.match(error.fix!, /after "orders": \.returns\(t\.struct\(/);
  compile((env) =>
    orders(env)
      .returns(Order)
      .keyBy((o) => o.user)
      .sum('n')
      .print(),
  );
});

test('with pipeline.auto-generate-uids=false every operator needs a uid', () => {
  const build: Build = (env) => env.sequence(1, 2).uid('source').sinkTo(discard());
  compile(build);
  const error = failure('GRAPH_UID_MISSING', () =>
    compile(build, { 'pipeline.auto-generate-uids': 'false' }),
  );
  assert.match(error.message, /"Sink: discard" has no uid/);
});

test('a struct that lacks a field of the sink does not fit it, further fields do', () => {
  const sink = {
    ...discard<{ user: string; at?: number | undefined }>(),
    accepts: t.struct({ user: t.string, at: t.optional(t.float64) }),
  };
  compile((env) => env.fromCollection([{ user: 'a', n: 1 }], Order).sinkTo(sink));
  const wrong = { ...discard(), accepts: t.struct({ user: t.string, total: t.float64 }) };
  const error = failure('GRAPH_TYPE_MISMATCH', () =>
    compile((env) => env.fromCollection([{ user: 'a', n: 1 }], Order).sinkTo(wrong)),
  );
  assert.match(
    error.message,
    /"Sink: discard" does not fit its input: the field total that it takes/,
  );
});

test('sum and its like name a field that the records have', () => {
  for (const rolling of ['sum', 'min', 'max', 'minBy', 'maxBy'] as const) {
    const error = failure('GRAPH_UNKNOWN_FIELD', () =>
      compile((env) => {
        const users = env.fromCollection([{ user: 'a', n: 1 }], Order).keyBy((order) => order.user);
        users[rolling](untyped('usr')).sinkTo(discard());
      }),
    );
    assert.match(error.message, /no field "usr" \(declared at .*\)\. Did you mean "user"\?/);
  }
});

test("an error of the user's build keeps its stack and names the job", () => {
  const error = failure('GRAPH_BUILD_FAILED', () =>
    compile(() => {
      throw new TypeError('mine');
    }),
  );
  assert.match(error.message, /build of job "job" threw: mine/);
  assert.match(error.stack!, /graph-errors\.test\.ts/);
});

test('an async build is refused', () => {
  const job = defineJob({ name: 'job', build: untyped(async () => {}) });
  failure('GRAPH_BUILD_ASYNC', () => job.compile({ parameters: {}, configuration: {} }));
});

test('streams and env are not to be used after the build, nor in another one', () => {
  let kept: DataStream<number> | undefined;
  compile((env) => {
    kept = env.sequence(1, 2);
    kept.sinkTo(discard());
  });
  const over = failure('GRAPH_BUILD_OVER', () => kept!.map((n) => n));
  assert.match(over.message, /map was called after the build of job "job" had ended/);
  failure('GRAPH_BUILD_OVER', () => kept!.uid('late'));
  failure('GRAPH_FOREIGN_STREAM', () => compile((env) => env.sequence(1, 2).union(kept!).print()));
});

test('cycles, and keyed state without keys, which only hand-made transformations can have', () => {
  const common = {
    uid: undefined,
    returns: undefined,
    declaredAt: undefined,
    parallelism: undefined,
    maxParallelism: undefined,
    slotSharingGroup: undefined,
    chaining: 'always',
    sideOutputs: new Map(),
    kind: 'operator',
  } as const;
  const map = (id: number, input: number): Transformation => ({
    ...common,
    id,
    name: `m${id}`,
    spec: { kind: 'map', map: String },
    inputs: [input],
    output: { kind: 'inferred' },
  });
  const defaults = { parallelism: 1, maxParallelism: undefined, autoGenerateUids: true };
  const cycle = failure('GRAPH_CYCLE', () =>
    createStreamGraph([map(0, 2), map(1, 0), map(2, 1)], defaults),
  );
  assert.match(cycle.message, /m0 -> m2 -> m1 -> m0/);

  const sink: Transformation = {
    ...common,
    id: 2,
    name: 'sink',
    spec: { kind: 'sink', sink: discard() },
    inputs: [1],
    output: { kind: 'none' },
  };
  const source: Transformation = {
    ...common,
    id: 0,
    name: 'source',
    spec: { kind: 'map', map: String },
    inputs: [],
    output: { kind: 'inferred' },
  };
  const keyless: Transformation = {
    ...common,
    id: 1,
    name: 'keyless',
    inputs: [0],
    output: { kind: 'inferred' },
    spec: {
      kind: 'keyedProcess',
      key: { select: String, schema: undefined },
      function: { emits: t.string, onElement() {} },
    },
  };
  const error = failure('GRAPH_KEYED_WITHOUT_KEYS', () =>
    createStreamGraph([source, keyless, sink], defaults),
  );
  assert.match(error.message, /"keyless" keeps state by key, but its input arrives by forward/);
});
