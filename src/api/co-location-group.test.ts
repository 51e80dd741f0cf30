import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discard } from '../connectors/discard/discard.ts';
import { explainText } from '../graph/explain/explain-text.ts';
import { planOf } from '../graph/explain/plan.ts';
import type { CompiledJob } from '../graph/job-graph.ts';
import { compile, failure } from './compile.test-kit.ts';

interface Setting {
  readonly group?: string | undefined;
  readonly parallelism?: number | undefined;
  readonly key?: string | undefined;
}

/** Two branches from one source; the second is as the test says. */
function twoBranches({ group, parallelism, key }: Setting): CompiledJob {
  return compile(
    (env) => {
      const source = env.sequence(1, 9).name('numbers');
      source
        .rebalance()
        .map((n) => n)
        .name('first')
        .coLocationGroup('pair')
        .sinkTo(discard());
      const second = source
        .rebalance()
        .map((n) => n)
        .name('second');
      if (group !== undefined) second.slotSharingGroup(group);
      if (parallelism !== undefined) second.setParallelism(parallelism);
      if (key !== undefined) second.coLocationGroup(key);
      second.sinkTo(discard());
    },
    { 'parallelism.default': '3' },
  );
}

test('the vertices of a co-location group carry its key, and the plan shows it', () => {
  const { graph } = twoBranches({ key: 'pair' });
  const keys = graph.vertices.map(({ name, coLocationGroups }) => [
    name.split(' ')[0],
    coLocationGroups,
  ]);
  assert.deepEqual(keys, [
    ['numbers', undefined],
    ['first', ['pair']],
    ['second', ['pair']],
  ]);
  const plan = planOf(graph);
  assert.deepEqual(plan.vertices[1]!.coLocationGroups, ['pair']);
  assert.ok(!('coLocationGroups' in plan.vertices[0]!));
  assert.match(explainText(plan), /parallelism 3 of at most 128, together with "pair"/);
});

test('operators of one chain may have keys of their own: their task is with both', () => {
  const { graph } = compile((env) => {
    env
      .sequence(1, 9)
      .coLocationGroup('a')
      .map((n) => n)
      .coLocationGroup('b')
      .sinkTo(discard());
  });
  assert.equal(graph.vertices.length, 1);
  assert.deepEqual(graph.vertices[0]!.coLocationGroups, ['a', 'b']);
});

test('the key is part of the fingerprint, and a graph without any is as it was', () => {
  const prints = [{}, { key: 'pair' }, { key: 'other' }].map(
    (setting) => twoBranches(setting).graph.fingerprint,
  );
  assert.equal(new Set(prints).size, 3);
  assert.ok(
    !JSON.stringify(compile((env) => env.sequence(1, 2).sinkTo(discard())).graph).includes(
      'coLocation',
    ),
  );
});

test('a group that slot sharing tears apart is an error that names both operators', () => {
  const error = failure('GRAPH_INVALID_SETTING', () => twoBranches({ key: 'pair', group: 'x' }));
  assert.match(error.message, /coLocationGroup of "second" cannot be "pair": "first"/);
  assert.match(error.message, /slot sharing group "default", and this in "x"/);
  twoBranches({ key: 'another', group: 'x' });
});

test('a group of different parallelism is an error that names both', () => {
  const error = failure('GRAPH_INVALID_SETTING', () =>
    twoBranches({ key: 'pair', parallelism: 2 }),
  );
  assert.match(error.message, /"first".* has parallelism 3, and this 2/);
  twoBranches({ parallelism: 2 });
});

test('an empty key is refused', () => {
  assert.match(
    failure('API_INVALID_ARGUMENT', () => twoBranches({ key: '' })).message,
    /not empty/,
  );
});
