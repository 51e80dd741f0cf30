import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutMiddle, cutText } from './cut-text.ts';
import type { ErrorCode } from './error-code.ts';
import { ERROR_TABLE } from './error-table.ts';
import { EngineError, toEngineError } from './errors.ts';
import type { ErrorData } from './errors.ts';

function sizeOf(data: ErrorData): number {
  return JSON.stringify(data).length;
}

test('a text is cut once, with its length, never within a character', () => {
  assert.equal(cutText('short', 5), 'short');
  const cut = cutText('x'.repeat(1000), 100);
  assert.match(cut, /^x+\.\.\. \(cut, 1000 characters\)$/);
  assert.equal(cut.length, 100);
  assert.equal(cutText(cut, 100), cut);
  for (const limit of [100, 101]) assert.ok(cutText('\u{1F600}'.repeat(500), limit).isWellFormed());
});

test('of a stack both ends are kept', () => {
  const stack = `Error: ${'x'.repeat(1000)}\n    at job (job.ts:1:1)`;
  const cut = cutMiddle(stack, 200);
  assert.match(cut, /^Error: x+\.\.\. \(cut, 1031 characters\)\n.*\n    at job \(job\.ts:1:1\)$/s);
  assert.ok(cut.length <= 200);
  assert.equal(cutMiddle(cut, 200), cut);
  for (const limit of [100, 101, 102, 103]) {
    assert.ok(cutMiddle('\u{1F600}'.repeat(500), limit).isWellFormed());
  }
});

test('G1: an error with a message of megabytes is small data, and says what it was', () => {
  const thrown = new Error('E'.repeat(5_000_000));
  const error = new EngineError('USER_CODE_FAILED', {
    ...{ role: 'map', operator: 'm', message: thrown.message },
  });
  error.stack = thrown.stack!;
  const data = error.within({ record: 'r'.repeat(1_000_000) }).toData();
  assert.ok(sizeOf(data) < 100_000, `${sizeOf(data)}`);
  assert.match(String(data.parameters['message']), /^E+\.\.\. \(cut, 5000000 characters\)$/);
  assert.match(data.stack!, /^Error: E+[^]*\(cut, 50\d+ characters\)[^]*errors\.test/);
  assert.equal(EngineError.fromData(data).message, error.message);
  assert.deepEqual(EngineError.fromData(data).toData(), data, 'it is not cut again');
});

test('G1: what foreign code throws is cut too', () => {
  const data = toEngineError(new Error('E'.repeat(5_000_000))).toData();
  assert.ok(sizeOf(data) < 100_000, `${sizeOf(data)}`);
});

test('G1: causes are counted, in number and together', () => {
  let error = new EngineError('INTERNAL', { message: 'first' });
  for (let i = 0; i < 100; i++) {
    error = new EngineError('INTERNAL', { message: `number ${i}` }, { cause: error });
  }
  let depth = 0;
  for (let at = error.toData().cause; at !== undefined; at = at.cause) depth++;
  assert.equal(depth, 16);
  let long = new EngineError('INTERNAL', { message: 'x'.repeat(1_000_000) });
  for (let i = 0; i < 10; i++) {
    long = new EngineError('INTERNAL', { message: 'y'.repeat(1_000_000) }, { cause: long });
    long.stack = 's'.repeat(1_000_000);
  }
  const data = long.toData();
  assert.ok(sizeOf(data) < 160_000, `${sizeOf(data)}`);
  assert.ok(data.cause !== undefined);
  assert.deepEqual(EngineError.fromData(data).toData(), data);
});

test('G1: an error that is its own cause ends', () => {
  const error = new EngineError('INTERNAL', { message: 'm' });
  Object.defineProperty(error, 'cause', { value: error });
  assert.ok(sizeOf(error.toData()) < 160_000);
});

test('a reason that is a sentence itself does not end with two full stops', () => {
  const said = (reason: string): string =>
    new EngineError('NETWORK_FAILED', { operation: 'reach', address: 'h:1', reason }).message;
  assert.equal(said('it is gone'), 'Could not reach h:1: it is gone.');
  assert.equal(said('It is gone.'), 'Could not reach h:1: It is gone.');
});

test('G2: a stack as data has no frames of Node itself', async () => {
  const error = await new Promise<EngineError>((resolve) => {
    process.nextTick(() => resolve(new EngineError('JOB_NOT_FOUND', { jobId: 'j' })));
  });
  assert.match(error.stack!, /node:internal/);
  const { stack } = error.toData();
  assert.doesNotMatch(stack!, /node:internal/);
  assert.match(stack!, /^EngineError: There is no job.*\n +at .*errors\.test\.ts/);
});

test('who meets an error of a checkpoint, a savepoint or a restore is told what to do', () => {
  const about = /^(CHECKPOINT|RESTORE|SAVEPOINT|STATE)_/;
  const codes = Object.keys(ERROR_TABLE).filter((code) => about.test(code));
  assert.ok(codes.length > 30, `${codes.length}`);
  const silent = codes.filter((code) => !ERROR_TABLE[code as ErrorCode].fix);
  assert.deepEqual(silent, []);
});
