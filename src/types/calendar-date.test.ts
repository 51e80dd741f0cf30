import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { timestamp } from '../base/units.ts';
import { calendarDate, dateText, utcDateOf } from './calendar-date.ts';

describe('calendarDate', () => {
  it('counts days from 1970-01-01', () => {
    const days: [string, number][] = [
      ['1970-01-01', 0],
      ['1970-01-02', 1],
      ['1969-12-31', -1],
      ['2000-02-29', 11_016],
      ['2001-01-31', 11_353],
      ['0000-01-01', -719_528],
      ['9999-12-31', 2_932_896],
      ['+012345-01-01', 3_789_391],
    ];
    for (const [text, count] of days) {
      assert.equal(calendarDate(text), count, text);
      assert.equal(dateText(calendarDate(count)), text);
    }
  });

  it('refuses days that there are not', () => {
    const bad = [
      '2001-02-29',
      '2001-02-30',
      '2001-13-01',
      '2001-00-10',
      '2001-1-1',
      '2001-01-01T00:00:00Z',
      '',
      'x',
      '-000000-01-01',
    ];
    for (const text of bad)
      assert.throws(() => calendarDate(text), { code: 'DATA_INVALID_DATE' }, text);
    for (const days of [0.5, NaN, Infinity, 1e9]) {
      assert.throws(() => calendarDate(days), { code: 'DATA_INVALID_DATE' });
    }
  });

  it('comes back through its text', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000_000, max: 100_000_000 }), (days) => {
        assert.equal(calendarDate(dateText(calendarDate(days))), days);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('is the day in UTC of a point in time', () => {
    assert.equal(
      dateText(utcDateOf(timestamp(new Date('2001-01-01T23:59:59.999Z')))),
      '2001-01-01',
    );
    assert.equal(dateText(utcDateOf(timestamp(-1))), '1969-12-31');
  });
});
