import assert from 'node:assert/strict';
import { it } from 'node:test';
import { murmur3 } from './murmur.ts';

it('murmur3 gives the published vectors', () => {
  const vectors: [string, number, number][] = [
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['\0\0\0\0', 0, 0x2362f9de],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aa', 0x9747b28c, 0x5d211726],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['abcd', 0x9747b28c, 0xf0478627],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
  ];
  for (const [text, seed, hash] of vectors) {
    assert.equal(
      murmur3(Buffer.from(text), 0, text.length, seed) >>> 0,
      hash,
      JSON.stringify(text),
    );
  }
});

it('murmur3 hashes the range and nothing else', () => {
  const bytes = Buffer.from('xxHello, world!yy');
  assert.equal(murmur3(bytes, 2, 15, 0x9747b28c) >>> 0, 0x24884cba);
});
