// Real servers that speak S3 keep the contract of file systems; what they refuse is told clearly.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isEngineError, type ErrorCode } from '../../src/base/errors.ts';
import { pattern } from '../../src/env/contract/rig.test-kit.ts';
import { nodeRandom } from '../../src/env/node/random.ts';
import { fileSystemContract } from '../../src/storage/file-system-contract.ts';
import { joinUri } from '../../src/storage/file-uri.ts';
import { S3FileSystem } from '../../src/storage/s3/s3-file-system.ts';
import { s3Settings } from '../../src/storage/s3/s3-settings.ts';
import { S3Store } from '../../src/storage/s3/s3-store.ts';
import { readFile } from '../../src/storage/stored-checkpoint.ts';
import { BUCKET, S3Server, type ServerKind } from '../services/s3-server.ts';

const MIB = 1024 * 1024;
const random = nodeRandom();
let folders = 0;

for (const kind of ['moto', 'versity'] as const) withServer(kind);

function withServer(kind: ServerKind): void {
  describe(kind, () => {
    let server: S3Server;
    before(async () => {
      server = await S3Server.start(kind);
    });
    after(() => server[Symbol.asyncDispose]());

    const fileSystem = (more?: Readonly<Record<string, string>>, pageSize?: number): S3FileSystem =>
      new S3FileSystem({
        store: new S3Store(s3Settings(server.options(more))),
        uniqueName: () => random.uuid(),
        pageSize,
      });
    const newFolder = (): string => `s3://${BUCKET}/folder-${(folders += 1)}`;

    fileSystemContract(kind, () => ({
      fileSystem: fileSystem(),
      folder: newFolder(),
      hasFolders: false,
      run: (body) => body(),
      async [Symbol.asyncDispose]() {},
    }));

    test('a file of several parts comes back as it was', async () => {
      const files = fileSystem({ 's3.upload.max.concurrent.uploads': '2' });
      const uri = joinUri(newFolder(), 'large');
      const output = await files.create(uri);
      const pieces = Array.from({ length: 23 }, (_, i) => pattern(MIB - 17, i));
      for (const piece of pieces) await output.write(piece);
      assert.equal(await files.stat(uri), undefined);
      const { size } = await output.finish();
      assert.equal(size, 23 * (MIB - 17));
      assert.equal(Buffer.compare(await readFile(files, uri), Buffer.concat(pieces)), 0);
    });

    test('an aborted file of several parts leaves nothing', async () => {
      const files = fileSystem();
      const folder = newFolder();
      const output = await files.create(joinUri(folder, 'large'));
      for (let i = 0; i < 12; i += 1) await output.write(pattern(MIB));
      await output.abort();
      await assert.rejects(output.write(pattern(1)), isEngineError);
      assert.equal(await files.stat(folder), undefined);
      assert.deepEqual(await uploadsBelow(server, folder), []);
    });

    test('an upload with tail and parts goes on after a recovery', async () => {
      const files = fileSystem();
      const folder = newFolder();
      const writer = files.recoverableWriter();
      const output = await writer.open(joinUri(folder, 'part'));
      const pieces = Array.from({ length: 17 }, (_, i) => pattern(MIB + 1, i));
      for (const piece of pieces.slice(0, 8)) await output.write(piece);
      const resumable = await output.persist();
      await output.write(pattern(6 * MIB, 99));
      await output.persist();
      await output.close();
      const again = await writer.recover(resumable);
      assert.equal(again.size, 8 * (MIB + 1));
      for (const piece of pieces.slice(8)) await again.write(piece);
      await again.persist();
      const committable = await again.closeForCommit();
      assert.deepEqual(await files.list(folder), []);
      await writer.commit(committable);
      await writer.commit(committable);
      const found = await readFile(files, joinUri(folder, 'part'));
      assert.equal(Buffer.compare(found, Buffer.concat(pieces)), 0);
      // No tail is left, hidden though it was.
      await files.remove(joinUri(folder, 'part'));
      assert.equal(await files.stat(folder), undefined);
      assert.deepEqual(await uploadsBelow(server, folder), []);
    });

    test('V2: a part that another recovery has overwritten fails the commit', async () => {
      const files = fileSystem();
      const writer = files.recoverableWriter();
      const uri = joinUri(newFolder(), 'part');
      const first = await writer.open(uri);
      await first.write(pattern(6 * MIB, 1));
      const resumable = await first.persist();
      const ours = await writer.recover(resumable);
      await ours.write(pattern(1000, 2));
      const committable = await ours.closeForCommit();
      const theirs = await writer.recover(resumable);
      await theirs.write(pattern(1000, 3));
      await theirs.closeForCommit();
      await rejects(writer.commit(committable), 'FILE_OUTPUT_LOST', /part of it, is gone/);
      assert.equal(await files.stat(uri), undefined);
    });

    test('a released resumable loses its tail, and the file goes on', async () => {
      const files = fileSystem();
      const folder = newFolder();
      const writer = files.recoverableWriter();
      const output = await writer.open(joinUri(folder, 'part'));
      await output.write(pattern(100, 1));
      const early = await output.persist();
      await output.write(pattern(100, 2));
      const late = await output.persist();
      await writer.release(early);
      await writer.release(early);
      await rejects(writer.recover(early), 'FILE_OUTPUT_LOST', /is gone/);
      const again = await writer.recover(late);
      await writer.commit(await again.closeForCommit());
      assert.equal((await files.stat(joinUri(folder, 'part')))?.size, 200);
    });

    test('long listings come page after page', async () => {
      const files = fileSystem({}, 3);
      const folder = newFolder();
      for (let i = 0; i < 11; i += 1) {
        const name = i % 3 === 0 ? `folder-${i}/a` : `file-${i}`;
        await files.writeIf(joinUri(folder, name), pattern(1), 'any');
      }
      const entries = await files.list(folder);
      assert.equal(entries.length, 11);
      assert.equal(entries.filter(({ kind: each }) => each === 'folder').length, 4);
      await files.remove(folder, { recursive: true });
      assert.equal(await files.stat(folder), undefined);
    });

    test('a bucket that is not there is told', async () => {
      const files = fileSystem();
      await rejects(files.makeFolder('s3://nowhere/a'), 'S3_BUCKET_NOT_FOUND', /s3:\/\/nowhere\/a/);
      const output = await files.create('s3://nowhere/a');
      await rejects(output.finish(), 'S3_BUCKET_NOT_FOUND', /nowhere/);
      await output.abort();
    });
  });
}

describe('versity', () => {
  test('wrong credentials are told, without showing them', async () => {
    await using server = await S3Server.start('versity');
    for (const wrong of [
      { 's3.secret-key': 'not-the-secret' },
      { 's3.access-key': 'nobody-of-that-name' },
    ]) {
      const files = server.fileSystems(wrong).of('s3://');
      const error = await rejects(
        files.writeIf(`s3://${BUCKET}/a`, pattern(1), 'any'),
        'S3_CREDENTIALS',
        /write s3:\/\/millrace\/a.*s3\.access-key/,
      );
      assert.doesNotMatch(JSON.stringify(error.toData()), /not-the-secret/);
    }
  });
});

test('a store that cannot be reached is told with its address', async () => {
  const options = {
    ...{ 's3.endpoint': 'http://127.0.0.1:1', 's3.attempts.maximum': '2' },
    ...{ 's3.access-key': 'a', 's3.secret-key': 'b', 's3.path.style.access': 'true' },
  };
  const files = new S3FileSystem({
    store: new S3Store(s3Settings(options)),
    uniqueName: () => random.uuid(),
  });
  await rejects(
    files.open('s3://bucket/a'),
    'S3_UNREACHABLE',
    /at http:\/\/127\.0\.0\.1:1 cannot be reached to look at s3:\/\/bucket\/a: nobody listens/,
  );
});

test('without the package the error says how to install it', async () => {
  const store = new S3Store(s3Settings({}), () => Promise.reject(new Error('not there')));
  const files = new S3FileSystem({ store, uniqueName: () => random.uuid() });
  await rejects(
    files.open('s3://bucket/a'),
    'DEPENDENCY_MISSING',
    /npm install @aws-sdk\/client-s3/,
  );
});

async function uploadsBelow(server: S3Server, folder: string): Promise<readonly unknown[]> {
  const { listUploads } = await import('../../src/storage/s3/s3-objects.ts');
  const key = folder.slice(`s3://${BUCKET}/`.length);
  return listUploads(new S3Store(s3Settings(server.options())), { bucket: BUCKET, key });
}

async function rejects(
  work: Promise<unknown>,
  code: ErrorCode,
  text: RegExp,
): Promise<import('../../src/base/errors.ts').EngineError> {
  const error = await work.then(
    () => assert.fail(`${code} was expected`),
    (thrown: unknown) => thrown,
  );
  assert.ok(isEngineError(error, code), `${String(error)} is not ${code}`);
  assert.match(`${error.message} ${error.fix}`, text);
  return error;
}
