// Buckets and the rules by which files end, with a clock that the simulation moves.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEngineError } from '../../base/errors.ts';
import { milliseconds, seconds, type Duration, type Timestamp } from '../../base/units.ts';
import type { Env } from '../../env/env.ts';
import type { SinkWriter, WriteContext } from '../../functions/sink.ts';
import { csv, text } from '../../formats/index.ts';
import { FileSystems } from '../../storage/file-systems.ts';
import { commitRequests, NO_WRITER_STATE } from '../../testing/commit-requests.ts';
import { t } from '../../types/t.ts';
import { openContext } from '../source-harness.test-kit.ts';
import { byDateTime, type BucketContext, type DateTimeBuckets } from './buckets.ts';
import type { FileCommittable } from './file-committer.ts';
import { fileSink, type FileSinkOptions } from './file-sink.ts';
import type { FileWriterState } from './file-writer.ts';
import { filesBelow, onDisk, readFile, writeFile } from './files.test-kit.ts';

const FOLDER = '/data/out';

class Rig<T> {
  readonly env: Env;
  readonly #sink;
  readonly #context;
  readonly #writer: SinkWriter<unknown, FileCommittable, FileWriterState>;

  constructor(env: Env, options: Omit<FileSinkOptions<T>, 'path'>, attempt = 1) {
    this.env = env;
    this.#sink = fileSink<T>({ path: FOLDER, ...options });
    this.#context = {
      ...{ ...openContext({ attempt }), env, jobId: 'job', operatorId: 'sink' },
      sendToClient: () => undefined,
      fileSystem: (uri: string) => FileSystems.create(env).of(uri),
    };
    this.#writer = this.#sink.createWriter(this.#context, NO_WRITER_STATE);
  }

  async start(): Promise<this> {
    await this.#writer.start!();
    return this;
  }

  async write(record: T, timestamp?: number): Promise<void> {
    const context = { timestamp, watermark: 0 } as unknown as WriteContext;
    this.#writer.write(record, context);
    await this.#writer.busy;
  }

  async commit(): Promise<void> {
    await this.#writer.flush(true);
    const committables = await this.#writer.prepareCommit!(undefined);
    await this.#sink.createCommitter!(this.#context).commit(commitRequests(committables));
    await this.#writer.close();
  }

  wait(time: Duration): Promise<void> {
    return new Promise((resolve) => void this.env.clock.after(time, resolve));
  }
}

/** What is in the folder: contents by bucket, in the order of the files' numbers. */
async function contents(env: Env): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  const numberOf = (path: string): number => Number(/-(\d+)(?:\.\w*)*$/.exec(path)?.[1]);
  const paths = await filesBelow(env, FOLDER);
  for (const path of paths.toSorted((a, b) => numberOf(a) - numberOf(b))) {
    const bucket = path.slice(FOLDER.length + 1, path.lastIndexOf('/'));
    (found[bucket] ??= []).push(await readFile(env, path));
  }
  return found;
}

describe('buckets', () => {
  const Row = t.struct({ land: t.string, n: t.int32 });
  type Row = { land: string; n: number };
  const options = {
    format: csv(Row, { header: true }),
    bucketBy: ({ land }: Row) => `land=${land}`,
  };

  test('F1: each record is in a file of its bucket, which has a header of its own', () =>
    onDisk(1, async (env) => {
      const rig = await new Rig<Row>(env, options).start();
      for (let n = 0; n < 9; n += 1) await rig.write({ land: ['ch', 'de', 'at'][n % 3]!, n });
      assert.deepEqual(
        (await filesBelow(env, FOLDER)).filter((path) => !path.includes('/.')),
        [],
      );
      await rig.commit();
      assert.deepEqual(await contents(env), {
        'land=at': ['land,n\nat,2\nat,5\nat,8\n'],
        'land=ch': ['land,n\nch,0\nch,3\nch,6\n'],
        'land=de': ['land,n\nde,1\nde,4\nde,7\n'],
      });
    }));

  test('F1: many records of many buckets, large ones too, in files that roll', () =>
    onDisk(1, async (env) => {
      const bucketBy = (record: string): string => record.slice(0, 2);
      const rig = new Rig<string>(env, { format: text(), bucketBy, rollBytes: 100_000 });
      await rig.start();
      const written: Record<string, string> = {};
      for (let n = 0; n < 3000; n += 1) {
        const bucket = `b${n % 7}`;
        const record = `${bucket} ${n} ${'x'.repeat(n % 500 === 0 ? 600_000 : 700)}`;
        written[bucket] = `${written[bucket] ?? ''}${record}\n`;
        await rig.write(record);
      }
      await rig.commit();
      const found = await contents(env);
      assert.ok(Object.values(found).every((files) => files.length > 1));
      const joined = Object.entries(found).map(([bucket, files]) => [bucket, files.join('')]);
      assert.deepEqual(Object.fromEntries(joined), written);
    }));

  test('what is no folder that readers see is refused, with the bucket', () =>
    onDisk(1, async (env) => {
      for (const bucket of ['.a', 'a/_b', '/a', 'a/', 'a//b', '..', 'a/../..', 'a\\b', 'a\0']) {
        const rig = await new Rig(env, { format: text(), bucketBy: () => bucket }).start();
        await assert.rejects(rig.write('x'), (error) =>
          isEngineError(error, 'CONNECTOR_BUCKET_INVALID'),
        );
      }
      assert.deepEqual(await filesBelow(env, '/'), []);
    }));

  test('replace: old files of all buckets go when the new ones have come', () =>
    onDisk(1, async (env) => {
      const old = ['a/part-0-0.txt', 'a/b/part-3-1.txt', 'part-0-0.txt'];
      for (const name of [...old, 'a/notes.txt']) await writeFile(env, `${FOLDER}/${name}`, 'old');
      const bucketBy = (): string => 'new';
      const rig = new Rig<string>(env, { format: text(), bucketBy, onExisting: 'replace' });
      await (await rig.start()).write('x');
      assert.equal((await contents(env))['a']!.length, 2);
      await rig.commit();
      assert.deepEqual(await contents(env), { a: ['old'], new: ['x\n'] });
    }));

  test('O1: what a killed attempt has left in its buckets is removed', () =>
    onDisk(1, async (env) => {
      const bucketBy = (record: string): string => record.slice(0, 2);
      const make = (attempt: number, prefix = 'part'): Rig<string> =>
        new Rig(env, { format: text(), bucketBy, onExisting: 'append', prefix }, attempt);
      const killed = await make(1).start();
      const other = await make(1, 'other').start();
      for (const bucket of ['ch', 'de']) {
        for (const rig of [killed, other]) {
          // Enough for a block to leave.
          await rig.write(`${bucket}${'x'.repeat(300_000)}`);
          await rig.wait(seconds(1));
        }
      }
      assert.equal((await filesBelow(env, FOLDER)).length, 4);
      const again = await make(2).start();
      assert.equal((await filesBelow(env, FOLDER)).length, 2);
      await again.write('ch');
      await again.commit();
      await other.commit();
      assert.equal((await filesBelow(env, FOLDER)).length, 3);
    }));

  test('folders in which an attempt has left nothing are nobody’s output', () =>
    onDisk(1, async (env) => {
      await env.disk.makeDirectory(`${FOLDER}/ch/of`);
      const sink = { format: text(), bucketBy: () => 'ch' };
      await new Rig(env, sink).start();
      await writeFile(env, `${FOLDER}/ch/of/a.txt`, 'mine');
      await assert.rejects(new Rig(env, sink).start(), (error) =>
        isEngineError(error, 'CONNECTOR_OUTPUT_EXISTS'),
      );
    }));
});

describe('buckets by date and time', () => {
  const bucket = (options: DateTimeBuckets, context: Partial<BucketContext>): string =>
    byDateTime(options)(undefined, context as BucketContext);
  const AT = Date.UTC(2026, 10, 28, 23, 5, 9, 120) as Timestamp;

  test('by the clock, or by event time, as the pattern and the zone tell', () => {
    const cases: readonly (readonly [DateTimeBuckets, string])[] = [
      [{}, '2026-11-28--23'],
      [{ pattern: 'yyyyMMdd/HHmmss' }, '20261128/230509'],
      [{ pattern: "'day='yyyy-MM-dd/'hour='HH" }, 'day=2026-11-28/hour=23'],
      [{ pattern: "dd' o''clock 'HH" }, "28 o'clock 23"],
      [{ zone: 'Europe/Zurich' }, '2026-11-29--00'],
      [{ zone: 'America/St_Johns', pattern: 'dd HH:mm' }, '28 19:35'],
    ];
    for (const [options, expected] of cases) {
      assert.equal(bucket(options, { processingTime: AT }), expected);
      const event = { timestamp: AT, processingTime: 0 as Timestamp };
      assert.equal(bucket({ ...options, time: 'event' }, event), expected);
    }
  });

  test('it changes with the second, and back', () => {
    const assigner = byDateTime({ pattern: 'mm:ss' });
    const of = (at: number): string =>
      assigner(undefined, { processingTime: at as Timestamp } as BucketContext);
    assert.deepEqual([0, 999, 1000, 59_999, 60_000, 0, -1].map(of), [
      ...['00:00', '00:00', '00:01', '00:59', '01:00', '00:00', '59:59'],
    ]);
  });

  test('what is no pattern, no zone and no event time is refused', () => {
    for (const options of [
      { pattern: 'YYYY' },
      { pattern: '' },
      { pattern: "'a" },
      { zone: 'x' },
    ]) {
      assert.throws(
        () => byDateTime(options),
        (error) => isEngineError(error, 'API_INVALID_ARGUMENT'),
      );
    }
    assert.throws(
      () => bucket({ time: 'event' }, { timestamp: undefined }),
      (error) =>
        isEngineError(error, 'CONNECTOR_BUCKET_INVALID') && /no event time/.test(error.message),
    );
  });

  test('files go where the hour of the clock says', () =>
    onDisk(2, async (env) => {
      const bucketBy = byDateTime({ pattern: 'HHmmss' });
      const rig = await new Rig<string>(env, { format: text(), bucketBy }).start();
      const begin = env.clock.now();
      for (const record of ['a', 'b', 'c']) {
        await rig.write(record);
        await rig.wait(seconds(2));
      }
      await rig.commit();
      const expected = [0, 2, 4].map((later, index) => {
        const at = (begin + later * 1000) as Timestamp;
        return [bucket({ pattern: 'HHmmss' }, { processingTime: at }), [`${'abc'[index]}\n`]];
      });
      assert.deepEqual(await contents(env), Object.fromEntries(expected));
    }));
});

describe('when files end', () => {
  test('by rest: so long after the last record', () =>
    onDisk(3, async (env) => {
      const rig = await new Rig(env, { format: text(), rollInactivity: seconds(10) }).start();
      for (const record of ['a', 'b', 'c']) {
        await rig.write(record);
        await rig.wait(seconds(9));
      }
      await rig.wait(milliseconds(1500));
      await rig.write('d');
      await rig.commit();
      assert.deepEqual(await contents(env), { '': ['a\nb\nc\n', 'd\n'] });
    }));

  test('by age and rest, whichever comes first', () =>
    onDisk(3, async (env) => {
      const rolls = { rollInterval: seconds(20), rollInactivity: seconds(10) };
      const rig = await new Rig(env, { format: text(), ...rolls }).start();
      for (let n = 0; n < 5; n += 1) {
        await rig.write(String(n));
        await rig.wait(seconds(n === 3 ? 12 : 7));
      }
      await rig.commit();
      assert.deepEqual(await contents(env), { '': ['0\n1\n2\n', '3\n', '4\n'] });
    }));

  test('prefix and suffix are in the names', () =>
    onDisk(3, async (env) => {
      const options = { format: text(), prefix: 'orders', suffix: '.log' };
      const rig = await new Rig(env, options).start();
      await rig.write('a');
      await rig.commit();
      const [path] = await filesBelow(env, FOLDER);
      assert.match(path!, /\/orders-[0-9a-f]{16}-0-1-[0-9a-f]{8}-0[.]log$/);
    }));
});

test('options that cannot be are refused when the job is built', () => {
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ suffix: '/x' }, /suffix/],
    [{ bucketBy: 'day' }, /bucketBy/],
    [{ rollInactivity: 0 }, /rollInactivity/],
    [{ singleFile: 'a', bucketBy: () => '' }, /single/],
    [{ singleFile: 'a', suffix: 'b' }, /single/],
    [{ singleFile: 'a', rollInactivity: 5 }, /single/],
    [{ singleFile: 'a', rollOnCheckpoint: false }, /single/],
  ];
  for (const [options, reason] of refused) {
    assert.throws(
      () => fileSink({ path: FOLDER, format: text(), ...options }),
      (error) => isEngineError(error, 'API_INVALID_ARGUMENT') && reason.test(error.message),
    );
  }
});
