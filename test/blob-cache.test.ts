// What TaskManagers keep of bundles: fetched once, verified, gone with the last job that needs it.
import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sha256Hex } from '../src/base/sha256.ts';
import { EngineError } from '../src/base/errors.ts';
import { BLOB_CHUNK_BYTES, BLOBS, blobService } from '../src/protocol/blob-service.ts';
import { blobUrl } from '../src/protocol/job-code.ts';
import { MainThread } from '../src/rpc/main-thread.ts';
import { RpcService } from '../src/rpc/rpc-service.ts';
import { BlobRig, bundle, rejection } from './blobs.test-kit.ts';

/** A JobManager that answers as it is told; each answer counts as one chunk asked for. */
class Serving implements AsyncDisposable {
  readonly #rpc: RpcService;
  address = '';
  asked = 0;
  connections = 0;

  constructor(
    rig: BlobRig,
    bytes: Uint8Array,
    answer: (nth: number, chunk: Uint8Array) => unknown,
  ) {
    this.#rpc = new RpcService({ env: rig.env, name: 'other-jobmanager' });
    this.#rpc.register({
      name: BLOBS,
      service: blobService,
      main: new MainThread(BLOBS, rig.env.clock, (_component, error) => rig.fatal.push(error)),
      fence: () => false,
      handlers: {
        putChunk: () => ({}),
        finish: () => ({}),
        release: () => ({}),
        getChunk: ({ offset }) => {
          if (offset === 0) this.connections += 1;
          const chunk = bytes.slice(offset, offset + BLOB_CHUNK_BYTES);
          answer(++this.asked, chunk);
          return { bytes: chunk, size: bytes.length };
        },
      },
    });
  }

  async start(): Promise<this> {
    this.address = await this.#rpc.listen('other-jobmanager', 0);
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#rpc.close();
  }
}

const LARGE = bundle('export const a = 1;\n', 2 * BLOB_CHUNK_BYTES + 5);

test('A1: many who ask at once get one copy, fetched once, whole and private', async () => {
  await using rig = await BlobRig.start();
  await using jobManager = await new Serving(rig, LARGE, () => undefined).start();
  const { address } = jobManager;
  const cache = rig.cache('tm');
  const url = blobUrl(sha256Hex(LARGE));
  const owners = ['a', 'a', 'b', 'c', 'a'];
  const urls = await Promise.all(
    owners.map(async (owner) => cache.resolve(url, { owner, address })),
  );
  assert.equal(new Set(urls).size, 1);
  assert.deepEqual([jobManager.asked, jobManager.connections], [3, 1]);
  const path = fileURLToPath(urls[0]!);
  assert.deepEqual(new Uint8Array(await readFile(path)), LARGE);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(join(rig.folder, 'tm'))).mode & 0o777, 0o700);
  assert.equal(cache.resolve('file:///job.ts', { owner: 'a', address }), 'file:///job.ts');
});

test('A2: a copy stays while anybody has it, goes with the last, and is fetched anew after that', async () => {
  await using rig = await BlobRig.start();
  await using jobManager = await new Serving(rig, LARGE, () => undefined).start();
  const { address } = jobManager;
  const cache = rig.cache('tm');
  const hash = sha256Hex(LARGE);
  await cache.resolve(blobUrl(hash), { owner: 'a', address });
  await cache.resolve(blobUrl(hash), { owner: 'b', address });
  cache.release('a');
  cache.release('a');
  assert.deepEqual(await rig.files('tm'), [`${hash}.mjs`]);
  cache.release('b');
  // The next job comes while the copy is being removed, and its own is not.
  const path = fileURLToPath(await cache.resolve(blobUrl(hash), { owner: 'c', address }));
  assert.equal((await stat(path)).size, LARGE.length);
  assert.equal(jobManager.connections, 2);
  cache.release('c');
  await rig.settled(async () => (await rig.files('tm')).length === 0);
  assert.equal(cache.count, 0);
  // Released while it is still on its way.
  const fetching = cache.resolve(blobUrl(hash), { owner: 'd', address });
  cache.release('d');
  await fetching;
  await rig.settled(async () => (await rig.files('tm')).length === 0);
});

test('A3: flipped and torn bytes are refused and fetched again', async () => {
  await using rig = await BlobRig.start();
  const flips = (nth: number, chunk: Uint8Array): void => {
    if (nth === 2) chunk[77]! ^= 4;
  };
  const breaks = (nth: number): void => {
    if (nth === 2) throw new EngineError('NETWORK_FAILED', { operation: 'x', address: 'y' });
  };
  for (const [name, fault] of [
    ['flip', flips],
    ['break', breaks],
  ] as const) {
    await using jobManager = await new Serving(rig, LARGE, fault).start();
    const cache = rig.cache(name);
    const holder = { owner: 'a', address: jobManager.address };
    const path = fileURLToPath(await cache.resolve(blobUrl(sha256Hex(LARGE)), holder));
    assert.deepEqual(new Uint8Array(await readFile(path)), LARGE);
    assert.equal(jobManager.connections, 2);
    assert.match(rig.warnings.pop()!, /fetched again/);
    assert.equal((await rig.files(name)).length, 1);
  }
});

test('A3: what comes damaged again and again is refused with both hashes', async () => {
  await using rig = await BlobRig.start();
  let damaged = true;
  const fault = (_nth: number, chunk: Uint8Array): void => {
    if (damaged) chunk[0] = 0;
  };
  await using jobManager = await new Serving(rig, LARGE, fault).start();
  const cache = rig.cache('tm');
  const holder = { owner: 'a', address: jobManager.address };
  const url = blobUrl(sha256Hex(LARGE));
  const message = await rejection(cache.resolve(url, holder), 'BLOB_CORRUPT');
  assert.ok(message.includes(sha256Hex(LARGE)) && message.includes('from other-jobmanager'));
  assert.equal(jobManager.connections, 3);
  assert.deepEqual(await rig.files('tm'), []);
  damaged = false;
  await cache.resolve(url, holder);
});

test('A1: a copy that was damaged on the disk is not given to the next job', async () => {
  await using rig = await BlobRig.start();
  await using jobManager = await new Serving(rig, LARGE, () => undefined).start();
  const { address } = jobManager;
  const cache = rig.cache('tm');
  const url = blobUrl(sha256Hex(LARGE));
  const path = fileURLToPath(await cache.resolve(url, { owner: 'a', address }));
  await writeFile(path, 'something else');
  await cache.resolve(url, { owner: 'b', address });
  assert.deepEqual(new Uint8Array(await readFile(path)), LARGE);
  assert.equal(jobManager.connections, 2);
});

test('who asks for what is not there, or for another engine, hears it at once', async () => {
  await using rig = await BlobRig.start();
  const holder = { owner: 'a', address: rig.address };
  const cache = rig.cache('tm', '2.0.0');
  await rejection(cache.resolve(blobUrl(sha256Hex('x')), holder), 'BLOB_NOT_FOUND');
  const { hash } = await rig.server.store(one(bundle('x')), 'job-1');
  await rejection(cache.resolve(blobUrl(hash), holder), 'JOB_ENGINE_MISMATCH');
  await rejection(
    cache.resolve(blobUrl(hash), { owner: 'a', address: 'nowhere:1' }),
    'NETWORK_FAILED',
  );
});

test('what an earlier process left is removed, and a closed cache leaves nothing', async () => {
  await using rig = await BlobRig.start();
  const { hash } = await rig.server.store(one(LARGE), 'job-1');
  await rig.env.disk.makeDirectory(join(rig.folder, 'tm'));
  await writeFile(join(rig.folder, 'tm', `${sha256Hex('x')}.mjs`), 'x');
  await writeFile(join(rig.folder, 'tm', 'old.part'), 'x');
  const cache = rig.cache('tm');
  await cache.resolve(blobUrl(hash), { owner: 'a', address: rig.address });
  assert.deepEqual(await rig.files('tm'), [`${hash}.mjs`]);
  await cache.close();
  assert.equal(await rig.env.disk.stat(join(rig.folder, 'tm')), undefined);
});

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}
