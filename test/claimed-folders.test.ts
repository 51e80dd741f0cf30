// What a job claims in the folders of others, and gives back. The names of rules are those of
// src/jobmaster/claimed-folders.ts, and E1 of src/jobmaster/ended-checkpoints.ts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { cases } from '../src/base/cases.test-kit.ts';
import { CompletedCheckpoints } from '../src/checkpoint/completed-checkpoints.ts';
import type { CompletedCheckpoint } from '../src/checkpoint/completed-checkpoints.ts';
import type { PendingCheckpoint } from '../src/checkpoint/coordinator-state.ts';
import { memoryCheckpointPointers } from '../src/ha/checkpoint-pointers.ts';
import { CheckpointPlace } from '../src/jobmaster/checkpoint-place.ts';
import { cleanUpEnded, settleUnopened } from '../src/jobmaster/ended-checkpoints.ts';
import { FaultyDisk } from '../src/deploy/faulty-disk.test-kit.ts';
import type { Clock } from '../src/env/env.ts';
import { nodeDisk } from '../src/env/node/disk.ts';
import { nodeRandom } from '../src/env/node/random.ts';
import { EngineError } from '../src/base/errors.ts';
import type { StateHandle } from '../src/protocol/checkpoint.ts';
import type { CheckpointPointers, CheckpointsAtEnd } from '../src/protocol/stored-checkpoints.ts';
import { someMetadata } from '../src/storage/checkpoint.test-kit.ts';
import { disposeSavepoint } from '../src/storage/ended-job-folder.ts';
import { FileSystems } from '../src/storage/file-systems.ts';
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
  readonly pointers: CheckpointPointers;
  readonly completed: CompletedCheckpoints;
  readonly place: CheckpointPlace;
  readonly #fileSystems: FileSystems;
  readonly #directory: string;
  readonly #masters: number;

  constructor(world: World, id: string, options: JobOptions = {}) {
    const { retained = 1, onCancel, masters = 1 } = options;
    this.id = id;
    this.#masters = masters;
    this.pointers = options.pointers ?? memoryCheckpointPointers();
    this.#fileSystems = world.fileSystems;
    this.#directory = world.directory;
    this.completed = new CompletedCheckpoints(retained);
    this.place = new CheckpointPlace({ ...this.options(), directory: this.#directory, onCancel });
  }

  options(masters = this.#masters) {
    const { id: jobId, pointers } = this;
    const log = { write: (_: string, text: string) => this.warnings.push(text) } as never;
    return { jobId, pointers, masters, log, clock: IMPATIENT, fileSystems: this.#fileSystems };
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

  /** All of its life, of which an earlier master may have had a part. */
  async live(path: string, atEnd: CheckpointsAtEnd): Promise<void> {
    const stored = await this.pointers.read();
    if (stored?.atEnd !== undefined) {
      return cleanUpEnded({ ...this.options(), directory: () => assert.fail('it is known') });
    }
    const kept = await this.place.recover();
    const firstFree = Math.max(await this.place.firstFreeId(true), 10);
    if (kept.length === 0) await this.begin(path);
    else {
      await this.place.begin();
      await this.place.removeLeftovers(kept);
      for (const each of kept) this.completed.add(each);
    }
    await this.checkpoint(firstFree);
    await this.end(atEnd);
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
  readonly masters?: number;
  readonly pointers?: CheckpointPointers;
}

/** Nobody waits for a disk that does not come back. */
const IMPATIENT: Pick<Clock, 'after'> = {
  after(_delay, callback) {
    queueMicrotask(callback);
    return { [Symbol.dispose]: () => undefined };
  },
};

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

// Seed 557, and seed 804.
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
async function chain(world: World, retained = 1): Promise<[Job, older: string, newer: string]> {
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
  return [new Job(world, THIRD), older.location!, newer.location!];
}

test('M1: files of the first job stay while the third refers to them, whatever is disposed of', () =>
  World.run(async (world) => {
    const [third, older, newer] = await chain(world, 2);
    await third.begin(newer);
    await third.checkpoint(4, `file:${world.directory}/${FIRST}/shared/state-1`);
    await world.dispose(older);
    assert.ok(world.left().includes('1/shared/state-1'));
    await third.end('removed');
    assert.deepEqual(world.left(), []);
  }));

test('M3: with what is claimed goes what its job had claimed', () =>
  World.run(async (world) => {
    const [third, , newer] = await chain(world);
    await third.begin(newer);
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
    const [third, older, newer] = await chain(world, 2);
    await third.begin(newer);
    await third.checkpoint(4);
    const claims = (): readonly string[] => world.left().filter((path) => /claimed/.test(path));
    assert.deepEqual(claims(), ['1/.claimed-2']);
    await world.dispose(older);
    await third.end('removed');
    assert.deepEqual(world.left(), []);
  }));

// Seed 596, seed 598 and seed 637.
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

/** A master that can do no more than so many changes, of the disk and of the pointers. */
class Mortal {
  readonly world: World;
  readonly pointers: CheckpointPointers;
  readonly #changes: number;
  #left: number;

  constructor(directory: string, pointers: CheckpointPointers, changes: number) {
    this.#left = changes;
    this.#changes = changes;
    const disk = new FaultyDisk({ disk: nodeDisk(), random: nodeRandom() } as never);
    const kinds = ['open', 'makeDirectory', 'rename', 'link', 'remove', 'write', 'sync'];
    disk.fault = (operation, path) =>
      kinds.includes(operation) && (operation !== 'open' || path.includes('?'))
        ? this.#die()
        : undefined;
    this.world = new World(FileSystems.create(disk.env), directory);
    this.pointers = {
      read: () => pointers.read(),
      write: async (stored) => {
        const before = this.#die();
        if (before !== undefined) throw before;
        await pointers.write(stored);
        // It may be there, and its master hears of nothing.
        const after = this.#die();
        if (after !== undefined) throw after;
      },
    };
  }

  get isDead(): boolean {
    return this.#left < 0;
  }

  get made(): number {
    return this.#changes - this.#left;
  }

  #die(): EngineError | undefined {
    this.#left -= 1;
    const parameters = { operation: 'do', path: 'it', reason: 'the process is gone' };
    return this.isDead ? new EngineError('IO_FAILED', parameters) : undefined;
  }
}

/** Its master dies after so many changes. @returns how many it has made, if it has not died */
async function liveTwice(changes: number, atEnd: CheckpointsAtEnd): Promise<number | undefined> {
  let made: number | undefined;
  await World.run(async (world) => {
    const [, , path] = await chain(world);
    const pointers = memoryCheckpointPointers();
    const mortal = new Mortal(world.directory, pointers, changes);
    const job = new Job(mortal.world, THIRD, { pointers: mortal.pointers });
    await job.live(path, atEnd).catch((error: unknown) => assert.match(String(error), /gone/));
    const next = new Job(world, THIRD, { pointers, masters: 2 });
    if (mortal.isDead) await next.live(path, atEnd);
    else made = mortal.made;
    const isKept = (name: string): boolean => /^3\/(?:chk-|shared)/.test(name);
    const left = atEnd === 'removed' ? world.left() : world.left().filter((each) => !isKept(each));
    assert.deepEqual(left, [], `after ${changes} changes`);
    assert.deepEqual(next.warnings, []);
  });
  return made;
}

for (const atEnd of ['removed', 'retained'] as const) {
  test(`M4: whatever a master dies at, the next one goes on with claims (${atEnd})`, async () => {
    const all = (await liveTwice(1e6, atEnd))!;
    assert.ok(all > 40, `${all} changes`);
    const every = Math.ceil(all / cases(8, 1000));
    for (let changes = 0; changes < all; changes += every) {
      const made = await liveTwice(changes + Math.floor(every / 2), atEnd);
      assert.ok(made === undefined || changes + every >= all);
    }
  });
}
