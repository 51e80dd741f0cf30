/**
 * The contract of `Disk`, `DiskFile` and `ScratchFile`, sentence by sentence, for every
 * environment.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEngineError } from '../../base/errors.ts';
import type { ErrorCode } from '../../base/errors.ts';
import type { Disk } from '../env.ts';
import { pattern, withRig } from './rig.test-kit.ts';
import type { DiskRig, MakeRig } from './rig.test-kit.ts';

export function diskContract(name: string, make: MakeRig<DiskRig>): void {
  describe(`Disk: ${name}`, () => {
    openContract(make);
    fileContract(make);
    folderContract(make);
    renameContract(make);
    lockContract(make);
    scratchContract(make);
  });
}

function lockContract(make: MakeRig<DiskRig>): void {
  test('a lock is held by one at a time, until it is released', () =>
    withRig(make, async ({ disk, folder }) => {
      const held = await disk.lock(`${folder}/lock`);
      assert.ok(held);
      assert.equal(await disk.lock(`${folder}/lock`), undefined);
      assert.equal(await disk.lock(`${folder}/lock`), undefined, 'who was refused took nothing');
      const other = await disk.lock(`${folder}/other`);
      assert.ok(other, 'of two files each has its own');
      await held.release();
      await held.release();
      const next = await disk.lock(`${folder}/lock`);
      assert.ok(next);
      assert.deepEqual(
        (await disk.list(folder)).map(({ name }) => name),
        ['lock', 'other'],
      );
      await next.release();
      await other.release();
    }));

  test('a lock in a folder that is not there is IO_NOT_FOUND', () =>
    withRig(make, async ({ disk, folder }) => {
      await rejects(disk.lock(`${folder}/none/lock`), 'IO_NOT_FOUND', `${folder}/none/lock`);
    }));
}

function openContract(make: MakeRig<DiskRig>): void {
  test('create makes a file and fails with IO_EXISTS if there is one', () =>
    withRig(make, async ({ disk, folder }) => {
      await writeFile(disk, `${folder}/a`, pattern(3));
      await rejects(disk.open(`${folder}/a`, 'create'), 'IO_EXISTS', `${folder}/a`);
      const file = await disk.open(`${folder}/b`, 'create');
      await file.close();
      assert.deepEqual(await readFile(disk, `${folder}/a`), pattern(3));
      assert.deepEqual(await readFile(disk, `${folder}/b`), new Uint8Array(0));
    }));

  test('write truncates, update keeps the content', () =>
    withRig(make, async ({ disk, folder }) => {
      await writeFile(disk, `${folder}/a`, pattern(100));
      const update = await disk.open(`${folder}/a`, 'update');
      await update.write(pattern(10, 9), 20);
      await update.close();
      const expected = pattern(100);
      expected.set(pattern(10, 9), 20);
      assert.deepEqual(await readFile(disk, `${folder}/a`), expected);
      await (await disk.open(`${folder}/a`, 'write')).close();
      assert.equal((await disk.stat(`${folder}/a`))?.size, 0);
    }));

  test('append writes at the end, whatever the position', () =>
    withRig(make, async ({ disk, folder }) => {
      for (let i = 0; i < 3; i += 1) {
        const file = await disk.open(`${folder}/a`, 'append');
        await file.write(pattern(5, i), 0);
        await file.write(pattern(5, i + 10), 1000);
        await file.close();
      }
      const parts = [0, 10, 1, 11, 2, 12].map((seed) => pattern(5, seed));
      assert.deepEqual(await readFile(disk, `${folder}/a`), new Uint8Array(Buffer.concat(parts)));
    }));

  test('read and update of a file that does not exist are IO_NOT_FOUND', () =>
    withRig(make, async ({ disk, folder }) => {
      await rejects(disk.open(`${folder}/a`, 'read'), 'IO_NOT_FOUND', `${folder}/a`);
      await rejects(disk.open(`${folder}/a`, 'update'), 'IO_NOT_FOUND', `${folder}/a`);
      await rejects(disk.open(`${folder}/no/a`, 'write'), 'IO_NOT_FOUND', `${folder}/no/a`);
    }));

  test('every mode can read', () =>
    withRig(make, async ({ disk, folder }) => {
      for (const mode of ['create', 'write', 'append', 'update'] as const) {
        const file = await disk.open(`${folder}/${mode === 'update' ? 'write' : mode}`, mode);
        await file.write(pattern(8, 3), 0);
        const into = new Uint8Array(8);
        assert.equal(await file.read(into, 0), 8);
        assert.deepEqual(into, pattern(8, 3));
        await file.close();
      }
    }));

  test('a file opened for reading cannot be written', () =>
    withRig(make, async ({ disk, folder }) => {
      await writeFile(disk, `${folder}/a`, pattern(3));
      const file = await disk.open(`${folder}/a`, 'read');
      await assert.rejects(file.write(pattern(1), 0), (error) => isEngineError(error, 'IO_FAILED'));
      await file.close();
    }));
}

function fileContract(make: MakeRig<DiskRig>): void {
  test('read gives what there is from a position, and 0 at the end', () =>
    withRig(make, async ({ disk, folder }) => {
      await writeFile(disk, `${folder}/a`, pattern(10));
      const file = await disk.open(`${folder}/a`, 'read');
      const into = new Uint8Array(8).fill(0xee);
      assert.equal(await file.read(into, 6), 4);
      assert.deepEqual(into.subarray(0, 4), pattern(10).subarray(6));
      assert.ok(into.subarray(4).every((byte) => byte === 0xee));
      assert.equal(await file.read(into, 10), 0);
      assert.equal(await file.read(into, 1000), 0);
      await file.close();
    }));

  test('read fills a view and nothing beside it, write writes a view and nothing beside it', () =>
    withRig(make, async ({ disk, folder }) => {
      const file = await disk.open(`${folder}/a`, 'write');
      await file.write(pattern(100).subarray(10, 20), 0);
      assert.equal(await file.size(), 10);
      const into = new Uint8Array(20);
      assert.equal(await file.read(into.subarray(5, 15), 0), 10);
      assert.deepEqual(into.subarray(5, 15), pattern(100).subarray(10, 20));
      assert.ok(into.subarray(0, 5).every((byte) => byte === 0));
      assert.ok(into.subarray(15).every((byte) => byte === 0));
      await file.close();
    }));

  test('a write beyond the end fills the gap with zeros', () =>
    withRig(make, async ({ disk, folder }) => {
      const file = await disk.open(`${folder}/a`, 'write');
      await file.write(pattern(2, 1), 8);
      const into = new Uint8Array(10);
      assert.equal(await file.read(into, 0), 10);
      assert.ok(into.subarray(0, 8).every((byte) => byte === 0));
      assert.deepEqual(into.subarray(8), pattern(2, 1));
      await file.close();
    }));

  test('truncate shortens and lengthens, size follows', () =>
    withRig(make, async ({ disk, folder }) => {
      const file = await disk.open(`${folder}/a`, 'write');
      await file.write(pattern(10), 0);
      await file.truncate(4);
      assert.equal(await file.size(), 4);
      await file.truncate(6);
      assert.equal(await file.size(), 6);
      await file.sync();
      await file.close();
      const expected = pattern(10).fill(0, 4).subarray(0, 6);
      assert.deepEqual(await readFile(disk, `${folder}/a`), expected);
    }));

  test("two handles see each other's writes; a removed file lives on in its handles", () =>
    withRig(make, async ({ disk, folder }) => {
      const writer = await disk.open(`${folder}/a`, 'write');
      const reader = await disk.open(`${folder}/a`, 'read');
      await writer.write(pattern(6), 0);
      const into = new Uint8Array(6);
      assert.equal(await reader.read(into, 0), 6);
      await disk.remove(`${folder}/a`);
      assert.equal(await disk.stat(`${folder}/a`), undefined);
      assert.equal(await reader.read(into, 0), 6);
      assert.deepEqual(into, pattern(6));
      await writer.close();
      await reader.close();
    }));

  test('large writes and reads are whole', () =>
    withRig(make, async ({ disk, folder }) => {
      const bytes = pattern(3_000_000);
      await writeFile(disk, `${folder}/a`, bytes);
      assert.ok(Buffer.from(bytes).equals(await readFile(disk, `${folder}/a`)));
    }));

  test('close is idempotent, and nothing else is called after it', () =>
    withRig(make, async ({ disk, folder }) => {
      const file = await disk.open(`${folder}/a`, 'write');
      await file.close();
      await file.close();
      await assert.rejects(file.write(pattern(1), 0), { name: 'AssertionError' });
      await assert.rejects(file.read(new Uint8Array(1), 0), { name: 'AssertionError' });
    }));
}

function folderContract(make: MakeRig<DiskRig>): void {
  test('stat tells kind, size and time, and undefined where there is nothing', () =>
    withRig(make, async ({ disk, folder }) => {
      await writeFile(disk, `${folder}/a`, pattern(7));
      const file = await disk.stat(`${folder}/a`);
      assert.equal(file?.kind, 'file');
      assert.equal(file.size, 7);
      assert.ok(Number.isSafeInteger(file.modified));
      assert.equal((await disk.stat(folder))?.kind, 'directory');
      assert.equal(await disk.stat(`${folder}/b`), undefined);
      assert.equal(await disk.stat(`${folder}/a/below-a-file`), undefined);
    }));

  test('list gives the entries in order of name by code units, and IO_NOT_FOUND', () =>
    withRig(make, async ({ disk, folder }) => {
      for (const name of ['b', 'a', 'Z', 'a10', 'a9', 'é', 'z']) {
        await writeFile(disk, `${folder}/${name}`, pattern(1));
      }
      await disk.makeDirectory(`${folder}/folder/inner`);
      const entries = await disk.list(folder);
      const names = entries.map((entry) => entry.name);
      assert.deepEqual(names, ['Z', 'a', 'a10', 'a9', 'b', 'folder', 'z', 'é']);
      assert.equal(entries.find((entry) => entry.name === 'folder')?.kind, 'directory');
      assert.equal(entries.find((entry) => entry.name === 'a')?.kind, 'file');
      await rejects(disk.list(`${folder}/nothing`), 'IO_NOT_FOUND', `${folder}/nothing`);
    }));

  test('makeDirectory makes the parents too, and does nothing if the folder exists', () =>
    withRig(make, async ({ disk, folder }) => {
      await disk.makeDirectory(`${folder}/a/b/c`);
      await writeFile(disk, `${folder}/a/b/c/file`, pattern(1));
      await disk.makeDirectory(`${folder}/a/b/c`);
      assert.equal((await disk.stat(`${folder}/a/b/c/file`))?.size, 1);
    }));

  test('makeDirectory where a file lies is IO_EXISTS', () =>
    withRig(make, async ({ disk, folder }) => {
      await writeFile(disk, `${folder}/a`, pattern(1));
      await rejects(disk.makeDirectory(`${folder}/a`), 'IO_EXISTS', `${folder}/a`);
    }));

  test('makeDirectory below a file is IO_FAILED, and makes nothing', () =>
    withRig(make, async ({ disk, folder }) => {
      await writeFile(disk, `${folder}/a`, pattern(1));
      await assert.rejects(disk.makeDirectory(`${folder}/a/b/c`), (error) => {
        assert.ok(isEngineError(error, 'IO_FAILED'), String(error));
        assert.match(error.message, /a part of the path is not a folder/);
        return true;
      });
      assert.deepEqual(
        (await disk.list(folder)).map(({ name }) => name),
        ['a'],
      );
    }));

  test('many make the same folders at once, and all of them succeed', () =>
    withRig(make, async ({ disk, folder }) => {
      const path = `${folder}/a/b/c/d`;
      await Promise.all(
        Array.from({ length: 16 }, (_, index) => disk.makeDirectory(`${path}/${index % 4}`)),
      );
      const made = await disk.list(path);
      assert.deepEqual(
        made.map(({ name }) => name),
        ['0', '1', '2', '3'],
      );
    }));

  test('remove takes a file, a folder with all in it, and nothing', () =>
    withRig(make, async ({ disk, folder }) => {
      await disk.makeDirectory(`${folder}/a/b`);
      await writeFile(disk, `${folder}/a/b/file`, pattern(1));
      await writeFile(disk, `${folder}/file`, pattern(1));
      await disk.remove(`${folder}/a`);
      await disk.remove(`${folder}/file`);
      await disk.remove(`${folder}/nothing`);
      assert.deepEqual(await disk.list(folder), []);
    }));

  test('syncDirectory works on a folder and is IO_NOT_FOUND without one', () =>
    withRig(make, async ({ disk, folder }) => {
      await writeFile(disk, `${folder}/a`, pattern(1));
      await disk.syncDirectory(folder);
      await rejects(disk.syncDirectory(`${folder}/nothing`), 'IO_NOT_FOUND', `${folder}/nothing`);
    }));

  test('resolve makes a path absolute and takes . and .. away', () =>
    withRig(make, async ({ disk, folder }) => {
      assert.equal(disk.resolve(`${folder}/a/../b/./c`), `${folder}/b/c`);
      assert.equal(disk.resolve('a/b'), `${disk.resolve('.')}/a/b`);
    }));
}

function renameContract(make: MakeRig<DiskRig>): void {
  test('rename replaces a file, and moves a folder', () =>
    withRig(make, async ({ disk, folder }) => {
      await writeFile(disk, `${folder}/a`, pattern(4, 1));
      await writeFile(disk, `${folder}/b`, pattern(9, 2));
      await disk.rename(`${folder}/a`, `${folder}/b`);
      assert.equal(await disk.stat(`${folder}/a`), undefined);
      assert.deepEqual(await readFile(disk, `${folder}/b`), pattern(4, 1));
      await disk.makeDirectory(`${folder}/from`);
      await disk.rename(`${folder}/b`, `${folder}/from/b`);
      await disk.rename(`${folder}/from`, `${folder}/to`);
      assert.deepEqual(await readFile(disk, `${folder}/to/b`), pattern(4, 1));
    }));

  test('rename of nothing is IO_NOT_FOUND and names what is missing', () =>
    withRig(make, async ({ disk, folder }) => {
      await rejects(disk.rename(`${folder}/a`, `${folder}/b`), 'IO_NOT_FOUND', `${folder}/a`);
      await writeFile(disk, `${folder}/a`, pattern(1));
      await rejects(disk.rename(`${folder}/a`, `${folder}/no/b`), 'IO_NOT_FOUND', `${folder}/no`);
      assert.equal((await disk.stat(`${folder}/a`))?.size, 1);
    }));

  test('link publishes a file under a second name, and fails with IO_EXISTS if that is there', () =>
    withRig(make, async ({ disk, folder }) => {
      await writeFile(disk, `${folder}/a`, pattern(4, 1));
      await disk.link(`${folder}/a`, `${folder}/b`);
      await writeFile(disk, `${folder}/c`, pattern(4, 2));
      await rejects(disk.link(`${folder}/c`, `${folder}/b`), 'IO_EXISTS', `${folder}/b`);
      await disk.remove(`${folder}/a`);
      assert.deepEqual(await readFile(disk, `${folder}/b`), pattern(4, 1));
      await rejects(disk.link(`${folder}/a`, `${folder}/d`), 'IO_NOT_FOUND', `${folder}/a`);
    }));

  test('of many links to one name exactly one is made', () =>
    withRig(make, async ({ disk, folder }) => {
      const names = Array.from({ length: 8 }, (_, i) => `${folder}/candidate-${i}`);
      await Promise.all(names.map((name, i) => writeFile(disk, name, pattern(4, i))));
      const outcomes = await Promise.allSettled(
        names.map((name) => disk.link(name, `${folder}/leader`)),
      );
      const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []));
      assert.equal(winners.length, 1);
      assert.deepEqual(await readFile(disk, `${folder}/leader`), pattern(4, winners[0]));
    }));
}

function scratchContract(make: MakeRig<DiskRig>): void {
  test('a scratch file reads back what was appended, from any position', () =>
    withRig(make, async ({ disk }) => {
      using scratch = disk.scratch();
      assert.equal(scratch.size, 0);
      scratch.append(pattern(1000, 1));
      scratch.append(pattern(5000, 2).subarray(100, 300));
      assert.equal(scratch.size, 1200);
      const into = new Uint8Array(300);
      scratch.read(into, 900);
      const expected = Buffer.concat([
        pattern(1000, 1).subarray(900),
        pattern(5000, 2).subarray(100, 300),
      ]);
      assert.ok(expected.equals(into));
    }));

  test("reading beyond the end of a scratch file is a programmer's error", () =>
    withRig(make, async ({ disk }) => {
      using scratch = disk.scratch();
      scratch.append(pattern(10));
      assert.throws(() => scratch.read(new Uint8Array(5), 6), { name: 'AssertionError' });
    }));

  test('scratch files are apart, and leave nothing behind', () =>
    withRig(make, async ({ disk, folder }) => {
      const one = disk.scratch();
      using two = disk.scratch();
      one.append(pattern(10, 1));
      two.append(pattern(10, 2));
      const into = new Uint8Array(10);
      one.read(into, 0);
      assert.deepEqual(into, pattern(10, 1));
      one[Symbol.dispose]();
      one[Symbol.dispose]();
      assert.throws(() => one.append(pattern(1)), { name: 'AssertionError' });
      assert.deepEqual(await disk.list(folder), []);
    }));
}

async function writeFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'write');
  await file.write(bytes, 0);
  await file.close();
}

async function readFile(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  const bytes = new Uint8Array(await file.size());
  let done = 0;
  while (done < bytes.byteLength) {
    const count = await file.read(bytes.subarray(done), done);
    if (count === 0) break;
    done += count;
  }
  await file.close();
  return bytes.subarray(0, done);
}

async function rejects(work: Promise<unknown>, code: ErrorCode, path: string): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(isEngineError(error, code), `${String(error)} is not ${code}`);
    assert.equal(error.parameters['path'], path);
    return true;
  });
}
