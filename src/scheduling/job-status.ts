/**
 * The states of a job, by Flink's names, and COMMITTING: all input has ended, everything is
 * prepared, and the decision to make the output visible has been taken. There is no way back from it.
 */
import { assert } from '../base/assert.ts';

interface Next {
  /** The job is being built. */
  INITIALIZING: 'CREATED' | 'FAILED' | 'CANCELED';
  CREATED: 'RUNNING' | 'CANCELED' | 'FAILED';
  RUNNING: 'COMMITTING' | 'FINISHED' | 'RESTARTING' | 'FAILING' | 'CANCELLING';
  RESTARTING: 'RUNNING' | 'FAILING' | 'CANCELLING';
  COMMITTING: 'FINISHED' | 'FAILING';
  FAILING: 'FAILED';
  CANCELLING: 'CANCELED';
  FINISHED: never;
  FAILED: never;
  CANCELED: never;
}

export type JobStatus = keyof Next;
export type TerminalJobStatus = 'FINISHED' | 'FAILED' | 'CANCELED';

const NEXT: { readonly [S in JobStatus]: readonly Next[S][] } = {
  INITIALIZING: ['CREATED', 'FAILED', 'CANCELED'],
  CREATED: ['RUNNING', 'CANCELED', 'FAILED'],
  RUNNING: ['COMMITTING', 'FINISHED', 'RESTARTING', 'FAILING', 'CANCELLING'],
  RESTARTING: ['RUNNING', 'FAILING', 'CANCELLING'],
  COMMITTING: ['FINISHED', 'FAILING'],
  FAILING: ['FAILED'],
  CANCELLING: ['CANCELED'],
  FINISHED: [],
  FAILED: [],
  CANCELED: [],
};

export const JOB_STATUSES = Object.keys(NEXT) as readonly JobStatus[];

export function isTerminal(status: JobStatus): status is TerminalJobStatus {
  return NEXT[status].length === 0;
}

export function mayFollow(from: JobStatus, to: JobStatus): boolean {
  return (NEXT[from] as readonly JobStatus[]).includes(to);
}

/** The edge as a value; an edge that is not in the table is a programmer's error. */
export function transition(from: JobStatus, to: JobStatus): JobStatus {
  assert(mayFollow(from, to), `a job cannot go from ${from} to ${to}`);
  return to;
}
