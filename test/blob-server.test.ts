// What a JobManager keeps of bundles, for whom and for how long.
import assert from 'node:assert/strict';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sha256Hex } from '../src/base/sha256.ts';
import { BLOB_CHUNK_BYTES, BLOBS, blobService } from '../src/protocol/blob-service.ts';
import { blobUrl } from '../src/protocol/job-code.ts';
import { BlobRig, bundle, rejection } from './blobs.test-kit.ts';
import { uploadBlob } from '../src/blob/upload-blob.ts';

const HOLDER = { owner: 'job-1', address: '' };

test('what is uploaded is found under its hash, whole, private, and named by nothing else', async () => {
  await using rig = await BlobRig.start();
  for (const size of [0, BLOB_CHUNK_BYTES, 2 * BLOB_CHUNK_BYTES + 17]) {
    const bytes = bundle(`export default ${size};\n`, size);
    const connection = await rig.client().connect(rig.address);
    const hash = await uploadBlob(connection, 'upload-1', bytes);
    assert.equal(hash, sha256Hex(bytes));
    const path = fileURLToPath(await rig.server.resolve(blobUrl(hash), HOLDER));
    assert.equal(path, join(rig.serverFolder, `${hash}.mjs`));
    assert.deepEqual(new Uint8Array(await readFile(path)), bytes);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    connection.close();
  }
  assert.equal((await stat(rig.serverFolder)).mode & 0o777, 0o700);
});

test('bytes that do not have the promised hash are refused, and nothing of them stays', async () => {
  await using rig = await BlobRig.start();
  const connection = await rig.client().connect(rig.address);
  const blobs = connection.gateway(blobService, BLOBS, '');
  const bytes = bundle('good');
  const hash = sha256Hex(bytes);
  bytes[20]! ^= 1;
  await blobs.putChunk({ upload: 'u', offset: 0, bytes });
  const message = await rejection(
    blobs.finish({ upload: 'u', size: bytes.length, hash }),
    'BLOB_CORRUPT',
  );
  assert.ok(message.includes(hash) && message.includes('from client'), message);
  await rejection(blobs.getChunk({ hash, offset: 0 }), 'BLOB_NOT_FOUND');
  assert.deepEqual(await rig.files(), []);
});

test('U1: chunks out of order, ends too early, and too many uploads are refused', async () => {
  await using rig = await BlobRig.start();
  const connection = await rig.client().connect(rig.address);
  const blobs = connection.gateway(blobService, BLOBS, '');
  const bytes = new Uint8Array(10);
  const hash = sha256Hex(bytes);
  await rejection(blobs.putChunk({ upload: 'a', offset: 5, bytes }), 'RPC_PROTOCOL');
  await blobs.putChunk({ upload: 'a', offset: 0, bytes });
  await rejection(blobs.putChunk({ upload: 'a', offset: 11, bytes }), 'RPC_PROTOCOL');
  await rejection(blobs.finish({ upload: 'a', size: 11, hash }), 'RPC_PROTOCOL');
  await rejection(blobs.finish({ upload: '../../x', size: 10, hash }), 'RPC_PROTOCOL');
  for (const upload of ['b', 'c', 'd']) await blobs.putChunk({ upload, offset: 0, bytes });
  await rejection(blobs.putChunk({ upload: 'e', offset: 0, bytes }), 'RPC_PROTOCOL');
  const large = new Uint8Array(BLOB_CHUNK_BYTES + 1);
  await rejection(blobs.putChunk({ upload: 'a', offset: 10, bytes: large }), 'BLOB_TOO_LARGE');
  await blobs.finish({ upload: 'a', size: 10, hash });
});

test('an upload past the limit is refused before it fills the disk', async () => {
  await using rig = await BlobRig.start({ limitBytes: 3 * BLOB_CHUNK_BYTES });
  const connection = await rig.client().connect(rig.address);
  const bytes = new Uint8Array(3 * BLOB_CHUNK_BYTES + 1);
  const message = await rejection(uploadBlob(connection, 'upload-2', bytes), 'BLOB_TOO_LARGE');
  assert.match(message, /3 MiB/);
  connection.close();
  await rig.settled(async () => (await rig.files()).length === 0);
});

test('G4: when a client goes, its unfinished uploads and what nobody took of it are removed', async () => {
  await using rig = await BlobRig.start();
  const client = rig.client();
  const connection = await client.connect(rig.address);
  const kept = await uploadBlob(connection, 'upload-3', bundle('kept'));
  const left = await uploadBlob(connection, 'upload-4', bundle('left'));
  rig.server.retain(kept, 'job-1');
  const blobs = connection.gateway(blobService, BLOBS, '');
  await blobs.putChunk({ upload: 'half', offset: 0, bytes: bundle('half') });
  assert.equal((await rig.files()).length, 3);
  await client.close();
  await rig.settled(async () => (await rig.files()).length === 1);
  assert.deepEqual(await rig.files(), [`${kept}.mjs`]);
  await rejection(rig.server.headerOf(left), 'BLOB_NOT_FOUND');
});

test('G1: a blob goes with its last owner, and one that is taken again meanwhile stays', async () => {
  await using rig = await BlobRig.start();
  const { hash } = await rig.server.store(pieces(bundle('a')), 'jar:1');
  await rig.server.resolve(blobUrl(hash), { ...HOLDER, owner: 'job-1' });
  await rig.server.resolve(blobUrl(hash), { ...HOLDER, owner: 'job-2' });
  rig.server.release('jar:1');
  rig.server.release('job-1');
  rig.server.release('job-1');
  await rig.server.sweep();
  assert.deepEqual(await rig.files(), [`${hash}.mjs`]);
  // The last one goes, and the next comes before the file is removed.
  rig.server.release('job-2');
  rig.server.retain(hash, 'job-3');
  await rig.server.sweep();
  assert.deepEqual(await rig.files(), [`${hash}.mjs`]);
  rig.server.release('job-3');
  const again = rig.server.store(pieces(bundle('a')), 'jar:2');
  await again;
  await rig.server.sweep();
  assert.deepEqual(await rig.files(), [`${hash}.mjs`]);
  rig.server.release('jar:2');
  await rig.server.sweep();
  assert.deepEqual(await rig.files(), []);
  assert.equal(rig.server.count, 0);
});

test('blobs outlive a restart for the jobs that come back, and for nobody else', async () => {
  await using rig = await BlobRig.start();
  const bytes = bundle('export const x = 1;\n');
  const { hash } = await rig.server.store(pieces(bytes), 'job-1');
  const { hash: orphan } = await rig.server.store(pieces(bundle('orphan')), 'job-2');
  await writeFile(join(rig.serverFolder, 'left-behind.part'), 'half');
  await rig.restart();
  rig.server.retain(hash, 'job-1');
  await rig.server.sweep();
  assert.deepEqual(await rig.files(), [`${hash}.mjs`]);
  const path = fileURLToPath(await rig.server.resolve(blobUrl(hash), HOLDER));
  assert.deepEqual(new Uint8Array(await readFile(path)), bytes);
  await rejection(rig.server.headerOf(orphan), 'BLOB_NOT_FOUND');
});

test('G2: a blob that was damaged on the disk is refused, and can be submitted again', async () => {
  await using rig = await BlobRig.start();
  const bytes = bundle('export const y = 1;\n');
  const { hash } = await rig.server.store(pieces(bytes), 'job-1');
  for (const damage of [
    (path: string) => truncate(path, bytes.length - 1),
    (path: string) => writeFile(path, Buffer.from(bytes).fill('z', 30, 31)),
  ]) {
    await damage(join(rig.serverFolder, `${hash}.mjs`));
    await rig.restart();
    const message = await rejection(rig.server.resolve(blobUrl(hash), HOLDER), 'BLOB_CORRUPT');
    assert.match(message, /on the disk/);
    await rejection(rig.server.headerOf(hash), 'BLOB_NOT_FOUND');
    await rig.server.store(pieces(bytes), 'job-1');
    await rig.server.resolve(blobUrl(hash), HOLDER);
  }
});

test('only a bundle for this engine is run, and no name becomes a path', async () => {
  await using rig = await BlobRig.start();
  const { hash: other } = await rig.server.store(pieces(bundle('x', 0, '9.9.9')), 'job-1');
  const message = await rejection(
    rig.server.resolve(blobUrl(other), HOLDER),
    'JOB_ENGINE_MISMATCH',
  );
  assert.match(message, /9\.9\.9.*1\.2\.3/);
  const text = new TextEncoder().encode('export default 1;\n');
  const { hash: plain } = await rig.server.store(pieces(text), 'job-1');
  await rejection(rig.server.resolve(blobUrl(plain), HOLDER), 'JOB_BUNDLE_INVALID');
  for (const name of ['../x', '', `${other}/../x`, other.toUpperCase()]) {
    await rejection(rig.server.resolve(`blob:${name}`, HOLDER), 'BLOB_BAD_NAME');
  }
  assert.equal(rig.server.resolve('file:///job.ts', HOLDER), 'file:///job.ts');
});

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes.slice(0, 3);
  yield bytes.slice(3);
}
