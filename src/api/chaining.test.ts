// The rules of chaining, one by one: what joins two operators into a task, and what does not. And
// the partitioners of edges for which the program says nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discard } from '../connectors/discard/discard.ts';
import { seconds } from '../base/units.ts';
import { t } from '../types/index.ts';
import { compile, failure, shape } from './compile.test-kit.ts';
import type { DataStream } from './data-stream.ts';

const even = (n: number): boolean => n % 2 === 0;
const next = (n: number): number => n + 1;

/** What lies between `even` and the sink, the settings of `even` and the sink, and the tasks. */
const RULES: readonly {
  readonly rule: string;
  readonly build: (even: DataStream<number>) => void;
  readonly tasks: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
}[] = [
  {
    rule: 'equal parallelism and nothing asked: one task',
    build: (s) => s.sinkTo(discard()),
    tasks: ['S -> even -> D'],
  },
  {
    rule: 'forward asked: one task',
    build: (s) => s.forward().sinkTo(discard()),
    tasks: ['S -> even -> D'],
  },
  {
    rule: 'other parallelism: rebalance',
    build: (s) => s.sinkTo(discard()).setParallelism(3),
    tasks: ['S -> even --rebalance--> D', 'D'],
  },
  {
    rule: 'rebalance asked between equals: two tasks',
    build: (s) => s.rebalance().sinkTo(discard()),
    tasks: ['S -> even --rebalance--> D', 'D'],
  },
  {
    rule: 'hash: two tasks, even with parallelism 1',
    configuration: { 'parallelism.default': '1' },
    build: (s) => s.keyBy(even).sinkTo(discard()),
    tasks: ['S -> even --hash--> D', 'D'],
  },
  {
    rule: 'the last partitioner asked wins',
    build: (s) => s.keyBy(even).rescale().sinkTo(discard()),
    tasks: ['S -> even --rescale--> D', 'D'],
  },
  {
    rule: 'other slot sharing group: two tasks, one to one',
    build: (s) => s.sinkTo(discard()).slotSharingGroup('other'),
    tasks: ['S -> even --forward--> D', 'D'],
  },
  {
    rule: 'startNewChain',
    build: (s) => s.startNewChain().sinkTo(discard()),
    tasks: ['S --forward--> even -> D', 'even -> D'],
  },
  {
    rule: 'disableChaining',
    build: (s) => s.disableChaining().sinkTo(discard()),
    tasks: ['S --forward--> even', 'even --forward--> D', 'D'],
  },
  {
    rule: 'chaining turned off for the job',
    configuration: { 'pipeline.operator-chaining.enabled': 'false' },
    build: (s) => s.sinkTo(discard()),
    tasks: ['S --forward--> even', 'even --forward--> D', 'D'],
  },
  {
    rule: 'different maximal parallelism: two tasks',
    build: (s) => s.setMaxParallelism(64).sinkTo(discard()).setMaxParallelism(32),
    tasks: ['S -> even --forward--> D', 'D'],
  },
  {
    rule: 'different maximal parallelism with one between that does not care: two tasks',
    build: (s) => s.setMaxParallelism(64).map(next).sinkTo(discard()).setMaxParallelism(32),
    tasks: ['S -> even -> map --forward--> D', 'D'],
  },
  {
    rule: 'different maximal parallelism of two branches: the second is a task of its own',
    build: (s) => {
      s.map(next).name('a').setMaxParallelism(64).sinkTo(discard());
      s.map(next).name('b').setMaxParallelism(32).sinkTo(discard());
    },
    tasks: ['S -> even -> a -> D --forward--> b -> D', 'b -> D'],
  },
  {
    rule: 'one maximal parallelism given: one task',
    build: (s) => s.setMaxParallelism(64).sinkTo(discard()),
    tasks: ['S -> even -> D'],
  },
  {
    rule: 'an async operator starts a chain',
    build: (s) => s.asyncMap((n) => Promise.resolve(n), { timeout: seconds(1) }).sinkTo(discard()),
    tasks: ['S -> even --forward--> asyncMap -> D', 'asyncMap -> D'],
  },
  {
    rule: 'a union starts a chain',
    build: (s) => s.union(s.map(next)).sinkTo(discard()),
    tasks: ['S -> even -> map --forward--> D', 'S -> even -> map --forward--> D', 'D'],
  },
  {
    rule: 'two inputs start a chain',
    build: (s) => s.connect(s.map(next)).map(next, next).name('both').sinkTo(discard()),
    tasks: [
      'S -> even -> map --forward--> both -> D',
      'S -> even -> map --forward--> both -> D',
      'both -> D',
    ],
  },
  {
    rule: 'a chain branches',
    build: (s) => {
      s.map(next).name('a').sinkTo(discard());
      s.map(next).name('b').sinkTo(discard()).name('E');
    },
    tasks: ['S -> even -> (a -> D, b -> E)'],
  },
  {
    rule: 'side outputs are chained as main ones',
    build: (s) => {
      const p = s.process({ emits: t.float64, outputs: { odd: t.float64 }, onElement() {} });
      p.sinkTo(discard());
      p.side.odd.sinkTo(discard()).name('E');
    },
    tasks: ['S -> even -> process -> (D, E)'],
  },
];

for (const { rule, build, tasks, configuration } of RULES) {
  test(`chaining: ${rule}`, () => {
    const compiled = compile(
      (env) => build(env.sequence(1, 9).name('S').filter(even).name('even')),
      { 'parallelism.default': '2', ...configuration },
    );
    assert.deepEqual(
      shape(compiled),
      tasks.map((task) => task.replaceAll(/\bD\b/g, 'Sink: discard')),
    );
  });
}

test('chaining: outputs inside a chain are positions in it, side outputs by their tag', () => {
  const { graph } = compile((env) => {
    const p = env
      .sequence(1, 9)
      .process({ emits: t.string, outputs: { odd: t.float64 }, onElement() {} });
    p.side.odd.sinkTo(discard());
    p.map((text) => text.length).sinkTo(discard());
  });
  const [vertex] = graph.vertices;
  assert.deepEqual(
    vertex?.operators.map(({ kind, chainedOutputs }) => [kind, chainedOutputs]),
    [
      ['source', [{ target: 1, tag: undefined }]],
      [
        'process',
        [
          { target: 2, tag: 'odd' },
          { target: 3, tag: undefined },
        ],
      ],
      ['sink', []],
      ['map', [{ target: 4, tag: undefined }]],
      ['sink', []],
    ],
  );
});

test('chaining: ten thousand operators in a row', () => {
  const { graph } = compile((env) => {
    let stream = env.sequence(1, 2);
    for (let i = 0; i < 10_000; i++) stream = stream.map(next);
    stream.sinkTo(discard());
  });
  assert.equal(graph.vertices.length, 1);
  assert.equal(graph.vertices[0]?.operators.length, 10_002);
});

test('forward between different parallelism is refused with both named', () => {
  const error = failure('GRAPH_FORWARD_PARALLELISM', () =>
    compile((env) => env.sequence(1, 9).forward().map(next).setParallelism(3).sinkTo(discard())),
  );
  assert.match(
    error.message,
    /"Source: sequence\(1, 9\)" runs with parallelism 1 and "map" with 3/,
  );
  assert.match(error.message, /chaining\.test\.ts:\d+:\d+\)/);
});

test('slot sharing groups pass from inputs to outputs where they agree', () => {
  const { graph } = compile((env) => {
    const a = env.sequence(1, 9).slotSharingGroup('a');
    const b = env.sequence(1, 9).slotSharingGroup('b');
    a.rebalance().map(next).name('of a').sinkTo(discard());
    a.connect(b).map(next, next).name('of both').sinkTo(discard());
    b.union(b.rebalance()).map(next).name('of b').sinkTo(discard());
  });
  const groups = graph.vertices.map(({ name, slotSharingGroup }) => [name, slotSharingGroup]);
  assert.deepEqual(groups, [
    ['Source: sequence(1, 9)', 'a'],
    ['Source: sequence(1, 9)', 'b'],
    ['of a -> Sink: discard', 'a'],
    ['of both -> Sink: discard', 'default'],
    ['of b -> Sink: discard', 'b'],
  ]);
});
