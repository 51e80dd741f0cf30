// Which changes of speed the guard names, and which it lets pass.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compare, comparisonText, hasFailed, middleOf } from './comparison.ts';
import type { Ratios } from './comparison.ts';

function verdicts(baseline: Ratios, measured: Ratios): Readonly<Record<string, string>> {
  const compared = compare(baseline, measured);
  return Object.fromEntries(compared.map(({ name, verdict }) => [name, verdict]));
}

describe('the guard of speed', () => {
  test('names what fell by more than a fifth, and fails for it alone', () => {
    const baseline = { chain: 10, sum: 1, json: 2, start: 4 };
    const measured = { chain: 7.9, sum: 0.8, json: 2.5, start: 4.1 };
    assert.deepEqual(verdicts(baseline, measured), {
      chain: 'fell',
      sum: 'holds',
      json: 'rose',
      start: 'holds',
    });
    assert.equal(hasFailed(compare(baseline, measured)), true);
    assert.equal(hasFailed(compare(baseline, { ...measured, chain: 8 })), false);
    assert.equal(
      comparisonText(compare({ chain: 10, sum: 1 }, { chain: 7.9, sum: 1.1 })),
      'SLOWER chain                7.90 of 10.0 (-21 %)\n' +
        'ok     sum                  1.10 of 1.00 (+10 %)\n',
    );
  });

  test('one that is not in the baseline passes, one that is not measured fails', () => {
    assert.deepEqual(verdicts({ chain: 1 }, { sum: 2 }), { chain: 'missing', sum: 'new' });
    assert.equal(hasFailed(compare({}, { sum: 2 })), false);
    assert.equal(hasFailed(compare({ chain: 1 }, {})), true);
    const text = comparisonText(compare({ chain: 1 }, { sum: 2 }));
    assert.match(text, /^SLOWER chain +is in the baseline and was not measured$/m);
    assert.match(text, /^ok +sum +2\.00, not in the baseline$/m);
  });

  test('counts the run in the middle, of two the slower', () => {
    assert.equal(middleOf([5, 1, 3]), 3);
    assert.equal(middleOf([5, 1]), 1);
    assert.equal(middleOf([4]), 4);
  });
});
