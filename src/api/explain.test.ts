// Golden plans of one program that has every kind of edge: text, Mermaid, and plain data.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discard } from '../connectors/discard/discard.ts';
import { count } from '../functions/aggregates.ts';
import { state } from '../functions/state.ts';
import { explainMermaid } from '../graph/explain/explain-mermaid.ts';
import { explainText } from '../graph/explain/explain-text.ts';
import { formatSchema } from '../graph/explain/format-schema.ts';
import { planOf, type Plan } from '../graph/explain/plan.ts';
import { t } from '../types/index.ts';
import { compile } from './compile.test-kit.ts';
import { defineJob } from './define-job.ts';
import { param } from './parameters.ts';

const Order = t.struct({ user: t.string, n: t.int32, note: t.optional(t.string) });
const limits = state.broadcast('limits', t.string, t.int32);

const job = defineJob({
  name: 'plans',
  params: { most: param(t.int32, 9) },
  build(env, { most }) {
    const orders = env.fromCollection([{ user: 'ada', n: most }], Order).name('orders');
    const changes = env.fromElements('ada=3').broadcast(limits);
    const checked = orders
      .keyBy((order) => order.user)
      .connect(changes)
      .process({
        emits: Order,
        outputs: { refused: t.string },
        onElement(order, ctx) {
          if (order.n <= (ctx.broadcast(limits).get(order.user) ?? 0)) ctx.emit(order);
          else ctx.emitTo('refused', order.user);
        },
        onBroadcast() {},
      })
      .name('check')
      .uid('check');
    checked.side.refused.rebalance().sinkTo(discard()).name('refused').slotSharingGroup('audit');
    checked
      .keyBy((order) => order.user)
      .aggregate(count())
      .name('count')
      .sinkTo(discard());
  },
});

const plan: Plan = planOf(
  job.compile({ parameters: {}, configuration: { 'parallelism.default': '2' } }).graph,
);

test('the plan as text', () => {
  assert.equal(
    explainText(plan),
    `plans: 5 tasks, 4 slots
  most = 9

[1] orders
      parallelism 1 of at most 128
      --HASH--> [3] (elements): { user: string, n: int32, note?: string }

[2] Source: collection(1)
      parallelism 1 of at most 128
      --BROADCAST--> [3] (broadcast): string

[3] check
      parallelism 2 of at most 128
      "check" has uid "check"
      --REBALANCE--> [4] of side output "refused": string
      --HASH--> [5]: { user: string, n: int32, note?: string }

[4] refused
      parallelism 2 of at most 128, slots of "audit"

[5] count -> Sink: discard
      parallelism 2 of at most 128
`,
  );
});

test('the plan as a diagram', () => {
  assert.equal(
    explainMermaid(plan),
    `flowchart LR
  v1["orders<br/>parallelism 1"]
  v2["Source: collection(1)<br/>parallelism 1"]
  v3["check<br/>parallelism 2"]
  v4["refused<br/>parallelism 2"]
  v5["count -#62; Sink: discard<br/>parallelism 2"]
  v1 -->|"HASH, elements<br/>#123; user: string, n: int32, note?: string #125;"| v3
  v2 -->|"BROADCAST, broadcast<br/>string"| v3
  v3 -->|"REBALANCE<br/>refused<br/>string"| v4
  v3 -->|"HASH<br/>#123; user: string, n: int32, note?: string #125;"| v5
`,
  );
});

test('the plan as data', () => {
  const { vertices, ...rest } = plan;
  assert.match(rest.fingerprint, /^[0-9a-f]{32}$/);
  assert.deepEqual(rest, {
    name: 'plans',
    fingerprint: rest.fingerprint,
    slots: 4,
    slotSharingGroups: [
      { name: 'default', slots: 2 },
      { name: 'audit', slots: 2 },
    ],
    parameters: { most: 9 },
  });
  assert.deepEqual(
    vertices[4]?.operators.map(({ id: _id, ...operator }) => operator),
    [
      { name: 'count', kind: 'aggregate', stateful: true, output: 'dynamic' },
      { name: 'Sink: discard', kind: 'sink', stateful: false },
    ],
  );
  assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
});

test('an output from the middle of a chain names its operator', () => {
  const { vertices } = planOf(
    compile((env) => {
      const source = env.sequence(1, 9);
      source.keyBy(String).reduce(Math.max).print();
      source.map(String).print();
    }).graph,
  );
  assert.deepEqual(vertices[0]?.outputs, [
    {
      to: 2,
      from: 'Source: sequence(1, 9)',
      partitioner: 'HASH',
      exchange: 'pipelined',
      schema: 'integer',
    },
  ]);
});

test('hostile names do not break out of a diagram', () => {
  const text = explainMermaid(
    planOf(compile((env) => env.sequence(1, 2).name('a"]\nb|<script>').print()).graph),
  );
  assert.equal(text.split('\n').length, 3);
  assert.match(text, /v1\["a#34;#93;#10;b#124;#60;script#62; -#62; Sink: print<br/);
});

test('schemas in one line', () => {
  const cases = [
    [t.array(t.optional(t.int32)), '(int32 | undefined)[]'],
    [t.nullable(t.enum('a', 'b')), '("a" | "b") | null'],
    [t.map(t.string, t.tuple(t.int8, t.bytes)), 'map<string, [int8, bytes]>'],
    [t.struct({}), '{}'],
    [
      t.struct({ 'a-b': t.decimal(12, 2), ok: t.literal('x') }),
      '{ "a-b": decimal(12, 2), ok: "x" }',
    ],
    [t.oneOf({ l: t.int32, r: t.string }), 'l: int32 | r: string'],
  ] as const;
  for (const [schema, text] of cases) assert.equal(formatSchema(schema.description), text);
});
