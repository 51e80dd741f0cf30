// When checkpoints are taken and what becomes of them, rule by rule; the names of rules are those
// of coordinator-machine.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BROKEN, CoordinatorUnderTest } from './coordinator.test-kit.ts';
import { nextTickOf } from './coordinator-machine.ts';

const KEY = 'execution.checkpointing';
const SAVEPOINT = { directory: '/savepoints', format: 'canonical', stop: undefined } as const;

test('C2: a checkpoint is notified when it is durable, and not before', () => {
  const coordinator = new CoordinatorUnderTest();
  coordinator.run();
  assert.deepEqual(coordinator.begun, [1]);
  coordinator.feed({ kind: 'prepared', checkpointId: 1, location: 'chk-1' });
  assert.equal(coordinator.of('snapshot-sources').length, 1);
  coordinator.feed({ kind: 'sources-snapshot', checkpointId: 1, sources: [] });
  const [triggered] = coordinator.of('trigger');
  assert.deepEqual(triggered!.pending.plan, { trigger: [0], participants: [0, 1, 2, 3] });
  assert.deepEqual(triggered!.trigger, {
    checkpointId: 1,
    triggeredAt: 1000,
    latestComplete: 0,
    options: {
      ...{ purpose: 'checkpoint', alignment: 'aligned', alignedTimeout: undefined },
      ...{ format: undefined, location: 'chk-1', stop: undefined, full: false },
    },
  });
  coordinator.acknowledge(1, 3, 1, 2);
  assert.equal(coordinator.of('complete').length, 0);
  coordinator.acknowledge(1, 0);
  assert.equal(coordinator.of('complete').length, 1);
  assert.deepEqual(coordinator.notices, []);
  coordinator.feed({ kind: 'completed', checkpointId: 1 });
  assert.deepEqual(coordinator.notices, ['1 complete (1)']);
});

test('C4: the clock keeps its interval, and what was missed is not made up for', () => {
  const coordinator = new CoordinatorUnderTest();
  coordinator.run();
  coordinator.complete(1);
  coordinator.pass(99);
  assert.deepEqual(coordinator.begun, [1]);
  coordinator.pass(1);
  assert.deepEqual(coordinator.begun, [1, 2]);
  coordinator.trigger(2);
  coordinator.pass(350);
  coordinator.acknowledge(2, 0, 1, 2, 3);
  coordinator.feed({ kind: 'completed', checkpointId: 2 });
  // Due since 200, at 450.
  assert.deepEqual(coordinator.begun, [1, 2, 3]);
  coordinator.complete(3);
  assert.equal(nextTickOf(coordinator.state), 500);
});

test('C4: the first one comes after a part of the interval that is drawn', () => {
  const coordinator = new CoordinatorUnderTest({ [`${KEY}.min-pause`]: '20 ms' });
  const tasks = ['running', 'running', 'running', 'running'] as const;
  coordinator.feed({ kind: 'tasks', tasks }, 0.5);
  assert.equal(nextTickOf(coordinator.state), 60);
});

test('C4: the pause counts from the end of the last one, also of one that failed', () => {
  const coordinator = new CoordinatorUnderTest({
    ...{ [`${KEY}.min-pause`]: '60 ms', [`${KEY}.tolerable-failed-checkpoints`]: '9' },
  });
  coordinator.run();
  coordinator.pass(60);
  coordinator.trigger(1);
  coordinator.pass(90);
  coordinator.feed({ kind: 'declined', checkpointId: 1, error: BROKEN });
  // The clock wants the next at 160.
  assert.equal(nextTickOf(coordinator.state), 210);
  coordinator.pass(60);
  assert.deepEqual(coordinator.begun, [1, 2]);
});

test('C3, C4: savepoints come before checkpoints, and both before the clock', () => {
  const coordinator = new CoordinatorUnderTest();
  coordinator.run();
  coordinator.request({ requestId: 1 });
  coordinator.request({ requestId: 2, savepoint: SAVEPOINT });
  coordinator.request({ requestId: 3, savepoint: SAVEPOINT });
  coordinator.pass(500);
  assert.deepEqual(coordinator.begun, [1]);
  for (const id of [1, 2, 3, 4]) coordinator.complete(id);
  const order = coordinator.of('prepare').map(({ pending }) => pending.request.requestId);
  assert.deepEqual(order, [0, 2, 3, 1, 0]);
});

test('C3: as many are pending as may be, and one is triggered at a time', () => {
  const coordinator = new CoordinatorUnderTest({ [`${KEY}.max-concurrent-checkpoints`]: '2' });
  coordinator.run();
  coordinator.pass(150);
  assert.deepEqual(coordinator.begun, [1]);
  coordinator.trigger(1);
  assert.deepEqual(coordinator.begun, [1, 2]);
  coordinator.trigger(2);
  coordinator.pass(400);
  assert.deepEqual(coordinator.begun, [1, 2]);
});

test('C5: a complete checkpoint subsumes the older one', () => {
  const coordinator = new CoordinatorUnderTest({ [`${KEY}.max-concurrent-checkpoints`]: '2' });
  coordinator.run();
  coordinator.trigger(1);
  coordinator.pass(100);
  coordinator.complete(2);
  assert.deepEqual(coordinator.aborted, [[1, 'CHECKPOINT_ABORTED']]);
  assert.deepEqual(coordinator.notices, ['1 aborted (2)', '2 complete (2)']);
  assert.equal(coordinator.state.failures, 0);
});

test('C6: a checkpoint ends with the run of a task, and the next begins when all run again', () => {
  const coordinator = new CoordinatorUnderTest();
  coordinator.run();
  coordinator.trigger(1);
  coordinator.acknowledge(1, 3);
  coordinator.run(['running', 'running', 'running', 'absent']);
  assert.deepEqual(coordinator.aborted, [[1, 'CHECKPOINT_ABORTED']]);
  coordinator.pass(1000);
  assert.deepEqual(coordinator.begun, [1]);
  coordinator.run();
  assert.deepEqual(coordinator.begun, [1, 2]);
  assert.equal(coordinator.of('fail-job').length, 0);
});

test('C6: what all have acknowledged is completed though its tasks are gone', () => {
  const coordinator = new CoordinatorUnderTest();
  coordinator.run();
  coordinator.trigger(1);
  coordinator.acknowledge(1, 0, 1, 2, 3);
  coordinator.run(['absent', 'absent', 'absent', 'absent']);
  coordinator.feed({ kind: 'completed', checkpointId: 1 });
  assert.deepEqual(coordinator.notices, ['1 complete (1)']);
  assert.deepEqual(coordinator.aborted, []);
});

test('C6: a task that ends before its answer ends the checkpoint, one after it does not', () => {
  const coordinator = new CoordinatorUnderTest();
  coordinator.run();
  coordinator.trigger(1);
  coordinator.acknowledge(1, 0);
  coordinator.run(['finished', 'running', 'running', 'running']);
  assert.deepEqual(coordinator.aborted, []);
  coordinator.run(['finished', 'running', 'running', 'ready']);
  assert.deepEqual(coordinator.aborted, [[1, 'CHECKPOINT_ABORTED']]);
  coordinator.pass(100);
  coordinator.trigger(2);
  const { plan } = coordinator.of('trigger').at(-1)!.pending;
  assert.deepEqual(plan, { trigger: [1, 2, 3], participants: [1, 2, 3] });
});

test('checkpoints end with the first task that finishes where that is wanted', () => {
  const key = `${KEY}.checkpoints-after-tasks-finish`;
  const coordinator = new CoordinatorUnderTest({ [key]: 'false' });
  coordinator.run(['finished', 'running', 'running', 'running']);
  coordinator.pass(1000);
  coordinator.request({ requestId: 1 });
  assert.deepEqual(coordinator.begun, []);
  assert.equal(coordinator.of('refuse')[0]!.error.code, 'CHECKPOINT_TASKS_FINISHED');
});

test('C5: one that is complete too late, behind a newer one, is no failure of the job', () => {
  const coordinator = new CoordinatorUnderTest({
    ...{ [`${KEY}.tolerable-failed-checkpoints`]: '0' },
    ...{ [`${KEY}.max-concurrent-checkpoints`]: '2' },
  });
  coordinator.run();
  coordinator.trigger(1);
  coordinator.acknowledge(1, 0, 1, 2, 3);
  const late = { kind: 'completion-failed', checkpointId: 1, error: BROKEN } as const;
  coordinator.feed({ ...late, isSubsumed: true });
  assert.equal(coordinator.of('fail-job').length, 0);
  assert.equal(coordinator.state.failures, 0);
  assert.deepEqual(coordinator.state.pending, []);
});

test('C7: failures in a row beyond the tolerated fail the job, a success forgives them', () => {
  const key = `${KEY}.tolerable-failed-checkpoints`;
  const coordinator = new CoordinatorUnderTest({ [key]: '1' });
  coordinator.run();
  coordinator.feed({ kind: 'declined', checkpointId: 1, error: BROKEN });
  coordinator.pass(100);
  coordinator.complete(2);
  coordinator.pass(100);
  coordinator.trigger(3);
  coordinator.pass(600_000);
  assert.equal(coordinator.of('fail-job').length, 0);
  coordinator.trigger(4);
  coordinator.acknowledge(4, 0, 1, 2, 3);
  coordinator.feed({ kind: 'completion-failed', checkpointId: 4, error: BROKEN });
  const [failure] = coordinator.of('fail-job');
  assert.equal(failure!.error.code, 'CHECKPOINT_FAILURES_EXCEEDED');
  assert.equal(failure!.error.cause, BROKEN);
  assert.deepEqual(
    coordinator.aborted.map(([, code]) => code),
    ['INTERNAL', 'CHECKPOINT_EXPIRED', 'INTERNAL'],
  );
});

test("C7: the old name tolerates everything, and savepoints are nobody's failures", () => {
  const key = 'millrace.checkpointing.fail-on-checkpointing-errors';
  const lenient = new CoordinatorUnderTest({ [key]: 'false' });
  lenient.run();
  for (let id = 1; id <= 50; id++) {
    lenient.feed({ kind: 'declined', checkpointId: id, error: BROKEN });
    lenient.pass(100);
  }
  assert.equal(lenient.of('fail-job').length, 0);
  const strict = new CoordinatorUnderTest();
  strict.run();
  strict.complete(1);
  strict.request({ requestId: 1, savepoint: SAVEPOINT });
  strict.feed({ kind: 'declined', checkpointId: 2, error: BROKEN });
  assert.equal(strict.of('fail-job').length, 0);
});

test('C8: a savepoint is full, aligned, and no base; nothing is committed with it', () => {
  const coordinator = new CoordinatorUnderTest({ [`${KEY}.unaligned.enabled`]: 'true' });
  coordinator.run();
  coordinator.complete(1);
  coordinator.request({ requestId: 1, savepoint: SAVEPOINT });
  coordinator.complete(2);
  const options = coordinator.of('trigger').map(({ trigger }) => trigger.options);
  assert.deepEqual(
    options.map(({ purpose, alignment, full, format }) => [purpose, alignment, full, format]),
    [
      ['checkpoint', 'unaligned', false, undefined],
      ['savepoint', 'aligned', true, 'canonical'],
    ],
  );
  assert.deepEqual(coordinator.notices, ['1 complete (1)']);
  assert.equal(coordinator.state.latestComplete, 1);
});

test('C9: a savepoint that stops the job is notified, and the clock stands still after it', () => {
  const coordinator = new CoordinatorUnderTest();
  coordinator.run();
  coordinator.request({ requestId: 1, savepoint: { ...SAVEPOINT, stop: 'suspend' } });
  coordinator.complete(1);
  coordinator.complete(2);
  assert.deepEqual(coordinator.notices, ['1 complete (1)', '2 complete (2)']);
  coordinator.pass(1000);
  coordinator.request({ requestId: 2 });
  assert.deepEqual(coordinator.begun, [1, 2]);
  assert.equal(coordinator.of('refuse')[0]!.error.code, 'CHECKPOINT_JOB_STOPS');
});

test('C9: the clock goes on after a stop that failed; who has drained starts again', () => {
  for (const stop of ['suspend', 'drain'] as const) {
    const coordinator = new CoordinatorUnderTest();
    coordinator.run();
    coordinator.complete(1);
    coordinator.request({ requestId: 1, savepoint: { ...SAVEPOINT, stop } });
    coordinator.trigger(2);
    coordinator.feed({ kind: 'declined', checkpointId: 2, error: BROKEN });
    assert.equal(coordinator.of('fail-job').length, stop === 'drain' ? 1 : 0);
    coordinator.pass(100);
    assert.deepEqual(coordinator.begun, [1, 2, 3]);
  }
});

test('C10: a late acknowledgement is discarded', () => {
  const coordinator = new CoordinatorUnderTest({ [`${KEY}.tolerable-failed-checkpoints`]: '1' });
  coordinator.run();
  coordinator.trigger(1);
  coordinator.acknowledge(1, 0, 0);
  assert.equal(coordinator.of('discard').length, 1);
  coordinator.feed({ kind: 'declined', checkpointId: 1, error: BROKEN });
  coordinator.acknowledge(1, 1);
  assert.equal(coordinator.of('discard').length, 2);
});

test('after a restore ids go on above it, and what claims nothing begins in full', () => {
  const coordinator = new CoordinatorUnderTest();
  coordinator.feed({ kind: 'restored', checkpointId: 7, full: true });
  coordinator.run();
  coordinator.complete(8);
  coordinator.pass(100);
  coordinator.complete(9);
  const triggers = coordinator.of('trigger').map(({ trigger }) => trigger);
  assert.deepEqual(
    triggers.map(({ latestComplete, options }) => [latestComplete, options.full]),
    [
      [7, true],
      [8, false],
    ],
  );
});

test('requests wait for nothing that will not come', () => {
  const coordinator = new CoordinatorUnderTest({ [`${KEY}.interval`]: '0' });
  coordinator.request({ requestId: 1 });
  coordinator.run();
  coordinator.request({ requestId: 2 });
  coordinator.request({ requestId: 3 });
  coordinator.run(['absent', 'running', 'running', 'running']);
  coordinator.run();
  coordinator.request({ requestId: 4 });
  coordinator.feed({ kind: 'ended' });
  assert.deepEqual(
    coordinator.of('refuse').map(({ requestId }) => requestId),
    [1, 3],
  );
  assert.deepEqual(
    coordinator.of('aborted').map(({ pending }) => pending.request.requestId),
    [2, 4],
  );
  assert.equal(nextTickOf(coordinator.state), undefined);
});
