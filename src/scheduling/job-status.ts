/** Which state of a job may follow which. There is no way back from COMMITTING. */
import { assert } from '../base/assert.ts';
import type { JobStatus } from '../protocol/job-status.ts';

interface Next {
  /** The job is being built. */
  INITIALIZING: 'CREATED' | 'FAILED' | 'CANCELED';
  CREATED: 'RUNNING' | 'CANCELED' | 'FAILED';
  RUNNING: 'COMMITTING' | 'RESTARTING' | 'FAILING' | 'CANCELLING';
  RESTARTING: 'RUNNING' | 'FAILING' | 'CANCELLING';
  COMMITTING: 'FINISHED' | 'FAILING';
  FAILING: 'FAILED';
  CANCELLING: 'CANCELED';
  FINISHED: never;
  FAILED: never;
  CANCELED: never;
}

const NEXT: { readonly [S in JobStatus]: readonly Next[S][] } = {
  INITIALIZING: ['CREATED', 'FAILED', 'CANCELED'],
  CREATED: ['RUNNING', 'CANCELED', 'FAILED'],
  RUNNING: ['COMMITTING', 'RESTARTING', 'FAILING', 'CANCELLING'],
  RESTARTING: ['RUNNING', 'FAILING', 'CANCELLING'],
  COMMITTING: ['FINISHED', 'FAILING'],
  FAILING: ['FAILED'],
  CANCELLING: ['CANCELED'],
  FINISHED: [],
  FAILED: [],
  CANCELED: [],
};

export function mayFollow(from: JobStatus, to: JobStatus): boolean {
  return (NEXT[from] as readonly JobStatus[]).includes(to);
}

/** The state after; an edge that is not in the table is a programmer's error. */
export function transition(from: JobStatus, to: JobStatus): JobStatus {
  assert(mayFollow(from, to), `a job cannot go from ${from} to ${to}`);
  return to;
}
