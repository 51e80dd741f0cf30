/** The outputs of tasks: inline or a file, in order, and nothing left where they fail. */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { describe, test } from 'node:test';
import { isEngineError } from '../src/base/errors.ts';
import { pattern } from '../src/env/contract/rig.test-kit.ts';
import { withFolder } from './storage.test-kit.ts';
import { CheckpointStreams } from '../src/storage/checkpoint-streams.ts';
import type { FileSystems } from '../src/storage/file-systems.ts';
import { openHandle } from '../src/storage/stored-checkpoint.ts';

async function streamsIn(
  fileSystems: FileSystems,
  folder: string,
  inlineBytes: number = 100,
): Promise<CheckpointStreams> {
  await fs.mkdir(`${folder}/shared`, { recursive: true });
  await fs.mkdir(`${folder}/chk-1`, { recursive: true });
  return new CheckpointStreams(fileSystems, { directory: folder, inlineBytes });
}

describe('CheckpointStreams', () => {
  test('few bytes stay in memory, one more makes a file in the folder of its scope', () =>
    withFolder(async (fileSystems, folder) => {
      const streams = await streamsIn(fileSystems, folder);
      const inline = streams.open(`${folder}/chk-1`, 'exclusive');
      inline.write(pattern(60));
      inline.write(pattern(40, 1));
      const bytes = new Uint8Array(Buffer.concat([pattern(60), pattern(40, 1)]));
      assert.deepEqual(await inline.finish(), { kind: 'inline', bytes });
      for (const [scope, at] of [
        ['exclusive', 'chk-1'],
        ['shared', 'shared'],
      ] as const) {
        const output = streams.open(`${folder}/chk-1`, scope);
        output.write(pattern(60));
        output.write(pattern(41, 1));
        const handle = await output.finish();
        assert.ok(handle.kind === 'file');
        assert.match(handle.uri, new RegExp(`^file:${folder}/${at}/[0-9a-f]{32}$`));
        assert.deepEqual([handle.size, handle.shared], [101, scope === 'shared']);
        const input = await openHandle(fileSystems, handle);
        const expected = new Uint8Array(Buffer.concat([pattern(60), pattern(41, 1)]));
        assert.deepEqual(await input.read(0, 101), expected);
        await input.close();
      }
      assert.equal((await fs.readdir(`${folder}/chk-1`)).length, 1);
    }));

  test('O2: many pieces come in order, and the output says when it is full', () =>
    withFolder(async (fileSystems, folder) => {
      const streams = await streamsIn(fileSystems, folder, 0);
      const output = streams.open(`${folder}/chk-1`, 'exclusive');
      let wasFull = 0;
      const pieces: Uint8Array[] = [];
      for (let piece = 0; piece < 700; piece += 1) {
        const bytes = pattern(65_536, piece);
        pieces.push(bytes.slice());
        output.write(bytes);
        if (output.full) {
          wasFull += 1;
          await output.drained();
          assert.equal(output.full, false);
        }
      }
      assert.ok(wasFull > 0 && wasFull < 100, `full ${wasFull} times`);
      const handle = await output.finish();
      assert.equal(output.bytesWritten, 700 * 65_536);
      const input = await openHandle(fileSystems, handle);
      const found = await input.read(0, input.size);
      assert.equal(Buffer.compare(found, Buffer.concat(pieces)), 0);
      await input.close();
    }));

  test('O1: aborted at any moment it leaves no file', () =>
    withFolder(async (fileSystems, folder) => {
      const streams = await streamsIn(fileSystems, folder, 0);
      for (let after = 0; after < 40; after += 1) {
        const output = streams.open(`${folder}/chk-1`, 'exclusive');
        output.write(pattern(1000));
        for (let count = 0; count < after; count += 1) await turn();
        const finishing = after % 2 === 0 ? output.finish() : undefined;
        if (after % 3 === 0) await finishing;
        await Promise.all([output.abort(), output.abort()]);
        await finishing;
        assert.deepEqual(await fs.readdir(`${folder}/chk-1`), [], `after ${after} turns`);
      }
    }));

  test('O1: where writing fails finish says why, and nothing is left', () =>
    withFolder(async (fileSystems, folder) => {
      const streams = await streamsIn(fileSystems, folder, 0);
      const output = streams.open(`${folder}/chk-2`, 'exclusive');
      output.write(pattern(1000));
      await assert.rejects(output.finish(), (error) => {
        assert.ok(isEngineError(error, 'IO_NOT_FOUND'), String(error));
        assert.equal(error.message, `${folder}/chk-2 does not exist.`);
        return true;
      });
      assert.throws(() => output.write(pattern(1)), { name: 'AssertionError' });
      await output.abort();
      const another = streams.open(`${folder}/chk-2`, 'exclusive');
      another.write(pattern(1000));
      while (!throws(() => another.write(pattern(1)))) await turn();
      await assert.rejects(another.drained(), isEngineError);
      await another.abort();
      assert.deepEqual(await fs.readdir(folder), ['chk-1', 'shared']);
    }));

  test('an output to which nothing was written is empty', () =>
    withFolder(async (fileSystems, folder) => {
      const streams = await streamsIn(fileSystems, folder, 0);
      const output = streams.open(`${folder}/chk-1`, 'shared');
      assert.deepEqual(await output.finish(), { kind: 'inline', bytes: new Uint8Array(0) });
    }));
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function throws(work: () => void): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}
