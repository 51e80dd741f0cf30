// The scripts of SQL that Flink gets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEXMARK_SQL, nexmarkScript, scriptOf } from './nexmark-sql.ts';

const FILES = { input: '/start/at/events.jsonl', output: '/end/out' };

test('names that SQL has a meaning for are quoted, and texts are not', () => {
  assert.equal(
    scriptOf(["SELECT at, start FROM x WHERE path = '/start/at' AND end = 'at'"]),
    "SELECT `at`, `start` FROM x WHERE path = '/start/at' AND `end` = 'at';\n",
  );
});

test('queries of event time read with watermarks, those that update write what was before', () => {
  for (const [name, query] of Object.entries(NEXMARK_SQL)) {
    const script = nexmarkScript(query, FILES);
    const timed = ['q5', 'q7', 'q8', 'q11'].includes(name);
    assert.equal(script.includes('WATERMARK'), timed, name);
    assert.equal(script.includes("'debezium-json'"), ['q4', 'q9'].includes(name), name);
    assert.match(script, /'path' = '\/start\/at\/events\.jsonl'/);
    assert.match(script, /INSERT INTO written SELECT [^;]*;\n$/, name);
  }
});
