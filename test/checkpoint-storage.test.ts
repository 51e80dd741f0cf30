/** Checkpoints on a real disk: laid out, found, moved, thrown away. */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { describe, test } from 'node:test';
import { isEngineError, type ErrorCode } from '../src/base/errors.ts';
import { pattern } from '../src/env/contract/rig.test-kit.ts';
import type { StateHandle } from '../src/protocol/checkpoint.ts';
import { JOB_ID, someMetadata } from '../src/storage/checkpoint.test-kit.ts';
import { withFolder } from './storage.test-kit.ts';
import { handlesOf, type CheckpointMetadata } from '../src/storage/checkpoint-metadata.ts';
import { CheckpointStorage } from '../src/storage/checkpoint-storage.ts';
import { CheckpointStreams, type CheckpointOutput } from '../src/storage/checkpoint-streams.ts';
import type { FileSystems } from '../src/storage/file-systems.ts';
import { disposeCheckpoint, openHandle, readCheckpoint } from '../src/storage/stored-checkpoint.ts';

interface Written {
  readonly metadata: CheckpointMetadata;
  readonly location: string;
}

/** Writes a checkpoint with three files of state. */
async function writeCheckpoint(
  fileSystems: FileSystems,
  storage: CheckpointStorage,
  location: string,
): Promise<Written> {
  const streams = new CheckpointStreams(fileSystems, {
    directory: storage.jobDirectory,
    inlineBytes: 10,
  });
  const handles = new Map<string, StateHandle>();
  for (const [name, shared] of [
    ['full', true],
    ['increment', true],
    ['in', false],
  ] as const) {
    const isShared = shared && location.includes('/chk-');
    const output = streams.open(location, isShared ? 'shared' : 'exclusive');
    output.write(pattern(100, name.length));
    handles.set(name, await output.finish());
  }
  const metadata = someMetadata((name) => handles.get(name)!);
  return { metadata, location: (await storage.writeMetadata(location, metadata)).location };
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const all = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`.slice(folder.length + 1))
    .sort();
}

async function rejects(work: Promise<unknown>, code: ErrorCode, text: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(isEngineError(error, code), `${String(error)} is not ${code}`);
    assert.match(`${error.message} ${error.fix}`, text);
    return true;
  });
}

function storageIn(fileSystems: FileSystems, directory: string): CheckpointStorage {
  return new CheckpointStorage({ fileSystems, directory, jobId: JOB_ID });
}

describe('CheckpointStorage', () => {
  test('lays checkpoints out as Flink does, and leaves nothing of the probe', () =>
    withFolder(async (fileSystems, folder) => {
      const storage = storageIn(fileSystems, `${folder}/a/b`);
      await storage.initialize();
      assert.deepEqual(await filesIn(folder), []);
      const location = await storage.prepareLocation(7);
      assert.equal(location, `file:${folder}/a/b/${JOB_ID}/chk-7`);
      assert.equal(location, storage.locationOf(7));
      await writeCheckpoint(fileSystems, storage, location);
      const files = await filesIn(`${folder}/a/b/${JOB_ID}`);
      assert.equal(files.filter((name) => name.startsWith('shared/')).length, 2);
      assert.equal(files.filter((name) => name.startsWith('chk-7/')).length, 2);
      assert.ok(files.includes('chk-7/_metadata'));
    }));

  test('C1, C3: is read back by its folder or its _metadata, with the bytes of its state', () =>
    withFolder(async (fileSystems, folder) => {
      const storage = storageIn(fileSystems, folder);
      await storage.initialize();
      const written = await writeCheckpoint(fileSystems, storage, await storage.prepareLocation(7));
      for (const pointer of ['', '/', '/_metadata']) {
        const found = await storage.readMetadata(`${folder}/${JOB_ID}/chk-7${pointer}`);
        assert.deepEqual(found.metadata, written.metadata);
        assert.equal(found.location, written.location);
      }
      for (const handle of handlesOf(written.metadata)) {
        const input = await openHandle(fileSystems, handle);
        assert.equal((await input.read(0, input.size)).length, input.size);
        await input.close();
      }
    }));

  test('C1: a second checkpoint of the same id is refused', () =>
    withFolder(async (fileSystems, folder) => {
      const storage = storageIn(fileSystems, folder);
      const location = await storage.prepareLocation(7);
      await writeCheckpointWithoutState(storage, location);
      await rejects(writeCheckpointWithoutState(storage, location), 'IO_EXISTS', /_metadata/);
    }));

  test('a savepoint can be moved as a whole', () =>
    withFolder(async (fileSystems, folder) => {
      const storage = storageIn(fileSystems, `${folder}/checkpoints`);
      const location = await storage.savepointLocation(`${folder}/savepoints`);
      await fileSystems.of(location).makeFolder(location);
      assert.match(location, /\/savepoints\/savepoint-012345-[0-9a-f]{12}$/);
      await writeCheckpoint(fileSystems, storage, location);
      await fs.rename(location.slice('file:'.length), `${folder}/moved`);
      const { metadata } = await readCheckpoint(fileSystems, `${folder}/moved`);
      let files = 0;
      for (const handle of handlesOf(metadata)) {
        if (handle.kind === 'file') {
          assert.ok(handle.uri.startsWith(`file:${folder}/moved/`), handle.uri);
          files += 1;
        }
        await (await openHandle(fileSystems, handle)).close();
      }
      assert.equal(files, 3);
    }));

  test('C1, C2: disposing of a savepoint removes it and nothing beside it', () =>
    withFolder(async (fileSystems, folder) => {
      const storage = storageIn(fileSystems, `${folder}/checkpoints`);
      const first = await storage.savepointLocation(folder);
      await fileSystems.of(first).makeFolder(first);
      await writeCheckpoint(fileSystems, storage, first);
      await disposeCheckpoint(fileSystems, first);
      assert.deepEqual(await filesIn(folder), []);
      assert.equal(await fileSystems.of(first).stat(first), undefined);
      const second = await storage.savepointLocation(folder);
      await fileSystems.of(second).makeFolder(second);
      await writeCheckpoint(fileSystems, storage, second);
      const path = second.slice('file:'.length);
      await fs.writeFile(`${path}/mine.txt`, 'x');
      await disposeCheckpoint(fileSystems, `${path}/_metadata`);
      assert.deepEqual(await fs.readdir(path), ['mine.txt']);
      await rejects(disposeCheckpoint(fileSystems, path), 'SAVEPOINT_NOT_FOUND', /savepoint-/);
      assert.deepEqual(await fs.readdir(path), ['mine.txt']);
    }));

  test('S2: discards the folder of a checkpoint, and refuses any other', () =>
    withFolder(async (fileSystems, folder) => {
      const storage = storageIn(fileSystems, folder);
      await storage.initialize();
      const { location } = await writeCheckpoint(
        fileSystems,
        storage,
        await storage.prepareLocation(3),
      );
      await storage.discardLocation(location);
      assert.equal(await fileSystems.of(location).stat(location), undefined);
      await storage.discardLocation(location);
      for (const other of [folder, storage.jobDirectory, `${storage.jobDirectory}/shared`]) {
        await rejects(storage.discardLocation(other), 'API_INVALID_ARGUMENT', /no location/);
      }
      assert.equal((await filesIn(folder)).length, 2, 'shared state stays');
    }));

  test('removes what killed processes have left, and nothing that is referred to', () =>
    withFolder(async (fileSystems, folder) => {
      const storage = storageIn(fileSystems, folder);
      await storage.initialize();
      const kept = await writeCheckpoint(fileSystems, storage, await storage.prepareLocation(5));
      await writeCheckpoint(fileSystems, storage, await storage.prepareLocation(6));
      const streams = new CheckpointStreams(fileSystems, {
        directory: storage.jobDirectory,
        inlineBytes: 0,
      });
      const killed: CheckpointOutput[] = [];
      await storage.prepareLocation(8);
      for (const scope of ['shared', 'exclusive'] as const) {
        const output = streams.open(storage.locationOf(8), scope);
        output.write(pattern(100));
        await output.finish();
        const unfinished = streams.open(storage.locationOf(8), scope);
        unfinished.write(pattern(100));
        killed.push(unfinished);
        await untilThere(folder, /\.writing-/);
      }
      const stored = await storage.readMetadata(kept.location);
      for (const name of ['.probe-0a', '.writing-.probe-0b-1c', '.claimed-by-another']) {
        await fs.writeFile(`${folder}/${JOB_ID}/${name}`, 'x');
      }
      const removed = await storage.removeLeftovers({ retained: [stored] });
      assert.equal(removed.length, 2 + 3, 'chk-6, chk-8 and three files of shared state');
      const names = await fs.readdir(`${folder}/${JOB_ID}`);
      assert.deepEqual(names.toSorted(), ['.claimed-by-another', 'chk-5', 'shared']);
      await fs.rm(`${folder}/${JOB_ID}/.claimed-by-another`);
      const left = await filesIn(`${folder}/${JOB_ID}`);
      // Their files are open still, and would be closed whenever garbage is collected.
      for (const output of killed) await output.abort();
      assert.equal(left.length, 4, left.join());
      assert.deepEqual((await storage.readMetadata(kept.location)).metadata, kept.metadata);
      for (const handle of handlesOf(kept.metadata)) {
        await (await openHandle(fileSystems, handle)).close();
      }
    }));

  test('a directory that cannot be used is told with reason and remedy', () =>
    withFolder(async (fileSystems, folder) => {
      await fs.writeFile(`${folder}/file`, 'x');
      const storage = storageIn(fileSystems, `${folder}/file/in`);
      await rejects(
        storage.initialize(),
        'CHECKPOINT_DIRECTORY_UNUSABLE',
        /kept in file:.*\/file\/in: .*not a folder.*execution\.checkpointing\.dir/,
      );
    }));

  test('what is no checkpoint is told, and never an empty start', () =>
    withFolder(async (fileSystems, folder) => {
      await rejects(readCheckpoint(fileSystems, folder), 'SAVEPOINT_NOT_FOUND', /millrace-storage/);
      await rejects(readCheckpoint(fileSystems, `${folder}/none`), 'SAVEPOINT_NOT_FOUND', /none/);
      await fs.writeFile(`${folder}/_metadata`, '');
      await rejects(readCheckpoint(fileSystems, folder), 'CHECKPOINT_FILE_INVALID', /it is empty/);
    }));

  test('C3: state that is gone, or shorter or longer than it was, is refused by name', () =>
    withFolder(async (fileSystems, folder) => {
      const handle = { kind: 'file', uri: `file:${folder}/s`, size: 5, shared: false } as const;
      const open = (): Promise<unknown> => openHandle(fileSystems, handle);
      await rejects(open(), 'CHECKPOINT_FILE_INVALID', /\/s of .*does not exist/);
      await fs.writeFile(`${folder}/s`, '1234');
      await rejects(open(), 'CHECKPOINT_FILE_INVALID', /\/s of .*it has 4 bytes, and 5 were/);
      await fs.writeFile(`${folder}/s`, '123456');
      await rejects(open(), 'CHECKPOINT_FILE_INVALID', /\/s of .*it has 6 bytes/);
    }));

  test('a job id that is no name is refused', () =>
    withFolder(async (fileSystems, folder) => {
      for (const jobId of ['', '..', 'a/b']) {
        assert.throws(
          () => new CheckpointStorage({ fileSystems, directory: folder, jobId }),
          (error) => isEngineError(error, 'API_INVALID_ARGUMENT'),
        );
      }
    }));
});

async function writeCheckpointWithoutState(
  storage: CheckpointStorage,
  location: string,
): Promise<void> {
  const inline = (): StateHandle => ({ kind: 'inline', bytes: pattern(3) });
  await storage.writeMetadata(location, someMetadata(inline));
}

/** Until a file whose name fits is there. */
async function untilThere(folder: string, name: RegExp): Promise<void> {
  for (;;) {
    if ((await filesIn(folder)).some((found) => name.test(found))) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
