import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../base/errors.ts';
import { bytesOf, decodeAll, encodeAll, problems, records } from '../format.test-kit.ts';
import { text } from './text.ts';

test('text: every line is a record, with any line end and with none at the end', () => {
  assert.deepEqual(records(decodeAll(text(), bytesOf('a\r\n\né\n \n\rx\nlast'))), [
    'a',
    '',
    'é',
    ' ',
    '\rx',
    'last',
  ]);
  assert.deepEqual(decodeAll(text(), bytesOf('')), []);
  assert.deepEqual(records(decodeAll(text(), bytesOf('a\n'))), ['a']);
});

test('text: lines come out the same however the input is cut, and with their places', () => {
  const input = bytesOf('first\r\nsecond, a longer line with é and 😀\n\nlast');
  const whole = decodeAll(text(), input);
  assert.deepEqual(
    whole.map(({ line, start }) => [line, start]),
    [
      [1, 0],
      [2, 7],
      [3, 46],
      [4, 47],
    ],
  );
  for (let cut = 0; cut < input.length; cut++) {
    assert.deepEqual(decodeAll(text(), input, { cuts: [cut] }), whole);
    assert.deepEqual(decodeAll(text(), input, { cuts: [cut], stopAfter: 1 }), whole);
  }
});

test('text: bytes that are not UTF-8 are malformed and never replaced', () => {
  const input = Buffer.concat([bytesOf('ok �\né'), Buffer.from([0xc3]), bytesOf('\nok')]);
  const outcomes = decodeAll(text(), input);
  assert.deepEqual(problems(outcomes), ['2:2: the byte 0xc3 is not part of UTF-8 text']);
  assert.deepEqual(
    outcomes.flatMap((outcome) => ('record' in outcome ? [outcome.record] : [])),
    ['ok �', 'ok'],
  );
});

test('text: what is written comes back', () => {
  const lines = fc.array(
    fc.string({ unit: 'grapheme' }).filter((line) => !/\n|\r$/.test(line)),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(lines, (values) => {
      assert.deepEqual(records(decodeAll(text(), encodeAll(text(), values))), values);
    }),
    { seed: 1 },
  );
});

test('text: what would not come back is refused', () => {
  for (const value of ['a\nb', 'a\r', '\ud800', 5 as unknown as string]) {
    assert.throws(
      () => encodeAll(text(), [value]),
      (error) => isEngineError(error, 'DATA_NOT_WRITABLE'),
    );
  }
});
