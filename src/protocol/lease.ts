/**
 * The lease of a TaskExecutor's slots for one job, in a few words of memory that it shares with the
 * slot workers. It says until when a task may act on the outside; only the TaskExecutor's main
 * thread renews it, with the time at which it *asked* the JobMaster, so that it has run out by the
 * time the JobMaster takes it for run out.
 *
 * L1. The deadline only moves forward, until the lease is revoked, which is final.
 * L2. A lease that was never renewed is not held.
 */
import type { Duration } from '../base/units.ts';

/** The part of a shared region that a lease needs. */
export interface LeaseWords {
  load(word: number): number;
  store(word: number, value: number): void;
}

export const LEASE_BYTES = 16;

/** Deadline on the clock shared by the process, in milliseconds modulo 2^32. */
const DEADLINE_WORD = 0;
const STATE_WORD = 1;

const NEVER_RENEWED = 0;
const RENEWED = 1;
const REVOKED = 2;

/**
 * May a task act on the outside now? `now` is `clock.monotonic()`, the same for all threads of a
 * process.
 */
export function isLeaseHeld(lease: LeaseWords, now: Duration): boolean {
  if (lease.load(STATE_WORD) !== RENEWED) return false;
  return ((lease.load(DEADLINE_WORD) - Math.trunc(now)) | 0) > 0;
}

/** The tasks have been replaced, or are about to be: they must never act on the outside again. */
export function isLeaseRevoked(lease: LeaseWords): boolean {
  return lease.load(STATE_WORD) === REVOKED;
}

/** Renews the lease until `deadline`. For the TaskExecutor's main thread only. */
export function renewLease(lease: LeaseWords, deadline: Duration): void {
  const state = lease.load(STATE_WORD);
  const next = Math.floor(deadline) | 0;
  const goesBack = state === RENEWED && ((next - lease.load(DEADLINE_WORD)) | 0) < 0;
  if (state === REVOKED || goesBack) return;
  lease.store(DEADLINE_WORD, next);
  if (state === NEVER_RENEWED) lease.store(STATE_WORD, RENEWED);
}

/** L1. For the TaskExecutor's main thread only. */
export function revokeLease(lease: LeaseWords): void {
  lease.store(STATE_WORD, REVOKED);
}
