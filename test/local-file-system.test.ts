/** The real disk keeps the contract; paths and URIs mean what they say, failures are told. */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isEngineError } from '../src/base/errors.ts';
import { pattern } from '../src/env/contract/rig.test-kit.ts';
import { nodeDisk } from '../src/env/node/disk.ts';
import { nodeRandom } from '../src/env/node/random.ts';
import { fileSystemContract } from '../src/storage/file-system-contract.ts';
import { FileSystems } from '../src/storage/file-systems.ts';
import { LocalFileSystem } from '../src/storage/local-file-system.ts';

const env = { disk: nodeDisk(), random: nodeRandom() };

async function temporaryFolder(): Promise<string> {
  return (await fs.mkdtemp(join(tmpdir(), 'millrace-files-'))).replaceAll('\\', '/');
}

fileSystemContract('the real disk', async () => {
  const folder = await temporaryFolder();
  return {
    fileSystem: new LocalFileSystem(env),
    folder,
    hasFolders: true,
    run: (body) => body(),
    [Symbol.asyncDispose]: () => fs.rm(folder, { recursive: true }),
  };
});

describe('LocalFileSystem', () => {
  test('a path, file:/ and file:/// are the same, and are taken literally', () => {
    const files = new LocalFileSystem(env);
    for (const uri of ['/a b/c%20d', 'file:/a b/c%20d', 'file:///a b/c%20d', 'FILE:/a b/./c%20d']) {
      assert.equal(files.resolve(uri), 'file:/a b/c%20d');
    }
    assert.equal(files.resolve('file://localhost/a'), 'file:/a');
    assert.match(files.resolve('a'), /^file:\/.*\/a$/);
  });

  test('URIs that name no file of this machine are refused with the reason', () => {
    const files = new LocalFileSystem(env);
    for (const uri of ['', 'file:', 'file:a/b', 'file://host/a', '/a\0b']) {
      assert.throws(
        () => files.resolve(uri),
        (error) => isEngineError(error, 'FILE_SYSTEM_URI'),
        uri,
      );
    }
  });

  test('a scheme that is not known is refused with those that are', () => {
    const systems = FileSystems.create(env);
    assert.equal(systems.of('/a').scheme, 'file');
    assert.equal(systems.of('C:/a').scheme, 'file');
    assert.throws(
      () => systems.of('hdfs://a/b'),
      (error) => {
        assert.ok(isEngineError(error, 'FILE_SYSTEM_UNKNOWN'));
        assert.match(`${error.message} ${error.fix}`, /hdfs is not known.*s3:\/\//);
        return true;
      },
    );
  });

  test('L2: incomplete files have names that say so', async () => {
    const folder = await temporaryFolder();
    const output = await new LocalFileSystem(env).create(`${folder}/a`);
    const names = await fs.readdir(folder);
    assert.equal(names.length, 1);
    assert.match(names[0]!, /^\.writing-a-[0-9a-f]{8}$/);
    await output.abort();
    assert.deepEqual(await fs.readdir(folder), []);
    await fs.rm(folder, { recursive: true });
  });

  test('L2: a name that is a folder fails, and leaves no incomplete file', async () => {
    const folder = await temporaryFolder();
    await fs.mkdir(`${folder}/a`);
    const files = new LocalFileSystem(env);
    const output = await files.create(`${folder}/a`);
    await output.write(pattern(10));
    await assert.rejects(output.finish(), isEngineError);
    await output.abort();
    await assert.rejects(files.writeIf(`${folder}/a`, pattern(1), 'any'), isEngineError);
    assert.deepEqual(await fs.readdir(folder), ['a']);
    await fs.rm(folder, { recursive: true });
  });

  test('the root of the disk is never removed', async () => {
    const { disk, random } = env;
    const removed: string[] = [];
    const guarded = new Proxy(disk, {
      get: (of, name) =>
        name === 'remove'
          ? async (path: string) => removed.push(path)
          : (Reflect.get(of, name) as (...given: unknown[]) => unknown).bind(of),
    });
    const files = new LocalFileSystem({ disk: guarded, random });
    await assert.rejects(files.remove('/', { recursive: true }), isEngineError);
    assert.deepEqual(removed, []);
  });
});
