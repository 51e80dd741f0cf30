// Several jobs and one folder: a fork of an older checkpoint, a job that claims what another one
// has left, a job that still runs. Each removes and takes what is its own, and nothing else.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEngineError } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';
import { FileJob as Job, FOLDER, NOTHING } from './file-job.test-kit.ts';
import { onDisk, readFile } from './files.test-kit.ts';

async function names(env: Env): Promise<readonly string[]> {
  return (await env.disk.list(FOLDER)).map(({ name }) => name);
}

/** Lines that a reader sees, in order. */
async function seen(env: Env): Promise<string> {
  const visible = (await names(env)).filter((name) => !name.startsWith('.'));
  const contents = await Promise.all(visible.map((name) => readFile(env, `${FOLDER}/${name}`)));
  return contents
    .flatMap((content) => content.trimEnd().split('\n'))
    .toSorted()
    .join(' ');
}

async function hidden(env: Env): Promise<number> {
  return (await names(env)).filter((name) => name.startsWith('.')).length;
}

describe('several jobs and one folder', () => {
  // Also a job that is given the id of the other, as a standalone cluster may do.
  for (const jobId of ['other', 'first']) {
    test(`a fork of an older checkpoint goes on beside what was written after it: ${jobId}`, () =>
      onDisk(1, async (env) => {
        const first = await Job.start({ env, jobId: 'first' });
        first.write('a');
        const old = await first.completed();
        first.write('b');
        await first.completed();
        await first.cancel();
        const fork = await Job.start({ env, jobId, from: old });
        fork.write('b2');
        await fork.completed();
        await fork.cancel();
        const second = await Job.start({ env, jobId, from: old });
        second.write('b3');
        await second.completed();
        assert.equal(await seen(env), 'a b b2 b3');
        await second.cancel();
        assert.equal(await hidden(env), 0);
      }));
  }

  test('O1: a fork leaves alone what a job writes that still runs', () =>
    onDisk(2, async (env) => {
      const first = await Job.start({ env, jobId: 'first' });
      first.write('a');
      const old = await first.completed();
      first.write('b');
      const pending = await first.checkpoint();
      const fork = await Job.start({ env, jobId: 'fork', from: old });
      fork.write('c');
      await first.commit(pending);
      await fork.completed();
      assert.equal(await seen(env), 'a b c');
    }));

  test('O1: who claims a checkpoint removes what its job has left, and nothing of others', () =>
    onDisk(3, async (env) => {
      const third = await Job.start({ env, jobId: 'third' });
      third.write('t');
      const ofThird = await third.checkpoint();
      const first = await Job.start({ env, jobId: 'first' });
      first.write('a');
      const old = await first.completed();
      first.write('b');
      // Prepared, and cancelled before the checkpoint is complete.
      await first.checkpoint();
      await first.cancel();
      assert.equal(await hidden(env), 2);
      const unclaimed = await Job.start({ env, jobId: 'second', from: old });
      assert.equal(await hidden(env), 2, 'nobody knows whether that job has ended');
      await unclaimed.cancel();
      const claiming = await Job.start({ env, jobId: 'second', from: old, isClaimed: true });
      assert.equal(await hidden(env), 1);
      claiming.write('b');
      await claiming.completed();
      await third.commit(ofThird);
      assert.equal(await seen(env), 'a b t');
      assert.equal(await hidden(env), 0);
    }));

  test('O1: an attempt that was replaced and does not know it removes nothing of the next', () =>
    onDisk(4, async (env) => {
      const second = await Job.start({ env, jobId: 'job', attempt: 2 });
      second.write('a');
      const prepared = await second.checkpoint();
      // It was stopped in the middle of its start, and goes on only now.
      await Job.start({ env, jobId: 'job', attempt: 1, from: NOTHING, isClaimed: true });
      await second.commit(prepared);
      assert.equal(await seen(env), 'a');
    }));
});

describe('files that are open over checkpoints', () => {
  const options = { rollOnCheckpoint: false } as const;

  test('F2: their records are seen when they end, once, also after a restore', () =>
    onDisk(5, async (env) => {
      const first = await Job.start({ env, jobId: 'job', options });
      first.write('a');
      await first.completed();
      first.write('b');
      const last = await first.completed();
      assert.equal(await seen(env), '');
      assert.deepEqual(last.committables, []);
      first.write('c');
      await first.checkpoint();
      await first.cancel();
      const second = await Job.start({
        ...{ env, jobId: 'job', options, from: last },
        ...{ isClaimed: true, attempt: 2 },
      });
      assert.equal(await seen(env), '');
      second.write('c2');
      const next = await second.completed();
      assert.equal(await seen(env), 'a b', 'what was open then is complete now');
      await second.cancel();
      const third = await Job.start({
        ...{ env, jobId: 'job', options, from: next },
        ...{ isClaimed: true, attempt: 3 },
      });
      await third.completed();
      assert.equal(await seen(env), 'a b c2');
      await third.cancel();
      assert.equal(await hidden(env), 0);
    }));

  test('a savepoint ends them: whoever goes on from it needs nothing of the job', () =>
    onDisk(6, async (env) => {
      const first = await Job.start({ env, jobId: 'first', options });
      first.write('a');
      await first.completed();
      const savepoint = await first.checkpoint('savepoint');
      assert.deepEqual(
        savepoint.states.map(({ open }) => open),
        [[]],
      );
      await first.commit(savepoint);
      first.write('b');
      const fork = await Job.start({ env, jobId: 'fork', options, from: savepoint });
      fork.write('c');
      await fork.commit(await fork.checkpoint('savepoint'));
      await first.commit(await first.checkpoint('savepoint'));
      assert.equal(await seen(env), 'a b c');
    }));

  test('those of another job are taken only by who claims them', () =>
    onDisk(7, async (env) => {
      const first = await Job.start({ env, jobId: 'first', options });
      first.write('a');
      const from = await first.completed();
      await assert.rejects(Job.start({ env, jobId: 'second', options, from }), (error) => {
        assert.ok(isEngineError(error, 'CONNECTOR_OUTPUT_UNCLAIMED'));
        return error.message.includes(FOLDER) && error.fix?.includes('CLAIM') === true;
      });
      await first.cancel();
      const second = await Job.start({ env, jobId: 'second', options, from, isClaimed: true });
      await second.completed();
      assert.equal(await seen(env), 'a');
    }));

  test('one that was committed after the checkpoint is lost for who goes on from it', () =>
    onDisk(8, async (env) => {
      const first = await Job.start({ env, jobId: 'first', options });
      first.write('a');
      const from = await first.completed();
      await first.commit(await first.checkpoint('savepoint'));
      await assert.rejects(
        Job.start({ env, jobId: 'second', options, from, isClaimed: true }),
        (error) => isEngineError(error, 'FILE_OUTPUT_LOST') && error.retry === 'never',
      );
      assert.equal(await seen(env), 'a');
    }));
});
