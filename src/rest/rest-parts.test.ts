/** The small parts of the REST interface: secrets in texts, operations, errors for Java. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../base/error-code.ts';
import { EngineError } from '../base/errors.ts';
import type { ErrorData } from '../base/errors.ts';
import { minutes, seconds } from '../base/units.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { AsyncOperations } from './async-operations.ts';
import { MASK, redactText } from '../base/redact-text.ts';
import { isSecret, redact, redactError } from './redaction.ts';
import { serializedThrowable } from './serialized-throwable.ts';

describe('redaction', () => {
  test('of keys that name a secret, in whatever spelling', () => {
    const secret =
      's3.secret-key fs.azure.account.key.x.y sasl.jaas.config db.password apiKey accessKey PRIVATE_KEY client_secret github-token key sas pwd passphrase security.ssl.rest.key-password';
    for (const key of secret.split(' ')) assert.ok(isSecret(key), key);
    const open =
      'rest.port keyBy key-groups state.key.count monkey passage compass jobid parallelism';
    for (const key of open.split(' ')) assert.ok(!isSecret(key), key);
  });

  test('of texts', () => {
    for (const [text, wanted] of [
      ['jdbc:postgresql://u:p4ss@db:5432/x?a=b', `jdbc:postgresql://${MASK}@db:5432/x?a=b`],
      ['http://x/?sig=abc&b=c', `http://x/?sig=${MASK}&b=c`],
      ['{"password": "p q", "a": 1}', `{"password": "${MASK}", "a": 1}`],
      ['Authorization: Bearer abcdefgh12345', `Authorization: Bearer ${MASK}`],
      ['AWS_SECRET_ACCESS_KEY=abc', `AWS_SECRET_ACCESS_KEY=${MASK}`],
      ['ran for 3 s at 10:30, key=5', 'ran for 3 s at 10:30, key=5'],
      ['at http://localhost:8081/jobs: refused', 'at http://localhost:8081/jobs: refused'],
    ]) {
      assert.equal(redactText(text!), wanted);
    }
  });

  test('of nested data', () => {
    assert.deepEqual(
      redact({ db: { url: 'x://a:b@c', password: 'p', pin: { secret: 5 } }, tokens: ['a'], n: 1 }),
      { db: { url: `x://${MASK}@c`, password: MASK, pin: { secret: MASK } }, tokens: [MASK], n: 1 },
    );
  });

  test('of errors: the name of an option is no secret, what it was given may be one', () => {
    const shown = (code: ErrorCode, parameters: Readonly<Record<string, string>>): unknown =>
      (redactError(new EngineError(code, parameters).toData()) as ErrorData).parameters;
    const unknown = { key: 'nosuch.key', suggestion: '' };
    assert.deepEqual(shown('CONFIG_UNKNOWN_OPTION', unknown), unknown);
    const invalid = { key: 's3.secret-key', value: 'hidden', expected: 'a text' };
    assert.deepEqual(shown('CONFIG_INVALID_VALUE', invalid), { ...invalid, value: MASK });
    assert.deepEqual(shown('JOB_NOT_FOUND', { key: 'hidden' }), { key: MASK });
    assert.equal(redactError(undefined), undefined);
  });
});

describe('operations', () => {
  test('O1, O2: a trigger starts one; what has ended is kept for a while', async () => {
    const clock = new ManualClock();
    const operations = new AsyncOperations<number>(clock, minutes(5));
    const gate = Promise.withResolvers<number>();
    let started = 0;
    for (const _ of [1, 2]) {
      operations.start('a', () => {
        started += 1;
        return gate.promise;
      });
    }
    operations.start('b', () => {
      throw new EngineError('JOB_NOT_FOUND', { jobId: 'x' });
    });
    await new Promise(setImmediate);
    await clock.pass(minutes(60));
    assert.deepEqual(
      [started, operations.find('a')],
      [1, { outcome: undefined, ended: undefined }],
    );
    gate.resolve(7);
    await new Promise(setImmediate);
    assert.deepEqual(operations.find('a')?.outcome, { kind: 'result', result: 7 });
    assert.equal(operations.find('b'), undefined, 'it ended more than five minutes ago');
    await clock.pass(minutes(5));
    assert.ok(operations.find('a') !== undefined);
    await clock.pass(seconds(1));
    assert.deepEqual([operations.find('a'), operations.size], [undefined, 0]);
  });

  test('one that throws at once has failed', async () => {
    const operations = new AsyncOperations<number>(new ManualClock(), minutes(5));
    operations.start('b', () => {
      throw new EngineError('JOB_NOT_FOUND', { jobId: 'x' });
    });
    await new Promise(setImmediate);
    const outcome = operations.find('b')?.outcome;
    assert.equal(outcome?.kind === 'failure' && outcome.error.code, 'JOB_NOT_FOUND');
  });
});

test('an error for Java begins as its stream does and carries its texts', () => {
  const bytes = Buffer.from(serializedThrowable('a.B', 'ä\0', 'x'.repeat(70_000)), 'base64');
  assert.equal(bytes.subarray(0, 4).toString('hex'), 'aced0005');
  assert.ok(bytes.includes(Buffer.from('org.apache.flink.util.SerializedThrowable')));
  // Modified UTF-8: a zero is two bytes.
  assert.ok(bytes.includes(Buffer.from([0x74, 0, 4, ...Buffer.from('ä'), 0xc0, 0x80])));
  assert.ok(bytes.includes(Buffer.from([0x7c, 0, 0, 0, 0, 0, 1, 0x11, 0x70, 0x78])));
});
