import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds } from '../base/units.ts';
import { isLeaseHeld, isLeaseRevoked, LEASE_BYTES, renewLease, revokeLease } from './lease.ts';
import type { LeaseWords } from './lease.ts';

function words(): LeaseWords {
  const memory = new Int32Array(LEASE_BYTES / 4);
  return { load: (word) => memory[word]!, store: (word, value) => void (memory[word] = value) };
}

const at = milliseconds;

test('L2: a fresh lease is not held', () => {
  assert.equal(isLeaseHeld(words(), at(0)), false);
  assert.equal(isLeaseRevoked(words()), false);
});

test('a lease is held until its deadline, not at it', () => {
  const lease = words();
  renewLease(lease, at(800.9));
  assert.deepEqual(
    [0, 799.9, 800, 900].map((now) => isLeaseHeld(lease, at(now))),
    [true, true, false, false],
  );
});

test('L1: an earlier deadline changes nothing, a revoked lease is gone for good', () => {
  const lease = words();
  renewLease(lease, at(800));
  renewLease(lease, at(500));
  assert.ok(isLeaseHeld(lease, at(700)));
  revokeLease(lease);
  renewLease(lease, at(2000));
  assert.deepEqual([isLeaseHeld(lease, at(700)), isLeaseRevoked(lease)], [false, true]);
});

test('leases work on machines that have been up for months', () => {
  for (const start of [2 ** 31 - 500, 2 ** 32 - 500, 2 ** 40]) {
    const lease = words();
    renewLease(lease, at(start));
    renewLease(lease, at(start + 800));
    assert.ok(isLeaseHeld(lease, at(start + 799)), String(start));
    assert.ok(!isLeaseHeld(lease, at(start + 800)), String(start));
  }
});
