import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, seconds } from '../base/units.ts';
import { MainThread } from '../rpc/main-thread.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { ClientHeartbeats } from './client-heartbeats.ts';

function rig() {
  const clock = new ManualClock();
  const main = new MainThread('test', clock, (_component, error) => assert.fail(error));
  const lost: string[] = [];
  const heartbeats = new ClientHeartbeats(main, (jobId) => lost.push(jobId));
  return { clock, main, lost, heartbeats };
}

test('F3: a job whose client is silent for too long is given up, once', async () => {
  const { clock, lost, heartbeats } = rig();
  heartbeats.expect('a', seconds(10));
  heartbeats.expect('b', seconds(30));
  await clock.pass(seconds(9));
  assert.deepEqual(lost, []);
  await clock.pass(seconds(1));
  assert.deepEqual(lost, ['a']);
  await clock.pass(seconds(60));
  assert.deepEqual([lost, clock.armed], [['a', 'b'], 0]);
});

test('F4: every word of the client moves its end', async () => {
  const { clock, lost, heartbeats } = rig();
  for (let i = 0; i < 5; i++) {
    heartbeats.expect('a', seconds(10));
    await clock.pass(seconds(6));
  }
  assert.deepEqual(lost, []);
  heartbeats.expect('a', seconds(2));
  await clock.pass(seconds(2));
  assert.deepEqual(lost, ['a']);
});

test('a client whose clock is wrong ends nothing at once and keeps nothing for ever', async () => {
  const { clock, lost, heartbeats } = rig();
  heartbeats.expect('past', seconds(-500));
  heartbeats.expect('future', minutes(100_000));
  await clock.pass(seconds(0.9));
  assert.deepEqual(lost, []);
  await clock.pass(minutes(61));
  assert.deepEqual(lost, ['past', 'future']);
});

test('a job that has ended is not waited for', async () => {
  const { clock, lost, heartbeats } = rig();
  heartbeats.expect('a', seconds(10));
  heartbeats.forget('a');
  await clock.pass(seconds(20));
  assert.deepEqual([lost, clock.armed], [[], 0]);
});
