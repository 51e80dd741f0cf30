import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXECUTION_STATES, isTerminal, JOB_STATUSES } from '../protocol/job-status.ts';
import type { ExecutionState, JobStatus } from '../protocol/job-status.ts';
import { executionAfter, isTerminalExecution } from './execution-state.ts';
import { mayFollow, transition } from './job-status.ts';

/** The reports that count, by state; all others change nothing. */
const COUNT: Readonly<Record<ExecutionState, readonly ExecutionState[]>> = {
  CREATED: ['SCHEDULED', 'CANCELED'],
  SCHEDULED: ['DEPLOYING', 'CANCELED'],
  DEPLOYING: ['INITIALIZING', 'RUNNING', 'FINISHED', 'CANCELING', 'CANCELED', 'FAILED'],
  INITIALIZING: ['RUNNING', 'FINISHED', 'CANCELING', 'CANCELED', 'FAILED'],
  RUNNING: ['FINISHED', 'CANCELING', 'CANCELED', 'FAILED'],
  CANCELING: ['FINISHED', 'CANCELED', 'FAILED'],
  FINISHED: [],
  CANCELED: [],
  FAILED: [],
};

test('every state of an execution and every report', () => {
  for (const from of EXECUTION_STATES) {
    for (const report of EXECUTION_STATES) {
      const expected = COUNT[from].includes(report) ? report : from;
      assert.equal(executionAfter(from, report), expected, `${from}, ${report}`);
    }
    assert.equal(isTerminalExecution(from), COUNT[from].length === 0);
  }
});

const EDGES: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  INITIALIZING: ['CREATED', 'FAILED', 'CANCELED'],
  CREATED: ['RUNNING', 'FAILED', 'CANCELED'],
  RUNNING: ['RESTARTING', 'COMMITTING', 'FAILING', 'CANCELLING'],
  RESTARTING: ['RUNNING', 'FAILING', 'CANCELLING'],
  COMMITTING: ['FAILING', 'FINISHED'],
  FAILING: ['FAILED'],
  CANCELLING: ['CANCELED'],
  FINISHED: [],
  FAILED: [],
  CANCELED: [],
};

test('every edge between the states of a job', () => {
  for (const from of JOB_STATUSES) {
    for (const to of JOB_STATUSES) {
      assert.equal(mayFollow(from, to), EDGES[from].includes(to), `${from} -> ${to}`);
    }
    assert.equal(isTerminal(from), EDGES[from].length === 0);
  }
  assert.throws(() => transition('COMMITTING', 'RESTARTING'), /COMMITTING to RESTARTING/);
});
