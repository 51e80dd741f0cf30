import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ERROR_TABLE } from './error-table.ts';
import { MASK, redactText } from './redact-text.ts';

/** The texts that are written to the log, as they stand in the source. */
const LOGGED = /\blog\.write\(\s*'\w+',\s*(['`])(.*?)\1/g;

test('passwords of URLs, credentials and assigned secrets are masked, and nothing else is', () => {
  const table = [
    ['jdbc:postgresql://u:p4ss@db:5432/x?a=b', `jdbc:postgresql://${MASK}@db:5432/x?a=b`],
    ['amqp://u:p:4:ss@mq and more', `amqp://${MASK}@mq and more`],
    ['Authorization: Bearer abcdefgh12345', `Authorization: Bearer ${MASK}`],
    ['db.password=hunter2;x=1', `db.password=${MASK};x=1`],
    ['{"apiKey": "k1", "a": 1}', `{"apiKey": "${MASK}", "a": 1}`],
    ["secret='a b' c", `secret='${MASK}' c`],
    ['http://host:8081/jobs@x', 'http://host:8081/jobs@x'],
    ['the token of the cluster', 'the token of the cluster'],
    ['signal: 3', 'signal: 3'],
    ['at file:///a/b.ts:3:7', 'at file:///a/b.ts:3:7'],
  ] as const;
  for (const [text, expected] of table) assert.equal(redactText(text), expected);
});

test('what the engine itself says stays as it is', () => {
  const texts = Object.values(ERROR_TABLE).flatMap(({ message, fix = '' }) => [message, fix]);
  const source = fileURLToPath(new URL('..', import.meta.url));
  for (const name of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
    const code = readFileSync(join(source, name), 'utf8');
    for (const [, , text] of code.matchAll(LOGGED)) texts.push(text!);
  }
  assert.ok(texts.some((text) => text.startsWith('The REST interface asks for no token')));
  for (const text of texts) assert.equal(redactText(text), text);
});

test('no text takes more time than its length', () => {
  const length = 300_000;
  const hostile = [
    ...['a.', 'a-', 'a:', ':', 'x://a', 'x://a:', 'token', 'token=', 'token="', 'Bearer ', '"'],
    ...['password ', 'secret:  ', 'x://:@', 'a\n', "sig='"],
  ];
  for (const piece of hostile) {
    const text = piece.repeat(Math.ceil(length / piece.length));
    // With patterns that go back this takes minutes, and the test runner ends it.
    redactText(text);
    redactText(`x://${text}`);
  }
});
