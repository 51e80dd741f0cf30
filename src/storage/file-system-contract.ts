/**
 * The contract of `FileSystem` and `RecoverableWriter`, sentence by sentence, for every
 * implementation: the real disk, the simulated one, object stores.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEngineError, type ErrorCode } from '../base/errors.ts';
import { pattern, withRig, type MakeRig, type Rig } from '../env/contract/rig.test-kit.ts';
import type { FileSystem } from './file-system.ts';
import { joinUri } from './file-uri.ts';
import { recoverableWriterContract } from './recoverable-writer-contract.ts';
import { readFile } from './stored-checkpoint.ts';

export interface FileSystemRig extends Rig {
  readonly fileSystem: FileSystem;
  /** URI of an empty folder that is there. */
  readonly folder: string;
  /** Whether a file needs its folder to be there. */
  readonly hasFolders: boolean;
}

export type MakeFileSystemRig = MakeRig<FileSystemRig>;

export function fileSystemContract(name: string, make: MakeFileSystemRig): void {
  describe(`FileSystem: ${name}`, () => {
    outputContract(make);
    conditionalContract(make);
    inputContract(make);
    folderContract(make);
    removalContract(make);
    incompleteContract(make);
    recoverableWriterContract(make);
  });
}

function outputContract(make: MakeFileSystemRig): void {
  test('a file is there, whole, when finish has resolved, and not before', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'a');
      const output = await fileSystem.create(uri);
      for (let part = 0; part < 5; part += 1) await output.write(pattern(1000, part));
      assert.equal(await fileSystem.stat(uri), undefined);
      assert.deepEqual(await fileSystem.list(folder), []);
      assert.deepEqual(await output.finish(), { size: 5000 });
      const expected = [0, 1, 2, 3, 4].map((part) => pattern(1000, part));
      assert.deepEqual(await readFile(fileSystem, uri), new Uint8Array(Buffer.concat(expected)));
    }));

  test('a file without a byte is a file', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'empty');
      await (await fileSystem.create(uri)).finish();
      assert.equal((await fileSystem.stat(uri))?.size, 0);
      assert.deepEqual(await readFile(fileSystem, uri), new Uint8Array(0));
    }));

  test('a finished file replaces one of its name, and its bytes stay with the caller', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'a');
      await write(fileSystem, uri, pattern(100, 1));
      const bytes = pattern(50, 2);
      const output = await fileSystem.create(uri);
      await output.write(bytes);
      bytes.fill(0);
      assert.deepEqual(await readFile(fileSystem, uri), pattern(100, 1), 'still the first');
      await output.finish();
      assert.deepEqual(await readFile(fileSystem, uri), pattern(50, 2));
    }));

  test('an aborted file leaves nothing, and an abort after finish does nothing', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const aborted = await fileSystem.create(joinUri(folder, 'a'));
      await aborted.write(pattern(10));
      await aborted.abort();
      await aborted.abort();
      assert.deepEqual(await fileSystem.list(folder), []);
      const kept = await fileSystem.create(joinUri(folder, 'b'));
      await kept.write(pattern(10));
      await kept.finish();
      await kept.abort();
      assert.deepEqual(await readFile(fileSystem, joinUri(folder, 'b')), pattern(10));
    }));

  test('without its folder a file cannot be made, where there are folders', () =>
    withRig(make, async ({ fileSystem, folder, hasFolders }) => {
      const uri = joinUri(folder, 'gone/a');
      if (hasFolders) {
        await rejects(fileSystem.create(uri), 'IO_NOT_FOUND');
        await rejects(fileSystem.writeIf(uri, pattern(1), 'any'), 'IO_NOT_FOUND');
        assert.equal(await fileSystem.stat(joinUri(folder, 'gone')), undefined);
        await fileSystem.makeFolder(joinUri(folder, 'gone'));
      }
      await write(fileSystem, uri, pattern(3));
      assert.deepEqual(await readFile(fileSystem, uri), pattern(3));
    }));
}

function conditionalContract(make: MakeFileSystemRig): void {
  test('writeIf absent leaves one that is there, writeIf any replaces it', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'a');
      assert.equal(await fileSystem.writeIf(uri, pattern(5, 1), 'absent'), true);
      assert.equal(await fileSystem.writeIf(uri, pattern(6, 2), 'absent'), false);
      assert.deepEqual(await readFile(fileSystem, uri), pattern(5, 1));
      assert.equal(await fileSystem.writeIf(uri, pattern(7, 3), 'any'), true);
      assert.deepEqual(await readFile(fileSystem, uri), pattern(7, 3));
      const names = (await fileSystem.list(folder)).map(({ name }) => name);
      assert.deepEqual(names, ['a'], 'nothing is left beside it');
    }));

  test('of many writeIf absent at once one alone wins', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'leader');
      const tries = Array.from({ length: 8 }, (_, i) =>
        fileSystem.writeIf(uri, pattern(20, i), 'absent'),
      );
      const won = await Promise.all(tries);
      assert.equal(won.filter(Boolean).length, 1);
      assert.deepEqual(await readFile(fileSystem, uri), pattern(20, won.indexOf(true)));
    }));
}

function inputContract(make: MakeFileSystemRig): void {
  test('an input has name and size, and reads any part', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'a');
      await write(fileSystem, uri, pattern(100_000));
      const input = await fileSystem.open(uri);
      assert.equal(input.name, fileSystem.resolve(uri));
      assert.equal(input.size, 100_000);
      const reads = [
        [0, 1],
        [99_999, 1],
        [50_000, 10_000],
        [0, 100_000],
        [70, 0],
      ] as const;
      const found = await Promise.all(reads.map(([at, length]) => input.read(at, length)));
      reads.forEach(([at, length], index) =>
        assert.deepEqual(found[index], pattern(100_000).subarray(at, at + length)),
      );
      await assert.rejects(async () => input.read(99_990, 11), isEngineError);
      await input.close();
      await input.close();
    }));

  test('what is not there is IO_NOT_FOUND, a folder is no file', () =>
    withRig(make, async ({ fileSystem, folder, hasFolders }) => {
      await rejects(fileSystem.open(joinUri(folder, 'a')), 'IO_NOT_FOUND');
      await write(fileSystem, joinUri(folder, 'a'), pattern(1));
      const expected = hasFolders ? 'IO_FAILED' : 'IO_NOT_FOUND';
      await rejects(fileSystem.open(folder), expected);
    }));
}

function folderContract(make: MakeFileSystemRig): void {
  test('list gives files and folders in order, with their URIs', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      for (const name of ['b', 'a', 'folder/x', 'folder/y', 'ab', 'c c']) {
        const uri = joinUri(folder, name);
        await fileSystem.makeFolder(uri.slice(0, uri.lastIndexOf('/')));
        await write(fileSystem, uri, pattern(3));
      }
      const entry = (name: string, kind: 'file' | 'folder'): object => ({
        name,
        kind,
        uri: joinUri(fileSystem.resolve(folder), name),
      });
      assert.deepEqual(await fileSystem.list(folder), [
        entry('a', 'file'),
        entry('ab', 'file'),
        entry('b', 'file'),
        entry('c c', 'file'),
        entry('folder', 'folder'),
      ]);
      assert.equal((await fileSystem.list(joinUri(folder, 'folder'))).length, 2);
      assert.deepEqual(await fileSystem.list(joinUri(folder, 'none')), []);
    }));

  test('stat tells file, folder and nothing', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      await fileSystem.makeFolder(joinUri(folder, 'in'));
      await write(fileSystem, joinUri(folder, 'in/a'), pattern(12));
      const file = await fileSystem.stat(joinUri(folder, 'in/a'));
      assert.equal(file?.kind, 'file');
      assert.equal(file?.size, 12);
      assert.equal((await fileSystem.stat(joinUri(folder, 'in')))?.kind, 'folder');
      assert.equal(await fileSystem.stat(joinUri(folder, 'i')), undefined);
    }));

  test('makeFolder may be repeated and makes those above', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const deep = joinUri(folder, 'x/y/z');
      await fileSystem.makeFolder(deep);
      await fileSystem.makeFolder(deep);
      await write(fileSystem, joinUri(deep, 'a'), pattern(1));
      assert.equal((await fileSystem.list(deep)).length, 1);
    }));

  test('resolve is the same for every spelling', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const resolved = fileSystem.resolve(joinUri(folder, 'a'));
      assert.equal(fileSystem.resolve(resolved), resolved);
      assert.ok(resolved.startsWith(`${fileSystem.scheme}:`), resolved);
      assert.equal(fileSystem.resolve(`${folder}//a`), resolved);
      assert.equal(fileSystem.resolve(`${folder}/a/`), resolved);
      assert.equal(fileSystem.resolve(`${folder}/x/../a`), resolved);
    }));
}

function removalContract(make: MakeFileSystemRig): void {
  test('remove takes a file, and nothing is no error', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      await write(fileSystem, joinUri(folder, 'a'), pattern(1));
      await write(fileSystem, joinUri(folder, 'ab'), pattern(1));
      await fileSystem.remove(joinUri(folder, 'a'));
      await fileSystem.remove(joinUri(folder, 'a'));
      assert.deepEqual(
        (await fileSystem.list(folder)).map(({ name }) => name),
        ['ab'],
      );
    }));

  test('remove takes a folder only if told so, and then all of it and nothing beside it', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      for (const name of ['in', 'in/deep', 'in-other']) {
        await fileSystem.makeFolder(joinUri(folder, name));
        await write(fileSystem, joinUri(folder, `${name}/a`), pattern(1));
      }
      await rejects(fileSystem.remove(joinUri(folder, 'in')), 'IO_FAILED');
      await fileSystem.remove(joinUri(folder, 'in'), { recursive: true });
      assert.deepEqual(await fileSystem.list(joinUri(folder, 'in')), []);
      assert.equal((await fileSystem.list(joinUri(folder, 'in-other'))).length, 1);
      assert.equal(await fileSystem.stat(joinUri(folder, 'in')), undefined);
    }));

  test('removeFiles takes many, those that are gone included', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uris = Array.from({ length: 25 }, (_, i) => joinUri(folder, `file-${i}`));
      for (const uri of uris) await fileSystem.writeIf(uri, pattern(1), 'any');
      await fileSystem.removeFiles([...uris.slice(1), joinUri(folder, 'gone')]);
      assert.equal((await fileSystem.list(folder)).length, 1);
      await fileSystem.removeFiles([]);
    }));

  test('removeIncomplete takes what is not finished, and leaves the rest', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      await write(fileSystem, joinUri(folder, 'kept'), pattern(5));
      const output = await fileSystem.create(joinUri(folder, 'lost'));
      await output.write(pattern(100));
      const recoverable = await fileSystem.recoverableWriter().open(joinUri(folder, 'part'));
      await recoverable.write(pattern(100));
      const resumable = await recoverable.persist();
      await recoverable.close();
      await fileSystem.removeIncomplete(folder);
      await output.abort();
      const again = fileSystem.recoverableWriter().recover(resumable);
      await rejects(
        again.then((found) => found.closeForCommit()),
        'FILE_OUTPUT_LOST',
      );
      assert.deepEqual(
        (await fileSystem.list(folder)).map(({ name }) => name),
        ['kept'],
      );
    }));
}

function incompleteContract(make: MakeFileSystemRig): void {
  test('removeIncomplete takes what is chosen by name, in folders of the folder too', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const writer = fileSystem.recoverableWriter();
      const resumables = new Map<string, Uint8Array>();
      for (const name of ['ours-1', 'ours-10', 'theirs', 'in/ours-2', 'in/deep/theirs']) {
        const uri = joinUri(folder, name);
        await fileSystem.makeFolder(uri.slice(0, uri.lastIndexOf('/')));
        const output = await writer.open(uri);
        await output.write(pattern(100));
        resumables.set(name, await output.persist());
        await output.close();
      }
      const lostNow = async (): Promise<string[]> => {
        const lost: string[] = [];
        for (const [name, resumable] of resumables) {
          try {
            await (await writer.recover(resumable)).close();
          } catch (error) {
            assert.ok(isEngineError(error, 'FILE_OUTPUT_LOST'), String(error));
            lost.push(name);
          }
        }
        return lost;
      };
      const asked: string[] = [];
      const of = (name: string): boolean => {
        asked.push(name);
        return name === 'ours-1' || name === 'ours-2';
      };
      await fileSystem.removeIncomplete(folder, { of });
      assert.deepEqual(asked.toSorted(), ['ours-1', 'ours-10', 'theirs']);
      assert.deepEqual(await lostNow(), ['ours-1']);
      await fileSystem.removeIncomplete(folder, { of, recursive: true });
      assert.deepEqual(await lostNow(), ['ours-1', 'in/ours-2']);
      await fileSystem.removeIncomplete(folder, { recursive: true });
      assert.equal((await lostNow()).length, resumables.size);
    }));
}

async function write(fileSystem: FileSystem, uri: string, bytes: Uint8Array): Promise<void> {
  const output = await fileSystem.create(uri);
  await output.write(bytes);
  await output.finish();
}

async function rejects(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(isEngineError(error, code), `${String(error)} is not ${code}`);
    return true;
  });
}
