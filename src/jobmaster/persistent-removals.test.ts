/** Removals that fail: tried again, told once, forgotten when there are too many. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { PersistentRemovals } from './persistent-removals.ts';

class Rig {
  readonly told: string[] = [];
  readonly tried: string[] = [];
  readonly stuck = new Set<string>();
  readonly stays: string[] = [];
  readonly clock = new ManualClock();
  readonly removals = new PersistentRemovals({
    clock: this.clock,
    failed: (what) => void this.told.push(what),
    gaveUp: (what, { message }) => void this.stays.push(`${what}: ${message}`),
  });
  code: 'IO_FAILED' | 'IO_ACCESS_DENIED' = 'IO_FAILED';

  remove(what: string): Promise<void> {
    return this.removals.remove(what, async () => {
      this.tried.push(what);
      if (this.stuck.has(what)) {
        throw new EngineError(this.code, { operation: 'remove', path: what, reason: 'not now' });
      }
    });
  }

  async retried(): Promise<readonly string[]> {
    this.tried.length = 0;
    await this.removals.retry();
    return this.tried;
  }
}

test('T1: what fails is tried again until it is gone, and told once', async () => {
  const rig = new Rig();
  rig.stuck.add('a').add('b');
  for (const what of ['a', 'b', 'c']) await rig.remove(what);
  assert.deepEqual(rig.told, ['a', 'b']);
  assert.deepEqual(await rig.retried(), ['a', 'b']);
  rig.stuck.delete('a');
  assert.deepEqual(await rig.retried(), ['a', 'b']);
  assert.deepEqual(await rig.retried(), ['b']);
  rig.stuck.delete('b');
  await rig.remove('b');
  assert.deepEqual(await rig.retried(), []);
  assert.deepEqual(rig.told, ['a', 'b']);
});

test('T1: what is gone already is removed; what is right only now is not tried again', async () => {
  const rig = new Rig();
  await rig.removals.remove('gone', () =>
    Promise.reject(new EngineError('IO_NOT_FOUND', { path: 'gone' })),
  );
  let calls = 0;
  await rig.removals.removeNow('now', () => {
    calls++;
    return Promise.reject(new Error('no'));
  });
  assert.deepEqual(await rig.retried(), []);
  assert.deepEqual([rig.told, calls], [['now'], 1]);
});

test('T2: of very many the oldest are forgotten', async () => {
  const rig = new Rig();
  const names = Array.from({ length: 1003 }, (_, index) => `${index}`);
  for (const name of names) {
    rig.stuck.add(name);
    await rig.remove(name);
  }
  assert.deepEqual(await rig.retried(), names.slice(3));
});

test('T3: at the end it is tried again while the disk is away, and nobody hears of more', async () => {
  const rig = new Rig();
  rig.stuck.add('a').add('b');
  for (const what of ['a', 'b', 'c']) await rig.remove(what);
  const finished = rig.removals.finish().then(() => 'finished');
  await rig.clock.pass(seconds(3));
  rig.stuck.clear();
  assert.equal(await Promise.race([finished, rig.clock.pass().then(() => 'not yet')]), 'not yet');
  await rig.clock.pass(seconds(10));
  assert.equal(await finished, 'finished');
  assert.deepEqual(rig.tried.slice(-2), ['a', 'b']);
  assert.deepEqual([rig.told, rig.stays], [['a', 'b'], []]);
});

test('T3: what stays after that is told by its name, and not tried for ever', async () => {
  const rig = new Rig();
  rig.stuck.add('file:/checkpoints/job/chk-7');
  await rig.remove('file:/checkpoints/job/chk-7');
  const finished = rig.removals.finish();
  for (let second = 0; second < 13; second += 1) await rig.clock.pass(seconds(1));
  await finished;
  assert.equal(rig.tried.length, 8);
  assert.equal(rig.stays.length, 1);
  assert.match(rig.stays[0]!, /^file:\/checkpoints\/job\/chk-7: .*not now/);
  assert.deepEqual(await rig.retried(), []);
});

test('T3: what no waiting changes is told at once; where nothing failed, nobody waits', async () => {
  const rig = new Rig();
  await rig.removals.finish();
  rig.stuck.add('a');
  rig.code = 'IO_ACCESS_DENIED';
  await rig.remove('a');
  await rig.removals.finish();
  assert.deepEqual([rig.tried, rig.stays.length], [['a'], 1]);
});
