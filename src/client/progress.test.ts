// What is told of a job that is restarted again and again, while it runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import type { JobDetails } from '../protocol/job-report.ts';
import type { JobStatus } from '../protocol/job-status.ts';
import { Progress } from './progress.ts';

function details(status: JobStatus, reasons: readonly string[]): JobDetails {
  const failures = reasons.map((reason) => {
    const error = new EngineError('INTERNAL', { message: `${reason}\nmore of it` });
    return { afterMillis: 0, error: error.toData() };
  });
  const vertices = [{ name: 'map', recordsIn: 1, recordsOut: 1, subtasks: [] }];
  return { status, failures, vertices, runtimeMillis: 1000 } as unknown as JobDetails;
}

function progress(): { readonly shown: Progress; readonly told: () => readonly string[] } {
  let text = '';
  const write = (more: string): void => void (text += more);
  const told = (): readonly string[] => {
    const lines = text.split('\n').filter((line) => !line.startsWith('[') && line !== '');
    text = '';
    return lines;
  };
  return { shown: new Progress({ columns: undefined, write } as never), told };
}

test('G2: every reason for which a job is restarted is told once, by its first line', () => {
  const { shown, told } = progress();
  shown.show(details('RUNNING', []));
  assert.deepEqual(told(), []);
  shown.show(details('RESTARTING', ['no disk']));
  assert.deepEqual(told(), ['The job failed and is tried again: Internal error: no disk']);
  shown.show(details('RESTARTING', ['no disk', 'no disk']));
  assert.deepEqual(told(), []);
  shown.show(details('RUNNING', ['no disk', 'no disk', 'no network']));
  assert.deepEqual(told(), ['The job failed and is tried again: Internal error: no network']);
});

test('G2: the failure that ends the job is not told as one that it goes on after', () => {
  const { shown, told } = progress();
  shown.show(details('FAILING', ['no disk']));
  assert.deepEqual(told(), []);
});

test('G3: checkpoints that fail are told once, and again after one that is complete', () => {
  const { shown, told } = progress();
  const show = (failingCheckpoints: JobDetails['failingCheckpoints']): readonly string[] => {
    shown.show({ ...details('RUNNING', []), failingCheckpoints });
    return told();
  };
  const failing = (count: number) => ({ count, message: 'The disk is full.' });
  assert.deepEqual(show(undefined), []);
  const [first, ...others] = show(failing(1));
  assert.match(first!, /^A checkpoint failed, and the job goes on .* The disk is full\.$/);
  assert.deepEqual(others, []);
  assert.deepEqual(show(failing(2)), []);
  assert.deepEqual(show(undefined), []);
  assert.match(show(failing(2))[0]!, /^2 checkpoints in a row failed/);
});
