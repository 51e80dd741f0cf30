// The folder of a job that was killed or has ended: what claims and disposals leave of it, and what
// they must not touch.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { describe, test } from 'node:test';
import { isEngineError } from '../src/base/errors.ts';
import type { StateHandle } from '../src/protocol/checkpoint.ts';
import { JOB_ID, someMetadata } from '../src/storage/checkpoint.test-kit.ts';
import {
  claimFolder,
  disposeSavepoint,
  jobFolderOf,
  releaseFolder,
  removeBegun,
} from '../src/storage/ended-job-folder.ts';
import type { FileSystems } from '../src/storage/file-systems.ts';
import { disposeCheckpoint, writeMetadata } from '../src/storage/stored-checkpoint.ts';
import { withFolder } from './storage.test-kit.ts';

const NEW = 'f'.repeat(32);
const THIRD = 'e'.repeat(32);
const ended = (_jobId: string): boolean => false;

/** The folder of the job that has ended, on this machine. */
class Folder {
  readonly fileSystems: FileSystems;
  readonly path: string;

  constructor(fileSystems: FileSystems, directory: string, jobId = JOB_ID) {
    this.fileSystems = fileSystems;
    this.path = `${directory}/${jobId}`;
  }

  get uri(): string {
    return `file:${this.path}`;
  }

  location(id: number): string {
    return `${this.uri}/chk-${id}`;
  }

  /** Puts files there. */
  async put(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const path = `${this.path}/${name}`;
      await fs.mkdir(path.slice(0, path.lastIndexOf('/')), { recursive: true });
      await fs.writeFile(path, 'abc');
    }
  }

  /** A complete checkpoint with a file of its own, and shared ones by URI or by name. */
  async complete(id: number, shared: readonly [string, string], jobId = JOB_ID): Promise<void> {
    const uris = shared.map((name) =>
      name.startsWith('file:') ? name : `${this.uri}/shared/${name}`,
    );
    await this.put(...shared.filter((n) => !n.startsWith('file:')).map((n) => `shared/${n}`));
    await this.put(`chk-${id}/own`);
    const metadata = someMetadata((name, isShared): StateHandle => ({
      ...{ kind: 'file', size: 3, shared: isShared },
      uri: isShared ? uris[name === 'full' ? 0 : 1]! : `${this.location(id)}/own`,
    }));
    await writeMetadata(this.fileSystems, this.location(id), {
      ...{ ...metadata, checkpointId: id, jobId },
    });
  }

  /** Files below it, and folders without any. */
  async left(): Promise<readonly string[]> {
    const found = await fs
      .readdir(this.path, { recursive: true, withFileTypes: true })
      .catch(() => []);
    const names = found
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`.slice(this.path.length + 1));
    return names.toSorted();
  }

  exists(): Promise<boolean> {
    return fs.stat(this.path).then(
      () => true,
      () => false,
    );
  }
}

function inFolder(body: (folder: Folder, directory: string) => Promise<void>): Promise<void> {
  return withFolder(async (fileSystems, path) => body(new Folder(fileSystems, path), path));
}

const claimed = (id: number, inUse: readonly string[] = []) => ({
  ...{ jobId: NEW, claimed: id, inUse: new Set(inUse) },
});

describe('CLAIM: when the claimed checkpoint has gone', () => {
  test('J1: what a killed job had begun goes, with its shared files, and the folder', () =>
    inFolder(async (folder) => {
      const { fileSystems, uri } = folder;
      await folder.complete(4, ['a', 'b']);
      await folder.put('chk-5/state', 'chk-5/.writing-x-0a', 'shared/c', 'shared/.writing-d-0b');
      await claimFolder(fileSystems, uri, NEW);
      await disposeCheckpoint(fileSystems, folder.location(4));
      await removeBegun(fileSystems, uri, claimed(4));
      await releaseFolder(fileSystems, uri, NEW);
      assert.equal(await folder.exists(), false, (await folder.left()).join(' '));
    }));

  test('J1: what the job that has claimed refers to stays, and its claim', () =>
    inFolder(async (folder) => {
      const { fileSystems, uri } = folder;
      await folder.complete(4, ['a', 'b']);
      await folder.put('chk-5/state', 'chk-6/used', 'shared/c');
      await claimFolder(fileSystems, uri, NEW);
      await disposeCheckpoint(fileSystems, folder.location(4));
      await removeBegun(fileSystems, uri, claimed(4, [`${uri}/shared/a`, `${uri}/chk-6/used`]));
      assert.deepEqual(await folder.left(), [`.claimed-${NEW}`, 'chk-6/used', 'shared/a']);
    }));

  test('J1: what another checkpoint of the folder refers to stays', () =>
    inFolder(async (folder) => {
      const { fileSystems, uri } = folder;
      await folder.complete(3, ['a', 'b']);
      await folder.complete(4, ['b', 'c']);
      await folder.put('chk-5/state', 'shared/d');
      await claimFolder(fileSystems, uri, NEW);
      await disposeCheckpoint(fileSystems, folder.location(4));
      await removeBegun(fileSystems, uri, claimed(4));
      await releaseFolder(fileSystems, uri, NEW);
      const third = ['chk-3/_metadata', 'chk-3/own', 'shared/a', 'shared/b'];
      assert.deepEqual(await folder.left(), third);
    }));

  test('J1, J2: nothing goes where another job has claimed a checkpoint, too', () =>
    inFolder(async (folder) => {
      const { fileSystems, uri } = folder;
      await folder.complete(4, ['a', 'b']);
      await folder.put('chk-5/state');
      await claimFolder(fileSystems, uri, NEW);
      await claimFolder(fileSystems, uri, THIRD);
      await disposeCheckpoint(fileSystems, folder.location(4));
      const before = await folder.left();
      await removeBegun(fileSystems, uri, claimed(4));
      assert.deepEqual(await folder.left(), before);
      await releaseFolder(fileSystems, uri, NEW);
      assert.deepEqual(await folder.left(), before.slice(0, 1).concat(before.slice(2)));
    }));

  test('J3: nothing goes where the job has come further, or a checkpoint cannot be read', () =>
    inFolder(async (folder) => {
      const { fileSystems, uri } = folder;
      await folder.complete(4, ['a', 'b']);
      await folder.put('chk-6/state', 'shared/c');
      for (const other of ['newer', 'damaged'] as const) {
        if (other === 'newer') await folder.complete(5, ['a', 'b']);
        else {
          await fs.rm(`${folder.path}/chk-5`, { recursive: true });
          await folder.put('chk-3/_metadata');
        }
        const before = await folder.left();
        await removeBegun(fileSystems, uri, claimed(4));
        assert.deepEqual(await folder.left(), before, other);
      }
    }));
});

describe('disposal of a retained checkpoint', () => {
  test('J1: of the last one takes shared files and the folder with it', () =>
    inFolder(async (folder) => {
      await folder.complete(4, ['a', 'b']);
      await folder.put('shared/c', 'shared/.writing-d-0b');
      await disposeSavepoint(folder.fileSystems, folder.location(4), ended);
      assert.equal(await folder.exists(), false, (await folder.left()).join(' '));
    }));

  test('J1: shared files of others stay, and go with the last that refers to them', () =>
    inFolder(async (folder) => {
      await folder.complete(3, ['a', 'b']);
      await folder.complete(4, ['b', 'c']);
      await folder.put('shared/unknown');
      await disposeSavepoint(folder.fileSystems, folder.location(3), ended);
      assert.deepEqual(await folder.left(), [
        ...['chk-4/_metadata', 'chk-4/own', 'shared/b', 'shared/c', 'shared/unknown'],
      ]);
      await disposeSavepoint(folder.fileSystems, folder.location(4), ended);
      assert.equal(await folder.exists(), false);
    }));

  test('J1, J3: shared files stay where they may be referred to by somebody', async () => {
    const all = ['shared/a', 'shared/b'];
    const shared = async (prepare: (folder: Folder) => Promise<void>) => {
      await inFolder(async (folder) => {
        await folder.complete(4, ['a', 'b']);
        await prepare(folder);
        await disposeSavepoint(folder.fileSystems, folder.location(4), ended);
        const left = await folder.left();
        assert.deepEqual(
          left.filter((name) => name.startsWith('shared/')),
          all,
        );
        assert.ok(!left.includes('chk-4/_metadata'));
      });
    };
    // Another that has claimed; one that is under way; one that is damaged.
    await shared(({ fileSystems, uri }) => claimFolder(fileSystems, uri, NEW));
    await shared((folder) => folder.put('chk-5/state'));
    await shared((folder) => folder.put('chk-3/_metadata'));
  });

  test('is refused while a job runs that may go back to it: its own, or one that claimed it', () =>
    inFolder(async (folder) => {
      await folder.complete(4, ['a', 'b']);
      await claimFolder(folder.fileSystems, folder.uri, NEW);
      const before = await folder.left();
      for (const user of [JOB_ID, NEW]) {
        await assert.rejects(
          disposeSavepoint(folder.fileSystems, folder.location(4), (jobId) => jobId === user),
          { code: 'SAVEPOINT_IN_USE', message: new RegExp(`chk-4.* job ${user}`) },
        );
      }
      assert.deepEqual(await folder.left(), before);
      await disposeSavepoint(folder.fileSystems, folder.location(4), (jobId) => jobId === THIRD);
      assert.ok(!(await folder.left()).includes('chk-4/_metadata'));
    }));

  test('J2: what the job itself had claimed goes with its last checkpoint', () =>
    inFolder(async (folder, directory) => {
      const { fileSystems, uri } = folder;
      const later = new Folder(fileSystems, directory, NEW);
      await folder.put('shared/a');
      await claimFolder(fileSystems, uri, NEW);
      await later.complete(8, [`${uri}/shared/a`, 'b'], NEW);
      await later.complete(9, [`${uri}/shared/a`, 'c'], NEW);
      await disposeSavepoint(fileSystems, later.location(8), ended);
      assert.deepEqual(await folder.left(), [`.claimed-${NEW}`, 'shared/a']);
      await disposeSavepoint(fileSystems, later.location(9), ended);
      assert.deepEqual([await folder.exists(), await later.exists()], [false, false]);
    }));

  test('of a savepoint leaves what lies beside it', () =>
    inFolder(async (folder, directory) => {
      await folder.put('shared/a');
      const location = `${directory}/savepoint-012345-0a0b0c0d0e0f`;
      const metadata = someMetadata(() => ({ kind: 'inline', bytes: new Uint8Array(1) }));
      await fs.mkdir(location);
      await writeMetadata(folder.fileSystems, location, { ...metadata, purpose: 'savepoint' });
      await disposeSavepoint(folder.fileSystems, location, ended);
      assert.deepEqual(await folder.left(), ['shared/a']);
      await assert.rejects(disposeSavepoint(folder.fileSystems, location, ended), (error) =>
        isEngineError(error, 'SAVEPOINT_NOT_FOUND'),
      );
    }));
});

test('a folder is that of a job only where its checkpoints lie by its id', () => {
  assert.equal(jobFolderOf('j', 'file:/c/j/chk-4'), 'file:/c/j');
  for (const other of ['file:/c/moved/chk-4', 'file:/c/j/savepoint-j-0a', 'file:/c/j/chk-x']) {
    assert.equal(jobFolderOf('j', other), undefined);
  }
});
