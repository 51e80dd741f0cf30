import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import { HeartbeatWatch, heartbeat, sendHeartbeats } from './heartbeat.ts';
import type { HeartbeatState } from './heartbeat.ts';
import { MainThread } from './main-thread.ts';
import { ManualClock } from './manual-clock.test-kit.ts';

const options = { interval: milliseconds(10), timeout: milliseconds(50), failureThreshold: 2 };
const unreachable = new EngineError('RPC_UNREACHABLE', { peer: 'p', reason: 'gone' });

test('every state and event', () => {
  const fresh: HeartbeatState = { lastSign: milliseconds(0), failures: 0, lost: false };
  const failing: HeartbeatState = { lastSign: milliseconds(0), failures: 1, lost: false };
  const lost: HeartbeatState = { lastSign: milliseconds(0), failures: 2, lost: true };
  const cells = [fresh, failing, lost].flatMap((state) =>
    (['sign', 'failure', 'check'] as const).flatMap((event) =>
      [49, 50].map((now) => heartbeat(state, event, milliseconds(now), options).lost),
    ),
  );
  assert.deepEqual(cells, [
    ...[false, false, false, true, false, true],
    ...[false, false, true, true, false, true],
    ...[true, true, true, true, true, true],
  ]);
});

function rig() {
  const clock = new ManualClock();
  const main = new MainThread('m', clock, () => assert.fail());
  const lost: string[] = [];
  return { clock, main, lost, onLost: (reason: string): void => void lost.push(reason) };
}

test('a sender that gets answers goes on, and reports come as mails', async () => {
  const { clock, main, lost, onLost } = rig();
  const reports: number[] = [];
  let asked = 0;
  const onReport = (report: number): void => {
    main.assertInside();
    reports.push(report);
  };
  const sender = sendHeartbeats(main, options, async () => ++asked, onReport, onLost);
  await clock.pass(100);
  assert.deepEqual([reports.length, lost], [10, []]);
  sender[Symbol.dispose]();
  assert.equal(clock.armed, 0);
});

test('a sender gives up after the time-out without an answer, once', async () => {
  const { clock, main, lost, onLost } = rig();
  sendHeartbeats(
    main,
    options,
    () => new Promise(() => undefined),
    () => undefined,
    onLost,
  );
  await clock.pass(49);
  assert.deepEqual(lost, []);
  await clock.pass(1);
  assert.deepEqual(lost, ['no sign of life for 50 ms']);
  await clock.pass(1000);
  assert.deepEqual([lost.length, clock.armed], [1, 0]);
});

test('a sender gives up after two failures in a row', async () => {
  const { clock, main, lost, onLost } = rig();
  const answers = [true, false, true, false, false, false];
  const request = (): Promise<void> =>
    answers.shift() ? Promise.resolve() : Promise.reject(unreachable);
  sendHeartbeats(main, options, request, () => undefined, onLost);
  await clock.pass(40);
  assert.deepEqual(lost, []);
  await clock.pass(10);
  assert.equal(lost.length, 1);
});

test('a receiver gives up after the time-out without a request', async () => {
  const { clock, main, lost, onLost } = rig();
  const watch = new HeartbeatWatch(main, options, onLost);
  await clock.pass(40);
  assert.ok(watch.sign());
  await clock.pass(49);
  assert.deepEqual(lost, []);
  await clock.pass(1);
  assert.equal(lost.length, 1);
  assert.equal(watch.sign(), false);
});

test('who stood still itself gives its peers an interval to be heard, and no more', async () => {
  const { clock, main, lost, onLost } = rig();
  const watch = new HeartbeatWatch(main, options, onLost);
  // The timer of the check at 50 ms comes 450 ms late.
  clock.stopFor(500);
  await clock.pass(9);
  assert.deepEqual(lost, []);
  assert.ok(watch.sign());
  await clock.pass(49);
  assert.deepEqual(lost, []);
  await clock.pass(1);
  assert.equal(lost.length, 1);

  const silent = rig();
  const unheard = new HeartbeatWatch(silent.main, options, silent.onLost);
  silent.clock.stopFor(500);
  await silent.clock.pass(11);
  assert.equal(silent.lost.length, 1);
  assert.ok(unheard.disposed);
});
