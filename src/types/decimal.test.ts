import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  decimal,
  decimalDigits,
  decimalNumber,
  decimalOfNumber,
  fromUnscaled,
  unscaled,
} from './decimal.ts';

describe('decimal', () => {
  it('has one text for a value', () => {
    const texts: [string | number | bigint, number, string][] = [
      ['12.5', 2, '12.50'],
      ['+012.500', 2, '12.50'],
      [12.5, 2, '12.50'],
      [7n, 2, '7.00'],
      ['-0.00', 2, '0.00'],
      [-0, 2, '0.00'],
      ['.5', 1, ''],
      ['0.05', 2, '0.05'],
      ['-0.05', 2, '-0.05'],
      ['5', 0, '5'],
      ['-5', 0, '-5'],
      ['123456789012345678901234567890.12', 2, '123456789012345678901234567890.12'],
    ];
    for (const [value, scale, text] of texts) {
      if (text === '') assert.throws(() => decimal(value, scale), { code: 'DATA_INVALID_DECIMAL' });
      else assert.equal(decimal(value, scale), text);
    }
  });

  it('never rounds and takes nothing that is no number', () => {
    for (const bad of ['1.005', '1e5', '', 'x', ' 1', '1.', '--1', '1,5', 'NaN', 'Infinity']) {
      assert.throws(() => decimal(bad, 2), { code: 'DATA_INVALID_DECIMAL' }, bad);
    }
    for (const scale of [undefined as never, -1, 1.5, NaN, '2' as never]) {
      assert.throws(() => decimal('12.50', scale), { code: 'DATA_INVALID_DECIMAL' });
    }
    for (const bad of [NaN, Infinity, 0.1 + 0.2, 1e21]) {
      assert.throws(() => decimal(bad, 2), { code: 'DATA_INVALID_DECIMAL' }, String(bad));
    }
  });

  it('comes and goes as digits', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }),
        fc.nat(38),
        (digits, scale) => {
          const text = fromUnscaled(digits, scale);
          assert.equal(unscaled(text), digits);
          assert.equal(decimal(text, scale), text);
          const small = BigInt.asIntN(50, digits);
          assert.equal(decimalOfNumber(Number(small), scale), fromUnscaled(small, scale));
        },
      ),
      { seed: 1, numRuns: 500 },
    );
  });

  it('the fast reader accepts what the exact one accepts', () => {
    const piece = fc.constantFrom('-', '.', '0', '1', '9', '+', ' ', 'e', '00', '12', '');
    const text = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      fc
        .tuple(fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }), fc.nat(15))
        .map(([n, scale]) => fromUnscaled(n, scale)),
    );
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 15 }), fc.nat(15), (value, precision, scale) => {
        const fits = Math.min(scale, precision);
        const digits = decimalDigits(value, precision, fits);
        const number = decimalNumber(value, precision, fits);
        assert.ok(digits === undefined ? Number.isNaN(number) : Number(digits) === number, value);
      }),
      { seed: 2, numRuns: 3000 },
    );
    for (const other of [undefined, null, 1, 1n, {}, [] as unknown]) {
      assert.equal(decimalDigits(other, 5, 2), undefined);
      assert.ok(Number.isNaN(decimalNumber(other, 5, 2)));
    }
  });
});
