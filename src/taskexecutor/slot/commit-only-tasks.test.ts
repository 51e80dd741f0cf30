// Seed 90 of the simulator: a process slept while its job was replaced. The slots were told to
// commit and then to stop, under a lease that was revoked, and held their threads until the
// cancellation timed out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommitOnlyTasks } from './commit-only-tasks.ts';

class Rig {
  readonly effects: (() => void)[] = [];
  readonly ends: string[] = [];
  readonly work = Promise.withResolvers<void>();
  begun = 0;
  readonly tasks = new CommitOnlyTasks({
    underLease: (effect) => this.effects.push(effect),
    ended: (id, state, error) => this.ends.push([id, state, error?.code ?? ''].join(' ').trim()),
  });

  constructor() {
    this.tasks.add('a', () => {
      this.begun += 1;
      return this.work.promise;
    });
  }

  runEffects(): void {
    for (const effect of this.effects) effect();
  }
}

test('V2: cancelled before the lease allowed the commit, it ends at once and never commits', () => {
  const rig = new Rig();
  rig.tasks.cancel();
  rig.tasks.cancel();
  assert.deepEqual(rig.ends, ['a CANCELED']);
  rig.runEffects();
  assert.equal(rig.begun, 0);
  assert.deepEqual(rig.ends, ['a CANCELED']);
});

test('V2: a commit that has begun goes on when it is cancelled, and its end is the state', async () => {
  const rig = new Rig();
  rig.runEffects();
  assert.equal(rig.begun, 1);
  rig.tasks.cancel();
  assert.deepEqual(rig.ends, []);
  rig.work.resolve();
  await rig.work.promise;
  assert.deepEqual(rig.ends, ['a FINISHED']);
});

test('V2: a commit that fails fails its task, named', async () => {
  const rig = new Rig();
  rig.runEffects();
  rig.work.reject(new Error('the store is gone'));
  await rig.work.promise.catch(() => undefined);
  await Promise.resolve();
  assert.equal(rig.ends.length, 1);
  assert.match(rig.ends[0]!, /^a FAILED \w+$/);
});
