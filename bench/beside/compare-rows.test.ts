// What counts as equal outputs, and that differences are found and shown.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareRows, finalTable, lastByKey, type Row } from './compare-rows.ts';

test('the same rows in another order are equal, each as often', () => {
  const rows: Row[] = [
    [1, 'a'],
    [2, 'b'],
    [1, 'a'],
  ];
  assert.deepEqual(compareRows(rows, [rows[1]!, rows[0]!, rows[2]!]), {
    equal: true,
    rows: 3,
    onlyOurs: [],
    onlyFlink: [],
  });
});

test('rows that are missing, too many or of another type are shown with how many', () => {
  const ours: Row[] = [[1], [1], [1], [2], ['3'], [null]];
  const flink: Row[] = [[1], [2], [2], [3], [null]];
  assert.deepEqual(compareRows(ours, flink), {
    equal: false,
    rows: 6,
    onlyOurs: ['2 x [1]', '1 x ["3"]'],
    onlyFlink: ['1 x [2]', '1 x [3]'],
  });
});

test('a result without rows equals only one without rows', () => {
  assert.equal(compareRows([], []).equal, true);
  assert.equal(compareRows([[1]], []).equal, false);
  assert.equal(compareRows([], [[1]]).equal, false);
});

test('doubles are equal in every bit or not at all', () => {
  assert.equal(compareRows([[0.1 + 0.2]], [[0.3]]).equal, false);
  assert.equal(compareRows([[0.1 + 0.2]], [[0.30000000000000004]]).equal, true);
});

test('changes come to the rows that were put in and not taken out', () => {
  const changes = [
    { before: undefined, after: ['a', 1] },
    { before: undefined, after: ['a', 1] },
    { before: ['a', 1], after: ['a', 2] },
    { before: undefined, after: ['b', 1] },
    { before: ['b', 1], after: undefined },
  ];
  assert.deepEqual(
    [...finalTable(changes)],
    [
      ['a', 1],
      ['a', 2],
    ],
  );
});

test('a row that is taken out must have been there', () => {
  assert.throws(() => [...finalTable([{ before: [1], after: [2] }])], /not there: \[1\]/);
});

test('of each key the last row counts', () => {
  const rows: Row[] = [
    [1, 10],
    [2, 20],
    [1, 30],
  ];
  assert.deepEqual(
    [...lastByKey(rows, ([key]) => key)],
    [
      [1, 30],
      [2, 20],
    ],
  );
});
