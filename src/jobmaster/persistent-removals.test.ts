/** Removals that fail: tried again, told once, forgotten when there are too many. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { PersistentRemovals } from './persistent-removals.ts';

class Rig {
  readonly told: string[] = [];
  readonly tried: string[] = [];
  readonly stuck = new Set<string>();
  readonly removals = new PersistentRemovals((what) => this.told.push(what));

  remove(what: string): Promise<void> {
    return this.removals.remove(what, async () => {
      this.tried.push(what);
      if (this.stuck.has(what)) {
        throw new EngineError('IO_FAILED', { operation: 'remove', path: what, reason: 'not now' });
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
