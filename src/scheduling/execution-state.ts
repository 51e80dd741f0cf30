/**
 * Which state of an attempt of a subtask may follow which. CREATED, SCHEDULED and DEPLOYING are
 * known to the JobMaster alone; the others are reported by the task.
 */
import type { ExecutionState } from '../protocol/job-status.ts';

interface Next {
  CREATED: 'SCHEDULED' | 'CANCELED';
  /** Waits for its slot, or for the slot's worker to have loaded the job. */
  SCHEDULED: 'DEPLOYING' | 'CANCELED';
  DEPLOYING: 'INITIALIZING' | 'RUNNING' | 'FINISHED' | 'CANCELING' | 'CANCELED' | 'FAILED';
  INITIALIZING: 'RUNNING' | 'FINISHED' | 'CANCELING' | 'CANCELED' | 'FAILED';
  RUNNING: 'FINISHED' | 'CANCELING' | 'CANCELED' | 'FAILED';
  CANCELING: 'CANCELED' | 'FINISHED' | 'FAILED';
  FINISHED: never;
  CANCELED: never;
  FAILED: never;
}

const NEXT: { readonly [S in ExecutionState]: readonly Next[S][] } = {
  CREATED: ['SCHEDULED', 'CANCELED'],
  SCHEDULED: ['DEPLOYING', 'CANCELED'],
  DEPLOYING: ['INITIALIZING', 'RUNNING', 'FINISHED', 'CANCELING', 'CANCELED', 'FAILED'],
  INITIALIZING: ['RUNNING', 'FINISHED', 'CANCELING', 'CANCELED', 'FAILED'],
  RUNNING: ['FINISHED', 'CANCELING', 'CANCELED', 'FAILED'],
  CANCELING: ['CANCELED', 'FINISHED', 'FAILED'],
  FINISHED: [],
  CANCELED: [],
  FAILED: [],
};

export function isTerminalExecution(state: ExecutionState): boolean {
  return NEXT[state].length === 0;
}

/**
 * The state after a report: a report that does not follow from the present state (it comes twice,
 * or it crossed with a cancellation) leaves it as it is.
 */
export function executionAfter(from: ExecutionState, report: ExecutionState): ExecutionState {
  return (NEXT[from] as readonly ExecutionState[]).includes(report) ? report : from;
}
