/**
 * Real files in a folder for temporary ones keep the contract; failures of the system are told.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { readdirSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isEngineError } from '../../base/errors.ts';
import { diskContract } from '../contract/disk-contract.ts';
import { pattern } from '../contract/rig.test-kit.ts';
import { nodeDisk } from './disk.ts';

const isLinux = process.platform === 'linux';

async function temporaryFolder(): Promise<string> {
  const folder = await fs.mkdtemp(join(tmpdir(), 'millrace-disk-'));
  return folder.replaceAll('\\', '/');
}

diskContract('the real one', async () => {
  const folder = await temporaryFolder();
  return {
    disk: nodeDisk({ scratchFolder: folder }),
    folder,
    run: (body) => body(),
    [Symbol.asyncDispose]: () => fs.rm(folder, { recursive: true }),
  };
});

describe('nodeDisk', () => {
  const disk = nodeDisk();

  onLinux('F2: after a failed sync nothing is written or synced any more', async () => {
    // A device that takes writes but cannot be synced.
    const file = await disk.open('/dev/null', 'update');
    await file.write(pattern(10), 0);
    await assert.rejects(file.sync(), (error) => {
      assert.ok(isEngineError(error, 'IO_FAILED'));
      assert.match(error.message, /^Could not sync \/dev\/null: it does not support this/);
      return true;
    });
    for (const again of [file.sync(), file.write(pattern(1), 0), file.truncate(0)]) {
      await assert.rejects(again, /an earlier sync of it failed/);
    }
    await file.close();
  });

  onLinux('what is private is closed to others, also where it was open before', async () => {
    const folder = await temporaryFolder();
    const modeOf = async (path: string): Promise<number> => (await fs.stat(path)).mode & 0o777;
    try {
      await fs.mkdir(`${folder}/open`, { mode: 0o755 });
      await fs.writeFile(`${folder}/open/old`, 'x', { mode: 0o644 });
      await disk.makeDirectory(`${folder}/open`, 'private');
      await disk.makeDirectory(`${folder}/a/b`, 'private');
      for (const [name, mode] of [
        ['old', 'write'],
        ['new', 'create'],
      ] as const) {
        await (await disk.open(`${folder}/open/${name}`, mode, 'private')).close();
        assert.equal(await modeOf(`${folder}/open/${name}`), 0o600);
      }
      assert.equal(await modeOf(`${folder}/open`), 0o700);
      assert.equal(await modeOf(`${folder}/a/b`), 0o700);
    } finally {
      await fs.rm(folder, { recursive: true });
    }
  });

  onLinux('a full disk is IO_NO_SPACE', async () => {
    const file = await disk.open('/dev/full', 'update');
    await assert.rejects(file.write(pattern(10), 0), (error) =>
      isEngineError(error, 'IO_NO_SPACE'),
    );
    await file.close();
  });

  onLinux('no permission is IO_ACCESS_DENIED', async () => {
    // The system refuses this to everybody; a file's mode would not stop the superuser.
    await assert.rejects(disk.open('/sys/kernel/millrace', 'create'), (error) => {
      assert.ok(isEngineError(error, 'IO_ACCESS_DENIED'), String(error));
      assert.match(error.message, /^No permission to create /);
      return true;
    });
  });

  test('reading a folder as a file, and listing a file, are IO_FAILED in words', async () => {
    const folder = await temporaryFolder();
    const file = await disk.open(folder, 'read');
    await assert.rejects(file.read(new Uint8Array(1), 0), /it is a folder/);
    await file.close();
    await fs.writeFile(`${folder}/a`, 'x');
    await assert.rejects(disk.list(`${folder}/a`), (error) => isEngineError(error, 'IO_FAILED'));
    await disk.remove(folder);
  });

  onLinux('links count as what they lead to', async () => {
    const folder = await temporaryFolder();
    await fs.mkdir(`${folder}/real`);
    await fs.writeFile(`${folder}/real/file`, 'abc');
    await fs.symlink(`${folder}/real/file`, `${folder}/to-file`);
    await fs.symlink(`${folder}/real`, `${folder}/to-folder`);
    await fs.symlink(`${folder}/nothing`, `${folder}/to-nothing`);
    assert.deepEqual(await disk.list(folder), [
      { name: 'real', kind: 'directory' },
      { name: 'to-file', kind: 'file' },
      { name: 'to-folder', kind: 'directory' },
      { name: 'to-nothing', kind: 'other' },
    ]);
    assert.equal((await disk.stat(`${folder}/to-file`))?.size, 3);
    assert.equal(await disk.stat(`${folder}/to-nothing`), undefined);
    await disk.remove(`${folder}/to-folder`);
    assert.equal(
      await fs.readFile(`${folder}/real/file`, 'utf8'),
      'abc',
      'the link, not its target',
    );
    await disk.remove(folder);
  });

  test('a scratch file has no name, and no file at all before the first append', async () => {
    const folder = await temporaryFolder();
    const scratch = nodeDisk({ scratchFolder: folder }).scratch();
    const open = openFilesIn(folder);
    scratch.append(pattern(10));
    assert.deepEqual(await disk.list(folder), []);
    if (isLinux) assert.equal(openFilesIn(folder), open + 1);
    scratch[Symbol.dispose]();
    assert.equal(openFilesIn(folder), open);
    await disk.remove(folder);
  });

  test('a scratch folder that is not there is IO_NOT_FOUND at the first append', () => {
    const scratch = nodeDisk({ scratchFolder: '/no-such-folder' }).scratch();
    assert.throws(
      () => scratch.append(pattern(1)),
      (error) => isEngineError(error, 'IO_NOT_FOUND'),
    );
    assert.equal(scratch.size, 0);
  });
});

function openFilesIn(folder: string): number {
  if (!isLinux) return 0;
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      // The descriptor with which the list was read is closed by now.
      return false;
    }
  }).length;
}

/** Some failures can be had only from Linux's devices and links. */
function onLinux(name: string, body: () => Promise<void>): void {
  if (isLinux) test(name, body);
}
