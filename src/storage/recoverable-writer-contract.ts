/** The contract of `RecoverableWriter`, a part of that of `FileSystem`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError, type ErrorCode } from '../base/errors.ts';
import { pattern, withRig } from '../env/contract/rig.test-kit.ts';
import type { MakeFileSystemRig } from './file-system-contract.ts';
import { joinUri } from './file-uri.ts';
import { readFile } from './stored-checkpoint.ts';

export function recoverableWriterContract(make: MakeFileSystemRig): void {
  commitContract(make);
  recoveryContract(make);
}

function commitContract(make: MakeFileSystemRig): void {
  test('nothing is visible before commit, which may be repeated', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'part-0');
      const writer = fileSystem.recoverableWriter();
      const output = await writer.open(uri);
      assert.equal(output.uri, fileSystem.resolve(uri));
      await output.write(pattern(3000, 1));
      await output.persist();
      await output.write(pattern(2000, 2));
      assert.equal(output.size, 5000);
      const committable = await output.closeForCommit();
      await output.close();
      await output.abort();
      assert.deepEqual(await fileSystem.list(folder), []);
      for (let times = 0; times < 3; times += 1) await writer.commit(committable);
      const expected = Buffer.concat([pattern(3000, 1), pattern(2000, 2)]);
      assert.deepEqual(await readFile(fileSystem, uri), new Uint8Array(expected));
      assert.equal((await fileSystem.list(folder)).length, 1);
    }));

  test('an empty file can be committed', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const writer = fileSystem.recoverableWriter();
      const output = await writer.open(joinUri(folder, 'empty'));
      await writer.commit(await output.closeForCommit());
      assert.equal((await fileSystem.stat(joinUri(folder, 'empty')))?.size, 0);
    }));

  test('a commit never replaces the file of somebody else', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'part-0');
      const writer = fileSystem.recoverableWriter();
      const output = await writer.open(uri);
      await output.write(pattern(10, 1));
      const committable = await output.closeForCommit();
      await fileSystem.writeIf(uri, pattern(7, 2), 'any');
      await rejects(writer.commit(committable), 'IO_EXISTS');
      assert.deepEqual(await readFile(fileSystem, uri), pattern(7, 2));
    }));

  test('a commit replaces a file of its name if that was asked for, once', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'result');
      const writer = fileSystem.recoverableWriter();
      await fileSystem.writeIf(uri, pattern(10, 1), 'any');
      const output = await writer.open(uri, { replace: true, incompleteName: 'result-by-us' });
      await output.write(pattern(10, 2));
      const committable = await output.closeForCommit();
      assert.deepEqual(await readFile(fileSystem, uri), pattern(10, 1), 'still the first');
      await writer.commit(committable);
      await writer.commit(committable);
      assert.deepEqual(await readFile(fileSystem, uri), pattern(10, 2));
      // Of the same length, and of somebody else.
      await fileSystem.writeIf(uri, pattern(10, 3), 'any');
      await rejects(writer.commit(committable), 'FILE_OUTPUT_LOST');
      assert.deepEqual(await readFile(fileSystem, uri), pattern(10, 3));
    }));

  test('what was aborted or discarded is gone, and discarding a committed file does nothing', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const writer = fileSystem.recoverableWriter();
      const aborted = await writer.open(joinUri(folder, 'aborted'));
      await aborted.write(pattern(10));
      const resumable = await aborted.persist();
      await aborted.abort();
      await rejects(
        writer.recover(resumable).then((output) => output.closeForCommit()),
        'FILE_OUTPUT_LOST',
      );
      const discarded = await writer.open(joinUri(folder, 'discarded'));
      await discarded.write(pattern(10));
      const committable = await discarded.closeForCommit();
      await writer.discard(committable);
      await writer.discard(committable);
      await rejects(writer.commit(committable), 'FILE_OUTPUT_LOST');
      const kept = await writer.open(joinUri(folder, 'kept'));
      await kept.write(pattern(10));
      const done = await kept.closeForCommit();
      await writer.commit(done);
      await writer.discard(done);
      assert.deepEqual(await readFile(fileSystem, joinUri(folder, 'kept')), pattern(10));
    }));

  test('bytes that are damaged or stand for something else are refused', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const writer = fileSystem.recoverableWriter();
      const output = await writer.open(joinUri(folder, 'part'));
      const resumable = await output.persist();
      await rejects(writer.commit(resumable), 'DATA_CORRUPT');
      for (let at = 0; at < resumable.length; at += 1) {
        const damaged = resumable.slice();
        damaged[at]! ^= 1 << (at % 8);
        await rejects(writer.recover(damaged), 'DATA_CORRUPT');
        await rejects(writer.recover(resumable.subarray(0, at)), 'DATA_CORRUPT');
      }
      await output.abort();
    }));
}

function recoveryContract(make: MakeFileSystemRig): void {
  test('recover goes on where persist was, and drops what came after', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'part-0');
      const writer = fileSystem.recoverableWriter();
      const first = await writer.open(uri);
      await first.write(pattern(1000, 1));
      const resumable = await first.persist();
      await first.write(pattern(500, 9));
      await first.close();
      const second = await writer.recover(resumable);
      assert.equal(second.size, 1000);
      await second.write(pattern(700, 2));
      await writer.commit(await second.closeForCommit());
      const expected = Buffer.concat([pattern(1000, 1), pattern(700, 2)]);
      assert.deepEqual(await readFile(fileSystem, uri), new Uint8Array(expected));
    }));

  test('the same can be recovered several times, each time from there', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'part-0');
      const writer = fileSystem.recoverableWriter();
      const first = await writer.open(uri);
      await first.write(pattern(100, 1));
      const resumable = await first.persist();
      await first.close();
      for (let attempt = 2; attempt < 5; attempt += 1) {
        const output = await writer.recover(resumable);
        await output.write(pattern(100 * attempt, attempt));
        await output.persist();
        await output.close();
      }
      const last = await writer.recover(resumable);
      await last.write(pattern(50, 5));
      const committable = await last.closeForCommit();
      await writer.commit(committable);
      await fileSystem.recoverableWriter().commit(committable);
      const expected = Buffer.concat([pattern(100, 1), pattern(50, 5)]);
      assert.deepEqual(await readFile(fileSystem, uri), new Uint8Array(expected));
    }));

  test('persisting often and in pieces of any size gives the same bytes', () =>
    withRig(make, async ({ fileSystem, folder }) => {
      const uri = joinUri(folder, 'part-0');
      const writer = fileSystem.recoverableWriter();
      let output = await writer.open(uri);
      const pieces: Uint8Array[] = [];
      for (let piece = 0; piece < 12; piece += 1) {
        const bytes = pattern((piece * 7919) % 5000, piece);
        pieces.push(bytes);
        await output.write(bytes);
        const resumable = await output.persist();
        if (piece % 3 === 2) {
          await output.close();
          output = await writer.recover(resumable);
        }
      }
      await writer.commit(await output.closeForCommit());
      assert.deepEqual(await readFile(fileSystem, uri), new Uint8Array(Buffer.concat(pieces)));
    }));
}

async function rejects(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(isEngineError(error, code), `${String(error)} is not ${code}`);
    return true;
  });
}
