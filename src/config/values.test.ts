// Every way in which Flink writes durations and sizes, what is refused, and that what is formatted
// is read back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { milliseconds } from '../base/units.ts';
import {
  formatDuration,
  formatMemorySize,
  parseBoolean,
  parseDuration,
  parseInteger,
  parseMemorySize,
  parseNumber,
} from './values.ts';

test('durations', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['10 s', 10_000],
    ['10s', 10_000],
    ['500 ms', 500],
    ['500', 500],
    ['0', 0],
    ['1 min', 60_000],
    ['2 h', 7_200_000],
    ['1 DAY', 86_400_000],
    ['1500 us', 1.5],
    ['250 ns', 0.00025],
    ['PT10S', 10_000],
    ['PT0.1S', 100],
    ['PT5M', 300_000],
    ['P1DT2H', 93_600_000],
    ['pt1h30m', 5_400_000],
    ['P', undefined],
    ['PT', undefined],
    ['P1DT', undefined],
    ['-5 s', undefined],
    ['1.5 s', undefined],
    ['ten s', undefined],
    ['10 parsecs', undefined],
    ['', undefined],
    ['99999999999999999999 d', undefined],
  ];
  for (const [text, expected] of cases) assert.equal(parseDuration(text), expected, text);
});

test('sizes of memory', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['64 mb', 64 * 1024 ** 2],
    ['64m', 64 * 1024 ** 2],
    ['1g', 1024 ** 3],
    ['1 GB', 1024 ** 3],
    ['32 kb', 32_768],
    ['0 bytes', 0],
    ['17', 17],
    ['2 tebibytes', 2 * 1024 ** 4],
    ['1.5g', undefined],
    ['-1', undefined],
    ['9007199254740993', undefined],
    ['1 furlong', undefined],
  ];
  for (const [text, expected] of cases) assert.equal(parseMemorySize(text), expected, text);
});

test('numbers and booleans', () => {
  assert.equal(parseInteger(' 42 '), 42);
  assert.equal(parseInteger('-1'), -1);
  assert.equal(parseInteger('1e3'), undefined);
  assert.equal(parseInteger('9007199254740993'), undefined);
  assert.equal(parseNumber('1.5'), 1.5);
  assert.equal(parseNumber('1e400'), undefined);
  assert.equal(parseNumber('0x10'), undefined);
  assert.equal(parseBoolean('TRUE'), true);
  assert.equal(parseBoolean('yes'), undefined);
});

test('what is formatted is read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e12 }), (count) => {
      assert.equal(parseDuration(formatDuration(milliseconds(count))), count);
      assert.equal(parseMemorySize(formatMemorySize(count)), count);
    }),
    { seed: 2 },
  );
  assert.equal(formatDuration(milliseconds(90_000)), '90 s');
  assert.equal(formatDuration(milliseconds(120_000)), '2 min');
  assert.equal(formatMemorySize(64 * 1024 ** 2), '64 mb');
});
