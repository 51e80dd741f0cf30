import assert from 'node:assert/strict';
import { test } from 'node:test';
import { javaAccumulator } from './java-value.ts';

const FAILURE =
  'rO0ABXNyACVvcmcuYXBhY2hlLmZsaW5rLnV0aWwuT3B0aW9uYWxGYWlsdXJlAAAAAAAAAAEDAAFMAAxmYWlsdXJlQ2F1' +
  'c2V0ABVMamF2YS9sYW5nL1Rocm93YWJsZTt4cHBzcgA';
const LONG =
  'OamF2YS5sYW5nLkxvbmc7i+SQzI8j3wIAAUoABXZhbHVleHIAEGphdmEubGFuZy5OdW1iZXKGrJUdC5TgiwIAAHhw';

/** As Java writes `OptionalFailure.of(value)` of Flink 2.3.0. */
const WRITTEN: readonly (readonly [value: number, base64: string])[] = [
  [42, `${FAILURE}${LONG}AAAAAAAAACp4`],
  [-1, `${FAILURE}${LONG}//////////94`],
  [Number.MAX_SAFE_INTEGER, `${FAILURE}${LONG}AB////////94`],
  [
    1.5,
    `${FAILURE}QamF2YS5sYW5nLkRvdWJsZYCzwkopa/sEAgABRAAFdmFsdWV4cgAQamF2YS5sYW5nLk51bWJlcoaslR0L` +
      'lOCLAgAAeHA/+AAAAAAAAHg=',
  ],
];

for (const [value, base64] of WRITTEN) {
  test(`${value} is what Java would have written`, () => {
    assert.equal(javaAccumulator(value), base64);
  });
}
