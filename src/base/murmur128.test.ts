// Golden vectors: Flink's well-known ids of a source without uid (murmur3-128 of zeroed integers),
// and the reference implementation's value for a text longer than a block.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmur128 } from './murmur128.ts';

test('the ids are those that Flink shows', () => {
  assert.equal(murmur128(new Uint8Array(4)), 'bc764cd8ddf7a0cff126f51c16239658');
  assert.equal(murmur128(new Uint8Array(8)), 'cbc357ccb763df2852fee8c4fc7d55f2');
});

test('the empty input, a text over several blocks, and every tail length', () => {
  assert.equal(murmur128(''), '0'.repeat(32));
  assert.equal(
    murmur128('The quick brown fox jumps over the lazy dog'),
    '6c1b07bc7bbc4be347939ac4a93c437a',
  );
  const seen = new Set<string>();
  for (let length = 0; length <= 40; length++) seen.add(murmur128('a'.repeat(length)));
  assert.equal(seen.size, 41);
});
