import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { isEngineError } from '../base/errors.ts';
import { murmur3 } from '../base/murmur.ts';
import { canonicalKeyBytes, readKey } from './key-bytes.ts';
import { hashKey, KEY_HASH_SEED, keyFamily, keysEqual } from './key.ts';
import type { Key } from './schema.ts';

const wellFormed = fc
  .oneof(fc.string({ unit: 'grapheme-ascii', maxLength: 30 }), fc.string({ unit: 'binary' }))
  .filter((text) => text.isWellFormed());
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(
    -0,
    2 ** 31,
    -(2 ** 31),
    2 ** 32,
    2 ** 53,
    -(2 ** 53),
    2 ** 62,
    2 ** 63,
    -(2 ** 63),
    1e300,
    -1e300,
    Infinity,
    NaN,
  ),
);
const bigint = fc.oneof(
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
  fc.bigInt(),
  fc.constantFrom(
    2n ** 63n,
    2n ** 63n - 1n,
    -(2n ** 63n),
    -(2n ** 63n) - 1n,
    2n ** 64n,
    255n,
    -256n,
  ),
);
const { key } = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof(
    { maxDepth: 3 },
    number,
    bigint,
    wellFormed,
    fc.boolean(),
    fc.array(tie('key'), { maxLength: 4 }),
  ),
}));

/** Two NaN with other bits, and 0 and -0, are one key. */
function canonical(value: Key): unknown {
  return Array.isArray(value) ? value.map(canonical) : Object.is(value, -0) ? 0 : value;
}

describe('hashKey', () => {
  it('is murmur3 over the canonical bytes', () => {
    fc.assert(
      fc.property(key, (value) => {
        const bytes = canonicalKeyBytes(value);
        assert.equal(hashKey(value), murmur3(bytes, 0, bytes.length, KEY_HASH_SEED));
      }),
      { seed: 1, numRuns: cases(1000) },
    );
  });

  it('has golden vectors: state of old snapshots stays where it is', () => {
    // Computed by another implementation, from the description of the bytes.
    const vectors: [Key, number][] = [
      [0, -685800867],
      [1, 684902411],
      [-1, -558933636],
      [812, 1757268287],
      [2 ** 31, -1712052415],
      [-(2 ** 40) - 7, 32008378],
      [2 ** 53 - 1, -1388523809],
      [0.5, -48835846],
      [NaN, 1448932667],
      [1e300, 220607297],
      [7n, -1090713427],
      [-(2n ** 63n), 366445460],
      [2n ** 63n, 975470929],
      ['', -1064521761],
      ['a', -1340924195],
      ['LHR', -67629894],
      ['user-1234', -1390270572],
      ['Zürich', -760131617],
      ['😀', -875078883],
      [false, 1402203060],
      [true, 31514937],
      [[], 1427629799],
      [['LHR', 20010101], 1435168554],
      [[1n, [true, 'x']], 1242277400],
    ];
    for (const [value, hash] of vectors) assert.equal(hashKey(value), hash, String(value));
  });

  it('refuses what is no key, saying why', () => {
    const refused: [unknown, RegExp][] = [
      [{}, /an object/],
      [undefined, /undefined/],
      [null, /null/],
      [new Date(0), /a Date/],
      [Symbol('s'), /symbol/],
      [() => 1, /function/],
      ['a\ud800', /surrogate/],
      ['\udc00', /surrogate/],
      [['a', ['\ud800b']], /surrogate/],
      [['a', {}], /an object/],
      // eslint-disable-next-line no-sparse-arrays
      [[1, , 2], /undefined/],
    ];
    for (const [value, reason] of refused) {
      for (const use of [hashKey, canonicalKeyBytes]) {
        assert.throws(
          () => use(value as Key),
          (error: Error) => isEngineError(error, 'DATA_INVALID_KEY') && reason.test(error.message),
        );
      }
    }
    let deep: Key = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    assert.throws(() => hashKey(deep), { code: 'DATA_INVALID_KEY' });
  });
});

describe('canonical key bytes', () => {
  it('give the key back, and are equal exactly for equal keys', () => {
    fc.assert(
      fc.property(key, key, (left, right) => {
        const bytes = canonicalKeyBytes(left);
        const input = new ByteReader(bytes);
        assert.deepStrictEqual(readKey(input), canonical(left));
        input.expectEnd();
        const same = Buffer.compare(bytes, canonicalKeyBytes(right)) === 0;
        assert.equal(keysEqual(left, right), same);
        assert.ok(keysEqual(left, readKey(new ByteReader(bytes))));
        if (keyFamily(left) !== keyFamily(right)) assert.ok(!same);
      }),
      { seed: 2, numRuns: cases(1000) },
    );
  });

  it('tell the families apart and unite 0 and -0, NaN and NaN', () => {
    const distinct: Key[] = [
      0,
      0n,
      '',
      false,
      [],
      '0',
      [0],
      [''],
      [[]],
      ['a', 'b'],
      ['ab'],
      ['a\0', 'b'],
      1,
      true,
      1n,
      0.5,
    ];
    const forms = new Set(
      distinct.map((value) => Buffer.from(canonicalKeyBytes(value)).toString('hex')),
    );
    assert.equal(forms.size, distinct.length);
    assert.ok(
      keysEqual(0, -0) && keysEqual([NaN], [NaN]) && !keysEqual(0, 0n) && !keysEqual([1], ['1']),
    );
    assert.equal(hashKey(-0), hashKey(0));
    const oddNaN = new Float64Array(new BigUint64Array([0x7ff8_0000_dead_beefn]).buffer)[0]!;
    assert.equal(hashKey(oddNaN), hashKey(NaN));
  });

  it('damaged, are DATA_CORRUPT and never anything else', () => {
    fc.assert(
      fc.property(
        key,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
        fc.nat(),
        (value, changes, cut) => {
          const bytes = canonicalKeyBytes(value);
          for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
          try {
            readKey(new ByteReader(bytes.subarray(0, bytes.length - (cut % (bytes.length + 1)))));
          } catch (error) {
            assert.ok(isEngineError(error, 'DATA_CORRUPT'), String(error));
          }
        },
      ),
      { seed: 3, numRuns: cases(1000) },
    );
    assert.throws(() => readKey(new ByteReader(new Uint8Array(100_000).fill(8))), {
      code: 'DATA_CORRUPT',
    });
  });
});
