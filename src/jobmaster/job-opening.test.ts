// A job of an earlier master whose checkpoints cannot be read just now; the names of rules are
// those of job-opening.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Log } from '../env/env.ts';
import { MainThread } from '../rpc/main-thread.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { JobOpening } from './job-opening.ts';

class Rig {
  readonly clock = new ManualClock();
  readonly lines: string[] = [];
  readonly waited: string[] = [];
  readonly outcomes: string[] = [];
  attempts = 0;
  isOver = false;
  fault: EngineError | undefined;
  readonly opening: JobOpening;
  open = async (): Promise<void> => {
    this.attempts += 1;
    if (this.fault !== undefined) throw this.fault;
  };

  constructor(isRecovered: boolean, fault: EngineError | undefined) {
    this.fault = fault;
    const log: Log = { write: (_level, text) => void this.lines.push(text), with: () => log };
    const fatal = (_component: string, { code }: EngineError): void =>
      void this.outcomes.push(`fatal ${code}`);
    this.opening = new JobOpening({
      main: new MainThread('test', this.clock, fatal),
      ...{ log, jobId: 'job', isRecovered },
      open: () => this.open(),
      isOver: () => this.isOver,
      onOpened: () => void this.outcomes.push('opened'),
      onWaiting: ({ code }) => void this.waited.push(code),
      onFailed: ({ code }) => void this.outcomes.push(`failed ${code}`),
    });
  }
}

function fault(code: ErrorCode = 'S3_UNREACHABLE'): EngineError {
  return new EngineError(code, { reason: 'it is off' });
}

test('O1, O3: waits longer and longer, says why, and goes on when the storage is there', async () => {
  const rig = new Rig(true, fault());
  await rig.clock.pass();
  assert.equal(rig.attempts, 1);
  assert.equal(rig.opening.waitsFor?.code, 'S3_UNREACHABLE');
  await rig.clock.pass(seconds(1 + 2 + 4));
  assert.equal(rig.attempts, 4);
  assert.equal(rig.waited.length, 4);
  assert.match(rig.lines[2]!, /waits for its checkpoints, and tries again in 4 s: .*it is off/);
  // An hour of it: at most a minute between two attempts.
  await rig.clock.pass(seconds(3600));
  assert.ok(rig.attempts > 60);
  assert.deepEqual(rig.outcomes, []);
  rig.fault = undefined;
  await rig.clock.pass(seconds(60));
  assert.deepEqual(rig.outcomes, ['opened']);
  assert.equal(rig.opening.waitsFor, undefined);
  const { attempts } = rig;
  await rig.clock.pass(seconds(3600));
  assert.equal(rig.attempts, attempts, 'O1');
});

test('O1: what no waiting changes ends it at once', async () => {
  for (const code of ['RESTORE_CHECKPOINT_UNUSABLE', 'HA_FILE_INVALID'] as const) {
    const rig = new Rig(true, fault(code));
    await rig.clock.pass(seconds(3600));
    assert.deepEqual([rig.attempts, ...rig.outcomes], [1, `failed ${code}`]);
  }
});

test('O2: a new job does not wait', async () => {
  const rig = new Rig(false, fault());
  await rig.clock.pass(seconds(3600));
  assert.deepEqual([rig.attempts, ...rig.outcomes], [1, 'failed S3_UNREACHABLE']);
});

test('a job that is cancelled while it waits is not tried again', async () => {
  const rig = new Rig(true, fault());
  await rig.clock.pass();
  rig.isOver = true;
  rig.fault = undefined;
  await rig.clock.pass(seconds(3600));
  assert.deepEqual([rig.attempts, ...rig.outcomes], [1]);
});

test('a job that another master has is left to it', async () => {
  const rig = new Rig(true, fault('HA_SUPERSEDED'));
  await rig.clock.pass(seconds(3600));
  assert.deepEqual([rig.attempts, ...rig.outcomes], [1, 'fatal HA_SUPERSEDED']);
});

test('O4: it is known when no attempt is under way any more, however it ended', async () => {
  const rig = new Rig(true, fault());
  let isIdle = false;
  const idle = rig.opening.whenIdle().then(() => (isIdle = true));
  assert.equal(isIdle, false);
  await idle;
  assert.equal(rig.attempts, 1);
  const { promise, resolve } = Promise.withResolvers<void>();
  rig.open = () => promise;
  await rig.clock.pass(seconds(1));
  const later = rig.opening.whenIdle().then(() => void rig.outcomes.push('idle'));
  await rig.clock.pass();
  assert.equal(rig.outcomes.length, 0);
  resolve();
  await later;
  assert.ok(rig.outcomes.includes('idle'));
});
