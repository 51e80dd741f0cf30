// A real server that speaks S3, started by `s3.sh`: moto, which keeps everything in memory, or
// versitygw, which keeps it in a folder and so outlives being killed.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { S3Client, CreateBucketCommand } from '@aws-sdk/client-s3';
import { FileSystems } from '../../src/storage/file-systems.ts';
import { nodeDisk } from '../../src/env/node/disk.ts';
import { nodeRandom } from '../../src/env/node/random.ts';

const SCRIPT = join(import.meta.dirname, 's3.sh');
const START_MILLIS = 60_000;
const ACCESS_KEY = 'test';
const SECRET_KEY = 'test-secret';
export const BUCKET = 'millrace';

export type ServerKind = 'moto' | 'versity';

export class S3Server implements AsyncDisposable {
  readonly port: number;
  readonly kind: ServerKind;
  /** Where versitygw keeps the objects, as files. */
  readonly folder: string;
  #process: ChildProcess;
  #said = '';

  private constructor(kind: ServerKind, port: number, folder: string) {
    this.kind = kind;
    this.port = port;
    this.folder = folder;
    this.#process = this.#spawn();
  }

  /** @throws Error if it is not installed, or does not answer */
  static async start(kind: ServerKind): Promise<S3Server> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-s3-'));
    const server = new S3Server(kind, await freePort(), folder);
    try {
      await server.#untilReady();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The options by which Millrace reaches it. */
  options(more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
    return {
      's3.endpoint': this.endpoint,
      's3.path.style.access': 'true',
      's3.access-key': ACCESS_KEY,
      's3.secret-key': SECRET_KEY,
      ...more,
    };
  }

  fileSystems(more: Readonly<Record<string, string>> = {}): FileSystems {
    return FileSystems.create({ disk: nodeDisk(), random: nodeRandom() }, this.options(more));
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  /** After `kill`, at the same address. */
  async startAgain(): Promise<void> {
    this.#process = this.#spawn();
    await this.#untilReady();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(): ChildProcess {
    const child = spawn('bash', [SCRIPT, this.kind], {
      env: { ...process.env, PORT: String(this.port), DATA: this.folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-4000);
      });
    }
    return child;
  }

  /** Until the bucket is there. */
  async #untilReady(): Promise<void> {
    const client = new S3Client({
      endpoint: this.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
      maxAttempts: 1,
    });
    for (const end = Date.now() + START_MILLIS; ;) {
      try {
        await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
        break;
      } catch (error) {
        if (error instanceof Error && error.name.startsWith('BucketAlready')) break;
        if (this.#process.exitCode !== null || Date.now() > end) {
          throw new Error(
            `${this.kind} did not start. Is it there (test/services/s3.sh install)? ${this.#said}`,
            { cause: error },
          );
        }
        await pause(50);
      }
    }
    client.destroy();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
