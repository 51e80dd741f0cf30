import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../base/prng.ts';
import { allocateTextBuffer, textBufferOf } from '../base/text-buffer.ts';
import { ByteIndex, INDEX_PAGES, WINDOW_MAX } from './byte-index.ts';
import { portableScanner, wasmScanner } from './scan-module.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function positions(index: ByteIndex): number[] {
  return Array.from(index.entries.subarray(0, index.count));
}

function expected(bytes: Uint8Array): number[] {
  return Array.from(bytes.keys()).filter((i) => {
    const c = bytes[i]!;
    return c === QUOTE || c === BACKSLASH || c < 0x20;
  });
}

const INDEXES = [
  ['in WebAssembly', wasmScanner(INDEX_PAGES)!],
  ['in JavaScript', portableScanner(INDEX_PAGES)],
] as const;

for (const [name, scanner] of INDEXES) {
  test(`the index ${name} has exactly the marks and the bytes below 0x20, BI1`, () => {
    const index = new ByteIndex([QUOTE, BACKSLASH], scanner);
    const random = Prng.of(11);
    const lengths = [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1000, WINDOW_MAX - 1, WINDOW_MAX];
    // From text with few marks to one with nothing else, so that all branches of the scan are
    // taken.
    for (const density of [0, 0.02, 0.1, 0.3, 0.6, 1]) {
      for (const length of lengths) {
        const source = allocateTextBuffer(length + 3);
        for (let i = 0; i < source.length; i++) {
          const mark = random.pick([QUOTE, BACKSLASH, 0x00, 0x0a, 0x1f]);
          source[i] = random.chance(density) ? mark : random.between(0x20, 0x7e);
        }
        index.load(source, 3, length + 3);
        assert.equal(index.length, length);
        assert.deepEqual(positions(index), expected(source.subarray(3)));
        assert.equal(index.ascii, true);
      }
    }
  });

  test(`the index ${name} tells every single byte apart`, () => {
    const index = new ByteIndex([QUOTE, BACKSLASH], scanner);
    for (let c = 0; c < 256; c++) {
      for (const at of [0, 15, 16, 63, 64, 99]) {
        const source = textBufferOf(Buffer.alloc(100, 'a'));
        source[at] = c;
        index.load(source, 0, 100);
        assert.deepEqual(positions(index), expected(source), `byte ${c} at ${at}`);
        assert.equal(index.ascii, c < 0x80);
      }
    }
  });

  test(`the index ${name} forgets what it held before, BI2`, () => {
    const index = new ByteIndex([QUOTE, BACKSLASH], scanner);
    index.load(textBufferOf(Buffer.alloc(200, '"é')), 0, 200);
    assert.equal(index.ascii, false);
    index.load(textBufferOf(Buffer.from('a\nb\nc')), 0, 5);
    assert.deepEqual(positions(index), [1, 3]);
    assert.equal(index.ascii, true);
    assert.equal(index.afterLastLine(), 4);
    index.load(textBufferOf(Buffer.from('abc')), 0, 3);
    assert.equal(index.afterLastLine(), 0);
  });
}
