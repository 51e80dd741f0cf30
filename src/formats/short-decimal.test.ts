import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import { shortDecimal } from './short-decimal.ts';

/** Bytes around the number that would belong to it. */
function read(text: string): number {
  return shortDecimal(Buffer.from(`9-.${text}.90`), 3, 3 + Buffer.byteLength(text));
}

function expected(text: string): number {
  const isShort = /^-?\d+(?:\.\d+)?$/.test(text) && text.replace(/^-/, '').length <= 16;
  // More than 15 digits; zeros before them do not count.
  if (!isShort || (!text.includes('.') && Math.abs(Number(text)) > 999_999_999_999_999)) return NaN;
  return Number(text);
}

function check(text: string): void {
  const [actual, wanted] = [read(text), expected(text)];
  assert.ok(Object.is(actual, wanted), `${JSON.stringify(text)}: ${actual}, must be ${wanted}`);
}

test('a short decimal is what Number makes of it, bit for bit, and all else is NaN', () => {
  for (const text of ['', '-', '.', '-.', '1.', '.5', '-.5', '1..2', '1.2.3', '--1', '+1', '1e3']) {
    check(text);
  }
  for (const text of ['0', '-0', '00', '-0.0', '007', '1.50', '999999999.999999', '1.000000000']) {
    check(text);
  }
  for (let digits = 1; digits <= 17; digits += 1) {
    for (const text of ['9'.repeat(digits), `1${'0'.repeat(digits - 1)}`, '0'.repeat(digits)]) {
      check(text);
      check(`-${text}`);
      for (let at = 0; at <= digits; at += 1) {
        for (const other of ['.', 'x', '-', '/', ':', ' ', 'é']) {
          check(text.slice(0, at) + other + text.slice(at));
        }
      }
    }
  }
  const numbers = fc.oneof(
    fc.stringMatching(/^-?\d{1,16}$/),
    fc.stringMatching(/^-?\d{1,9}\.\d{1,9}$/),
    fc.stringMatching(/^[-\d.x]{0,18}$/),
    fc.double({ noNaN: true, min: -1e9, max: 1e9 }).map(String),
  );
  fc.assert(fc.property(numbers, check), { numRuns: cases(3000, 300_000) });
});
