// Savepoints whose master is lost while they are written: the next one removes them, and never one
// that is complete. The names of rules are those of src/jobmaster/begun-savepoints.ts, and Q of
// src/jobmaster/checkpoint-place.ts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CompletedCheckpoint } from '../src/checkpoint/completed-checkpoints.ts';
import type { PendingCheckpoint } from '../src/checkpoint/coordinator-state.ts';
import { nodeEnv } from '../src/env/node/node-env.ts';
import { fileCheckpointPointers } from '../src/ha/checkpoint-pointers.ts';
import { StoredFiles } from '../src/ha/stored-files.ts';
import { CheckpointPlace } from '../src/jobmaster/checkpoint-place.ts';
import { endUndecided } from '../src/jobmaster/ended-checkpoints.ts';
import { ManualClock } from '../src/rpc/manual-clock.test-kit.ts';
import type { CheckpointPointers, StoredCheckpoints } from '../src/protocol/stored-checkpoints.ts';
import { JOB_ID, someMetadata } from '../src/storage/checkpoint.test-kit.ts';
import type { CheckpointMetadata } from '../src/storage/checkpoint-metadata.ts';
import type { FileSystems } from '../src/storage/file-systems.ts';
import { withFolder } from './storage.test-kit.ts';

const env = nodeEnv({
  entries: {
    slot: new URL('../bin/slot-worker.ts', import.meta.url),
    coordinator: new URL('../bin/coordinator-worker.ts', import.meta.url),
  },
  log: { level: 'error' },
});

const NO_STATE = (): { kind: 'inline'; bytes: Uint8Array } => ({
  kind: 'inline',
  bytes: new Uint8Array(3),
});

/** A job over several masters. */
class Rig {
  readonly savepoints: string;
  readonly warnings: string[] = [];
  /** What was written into the pointers. */
  readonly written: StoredCheckpoints[] = [];
  /** Called before each. */
  onWrite: (stored: StoredCheckpoints) => void = () => undefined;
  readonly #fileSystems: FileSystems;
  readonly #folder: string;
  readonly #pointers: CheckpointPointers;

  constructor(fileSystems: FileSystems, folder: string, pointers: CheckpointPointers) {
    this.savepoints = join(folder, 'savepoints');
    this.#fileSystems = fileSystems;
    this.#folder = folder;
    this.#pointers = {
      read: () => pointers.read(),
      write: async (stored) => {
        this.onWrite(stored);
        await pointers.write(stored);
        this.written.push(stored);
      },
    };
  }

  static run(body: (rig: Rig) => Promise<void>): Promise<void> {
    return withFolder(async (fileSystems, folder) => {
      const confirm = async (): Promise<void> => undefined;
      const place = { env, folder: join(folder, 'ha'), kind: 'checkpoints', confirm };
      const pointers = fileCheckpointPointers(await StoredFiles.open(place), JOB_ID);
      await body(new Rig(fileSystems, folder, pointers));
    });
  }

  options(masters: number): ConstructorParameters<typeof CheckpointPlace>[0] {
    return {
      ...{ jobId: JOB_ID, fileSystems: this.#fileSystems, pointers: this.#pointers, masters },
      ...{ directory: join(this.#folder, 'checkpoints'), clock: new ManualClock() },
      log: { ...env.log, write: (_level, message) => this.warnings.push(message) },
    };
  }

  place(masters: number): CheckpointPlace {
    return new CheckpointPlace(this.options(masters));
  }

  /** What the next master does before the job goes on. */
  async takeOver(masters: number): Promise<CheckpointPlace> {
    const place = this.place(masters);
    await place.removeLeftovers(await place.recover());
    return place;
  }

  /** Somebody asks for one, and tasks write into it. */
  async begin(place: CheckpointPlace, pending: PendingCheckpoint): Promise<PendingCheckpoint> {
    const location = await place.prepare(pending);
    fs.writeFileSync(join(pathOf(location), 'state'), 'of a task');
    return { ...pending, location };
  }

  left(): readonly string[] {
    return fs.existsSync(this.savepoints) ? fs.readdirSync(this.savepoints) : [];
  }

  begun(): Promise<readonly string[]> {
    return this.#pointers.read().then((stored) => stored?.begun ?? []);
  }
}

function pendingOf(checkpointId: number): PendingCheckpoint {
  const request = { requestId: 0, full: false, savepoint: undefined };
  const pending: Partial<PendingCheckpoint> = { checkpointId, request, location: '' };
  return { ...pending, acknowledged: new Map() } as unknown as PendingCheckpoint;
}

function savepointOf(rig: Rig, stop?: 'suspend'): PendingCheckpoint {
  const savepoint = { directory: rig.savepoints, format: 'canonical', stop } as const;
  return { ...pendingOf(3), request: { requestId: 1, full: true, savepoint } };
}

function complete(
  place: CheckpointPlace,
  pending: PendingCheckpoint,
): Promise<CompletedCheckpoint> {
  const metadata: CheckpointMetadata = someMetadata(NO_STATE);
  return place.complete(pending, metadata, (each) => [each]);
}

function pathOf(location: string): string {
  return location.slice('file:'.length);
}

const isSuperseded = { code: 'HA_SUPERSEDED' };

for (const stop of [undefined, 'suspend'] as const) {
  const what = stop === undefined ? 'a savepoint' : 'a savepoint to stop with';
  test(`N1: where ${what} lies is durable before it is there, and the next master removes it`, () =>
    Rig.run(async (rig) => {
      const first = rig.place(1);
      rig.onWrite = () => assert.deepEqual(rig.left(), []);
      const { location } = await rig.begin(first, savepointOf(rig, stop));
      assert.deepEqual(await rig.begun(), [location]);
      assert.equal(rig.left().length, 1);

      rig.onWrite = () => undefined;
      await rig.takeOver(2);
      assert.deepEqual(rig.left(), []);
      assert.deepEqual(rig.warnings, []);
    }));

  test(`N2: ${what} that is complete stays, whoever is lost then`, () =>
    Rig.run(async (rig) => {
      const first = rig.place(1);
      const { location } = await complete(first, await rig.begin(first, savepointOf(rig, stop)));
      const second = await rig.takeOver(2);
      await second.settle('removed');
      await second.removeAll();
      const files = fs.readdirSync(pathOf(location!)).toSorted();
      assert.deepEqual(files, ['_metadata', 'state']);
    }));
}

test('N2: one with `_metadata` stays whose pointer was not written: a user may have seen it', () =>
  Rig.run(async (rig) => {
    const first = rig.place(1);
    const pending = await rig.begin(first, savepointOf(rig, 'suspend'));
    rig.onWrite = () => {
      throw new Error('the process is gone');
    };
    await assert.rejects(complete(first, pending), /gone/);
    rig.onWrite = () => undefined;
    await rig.takeOver(2);
    assert.ok(fs.existsSync(join(pathOf(pending.location), '_metadata')));
  }));

test('N1: a folder on a disk that is not there is told, and removed when it is', () =>
  Rig.run(async (rig) => {
    await rig.begin(rig.place(1), savepointOf(rig));
    const away = `${rig.savepoints}-unmounted`;
    fs.renameSync(rig.savepoints, away);
    const second = await rig.takeOver(2);
    assert.match(rig.warnings.join(), /savepoint-.*: .*is its disk mounted\?/);
    await complete(second, await rig.begin(second, pendingOf(20)));
    assert.equal((await rig.begun()).length, 1, 'a later master knows it still');
    fs.renameSync(away, rig.savepoints);
    await rig.takeOver(3);
    assert.deepEqual(rig.left(), []);
  }));

test('N1: where a disk is to be mounted is an empty folder: it is tried again at the end', () =>
  Rig.run(async (rig) => {
    await rig.begin(rig.place(1), savepointOf(rig));
    const away = `${rig.savepoints}-unmounted`;
    fs.renameSync(rig.savepoints, away);
    fs.mkdirSync(rig.savepoints);
    const second = await rig.takeOver(2);
    fs.rmdirSync(rig.savepoints);
    fs.renameSync(away, rig.savepoints);
    await second.settle('removed');
    await second.removeAll();
    assert.deepEqual(rig.left(), []);
  }));

test('N3, Q5: a master that was excluded tells nobody of a savepoint', () =>
  Rig.run(async (rig) => {
    const first = rig.place(1);
    const pending = await rig.begin(first, savepointOf(rig));
    await rig.takeOver(2);
    await assert.rejects(complete(first, pending), isSuperseded);
  }));

test('N3: what cannot be written just now does not stop the job, and nothing is removed', () =>
  Rig.run(async (rig) => {
    await rig.begin(rig.place(1), savepointOf(rig));
    rig.onWrite = () => {
      throw new Error('the disk is full');
    };
    const second = await rig.takeOver(2);
    assert.match(rig.warnings.join(), /are not removed now: .*full/);
    assert.equal(rig.left().length, 1);
    rig.onWrite = () => undefined;
    await second.settle('retained');
    await second.tidyUp([]);
    assert.deepEqual(rig.left(), []);
  }));

test('a savepoint that is given up is named no longer, and its folder gone', () =>
  Rig.run(async (rig) => {
    const place = rig.place(1);
    const pending = await rig.begin(place, savepointOf(rig));
    await place.discardPending(pending, (handles) => handles);
    assert.deepEqual(rig.left(), []);
    await rig.begin(place, pendingOf(100));
    assert.deepEqual(await rig.begun(), []);
  }));

test('a job that ends without a decision takes with it what it has begun', () =>
  Rig.run(async (rig) => {
    await rig.begin(rig.place(1), savepointOf(rig));
    await endUndecided({ ...rig.options(2), directory: () => assert.fail('it is known') });
    assert.deepEqual(rig.left(), []);
  }));

test('a savepoint costs one write of the pointers more, a checkpoint none', () =>
  Rig.run(async (rig) => {
    const place = rig.place(1);
    await complete(place, await rig.begin(place, pendingOf(1)));
    assert.equal(rig.written.length, 2, 'ids are reserved, and a pointer');
    await complete(place, await rig.begin(place, savepointOf(rig)));
    assert.equal(rig.written.length, 3);
    await complete(place, await rig.begin(place, pendingOf(4)));
    assert.equal(rig.written.length, 4);
    assert.deepEqual(await rig.begun(), []);
  }));
