// Several jobs and one folder: a fork of an older checkpoint, a job that claims what another one
// has left, a job that still runs. Each removes and takes what is its own, and nothing else.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEngineError } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';
import type { SinkWriter, WriteContext } from '../../functions/sink.ts';
import { text } from '../../formats/text/text.ts';
import { FileSystems } from '../../storage/file-systems.ts';
import { commitRequests } from '../../testing/commit-requests.ts';
import { openContext } from '../source-harness.test-kit.ts';
import type { FileCommittable } from './file-committer.ts';
import type { FileWriterState } from './file-writer.ts';
import { fileSink, type FileSink, type FileSinkOptions } from './file-sink.ts';
import { onDisk, readFile } from './files.test-kit.ts';

const FOLDER = '/data/out';
const AT = {} as WriteContext;

/** What a checkpoint of one subtask holds. */
interface Checkpoint {
  readonly states: readonly FileWriterState[];
  readonly committables: readonly FileCommittable[];
}

const NOTHING: Checkpoint = { states: [], committables: [] };

interface JobOptions {
  readonly env: Env;
  readonly jobId: string;
  readonly options?: Partial<FileSinkOptions<string>>;
  readonly from?: Checkpoint;
  readonly isClaimed?: boolean;
  readonly attempt?: number;
}

/** The one subtask of a job. */
class Job {
  readonly #sink: FileSink<string>;
  readonly #context: Parameters<FileSink<string>['createWriter']>[0];
  readonly #writer: SinkWriter<unknown, FileCommittable, FileWriterState>;
  #checkpoint = 0;

  private constructor({ env, jobId, options, from, isClaimed = false, attempt = 1 }: JobOptions) {
    this.#sink = fileSink({ path: FOLDER, format: text(), onExisting: 'append', ...options });
    const restored = { restoredCheckpointId: 1, restoredIsClaimed: isClaimed };
    this.#context = {
      ...{ ...openContext({ attempt }), env, jobId, operatorId: 'sink' },
      sendToClient: () => undefined,
      fileSystem: (uri) => FileSystems.create(env).of(uri),
      ...(from === undefined ? {} : restored),
    };
    const { states } = from ?? NOTHING;
    this.#writer = this.#sink.createWriter(this.#context, { own: states, all: states });
  }

  static async start(options: JobOptions): Promise<Job> {
    const job = new Job(options);
    await job.commit(options.from ?? NOTHING);
    await job.#writer.start!();
    return job;
  }

  write(...records: string[]): void {
    for (const record of records) this.#writer.write(record, AT);
  }

  async checkpoint(purpose: 'checkpoint' | 'savepoint' = 'checkpoint'): Promise<Checkpoint> {
    const id = (this.#checkpoint += 1);
    await this.#writer.flush(false, purpose);
    const committables = await this.#writer.prepareCommit!(id);
    return { committables, states: await this.#writer.snapshotState!(id) };
  }

  /** It is complete. */
  async commit({ committables }: Checkpoint): Promise<void> {
    await this.#sink.createCommitter!(this.#context).commit(commitRequests(committables));
    if (this.#checkpoint > 0) await this.#writer.committed!(this.#checkpoint);
  }

  async completed(): Promise<Checkpoint> {
    const checkpoint = await this.checkpoint();
    await this.commit(checkpoint);
    return checkpoint;
  }

  async cancel(): Promise<void> {
    await this.#writer.close();
  }
}

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
