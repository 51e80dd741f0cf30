/** Known answers (RFC 4231), from the real environment and the simulated one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { simCryptography } from '../../../sim/cryptography.ts';
import { nodeCryptography } from './cryptography.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

for (const [name, cryptography] of [
  ['real', nodeCryptography()],
  ['simulated', simCryptography],
] as const) {
  describe(`Cryptography: ${name}`, () => {
    test('HMAC-SHA256 gives the answers of RFC 4231', () => {
      assert.equal(
        hex(cryptography.hmacSha256(text('Jefe'), text('what do ya want for nothing?'))),
        '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
      );
      assert.equal(
        hex(cryptography.hmacSha256(new Uint8Array(20).fill(0x0b), text('Hi There'))),
        'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
      );
    });

    test('equal compares content and length', () => {
      assert.ok(cryptography.equal(text('abc'), text('abc')));
      assert.ok(!cryptography.equal(text('abc'), text('abd')));
      assert.ok(!cryptography.equal(text('abc'), text('abcd')));
      assert.ok(!cryptography.equal(text('abc'), text('')));
    });
  });
}
