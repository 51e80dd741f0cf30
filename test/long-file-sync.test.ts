/**
 * L3, L4 of local files: long ones are synced while they are written, and a sync that fails counts.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import { describe, test } from 'node:test';
import type { Disk, DiskFile } from '../src/env/env.ts';
import { nodeDisk } from '../src/env/node/disk.ts';
import { nodeRandom } from '../src/env/node/random.ts';
import { LocalFileSystem } from '../src/storage/local-file-system.ts';

const PIECE = new Uint8Array(8 * 1024 * 1024).fill(7);

/** A disk that calls `sync` before each sync of a file. */
function diskWith(sync: () => void): Disk {
  return changed(nodeDisk(), 'open', async (disk, ...args: Parameters<Disk['open']>) => {
    const file = await disk.open(...args);
    return changed(file, 'sync', async (inner: DiskFile) => {
      sync();
      await inner.sync();
    });
  });
}

/** The same but for one method. */
function changed<T extends object>(
  of: T,
  method: keyof T,
  by: (of: T, ...args: never[]) => unknown,
): T {
  return new Proxy(of, {
    get(target, name) {
      if (name === method) return (...args: never[]) => by(target, ...args);
      const value = target[name as keyof T];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await fs.mkdtemp(`${os.tmpdir()}/millrace-`);
  try {
    await run(folder);
  } finally {
    await fs.rm(folder, { recursive: true });
  }
}

describe('a long local file', () => {
  test('L4: is synced on the way, and whole', () =>
    withFolder(async (folder) => {
      let syncs = 0;
      const disk = diskWith(() => (syncs += 1));
      const output = await new LocalFileSystem({ disk, random: nodeRandom() }).create(
        `${folder}/f`,
      );
      for (let piece = 0; piece < 9; piece += 1) await output.write(PIECE);
      assert.ok(syncs > 0);
      assert.deepEqual(await output.finish(), { size: 9 * PIECE.length });
      assert.ok(syncs > 1);
      assert.equal((await fs.stat(`${folder}/f`)).size, 9 * PIECE.length);
    }));

  test('L3: whose sync on the way has failed is refused, and leaves nothing', () =>
    withFolder(async (folder) => {
      const disk = diskWith(() => {
        throw new Error('the disk is broken');
      });
      const output = await new LocalFileSystem({ disk, random: nodeRandom() }).create(
        `${folder}/f`,
      );
      for (let piece = 0; piece < 4; piece += 1) await output.write(PIECE);
      await assert.rejects(async () => {
        await output.write(PIECE);
        await output.finish();
      }, /the disk is broken/);
      await output.abort();
      assert.deepEqual(await fs.readdir(folder), []);
    }));
});
