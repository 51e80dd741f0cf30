// Vectors of FIPS 180-4, in one piece and in several.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSha256, Sha256, sha256Hex } from './sha256.ts';

const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('the hash of known messages, in one piece and in several', () => {
  assert.equal(sha256Hex('abc'), ABC);
  assert.equal(sha256Hex(new Uint8Array(0)), EMPTY);
  const hash = new Sha256();
  hash.update(new TextEncoder().encode('a'));
  hash.update(new TextEncoder().encode('bc'));
  assert.equal(hash.hex(), ABC);
});

test('only 64 small hexadecimal digits are a hash', () => {
  assert.ok(isSha256(ABC));
  for (const text of [
    '',
    ABC.slice(1),
    `${ABC}0`,
    ABC.toUpperCase(),
    `../${ABC.slice(3)}`,
    `${ABC}\n`,
  ])
    assert.ok(!isSha256(text), text);
});
