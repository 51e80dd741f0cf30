// Sources made from an index: every index once, whatever the parallelism, the sizes of batches and
// the snapshots taken and restored on the way; and the rate limit by a clock that stands still.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../base/errors.ts';
import type { PollResult } from '../../functions/source.ts';
import { t } from '../../types/index.ts';
import { collection } from '../collection/collection.ts';
import { SourceHarness, type SourceSnapshot } from '../source-harness.test-kit.ts';
import { generator } from './generator.ts';
import { rangesForReaders, splitIndices } from './index-ranges.ts';
import { sequence } from './sequence.ts';

test('I1: ranges tile the whole, in nearly equal parts', () => {
  fc.assert(
    fc.property(
      fc.maxSafeInteger(),
      fc.nat(2 ** 40),
      fc.integer({ min: 1, max: 50 }),
      (from, length, count) => {
        fc.pre(Number.isSafeInteger(from + length));
        const ranges = splitIndices(from, from + length, count);
        let next = from;
        const lengths: number[] = [];
        for (const range of ranges) {
          assert.equal(range.next, next);
          lengths.push(range.end! - range.next);
          next = range.end!;
        }
        assert.equal(next, from + length);
        if (length >= count) assert.ok(Math.max(...lengths) - Math.min(...lengths) <= 1);
        assert.equal(new Set(ranges.map(({ id }) => id)).size, ranges.length);
      },
    ),
    { seed: 8 },
  );
});

test('I1, I2: each number of a sequence comes once, over stops and rescaling', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -50, max: 50 }),
      fc.nat(300),
      fc.array(
        fc.record({
          parallelism: fc.integer({ min: 1, max: 5 }),
          polls: fc.nat(12),
          batch: fc.integer({ min: 1, max: 40 }),
        }),
        { minLength: 1, maxLength: 4 },
      ),
      (from, length, lives) => {
        const source = sequence(from, from + length - 1);
        const seen: unknown[] = [];
        let snapshot: SourceSnapshot | undefined;
        for (const { parallelism, polls, batch } of lives) {
          const harness = new SourceHarness(source, parallelism, snapshot);
          for (let i = 0; i < polls; i++) harness.poll(i % parallelism, batch);
          snapshot = harness.snapshot();
          seen.push(...harness.collected.flat());
          harness.close();
        }
        const last = new SourceHarness(source, 2, snapshot);
        last.drain();
        assert.ok(last.ended);
        seen.push(...last.collected.flat());
        seen.sort((left, right) => Number(left) - Number(right));
        assert.deepEqual(
          seen,
          Array.from({ length }, (_, i) => from + i),
        );
      },
    ),
    { seed: 9, numRuns: 300 },
  );
});

test('a sequence is in order within a subtask, and in order as a whole with one', () => {
  const harness = new SourceHarness(sequence(1, 100), 3);
  harness.drain(7);
  for (const values of harness.collected) {
    assert.deepEqual(
      values,
      values.toSorted((a, b) => Number(a) - Number(b)),
    );
  }
  const alone = new SourceHarness(sequence(1, 5), 1);
  alone.drain();
  assert.deepEqual(alone.collected, [[1, 2, 3, 4, 5]]);
});

test('a reader that is three times as fast reads three times as much, and never waits', () => {
  const count = 1_000_000;
  const harness = new SourceHarness(sequence(1, count), 2);
  let ended: PollResult | undefined = 'more';
  while (ended === 'more') {
    harness.poll(1, 1000);
    for (let i = 0; i < 3 && ended === 'more'; i++) ended = harness.poll(0, 1000);
  }
  assert.equal(ended, 'end');
  const [fast, slow] = harness.collected.map(({ length }) => length);
  // The slow one has left what it is reading and the range behind that.
  assert.ok(count - fast! - slow! < 150_000, `${fast} and ${slow} of ${count}`);
  assert.ok(fast! > 2.4 * slow!, `${fast} and ${slow} of ${count}`);
  harness.drain();
  assert.equal(new Set(harness.collected.flat()).size, count);
});

test('short sequences are not cut up: a range for each reader', () => {
  assert.equal(rangesForReaders(0, 100_000, 4).length, 4);
  assert.equal(rangesForReaders(0, 100_000_000, 4).length, 128);
  assert.equal(rangesForReaders(0, 100_000_000, 1).length, 1);
});

test('an empty sequence ends at once', () => {
  const harness = new SourceHarness(sequence(1, 0), 2);
  harness.drain();
  assert.ok(harness.ended);
  assert.deepEqual(harness.collected, [[], []]);
});

test('an endless generator goes on after a restore with another parallelism, without a gap', () => {
  const source = generator(t.string, (index) => `#${index}`);
  assert.equal(source.boundedness, 'unbounded');
  const first = new SourceHarness(source, 2);
  first.poll(0, 3);
  first.poll(1, 5);
  assert.deepEqual(first.collected, [
    ['#0', '#2', '#4'],
    ['#1', '#3', '#5', '#7', '#9'],
  ]);
  const second = new SourceHarness(source, 1, first.snapshot());
  for (let i = 0; i < 6; i++) second.poll(0, 10);
  const numbers = [...first.collected.flat(), ...second.collected.flat()]
    .map((text) => Number(String(text).slice(1)))
    .sort((left, right) => left - right);
  assert.equal(new Set(numbers).size, numbers.length);
  assert.deepEqual(numbers.slice(0, 11), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.equal(second.poll(0, 1), 'more');
});

test('with more readers than ranges, those without end', () => {
  const first = new SourceHarness(
    generator(t.integer, (index) => index),
    1,
  );
  const second = new SourceHarness(
    generator(t.integer, (index) => index),
    3,
    first.snapshot(),
  );
  second.poll(0, 5);
  second.poll(1, 5);
  second.poll(2, 5);
  assert.equal(second.collected.filter((values) => values.length === 5).length, 1);
  assert.equal([0, 1, 2].filter((subtask) => second.poll(subtask, 1) === undefined).length, 2);
});

test('T1: a rate limit holds on average, in bursts of at most a second', () => {
  const source = generator(t.integer, (index) => index, { ratePerSecond: 100 });
  const harness = new SourceHarness(source, 1);
  const count = (): number => harness.collected[0]!.length;
  harness.drain();
  assert.equal(count(), 1);
  for (let i = 0; i < 1000; i++) {
    harness.clock.advance(1);
    harness.drain();
    assert.ok(count() <= 1 + (i + 1) / 10 + 1e-9, `${count()} after ${i + 1} ms`);
  }
  assert.ok(count() >= 99, `${count()} after a second`);
  const before = count();
  harness.clock.advance(60_000);
  harness.drain();
  assert.ok(count() - before <= 102, `${count() - before} in a burst`);
  assert.equal(harness.clock.pending, 1);
  harness.close();
  assert.equal(harness.clock.pending, 0);
});

test('a rate is that of all subtasks together', () => {
  const source = generator(t.integer, (index) => index, { ratePerSecond: 100, count: 1000 });
  const harness = new SourceHarness(source, 4);
  for (let i = 0; i < 200; i++) {
    harness.clock.advance(10);
    harness.drain();
  }
  const total = harness.collected.flat().length;
  assert.ok(total >= 196 && total <= 204, String(total));
});

test('the values of a collection come in order, in one subtask by default', () => {
  const values = [{ a: 1 }, { a: 2 }, { a: 3 }];
  const source = collection(values, t.struct({ a: t.int32 }));
  assert.equal(source.parallelism, 1);
  const harness = new SourceHarness(source, 1);
  harness.drain(2);
  assert.deepEqual(harness.collected, [values]);
  assert.equal(harness.collected[0]![0], values[0]);
  const wide = new SourceHarness(source, 5);
  wide.drain();
  assert.deepEqual(wide.collected.flat(), values);
});

test('what cannot be a source is refused', () => {
  const cases: readonly (() => unknown)[] = [
    () => sequence(1.5, 2),
    () => sequence(0, Number.MAX_SAFE_INTEGER),
    () => generator(t.int32, Number, { count: -1 }),
    () => generator(t.int32, Number, { ratePerSecond: 0 }),
    () => collection([1, 'a'] as never, t.int32),
    () => collection([Symbol('x')]),
  ];
  for (const call of cases)
    assert.throws(call, (error) => isEngineError(error, 'API_INVALID_ARGUMENT'));
});
