// What a job claims in the folders of others, and gives back. The names of rules are those of
// src/jobmaster/claimed-folders.ts, and E1 of src/jobmaster/ended-checkpoints.ts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { CompletedCheckpoints } from '../src/checkpoint/completed-checkpoints.ts';
import type { CompletedCheckpoint } from '../src/checkpoint/completed-checkpoints.ts';
import type { PendingCheckpoint } from '../src/checkpoint/coordinator-state.ts';
import { memoryCheckpointPointers } from '../src/ha/checkpoint-pointers.ts';
import { CheckpointPlace } from '../src/jobmaster/checkpoint-place.ts';
import { cleanUpEnded, settleUnopened } from '../src/jobmaster/ended-checkpoints.ts';
import type { StateHandle } from '../src/protocol/checkpoint.ts';
import type { CheckpointsAtEnd } from '../src/protocol/stored-checkpoints.ts';
import { someMetadata } from '../src/storage/checkpoint.test-kit.ts';
import { disposeSavepoint } from '../src/storage/ended-job-folder.ts';
import type { FileSystems } from '../src/storage/file-systems.ts';
import { withFolder } from './storage.test-kit.ts';

const [FIRST, SECOND, THIRD] = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [
  string,
  string,
  string,
];

/** A job, with what its masters know. */
class Job {
  readonly id: string;
  readonly warnings: string[] = [];
  readonly pointers = memoryCheckpointPointers();
  readonly completed: CompletedCheckpoints;
  readonly place: CheckpointPlace;
  readonly #fileSystems: FileSystems;
  readonly #directory: string;

  constructor(world: World, id: string, { retained = 1, onCancel }: JobOptions = {}) {
    this.id = id;
    this.#fileSystems = world.fileSystems;
    this.#directory = world.directory;
    this.completed = new CompletedCheckpoints(retained);
    this.place = new CheckpointPlace({ ...this.options(1), directory: this.#directory, onCancel });
  }

  options(masters: number) {
    const { id: jobId, pointers } = this;
    const log = { write: (_: string, text: string) => this.warnings.push(text) } as never;
    return { jobId, pointers, masters, log, fileSystems: this.#fileSystems };
  }

  /** Begins; with CLAIM, unless there is nothing to go on from. */
  async begin(path?: string): Promise<void> {
    await this.place.begin();
    if (path === undefined) return;
    const claimed = await this.place.read({ path, claimMode: 'CLAIM', allowNonRestored: false });
    await this.place.point([claimed], claimed.metadata.checkpointId + 1);
    this.completed.add(claimed);
  }

  /** @param shared URIs of state that it refers to; a new file of its own, unless said */
  async checkpoint(id: number, shared?: string): Promise<CompletedCheckpoint> {
    const request = { requestId: 0, full: false, savepoint: undefined };
    const pending = { checkpointId: id, request, location: '' } as Partial<PendingCheckpoint>;
    const location = await this.place.prepare(pending as PendingCheckpoint);
    const uri = shared ?? `file:${this.#directory}/${this.id}/shared/state-${id}`;
    if (shared === undefined) fs.writeFileSync(uri.slice('file:'.length), 'abc');
    fs.writeFileSync(`${location.slice('file:'.length)}/own`, 'abc');
    const metadata = someMetadata((_, isShared): StateHandle => ({
      ...{ kind: 'file', size: 3, shared: isShared, uri: isShared ? uri : `${location}/own` },
    }));
    const done = await this.place.complete(
      { ...pending, location } as PendingCheckpoint,
      { ...metadata, jobId: this.id, checkpointId: id },
      (each) => this.completed.with(each),
    );
    this.completed.add(done);
    await this.place.discard(this.completed.discardable(Number.POSITIVE_INFINITY));
    return done;
  }

  async end(atEnd: CheckpointsAtEnd): Promise<void> {
    await this.place.settle(atEnd);
    if (atEnd === 'retained') return this.place.tidyUp(this.completed.kept);
    await this.place.discard(this.completed.discardAll());
    await this.place.removeAll();
  }

  /** A later master, which is to end the job before it knows its checkpoints. */
  async endUnopened(status: 'CANCELED' | 'FAILED'): Promise<void> {
    const options = this.options(2);
    await settleUnopened(options, status);
    await cleanUpEnded({ ...options, directory: () => assert.fail('the pointers know it') });
  }
}

interface JobOptions {
  readonly retained?: number;
  readonly onCancel?: CheckpointsAtEnd;
}

class World {
  readonly fileSystems: FileSystems;
  readonly directory: string;

  constructor(fileSystems: FileSystems, directory: string) {
    this.fileSystems = fileSystems;
    this.directory = directory;
  }

  static run(body: (world: World) => Promise<void>): Promise<void> {
    return withFolder((fileSystems, directory) => body(new World(fileSystems, directory)));
  }

  /** Files, and empty folders, with the first digit of each job. */
  left(): readonly string[] {
    const all = fs.readdirSync(this.directory, { recursive: true, withFileTypes: true });
    const found = all.flatMap((entry) => {
      const path = `${entry.parentPath}/${entry.name}`;
      const isEmpty = entry.isDirectory() && fs.readdirSync(path).length === 0;
      return entry.isFile() || isEmpty ? [path.slice(this.directory.length + 1)] : [];
    });
    return found.map((path) => path.replaceAll(/(\d)\1{31}/g, '$1')).toSorted();
  }

  dispose(location: string | undefined): Promise<void> {
    return disposeSavepoint(this.fileSystems, location!, () => false);
  }
}

const OF_FIRST = ['1/chk-1/_metadata', '1/chk-1/own', '1/shared/state-1'];

test('M2: a claim goes with the job to whose last checkpoints it is of no use (seeds 557, 804)', () =>
  World.run(async (world) => {
    const first = new Job(world, FIRST);
    await first.begin();
    const { location } = await first.checkpoint(1);
    await first.end('retained');
    const second = new Job(world, SECOND, { retained: 2 });
    await second.begin(location);
    await second.checkpoint(2);
    assert.ok(world.left().includes('1/.claimed-2'));
    await second.end('retained');
    const ofSecond = ['2/chk-2/_metadata', '2/chk-2/own', '2/shared/state-2'];
    assert.deepEqual(world.left(), [...OF_FIRST, ...ofSecond]);
    // So that its user can have it removed, with all that belongs to it.
    await world.dispose(location);
    assert.deepEqual(world.left(), ofSecond);
  }));

test('M2: a claim stays as long as checkpoints of the job refer to the folder', () =>
  World.run(async (world) => {
    const first = new Job(world, FIRST);
    await first.begin();
    const { location } = await first.checkpoint(1);
    await first.end('retained');
    const second = new Job(world, SECOND, { retained: 2 });
    await second.begin(location);
    const later = await second.checkpoint(2, `file:${world.directory}/${FIRST}/shared/state-1`);
    await second.end('retained');
    assert.deepEqual(world.left(), [
      ...['1/.claimed-2', ...OF_FIRST, '2/chk-2/_metadata', '2/chk-2/own', '2/shared'],
    ]);
    await world.dispose(location);
    assert.ok(world.left().includes('1/shared/state-1'), 'the later one needs it');
    await world.dispose(later.location);
    assert.deepEqual(world.left(), []);
  }));

/** What a third job claims refers to the folder of the first. */
async function chain(world: World, retained = 1): Promise<[third: Job, older: string]> {
  const first = new Job(world, FIRST);
  await first.begin();
  const { location } = await first.checkpoint(1);
  await first.end('retained');
  const second = new Job(world, SECOND, { retained });
  await second.begin(location);
  const uri = `file:${world.directory}/${FIRST}/shared/state-1`;
  const older = await second.checkpoint(2, uri);
  const newer = await second.checkpoint(3, uri);
  await second.end('retained');
  const third = new Job(world, THIRD);
  await third.begin(newer.location);
  return [third, older.location!];
}

test('M1: files of the first job stay while the third refers to them, whatever is disposed of', () =>
  World.run(async (world) => {
    const [third, older] = await chain(world, 2);
    await third.checkpoint(4, `file:${world.directory}/${FIRST}/shared/state-1`);
    await world.dispose(older);
    assert.ok(world.left().includes('1/shared/state-1'));
    await third.end('removed');
    assert.deepEqual(world.left(), []);
  }));

test('M3: with what is claimed goes what its job had claimed', () =>
  World.run(async (world) => {
    const [third] = await chain(world);
    const claims = ['1/.claimed-2', '1/.claimed-3', '2/.claimed-3'];
    assert.deepEqual(
      world.left().filter((path) => path.includes('claimed')),
      claims,
    );
    await third.checkpoint(4);
    const ofThird = ['3/chk-4/_metadata', '3/chk-4/own', '3/shared/state-4'];
    assert.deepEqual(world.left(), ofThird);
    await third.end('removed');
    assert.deepEqual(world.left(), []);
  }));

test('M3: it stays where another checkpoint of that job refers to it', () =>
  World.run(async (world) => {
    const [third, older] = await chain(world, 2);
    await third.checkpoint(4);
    const claims = (): readonly string[] => world.left().filter((path) => /claimed/.test(path));
    assert.deepEqual(claims(), ['1/.claimed-2']);
    await world.dispose(older);
    await third.end('removed');
    assert.deepEqual(world.left(), []);
  }));

for (const onCancel of ['removed', 'retained'] as const) {
  test(`E1: as of a job with a master, they are ${onCancel} (seeds 596, 598, 637)`, () =>
    World.run(async (world) => {
      const job = new Job(world, FIRST, { retained: 2, onCancel });
      await job.begin();
      for (const id of [1, 2]) await job.checkpoint(id);
      fs.writeFileSync(`${world.directory}/${FIRST}/.probe-0a`, 'of a master that was killed');
      await job.endUnopened('CANCELED');
      const both = [1, 2].flatMap((id) => [`1/chk-${id}/_metadata`, `1/chk-${id}/own`]);
      const whole = [...both, '1/shared/state-1', '1/shared/state-2'];
      assert.deepEqual(world.left(), onCancel === 'retained' ? whole : []);
      assert.deepEqual(job.warnings, []);
    }));
}

test('E1: of a job that fails before its next master knows its checkpoints they stay, and it is told', () =>
  World.run(async (world) => {
    const job = new Job(world, FIRST, { onCancel: 'removed' });
    await job.begin();
    await job.checkpoint(1);
    // It was to be removed, and the master died before the end of the job was known.
    await job.place.settle('removed');
    await job.endUnopened('FAILED');
    assert.deepEqual(world.left(), OF_FIRST);
    assert.match(job.warnings.join(), /without a decision .*chk-1/);
  }));
