// The file sink on stores that speak S3: what a reader outside sees while subtasks are killed,
// attempts that were replaced go on writing, and the store itself is killed in the middle.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { isEngineError } from '../../src/base/errors.ts';
import { Prng } from '../../src/base/prng.ts';
import { Configuration } from '../../src/config/configuration.ts';
import type { FileCommittable } from '../../src/connectors/files/file-committer.ts';
import { fileSink, type FileSinkOptions } from '../../src/connectors/files/file-sink.ts';
import type { FileWriterState } from '../../src/connectors/files/file-writer.ts';
import { openContext } from '../../src/connectors/source-harness.test-kit.ts';
import { MiniCluster } from '../../src/deploy/mini-cluster.ts';
import { nodeEnv } from '../../src/env/node/node-env.ts';
import { text } from '../../src/formats/index.ts';
import type { SinkWriter, WriteContext } from '../../src/functions/sink.ts';
import { commitRequests } from '../../src/testing/commit-requests.ts';
import { verifySink, type SinkUnderTest } from '../../src/testing/verify-sink.ts';
import { BUCKET, S3Server } from '../services/s3-server.ts';

const env = nodeEnv({
  entries: {
    slot: new URL('../../bin/slot-worker.ts', import.meta.url),
    coordinator: new URL('../../bin/coordinator-worker.ts', import.meta.url),
  },
  log: { level: 'error' },
});
const JOBS = new URL('../../src/deploy/checkpointed-jobs.test-kit.ts', import.meta.url).href;
const AT = {} as WriteContext;
let folders = 0;

/** Somebody outside, who knows nothing of Millrace. */
class Reader {
  readonly #client: S3Client;

  constructor(server: S3Server) {
    const options = server.options();
    this.#client = new S3Client({
      ...{ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true },
      credentials: {
        accessKeyId: options['s3.access-key']!,
        secretAccessKey: options['s3.secret-key']!,
      },
    });
  }

  async keys(folder: string): Promise<readonly string[]> {
    const found = await this.#client.send(
      new ListObjectsV2Command({ Bucket: BUCKET, Prefix: `${folder}/` }),
    );
    return (found.Contents ?? []).map(({ Key }) => Key!);
  }

  async visible(folder: string): Promise<readonly string[]> {
    return (await this.keys(folder)).filter((key) => !/\/[._]/.test(key));
  }

  async uploads(folder: string): Promise<readonly string[]> {
    const found = await this.#client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    const keys = (found.Uploads ?? []).map(({ Key }) => Key!);
    return keys.filter((key) => key.startsWith(`${folder}/`));
  }

  /** Lines of all objects that are seen, each of which is whole. */
  async lines(folder: string): Promise<readonly string[]> {
    const keys = await this.visible(folder);
    const lines: string[] = [];
    for (const key of keys) {
      const got = await this.#client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      const bytes = await got.Body!.transformToByteArray();
      const content = Buffer.from(key.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
      assert.match(content, /\n$/, `${key} is torn`);
      lines.push(...content.trimEnd().split('\n'));
    }
    return lines;
  }

  async requireClean(folder: string): Promise<void> {
    assert.deepEqual(await this.keys(folder), await this.visible(folder), 'no tail is left');
    assert.deepEqual(await this.uploads(folder), [], 'no upload is left');
  }

  close(): void {
    this.#client.destroy();
  }
}

for (const kind of ['moto', 'versity'] as const) {
  describe(`the file sink on ${kind}`, () => {
    let server: S3Server;
    let reader: Reader;
    before(async () => {
      server = await S3Server.start(kind);
      reader = new Reader(server);
    });
    after(async () => {
      reader.close();
      await server[Symbol.asyncDispose]();
    });

    function rig(options: Partial<FileSinkOptions<string>>): SinkUnderTest<string> {
      const folder = `verified-${(folders += 1)}`;
      const path = `s3://${BUCKET}/${folder}`;
      const fileSystems = server.fileSystems();
      return {
        env,
        fileSystem: (uri) => fileSystems.of(uri),
        sink: () => fileSink({ path, format: text(), ...options }),
        record: String,
        visible: async () => (await reader.lines(folder)).map(Number),
        finished: () => reader.requireClean(folder),
      };
    }

    const variants: Readonly<Record<string, Partial<FileSinkOptions<string>>>> = {
      'an object for each checkpoint, in buckets': {
        bucketBy: (record) => `of=${Number(record) % 2}`,
      },
      'objects that go on over checkpoints': { rollOnCheckpoint: false, rollBytes: 30 },
      'compressed ones': { rollOnCheckpoint: false, compression: 'gzip' },
    };
    for (const [what, options] of Object.entries(variants)) {
      test(`is exactly-once, killed and restored anywhere: ${what}`, () => {
        const lags = options.rollOnCheckpoint === false;
        return verifySink(() => rig(options), { seed: 5, stories: 2, steps: 30, lags });
      });
    }

    test('a job that fails twice writes each total once, and leaves nothing but objects', async () => {
      const checkpoints = mkdtempSync(join(tmpdir(), 'millrace-s3-job-'));
      const folder = 'totals';
      await using cluster = await MiniCluster.start({
        ...{ env, slots: 2, spareWorkers: 0, configuration: Configuration.parse({}) },
      });
      const client = await cluster.submit({
        jobId: env.random.uuid(),
        ...{ moduleUrl: JOBS, exportName: 'totals' },
        parameters: {
          ...{ folder: `s3://${BUCKET}/${folder}`, fileSink: true, interval: 200 },
          ...{ records: 3000, rate: 2000, failAt: '900,1800' },
        },
        configuration: {
          ...server.options(),
          'parallelism.default': '2',
          'execution.checkpointing.dir': checkpoints,
          'restart-strategy.type': 'fixed-delay',
          'restart-strategy.fixed-delay.attempts': '50',
          'restart-strategy.fixed-delay.delay': '10 ms',
        },
      });
      const result = await client.result();
      assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
      const lines = await reader.lines(folder);
      const keyAndCount = lines.map((line) => line.split('/').slice(0, 2).join('/'));
      const expected = Array.from({ length: 3000 }, (_, n) => `${n % 7}/${Math.floor(n / 7) + 1}`);
      assert.deepEqual(keyAndCount.toSorted(), expected.toSorted());
      await reader.requireClean(folder);
      rmSync(checkpoints, { recursive: true });
    });
  });
}

describe('a store that is killed under the file sink', () => {
  let server: S3Server;
  let reader: Reader;
  before(async () => {
    server = await S3Server.start('versity');
    reader = new Reader(server);
  });
  after(async () => {
    reader.close();
    await server[Symbol.asyncDispose]();
  });

  interface Checkpoint {
    readonly next: number;
    readonly states: readonly FileWriterState[];
    readonly committables: readonly FileCommittable[];
  }

  /** One subtask of a job; records are their numbers, filled up so that parts are uploaded. */
  class Attempt {
    readonly #sink: ReturnType<typeof fileSink<string>>;
    readonly #context;
    readonly #writer: SinkWriter<unknown, FileCommittable, FileWriterState>;
    #id: number;

    constructor(path: string, attempt: number, from: Checkpoint | undefined) {
      const fileSystems = server.fileSystems({ 's3.attempts.maximum': '1' });
      this.#sink = fileSink({ path, format: text(), rollOnCheckpoint: false, rollBytes: 9e6 });
      this.#context = {
        ...{ ...openContext({ attempt }), env, jobId: 'job', operatorId: 'sink' },
        sendToClient: () => undefined,
        fileSystem: (uri: string) => fileSystems.of(uri),
        ...(from === undefined ? {} : { restoredCheckpointId: 1, restoredIsClaimed: true }),
      };
      const states = from?.states ?? [];
      this.#id = attempt * 1000;
      this.#writer = this.#sink.createWriter(this.#context, { own: states, all: states });
    }

    async start(from: Checkpoint | undefined): Promise<void> {
      await this.commit(from?.committables ?? []);
      await this.#writer.start!();
    }

    /** Records up to there, and a checkpoint. */
    async write(from: number, to: number): Promise<Checkpoint> {
      for (let n = from; n < to; n += 1) {
        this.#writer.write(`${n} ${'x'.repeat(400_000)}`, AT);
        await this.#writer.busy;
      }
      const id = (this.#id += 1);
      await this.#writer.flush(to === RECORDS, 'checkpoint');
      const committables = await this.#writer.prepareCommit!(id);
      return { next: to, committables, states: await this.#writer.snapshotState!(id) };
    }

    async commit(committables: readonly FileCommittable[]): Promise<void> {
      await this.#sink.createCommitter!(this.#context).commit(commitRequests(committables));
      if (this.#id % 1000 > 0) await this.#writer.committed!(this.#id);
    }
  }

  const RECORDS = 120;
  const STEP = 8;

  /** `work`, and the store is killed and started again on the way. */
  async function killDuring(millis: number, work: Promise<unknown>): Promise<unknown> {
    const outcome = work.then(
      () => undefined,
      (error: unknown) => error,
    );
    await pause(millis);
    await server.kill();
    const error = await outcome;
    await server.startAgain();
    return error;
  }

  test('writers that lose their store go on from their checkpoint, and nothing is lost or twice', async () => {
    const random = Prng.of(11);
    const folder = 'killed';
    const path = `s3://${BUCKET}/${folder}`;
    let complete: Checkpoint | undefined;
    let kills = 0;
    let seen = 0;
    for (let attempt = 1; complete?.next !== RECORDS; attempt += 1) {
      assert.ok(attempt < 100, 'it gets nowhere');
      const run = new Attempt(path, attempt, complete);
      await run.start(complete);
      for (;;) {
        const from: number = complete?.next ?? 0;
        if (from === RECORDS) break;
        const writing = run.write(from, Math.min(RECORDS, from + STEP));
        // The writer that was cut off is left as it is, like one whose process was killed.
        if (kills < 12 && random.below(2) === 0) {
          kills += 1;
          const error = await killDuring(random.below(120), writing);
          if (error !== undefined) {
            assert.ok(isEngineError(error), 'an error that says what to do');
            assert.notEqual(error.code, 'FILE_OUTPUT_LOST');
            break;
          }
        }
        complete = await writing;
        await run.commit(complete.committables);
        const lines = await reader.lines(folder);
        const numbers = lines.map((line) => Number(line.split(' ')[0])).toSorted((a, b) => a - b);
        assert.deepEqual(
          numbers,
          numbers.map((_, index) => index),
          'a prefix, each once',
        );
        assert.ok(numbers.length >= seen && numbers.length <= complete.next);
        seen = numbers.length;
      }
    }
    assert.ok(kills > 5, `${kills} kills`);
    assert.equal(seen, RECORDS);
    await reader.requireClean(folder);
  });
});
