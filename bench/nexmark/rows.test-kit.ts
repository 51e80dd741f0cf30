// Compares the rows of a job with those of its oracle.
import assert from 'node:assert/strict';
import type { Row } from './oracles.ts';

/** How many wrong rows are shown. */
const SHOWN = 3;

/** The same rows, each as often, in whatever order. */
export function expectSame(actual: readonly Row[], expected: readonly Row[]): void {
  const missing = new Map<string, number>();
  for (const row of expected) {
    const text = JSON.stringify(row);
    missing.set(text, (missing.get(text) ?? 0) + 1);
  }
  const tooMany: string[] = [];
  for (const row of actual) {
    const text = JSON.stringify(row);
    const left = (missing.get(text) ?? 0) - 1;
    if (left < 0) tooMany.push(text);
    else if (left === 0) missing.delete(text);
    else missing.set(text, left);
  }
  assert.deepEqual(
    { tooMany: tooMany.slice(0, SHOWN), missing: [...missing.keys()].slice(0, SHOWN) },
    { tooMany: [], missing: [] },
    `${actual.length} rows, must be ${expected.length}: ${tooMany.length} are wrong`,
  );
}
