/** Ranges, forms and the absence of obvious bias; buggify is off in production. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeRandom } from './random.ts';

describe('nodeRandom', () => {
  const random = nodeRandom();

  test('uint32 is a whole number below 2^32 and uses all its bits', () => {
    let ones = 0;
    let zeros = 0;
    for (let i = 0; i < 2000; i += 1) {
      const draw = random.uint32();
      assert.ok(Number.isInteger(draw) && draw >= 0 && draw < 2 ** 32);
      ones |= draw;
      zeros |= ~draw;
    }
    assert.equal(ones, -1);
    assert.equal(zeros, -1);
  });

  test('below gives every value under the limit and no other', () => {
    for (const limit of [1, 2, 3, 10]) {
      const seen = new Set<number>();
      for (let i = 0; i < 500; i += 1) seen.add(random.below(limit));
      assert.deepEqual(
        [...seen].sort((a, b) => a - b),
        Array.from({ length: limit }, (_, i) => i),
      );
    }
  });

  test('below takes limits up to 2^32 and refuses others', () => {
    assert.ok(random.below(2 ** 32) < 2 ** 32);
    // Two draws in three would be lost to bias here without the rejection of the ragged end.
    const limit = 3 * 2 ** 30;
    let low = 0;
    const draws = 6000;
    for (let i = 0; i < draws; i += 1) if (random.below(limit) < limit / 3) low += 1;
    assert.ok(Math.abs(low / draws - 1 / 3) < 0.05, `${low} of ${draws}`);
    for (const wrong of [0, -1, 1.5, Number.NaN, 2 ** 32 + 1]) {
      assert.throws(() => random.below(wrong), { name: 'AssertionError' });
    }
  });

  test('bytes gives as many as asked for, in memory of their own', () => {
    const bytes = random.bytes(32);
    assert.equal(bytes.byteLength, 32);
    assert.equal(bytes.buffer.byteLength, 32);
    assert.notDeepEqual(bytes, random.bytes(32));
    assert.equal(random.bytes(0).byteLength, 0);
  });

  test('uuid is of version 4', () => {
    assert.match(
      random.uuid(),
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    assert.notEqual(random.uuid(), random.uuid());
  });

  test('buggify is never true', () => {
    for (let i = 0; i < 1000; i += 1) assert.equal(random.buggify('anywhere'), false);
  });
});
