// Files as both systems write them become the same rows.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { csvCells, csvRows, debeziumChanges, jsonRows, type Column } from './read-rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-rows-'));
after(() => rmSync(folder, { recursive: true }));

const COLUMNS: readonly Column[] = [
  { name: 'id', kind: 'number' },
  { name: 'name', kind: 'text' },
  { name: 'end', kind: 'time' },
];

function files(name: string, contents: Readonly<Record<string, string>>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(contents)) writeFileSync(join(path, file), text);
  return path;
}

test('times in milliseconds and in words are one; files that are not complete do not count', () => {
  const ours = files('ours', { 'part-0': '{"id":1,"name":"ä","end":1436918410000}\n' });
  const flink = files('flink', {
    'part-0': '{"end":"2015-07-15 00:00:10Z","id":1,"name":"ä"}',
    '.part-1.inprogress': '{"id":2}\n',
  });
  const expected = [[1, 'ä', 1_436_918_410_000]];
  assert.deepEqual([...jsonRows(ours, COLUMNS)], expected);
  assert.deepEqual([...jsonRows(flink, COLUMNS)], expected);
});

test('a field that is not there is null, and a time that is none is refused', () => {
  assert.deepEqual([...jsonRows(files('null', { a: '{"id":1}\n' }), COLUMNS)], [[1, null, null]]);
  const wrong = files('wrong', { a: '{"id":1,"name":"","end":"soon"}\n' });
  assert.throws(() => [...jsonRows(wrong, COLUMNS)], /not a time: soon/);
});

test('lines longer than a block, and across files, come whole', () => {
  const long = 'x'.repeat(3_000_000);
  const path = files('long', { a: `{"name":"${long}"}\n{"name":"y"}\n`, b: '{"name":"z"}\n' });
  const names = [...jsonRows(path, COLUMNS)].map(([, name]) => name);
  assert.deepEqual(names, [long, 'y', 'z']);
});

test('a folder that was not made has no rows', () => {
  assert.deepEqual([...jsonRows(join(folder, 'none'), COLUMNS)], []);
});

test('changes have what was before and after', () => {
  const path = files('changes', {
    a: '{"before":null,"after":{"id":1},"op":"c"}\n{"before":{"id":1},"after":null,"op":"d"}\n',
  });
  const row = [1, null, null];
  assert.deepEqual(
    [...debeziumChanges(path, COLUMNS)],
    [
      { before: undefined, after: row },
      { before: row, after: undefined },
    ],
  );
});

test('cells of CSV with and without quotes', () => {
  assert.deepEqual(csvCells('1,"a,b",c'), ['1', 'a,b', 'c']);
  assert.deepEqual(csvCells('"say ""hi""",'), ['say "hi"', '']);
  assert.deepEqual(csvCells(',,'), ['', '', '']);
  const path = files('csv', { a: '1,"a",1436918410000\n2,b,1436918410001\n' });
  assert.deepEqual(
    [...csvRows(path, COLUMNS)],
    [
      [1, 'a', 1_436_918_410_000],
      [2, 'b', 1_436_918_410_001],
    ],
  );
});
