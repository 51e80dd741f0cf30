// Steps last about a millisecond, whatever a record costs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StepSize } from './step-size.ts';

/** How long the last of some steps lasts in which a record takes `millis`, and how many it has. */
function settled(size: StepSize, millis: number): readonly [records: number, millis: number] {
  for (let step = 0; step < 20; step += 1) size.took(size.records, size.records * millis);
  return [size.records, size.records * millis];
}

test('U1: slow records are taken one by one, fast ones in whole batches, and either soon', () => {
  const size = new StepSize();
  assert.deepEqual(settled(size, 100), [1, 100]);
  assert.equal(settled(size, 0.0001)[0], 1024);
});

test('steps settle between a half and two milliseconds', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 1, noNaN: true }), (millis) => {
      const size = new StepSize();
      const [records, lasts] = settled(size, millis);
      assert.ok(records >= 1 && records <= 1024);
      assert.ok(lasts <= 2 && (lasts >= 0.5 || records === 1024), `${records} in ${lasts} ms`);
    }),
    { seed: 5 },
  );
});

test('U2: the first step takes one record, later ones soon as many as fit', () => {
  const size = new StepSize();
  assert.equal(size.records, 1);
  size.took(1, 60);
  assert.equal(size.records, 1);
  for (let step = 0; step < 10; step += 1) size.took(size.records, size.records * 0.0003);
  assert.equal(size.records, 1024);
});

test('one step that was held up does not change the size for long', () => {
  const size = new StepSize();
  settled(size, 0.0001);
  size.took(1024, 50);
  assert.equal(size.records, 20);
  for (let step = 0; step < 6; step += 1) size.took(size.records, size.records * 0.0003);
  assert.equal(size.records, 1024);
});

test('a step without records says nothing about their cost, unless it was long', () => {
  const size = new StepSize();
  settled(size, 0.0001);
  size.took(0, 0.1);
  assert.equal(size.records, 1024);
  size.took(0, 10);
  assert.equal(size.records, 1);
});
