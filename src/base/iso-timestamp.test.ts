import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../base/prng.ts';
import { isoText, isoTimestamp } from './iso-timestamp.ts';

const YEAR_0 = Date.parse('0000-01-01T00:00:00Z');
const YEAR_10000 = Date.parse('+010000-01-01T00:00:00Z');

test('timestamps as text are those of Date, over 10,000 years', () => {
  const random = Prng.of(5);
  for (let day = YEAR_0; day < YEAR_10000; day += 11 * 86_400_000) {
    const at = day + random.below(11 * 86_400_000);
    const text = isoText(at);
    if (text !== new Date(at).toISOString()) assert.equal(text, new Date(at).toISOString());
    if (isoTimestamp(text) !== at) assert.equal(isoTimestamp(text), at);
  }
});

test('timestamps beyond four digits of a year have no text', () => {
  assert.equal(isoText(YEAR_0 - 1), undefined);
  assert.equal(isoText(YEAR_10000), undefined);
  assert.equal(isoText(NaN), undefined);
  assert.equal(isoText(YEAR_0), '0000-01-01T00:00:00.000Z');
  assert.equal(isoText(YEAR_10000 - 1), '9999-12-31T23:59:59.999Z');
});

test('timestamps are read with their zone, and cut to milliseconds', () => {
  const at = Date.parse('2001-01-31T11:00:00.250Z');
  for (const text of [
    '2001-01-31T11:00:00.250Z',
    '2001-01-31 12:00:00.2509+01:00',
    '2001-01-31t05:30:00.25-05:30',
    '2001-01-31T11:00:00.250999999z',
  ]) {
    assert.equal(isoTimestamp(text), at, text);
  }
  assert.equal(isoTimestamp('2001-01-31T11:00Z'), at - 250);
});

test('what is no timestamp is not taken for one', () => {
  for (const text of [
    ...['', '2001-01-31', '2001-01-31T12:00:00', '2001-02-29T00:00:00Z', '1900-02-29T00:00:00Z'],
    ...['2001-00-01T00:00:00Z', '2001-13-01T00:00:00Z', '2001-01-00T00:00:00Z'],
    ...['2001-01-31T24:00:00Z', '2001-01-31T12:60:00Z', '2001-01-31T12:00:60Z'],
    ...[
      '2001-01-31T12:00:00+24:00',
      '2001-01-31T12:00:00+0100',
      '2001-01-31T12.5Z',
      ' 2001-01-31T12:00:00Z',
    ],
    ...[
      '2001-01-31T12:00:00.Z',
      '2001-1-31T12:00:00Z',
      '2001-01-31T12:00:00Z\n',
      '２001-01-31T12:00:00Z',
    ],
  ]) {
    assert.equal(isoTimestamp(text), undefined, text);
  }
});
