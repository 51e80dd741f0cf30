/**
 * The states of a job and of an attempt of a subtask, by Flink's names, and COMMITTING: all input
 * has ended, everything is prepared, and the decision to make the output visible has been taken.
 */

export const JOB_STATUSES = [
  'INITIALIZING',
  'CREATED',
  'RUNNING',
  'RESTARTING',
  'COMMITTING',
  'FAILING',
  'CANCELLING',
  'FINISHED',
  'FAILED',
  'CANCELED',
] as const;

export type JobStatus = (typeof JOB_STATUSES)[number];
export type TerminalJobStatus = 'FINISHED' | 'FAILED' | 'CANCELED';

export function isTerminal(status: JobStatus): status is TerminalJobStatus {
  return status === 'FINISHED' || status === 'FAILED' || status === 'CANCELED';
}

export const EXECUTION_STATES = [
  'CREATED',
  'SCHEDULED',
  'DEPLOYING',
  'INITIALIZING',
  'RUNNING',
  'FINISHED',
  'CANCELING',
  'CANCELED',
  'FAILED',
] as const;

export type ExecutionState = (typeof EXECUTION_STATES)[number];
