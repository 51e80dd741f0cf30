/** Folders are made one by one, and the system's reason stays what it is. */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '../../base/errors.ts';
import type { ErrorCode } from '../../base/error-code.ts';
import { nodeDisk } from './disk.ts';
import { makeFolders, type FolderCalls } from './make-folders.ts';

/** Only `/` and what was made is there; `refuse` may give the error of making a folder. */
class FakeFolders {
  readonly made: string[] = [];
  readonly refuse: (path: string) => string | undefined;

  constructor(refuse: (path: string) => string | undefined) {
    this.refuse = refuse;
  }

  get calls(): FolderCalls {
    const mkdir = async (path: string): Promise<void> => {
      const code = this.refuse(path);
      if (code !== undefined) throw failure(code, path);
      this.made.push(path);
    };
    const stat = async (path: string): Promise<{ isDirectory(): boolean }> => {
      if (path !== '/' && !this.made.includes(path)) throw failure('ENOENT', path);
      return { isDirectory: () => true };
    };
    return { mkdir, stat } as never;
  }
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: mkdir '${path}'`), { code });
}

const REFUSALS: readonly (readonly [string, ErrorCode])[] = [
  ['EROFS', 'IO_READ_ONLY'],
  ['EACCES', 'IO_ACCESS_DENIED'],
  ['EPERM', 'IO_ACCESS_DENIED'],
  ['ENOSPC', 'IO_NO_SPACE'],
  ['ENOTDIR', 'IO_FAILED'],
];

for (const [code, expected] of REFUSALS) {
  test(`${code} is told as ${expected} of the folder that could not be made`, async () => {
    const folders = new FakeFolders((path) => (path === '/a/b' ? code : undefined));
    await assert.rejects(makeFolders(folders.calls, '/a/b/c/d', undefined), (error) => {
      assert.ok(isEngineError(error, expected), String(error));
      assert.equal(error.parameters['path'], '/a/b');
      return true;
    });
    assert.deepEqual(folders.made, ['/a']);
  });
}

test('a file system that answers ENOENT for folder and parent ends in an error', async () => {
  const folders = new FakeFolders(() => 'ENOENT');
  await assert.rejects(makeFolders(folders.calls, '/a/b/c', undefined), (error) => {
    assert.ok(isEngineError(error, 'IO_FAILED'), String(error));
    assert.match(error.message, /^Could not make the folder \/a: no folder can be made in \/ \(/);
    return true;
  });
});

test('a folder above that is removed meanwhile is IO_NOT_FOUND', async () => {
  const folders: FakeFolders = new FakeFolders((path) => {
    if (path !== '/a/b') return undefined;
    folders.made.splice(0);
    return 'ENOENT';
  });
  await assert.rejects(makeFolders(folders.calls, '/a/b', undefined), (error) => {
    assert.ok(isEngineError(error, 'IO_NOT_FOUND'), String(error));
    assert.equal(error.parameters['path'], '/a');
    return true;
  });
});

test('a folder that somebody else makes meanwhile is as good as its own', async () => {
  const folders: FakeFolders = new FakeFolders((path) => {
    if (path !== '/a') return undefined;
    folders.made.push('/a');
    return 'EEXIST';
  });
  await makeFolders(folders.calls, '/a/b', undefined);
  assert.deepEqual(folders.made, ['/a', '/a/b']);
});

test('a link that leads nowhere is IO_EXISTS', async (context) => {
  if (process.platform === 'win32') return context.skip('links need rights there');
  const folder = await fs.mkdtemp(join(tmpdir(), 'millrace-folders-'));
  try {
    await fs.symlink(join(folder, 'nothing'), join(folder, 'link'));
    const made = nodeDisk().makeDirectory(join(folder, 'link/a'));
    await assert.rejects(made, (error) => isEngineError(error, 'IO_EXISTS'));
  } finally {
    await fs.rm(folder, { recursive: true });
  }
});

test('below /proc, where no folders are made, it fails at once', async (context) => {
  if (process.platform !== 'linux') return context.skip('there is no /proc');
  const disk = nodeDisk();
  for (const path of ['/proc/millrace', '/proc/millrace/a/b']) {
    await assert.rejects(disk.makeDirectory(path, 'private'), (error) => {
      assert.ok(isEngineError(error), String(error));
      // A /proc that is mounted read-only says so.
      assert.match(error.code, /^IO_(FAILED|READ_ONLY|ACCESS_DENIED)$/);
      assert.equal(error.parameters['path'], '/proc/millrace');
      return true;
    });
  }
});
