// Edit distance against a naive recursive definition, and the threshold of a suggestion.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { closest, didYouMean, editDistance } from './did-you-mean.ts';

function naive(a: string, b: string): number {
  if (a === '') return b.length;
  if (b === '') return a.length;
  let best = Math.min(
    naive(a.slice(1), b) + 1,
    naive(a, b.slice(1)) + 1,
    naive(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1),
  );
  if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0]) {
    best = Math.min(best, naive(a.slice(2), b.slice(2)) + 1);
  }
  return best;
}

test('the distance is that of the definition', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      assert.equal(editDistance(a, b), naive(a, b));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('a near name is suggested, a far one is not', () => {
  const known = ['parallelism.default', 'pipeline.max-parallelism', 'heartbeat.timeout'];
  assert.equal(closest('paralelism.defualt', known), 'parallelism.default');
  assert.equal(closest('Heartbeat.Timeout', known), 'heartbeat.timeout');
  assert.equal(closest('rest.port', known), undefined);
  assert.equal(closest('x', ['y']), 'y');
  assert.equal(didYouMean('fligths', ['flights']), ' Did you mean "flights"?');
  assert.equal(didYouMean('z', []), '');
});
