// A JobManager's blobs, caches of TaskManagers and clients over a network in memory, in a folder of
// their own.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleHeaderLine } from '../src/base/bundle-header.ts';
import { isEngineError } from '../src/base/errors.ts';
import type { EngineError, ErrorCode } from '../src/base/errors.ts';
import type { Clock, Env, Log } from '../src/env/env.ts';
import { memoryNetwork } from '../src/env/memory-network.ts';
import { nodeClock } from '../src/env/node/clock.ts';
import { nodeCryptography } from '../src/env/node/cryptography.ts';
import { nodeDisk } from '../src/env/node/disk.ts';
import { nodeRandom } from '../src/env/node/random.ts';
import { milliseconds } from '../src/base/units.ts';
import { RpcService } from '../src/rpc/rpc-service.ts';
import { BlobCache } from '../src/blob/blob-cache.ts';
import { BlobServer } from '../src/blob/blob-server.ts';

export const ENGINE = '1.2.3';

/** A bundle that is at least `size` bytes long. */
export function bundle(text: string, size: number = 0, engine: string = ENGINE): Uint8Array {
  const line = bundleHeaderLine({ engine, job: 'job.ts', externals: [] });
  return new TextEncoder().encode(`${line}${text}`.padEnd(size, '/'));
}

export class BlobRig implements AsyncDisposable {
  readonly folder: string;
  readonly env: Pick<Env, 'clock' | 'network' | 'disk' | 'random' | 'cryptography' | 'log'>;
  readonly warnings: string[] = [];
  readonly fatal: EngineError[] = [];
  readonly rpc: RpcService;
  address = '';
  server!: BlobServer;
  readonly #caches: BlobCache[] = [];

  private constructor(folder: string) {
    const log: Log = {
      write: (_level, message) => void this.warnings.push(message),
      with: () => log,
    };
    this.folder = folder;
    // Waiting before another attempt is not what is tested.
    const clock: Clock = Object.assign(Object.create(nodeClock()), {
      after: (_delay: number, callback: () => void) => nodeClock().after(milliseconds(0), callback),
    });
    this.env = {
      clock: nodeClock(),
      network: memoryNetwork(nodeClock()),
      disk: nodeDisk(),
      random: nodeRandom(),
      cryptography: nodeCryptography(),
      log,
    };
    this.quick = { ...this.env, clock };
    this.rpc = new RpcService({ env: this.env, name: 'jobmanager' });
  }

  readonly quick: Pick<Env, 'clock' | 'disk' | 'random' | 'cryptography' | 'log'>;

  static async start(options: { readonly limitBytes?: number } = {}): Promise<BlobRig> {
    const rig = new BlobRig(await mkdtemp(join(tmpdir(), 'millrace-blobs-')));
    rig.address = await rig.rpc.listen('jobmanager', 0);
    await rig.restart(options);
    return rig;
  }

  /** Another server over the same folder. */
  async restart(options: { readonly limitBytes?: number } = {}): Promise<void> {
    await this.server?.close();
    this.server = await BlobServer.start({
      ...options,
      env: this.env,
      rpc: this.rpc,
      folder: this.serverFolder,
      engine: ENGINE,
      keep: true,
      onFatal: (_component, error) => this.fatal.push(error),
    });
  }

  get serverFolder(): string {
    return join(this.folder, 'blobs');
  }

  client(): RpcService {
    return new RpcService({ env: this.env, name: 'client' });
  }

  cache(name: string, engine: string = ENGINE): BlobCache {
    const rpc = new RpcService({ env: this.env, name });
    const cache = new BlobCache({ env: this.quick, rpc, folder: join(this.folder, name), engine });
    this.#caches.push(cache);
    return cache;
  }

  async files(folder: string = 'blobs'): Promise<readonly string[]> {
    return (await readdir(join(this.folder, folder))).sort();
  }

  /** Lets what is under way on the disk be done. */
  async settled(condition: () => Promise<boolean>): Promise<void> {
    for (let turn = 0; turn < 2000; turn++) {
      if (await condition()) return;
      await new Promise<void>((resolve) => this.env.clock.soon(() => resolve()));
    }
    assert.fail('it did not happen');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#caches.map((cache) => cache.close()));
    await this.server.close();
    await this.rpc.close();
    await rm(this.folder, { recursive: true });
    assert.deepEqual(this.fatal, []);
  }
}

export async function rejection(promise: unknown, code: ErrorCode): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isEngineError(error), String(error));
    assert.equal(error.code, code, error.message);
    return error.message;
  }
  return assert.fail(`expected ${code}`);
}
