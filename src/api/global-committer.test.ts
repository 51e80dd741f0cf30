// How a sink with a global committer stands in the graph, and what it must have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sink } from '../functions/sink.ts';
import { t } from '../types/index.ts';
import { compile, failure } from './compile.test-kit.ts';

function ledger(more: Partial<Sink<number, string>> = {}): Sink<number, string> {
  return {
    ...{ kind: 'sink', name: 'ledger', accepts: t.integer, committable: t.string },
    createWriter: () => ({
      write: () => undefined,
      flush: () => undefined,
      close: () => undefined,
    }),
    createGlobalCommitter: () => ({ commit: () => undefined }),
    ...more,
  };
}

test('writers have the parallelism of the sink, the committer has one subtask and its own uid', () => {
  const { graph } = compile((env) => {
    env.sequence(1, 9).sinkTo(ledger()).setParallelism(3).uid('ledger');
  });
  const vertices = graph.vertices.map(({ parallelism, operators }) => [
    parallelism,
    operators.at(-1)!.name,
  ]);
  assert.deepEqual(vertices.slice(-2), [
    [3, 'Sink: ledger'],
    [1, 'Sink: ledger: Global Committer'],
  ]);
  const again = compile((env) => {
    env.sequence(1, 9).filter(Boolean).sinkTo(ledger()).name('renamed').uid('ledger');
  });
  const idOf = (of: typeof graph): string => of.vertices.at(-1)!.operators.at(-1)!.id;
  assert.equal(idOf(again.graph), idOf(graph));
});

test('it needs a schema of its committables, and no committer of the subtasks', () => {
  for (const wrong of [
    { committable: undefined },
    { createCommitter: () => ({ commit: () => undefined }) },
  ]) {
    const error = failure('API_INVALID_ARGUMENT', () =>
      compile((env) => void env.sequence(1, 9).sinkTo(ledger(wrong))),
    );
    assert.match(error.message, /ledger/);
  }
});
