// Failover by region: what a failure in one region does to the others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import { plannedJob, stepJob } from './job-machine.ts';
import type { JobEffect, JobEvent, JobState } from './job-state.ts';
import type { RestartStrategy } from './restart-strategy.ts';

const TWICE: RestartStrategy = { kind: 'fixed-delay', attempts: 2, delay: milliseconds(10) };
const input = { now: milliseconds(1000), draw: 0.5 };

function lost(): EngineError {
  return new EngineError('TASK_EXECUTOR_LOST', { taskExecutor: 'x', reason: 'test' });
}

function run(
  from: JobState,
  events: readonly JobEvent[],
): readonly [JobState, readonly JobEffect[]] {
  let state = from;
  let effects: readonly JobEffect[] = [];
  for (const event of events) [state, effects] = stepJob(state, event, input);
  return [state, effects];
}

const assigned = (slot: number): JobEvent => ({ kind: 'slot-assigned', slot });
const prepared = (slot: number, generation = 1): JobEvent => ({
  kind: 'slot-prepared',
  slot,
  generation,
});
const failed = (execution: number, generation = 1, error = lost()): JobEvent => ({
  kind: 'task-state',
  execution,
  generation,
  state: 'FAILED',
  error,
});
const finished = (execution: number, generation = 1): JobEvent => ({
  kind: 'task-state',
  execution,
  generation,
  state: 'FINISHED',
});
const ready = (execution: number, generation = 1): JobEvent => ({
  kind: 'ready-to-commit',
  execution,
  generation,
  committables: [{ operator: 'o', committables: [new Uint8Array([execution, generation])] }],
});
const stopped = (slot: number, generation = 1): JobEvent => ({
  kind: 'slot-stopped',
  slot,
  generation,
});
const over = (region: number, generation = 1): JobEvent => ({
  kind: 'delay-over',
  region,
  generation,
});

/** Three slots with a task each; the first two are one region. */
function job(): JobState {
  return plannedJob({ slotOf: [0, 1, 2], regionOf: [0, 0, 1] }, TWICE);
}

const DEPLOYED: readonly JobEvent[] = [
  ...([{ kind: 'created' }, { kind: 'start' }] as const),
  ...[0, 1, 2].map(assigned),
  ...[0, 1, 2].map((slot) => prepared(slot)),
];

function kinds(effects: readonly JobEffect[]): readonly string[] {
  return effects.map((effect) =>
    'slot' in effect ? `${effect.kind} ${effect.slot}` : effect.kind,
  );
}

function generations({ regions }: JobState): readonly number[] {
  return regions.map(({ generation }) => generation);
}

test('a region is deployed as soon as it has its own slots', () => {
  const [state, effects] = run(job(), [
    { kind: 'created' },
    { kind: 'start' },
    assigned(2),
    prepared(2),
  ]);
  assert.deepEqual(effects, [
    { kind: 'start-sources', epoch: 1 },
    { kind: 'attach-readers', generation: 1, executions: [2] },
    {
      ...{ kind: 'deploy', region: 1, generation: 1, slots: [2], executions: [2] },
      commitOnly: false,
    },
  ]);
  const [, later] = run(state, [assigned(0), assigned(1), prepared(0), prepared(1)]);
  assert.deepEqual(kinds(later), ['attach-readers', 'deploy'], 'J10: the sources run already');
});

test('J9: a failure restarts its region and leaves the other alone', () => {
  const [restarting, effects] = run(job(), [...DEPLOYED, failed(0)]);
  assert.deepEqual(kinds(effects), ['status', 'await-delay', 'stop-slot 0', 'stop-slot 1']);
  assert.equal(restarting.status, 'RESTARTING');
  const [again, begun] = run(restarting, [stopped(0), stopped(1), over(0)]);
  assert.deepEqual(kinds(begun), ['status', 'prepare-slots']);
  assert.deepEqual([again.status, generations(again)], ['RUNNING', [2, 1]]);
  const [, deployed] = run(again, [prepared(0, 2), prepared(1, 2)]);
  assert.deepEqual(deployed[0], { kind: 'attach-readers', generation: 2, executions: [0, 1] });
});

test('J4: what the other region has prepared stays, and is committed in its generation', () => {
  const [restarting] = run(job(), [...DEPLOYED, ready(2), failed(1)]);
  assert.equal(restarting.executions[2]!.ready, true);
  const [state, effects] = run(restarting, [
    ...[stopped(0), stopped(1), over(0), prepared(0, 2), prepared(1, 2)],
    ...[finished(0, 2), ready(1, 2)],
  ]);
  assert.equal(state.status, 'COMMITTING');
  assert.deepEqual(
    effects.filter(({ kind }) => kind === 'commit'),
    [
      { kind: 'commit', execution: 1, generation: 2 },
      { kind: 'commit', execution: 2, generation: 1 },
    ],
  );
});

test('J9: a region may become ready while another restarts; nothing is decided before that', () => {
  const [state] = run(job(), [...DEPLOYED, failed(0), ready(2)]);
  assert.deepEqual([state.status, state.executions[2]!.ready], ['RESTARTING', true]);
});

test('a region that has finished needs its slot no more', () => {
  const [done] = run(job(), [...DEPLOYED, finished(2)]);
  const gone: JobEvent = { kind: 'slot-lost', slot: 2, proof: true, error: lost() };
  const [state, effects] = run(done, [gone]);
  assert.deepEqual([state.status, state.slots[2], effects], ['RUNNING', 'absent', []]);
  const [unfinished] = run(job(), [...DEPLOYED, finished(0), { ...gone, slot: 0 }]);
  assert.equal(unfinished.status, 'RESTARTING', 'its consumer has not read everything');
});

test('J8: one cause that strikes two regions is one failure', () => {
  const error = lost();
  const losses = [0, 1, 2].map((slot): JobEvent => ({
    kind: 'slot-lost',
    slot,
    proof: true,
    error,
  }));
  const [once] = run(job(), [...DEPLOYED, ...losses]);
  assert.equal(once.history.restarts, 1);
  assert.deepEqual(
    once.regions.map(({ stopping }) => stopping),
    [true, true],
  );
  const [twice] = run(job(), [...DEPLOYED, failed(0), failed(2)]);
  assert.equal(twice.history.restarts, 2);
  const [ended] = run(job(), [...DEPLOYED, failed(0), failed(2), stopped(2), over(1)]);
  assert.deepEqual(generations(ended), [1, 2], 'each goes on by itself');
  const [third] = run(ended, [prepared(2, 2), failed(2, 2)]);
  assert.equal(third.status, 'FAILING', 'and three are more than two');
});

test('J10: enumerators are closed when all regions stop, and started by the first to go on', () => {
  const [state, effects] = run(job(), [...DEPLOYED, failed(0), failed(2)]);
  assert.deepEqual(kinds(effects), ['await-delay', 'close-sources', 'stop-slot 2']);
  const [, begun] = run(state, [stopped(2), over(1), prepared(2, 2)]);
  assert.deepEqual(kinds(begun), ['start-sources', 'attach-readers', 'deploy']);
});

test('the end of the enumerators restarts everything, what has finished included', () => {
  const error = lost();
  const [done] = run(job(), [...DEPLOYED, finished(2)]);
  assert.deepEqual(run(done, [{ kind: 'sources-failed', epoch: 0, error }])[1], []);
  const [state] = run(done, [{ kind: 'sources-failed', epoch: 1, error }]);
  const [again] = run(state, [...[0, 1, 2].map((slot) => stopped(slot)), over(0), over(1)]);
  assert.deepEqual([again.status, generations(again)], ['RUNNING', [2, 2]]);
  assert.ok(again.executions.every((one) => one.state === 'SCHEDULED'));
});

test('J11: the slots of a region that has finished are given back when their workers are gone', () => {
  const [one, none] = run(job(), [...DEPLOYED, finished(0)]);
  assert.deepEqual(kinds(none), [], 'a task of its region still runs, and may read from it');
  const [stopping, effects] = run(one, [finished(1)]);
  assert.deepEqual(kinds(effects), ['stop-slot 0', 'stop-slot 1']);
  const [half, first] = run(stopping, [stopped(1)]);
  assert.deepEqual(kinds(first), ['release-slot 1']);
  const [state, last] = run(half, [stopped(0)]);
  assert.deepEqual(kinds(last), ['release-slot 0']);
  assert.deepEqual(state.slots, ['absent', 'absent', 'deployed']);
  const [end, ended] = run(state, [finished(2), stopped(2)]);
  assert.equal(end.status, 'FINISHED');
  assert.deepEqual(kinds(ended), ['status', 'ended'], 'they are not asked for again');
});

test('J11: what waits for its commit keeps its slots', () => {
  const [state, effects] = run(job(), [...DEPLOYED, finished(0), ready(1)]);
  assert.deepEqual(kinds(effects), []);
  assert.deepEqual(state.slots, ['deployed', 'deployed', 'deployed']);
});

test('J11: a failure elsewhere leaves a finished region alone; one of all asks for its slots', () => {
  const [done] = run(job(), [...DEPLOYED, finished(0), finished(1), stopped(0), stopped(1)]);
  const [restarted, effects] = run(done, [failed(2), stopped(2), over(1)]);
  assert.deepEqual(kinds(effects), ['status', 'prepare-slots']);
  assert.deepEqual(generations(restarted), [1, 2]);
  const sources: JobEvent = { kind: 'sources-failed', epoch: 1, error: lost() };
  const [all, again] = run(done, [sources, stopped(2), over(0), over(1)]);
  assert.deepEqual(kinds(again), ['status', 'prepare-slots']);
  assert.deepEqual(generations(all), [2, 2]);
});

test('J11: a slot that is lost after its region has finished is no failure', () => {
  const event: JobEvent = { kind: 'slot-lost', slot: 0, proof: false, error: lost() };
  const [state] = run(job(), [...DEPLOYED, finished(0), finished(1), event]);
  assert.equal(state.status, 'RUNNING');
  const [after, effects] = run(state, [{ kind: 'lease-over', slot: 0, generation: 1 }]);
  assert.deepEqual(kinds(effects), [], 'it is not asked for again');
  assert.equal(after.slots[0], 'absent');
});

test('J3: after the decision only the region that failed commits again', () => {
  const [state, effects] = run(job(), [...DEPLOYED, ready(0), ready(1), ready(2), failed(2)]);
  assert.deepEqual(kinds(effects), ['await-delay', 'stop-slot 2']);
  const [again] = run(state, [finished(0), finished(1), stopped(2), over(1), prepared(2, 2)]);
  assert.deepEqual([again.status, generations(again)], ['COMMITTING', [1, 2]]);
  const [last] = run(again, [finished(2, 2), stopped(0), stopped(1), stopped(2, 2)]);
  assert.equal(last.status, 'FINISHED');
});

test('a cancellation stops all regions, those that restart included', () => {
  const [state, effects] = run(job(), [...DEPLOYED, failed(0), { kind: 'cancel' }]);
  assert.deepEqual(kinds(effects), ['status', 'close-sources', 'stop-slot 2']);
  const [last] = run(state, [stopped(0), stopped(1), stopped(2)]);
  assert.equal(last.status, 'CANCELED');
});

const STOPS: JobEvent = { kind: 'stops' };

test('J12: after a savepoint that stops the job a failure starts all regions again', () => {
  const [stopping, effects] = run(job(), [...DEPLOYED, STOPS, finished(2), failed(0)]);
  assert.deepEqual(kinds(effects).slice(0, 3), ['status', 'await-delay', 'await-delay']);
  const quiet = [stopped(0), stopped(1), stopped(2), over(0), over(1)];
  const [again] = run(stopping, quiet);
  assert.deepEqual([again.status, generations(again)], ['RUNNING', [2, 2]]);
  assert.equal(again.executions[2]!.state, 'SCHEDULED', 'it had not read everything');
  const redeployed = [assigned(2), ...[0, 1, 2].map((slot) => prepared(slot, 2))];
  const [alone] = run(again, [...redeployed, failed(0, 2)]);
  assert.deepEqual(
    alone.regions.map(({ stopping: isStopping }) => isStopping),
    [true, false],
    'the next failure concerns its region',
  );
});

test('J12: where a region starts again when the savepoint is complete, all do, for one cause', () => {
  const [state, effects] = run(job(), [...DEPLOYED, failed(0), STOPS]);
  assert.deepEqual(kinds(effects), ['await-delay', 'close-sources', 'stop-slot 2']);
  assert.equal(state.history.restarts, 1, 'J8');
  const [again] = run(state, [stopped(0), stopped(1), stopped(2), over(0), over(1)]);
  assert.deepEqual([again.status, generations(again)], ['RUNNING', [2, 2]]);
  const [next] = run(again, [...[0, 1, 2].map((slot) => prepared(slot, 2)), failed(2, 2)]);
  assert.deepEqual(
    next.regions.map(({ stopping }) => stopping),
    [false, true],
  );
});

test('J12: after the decision to commit a failure concerns its region', () => {
  const [state] = run(job(), [...DEPLOYED, STOPS, ready(0), ready(1), ready(2), failed(0)]);
  assert.equal(state.status, 'COMMITTING');
  assert.deepEqual(
    state.regions.map(({ stopping }) => stopping),
    [true, false],
  );
});
