import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter, varintLength } from './byte-writer.ts';
import { isEngineError } from './errors.ts';
import { wtf8Length } from './wtf8.ts';

type Step =
  | { kind: 'uint8' | 'uint16' | 'int32' | 'uint32' | 'float32' | 'float64'; value: number }
  | { kind: 'varint' | 'zigzag'; value: number }
  | { kind: 'int64'; value: bigint }
  | { kind: 'boolean'; value: boolean }
  | { kind: 'string'; value: string }
  | { kind: 'lengthPrefixed'; value: Uint8Array };

const anyString = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 80 }),
  fc.string({ unit: 'binary', maxLength: 80 }),
  // Any code units: lone surrogates in every position.
  fc
    .array(fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd7fe, max: 0xe002 }), fc.nat(127)), {
      maxLength: 70,
    })
    .map((units) => String.fromCharCode(...units)),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('uint8' as const), value: fc.nat(255) }),
  fc.record({ kind: fc.constant('uint16' as const), value: fc.nat(65535) }),
  fc.record({ kind: fc.constant('int32' as const), value: fc.integer() }),
  fc.record({ kind: fc.constant('uint32' as const), value: fc.nat(0xffff_ffff) }),
  fc.record({ kind: fc.constant('float32' as const), value: fc.float() }),
  fc.record({ kind: fc.constant('float64' as const), value: fc.double() }),
  fc.record({
    kind: fc.constant('varint' as const),
    value: fc.oneof(fc.maxSafeNat(), fc.nat(70000)),
  }),
  fc.record({
    kind: fc.constant('zigzag' as const),
    value: fc.oneof(fc.maxSafeInteger(), fc.integer()),
  }),
  fc.record({
    kind: fc.constant('int64' as const),
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
  fc.record({ kind: fc.constant('boolean' as const), value: fc.boolean() }),
  fc.record({ kind: fc.constant('string' as const), value: anyString }),
  fc.record({
    kind: fc.constant('lengthPrefixed' as const),
    value: fc.uint8Array({ maxLength: 40 }),
  }),
);

function write(writer: ByteWriter, steps: readonly Step[]): void {
  for (const { kind, value } of steps) (writer[kind] as (value: unknown) => void)(value);
}

function readAndCompare(reader: ByteReader, steps: readonly Step[]): void {
  for (const { kind, value } of steps) {
    const expected = kind === 'zigzag' && value === 0 ? 0 : value;
    assert.deepStrictEqual(reader[kind](), expected);
  }
  reader.expectEnd();
}

describe('ByteWriter and ByteReader', () => {
  it('give back what was written, growing from the smallest buffer', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const writer = new ByteWriter(0);
        write(writer, steps);
        readAndCompare(new ByteReader(writer.copy()), steps);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('W2, W3: a range is used to its last byte, nothing outside is touched, and an overflow keeps all bytes', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 20 }),
        fc.integer({ min: -20, max: 10 }),
        (steps, slack) => {
          const own = new ByteWriter(0);
          write(own, steps);
          const size = own.offset;
          const room = Math.max(0, size + slack);
          const memory = new Uint8Array(new SharedArrayBuffer(room + 32)).fill(0xa5);
          const writer = ByteWriter.over(memory, 16, 16 + room);
          write(writer, steps);
          assert.equal(writer.overflowed, size > room);
          assert.deepStrictEqual(writer.copy(), own.copy());
          assert.ok(memory.subarray(0, 16).every((byte) => byte === 0xa5));
          assert.ok(memory.subarray(16 + room).every((byte) => byte === 0xa5));
          if (!writer.overflowed) readAndCompare(new ByteReader(memory, 16, 16 + size), steps);
        },
      ),
      { seed: 2, numRuns: 500 },
    );
  });

  it('W4: offsets and patches survive the move to the own buffer', () => {
    const writer = ByteWriter.over(new Uint8Array(32), 8, 16);
    const length = writer.reserve(4);
    writer.string('a text that is too long for the range');
    assert.ok(writer.overflowed);
    writer.patchUint32(length, writer.offset);
    assert.equal(new ByteReader(writer.written()).uint32(), writer.offset);
    writer.truncate(4);
    assert.equal(writer.offset, 4);
  });

  it('can be used again after an overflow, in the range and in its own buffer', () => {
    const memory = new Uint8Array(8);
    const writer = ByteWriter.over(memory);
    writer.float64(1);
    writer.float64(2);
    assert.ok(writer.overflowed);
    writer.wrap(memory);
    assert.ok(!writer.overflowed);
    writer.float64(3);
    assert.equal(new ByteReader(memory).float64(), 3);
    writer.reset();
    writer.uint8(7);
    assert.deepStrictEqual(writer.copy(), new Uint8Array([7]));
    assert.equal(new ByteReader(memory).float64(), 3);
  });

  it('has golden bytes, so that old snapshots stay readable', () => {
    const writer = new ByteWriter();
    writer.varint(300);
    writer.zigzag(-3);
    writer.int32(-2);
    writer.float64(-0);
    writer.int64(-1n);
    writer.string('ab');
    writer.string('\u00e9\u{1f600}\ud800');
    writer.lengthPrefixed(new Uint8Array([9]));
    assert.equal(
      Buffer.from(writer.copy()).toString('hex'),
      'ac0205feffffff0000000000000080ffffffffffffffff04616213c3a9f09f9880eda0800109',
    );
  });

  it('writes every NaN alike', () => {
    const odd = new Float64Array(new BigUint64Array([0x7ff8_0000_dead_beefn]).buffer)[0]!;
    const [left, right] = [new ByteWriter(), new ByteWriter()];
    left.float64(odd);
    right.float64(NaN);
    assert.deepStrictEqual(left.copy(), right.copy());
  });

  it('knows the lengths it needs', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), anyString, (number, text) => {
        const writer = new ByteWriter();
        writer.varint(number);
        assert.equal(writer.offset, varintLength(number));
        writer.reset();
        writer.stringBody(text);
        assert.equal(writer.offset, wtf8Length(text));
      }),
      { seed: 3, numRuns: 1000 },
    );
  });
});

describe('ByteReader', () => {
  it('answers any bytes with a value or DATA_CORRUPT, and stays in its range', () => {
    const kinds = [
      'uint8',
      'uint16',
      'int32',
      'uint32',
      'float32',
      'float64',
      'varint',
      'zigzag',
      'int64',
      'boolean',
      'string',
      'lengthPrefixed',
      'count',
    ] as const;
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.array(fc.constantFrom(...kinds), { maxLength: 20 }),
        (bytes, reads) => {
          const reader = new ByteReader(bytes, Math.min(2, bytes.length), bytes.length);
          try {
            for (const kind of reads) reader[kind]();
          } catch (error) {
            assert.ok(isEngineError(error, 'DATA_CORRUPT'), String(error));
          }
          assert.ok(reader.position <= reader.end);
        },
      ),
      { seed: 4, numRuns: 2000 },
    );
  });

  it('refuses numbers beyond 2^53, padded numbers, overlong and split text', () => {
    const refused: [(reader: ByteReader) => unknown, string][] = [
      [(r) => r.varint(), 'ffffffffffffff7f'],
      [(r) => r.varint(), 'ffffffffffffffffff01'],
      [(r) => r.varint(), '8000'],
      [(r) => r.zigzag(), '8100'],
      [(r) => r.zigzag(), 'ffffffffffffffff01'],
      [(r) => r.boolean(), '02'],
      [(r) => r.string(), '05c080'],
      [(r) => r.string(), '0deda080edb080'],
      [(r) => r.string(), '0461'],
      [(r) => r.lengthPrefixed(), 'ffffffff0f00'],
    ];
    for (const [read, hex] of refused) {
      assert.throws(
        () => read(new ByteReader(Buffer.from(hex, 'hex'))),
        { code: 'DATA_CORRUPT' },
        hex,
      );
    }
  });

  it('returns byte arrays that are copies', () => {
    const memory = new Uint8Array([2, 1, 2]);
    const bytes = new ByteReader(memory).lengthPrefixed();
    memory.fill(0);
    assert.deepStrictEqual(bytes, new Uint8Array([1, 2]));
    assert.equal(bytes.buffer.byteLength, 2);
  });
});
