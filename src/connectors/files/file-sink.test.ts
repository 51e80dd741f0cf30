// The sink of files: what is seen in its folder, when, and after which failures.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { isEngineError } from '../../base/errors.ts';
import { Prng } from '../../base/prng.ts';
import { minutes, seconds } from '../../base/units.ts';
import type { Duration } from '../../base/units.ts';
import type { Env } from '../../env/env.ts';
import type { SinkWriter, SinkWriterContext, WriteContext } from '../../functions/sink.ts';
import { text } from '../../formats/text/text.ts';
import { commitRequests, NO_WRITER_STATE } from '../../testing/commit-requests.ts';
import { FileSystems } from '../../storage/file-systems.ts';
import { simulation } from '../../../sim/simulation.ts';
import { openContext } from '../source-harness.test-kit.ts';
import type { FileCommittable } from './file-committer.ts';
import type { FileWriterState } from './file-writer.ts';
import { fileSink, type FileSink, type FileSinkOptions } from './file-sink.ts';
import { jobTag } from './part-files.ts';
import { onDisk, readFile, writeFile } from './files.test-kit.ts';

type Options = Omit<FileSinkOptions<string>, 'format' | 'path'>;

const FOLDER = '/data/out';

function textSink(options: Options = {}): FileSink<string> {
  return fileSink({ path: FOLDER, format: text(), ...options });
}

interface Place {
  readonly subtask?: number;
  readonly parallelism?: number;
  readonly attempt?: number;
  readonly jobId?: string;
  readonly operatorId?: string;
  /** Whether the checkpoint that it goes on from is claimed. */
  readonly restored?: boolean;
}

function contextOf(env: Env, place: Place): SinkWriterContext {
  const { jobId = 'job-1', operatorId = 'sink', restored, ...open } = place;
  return {
    ...{ ...openContext(open), env, jobId, operatorId, sendToClient: () => undefined },
    fileSystem: (uri) => FileSystems.create(env).of(uri),
    ...(restored === undefined ? {} : { restoredCheckpointId: 1, restoredIsClaimed: restored }),
  };
}

const AT = {} as WriteContext;

async function writeAll(
  writer: SinkWriter<unknown, FileCommittable, FileWriterState>,
  records: readonly string[],
): Promise<void> {
  for (const record of records) {
    writer.write(record, AT);
    await writer.busy;
  }
}

/** A subtask up to the point where it is ready to commit; the committables as they are stored. */
async function prepare(
  env: Env,
  sink: FileSink<string>,
  records: readonly string[],
  place: Place = {},
): Promise<Uint8Array[]> {
  const writer = sink.createWriter(contextOf(env, place), NO_WRITER_STATE);
  await writer.start?.();
  await writeAll(writer, records);
  await writer.flush(true);
  const committables = await writer.prepareCommit!(undefined);
  await writer.close();
  return committables.map((committable) => {
    const out = new ByteWriter();
    sink.committable!.codec.encode(committable, out);
    return out.copy();
  });
}

async function commit(
  env: Env,
  sink: FileSink<string>,
  stored: readonly Uint8Array[],
): Promise<void> {
  const decoded = stored.map((bytes) => sink.committable!.codec.decode(new ByteReader(bytes)));
  await sink.createCommitter!(contextOf(env, {})).commit(commitRequests(decoded));
}

/** What readers of the folder see. */
async function visible(env: Env): Promise<Record<string, string>> {
  const entries = (await env.disk.stat(FOLDER)) === undefined ? [] : await env.disk.list(FOLDER);
  const seen: Record<string, string> = {};
  for (const { name } of entries) {
    if (name.startsWith('.')) continue;
    const short = shortOf(name);
    assert.ok(seen[short] === undefined, `${short} is there twice`);
    seen[short] = await readFile(env, `${FOLDER}/${name}`);
  }
  return seen;
}

/** Without what makes it unique: `part-1-0.txt`. */
function shortOf(name: string): string {
  const short = name.replace(/-[0-9a-f]{16}(-\d+)-\d+-[0-9a-f]{8}(-\d+)/, '$1$2');
  return short.replace(/(^[.]writing-.*)-[0-9a-f]{8}$/, '$1');
}

async function hidden(env: Env): Promise<string[]> {
  return (await env.disk.list(FOLDER)).map(({ name }) => name).filter((name) => name[0] === '.');
}

describe('file sink: what is seen', () => {
  test('nothing before the commit, everything after it, and nothing else is left', () =>
    onDisk(1, async (env) => {
      const sink = textSink();
      const zero = await prepare(env, sink, ['a', 'b'], { subtask: 0, parallelism: 2 });
      const one = await prepare(env, sink, ['c'], { subtask: 1, parallelism: 2 });
      assert.deepEqual(await visible(env), {});
      assert.equal((await hidden(env)).length, 2);
      await commit(env, sink, zero);
      await commit(env, sink, one);
      const expected = { 'part-0-0.txt': 'a\nb\n', 'part-1-0.txt': 'c\n' };
      assert.deepEqual(await visible(env), expected);
      await commit(env, sink, [...one, ...zero]);
      assert.deepEqual(await visible(env), expected);
      assert.deepEqual(await hidden(env), []);
    }));

  test('a subtask without records writes no file', () =>
    onDisk(1, async (env) => {
      assert.deepEqual(await prepare(env, textSink(), []), []);
      assert.deepEqual(await hidden(env), []);
    }));

  test('W2: files roll by size, whole records only, each once', () =>
    onDisk(1, async (env) => {
      const sink = textSink({ rollBytes: 1_000_000 });
      const records = Array.from({ length: 40_000 }, (_, i) => `record ${i} ${'x'.repeat(80)}`);
      await commit(env, sink, await prepare(env, sink, records));
      const files = await visible(env);
      assert.deepEqual(
        Object.keys(files).sort(),
        [0, 1, 2, 3].map((i) => `part-0-${i}.txt`),
      );
      assert.equal(Object.values(files).join(''), `${records.join('\n')}\n`);
      for (const content of Object.values(files)) assert.ok(content.endsWith('\n'));
    }));

  test('W2: a record longer than a block', () =>
    onDisk(1, async (env) => {
      const sink = textSink();
      const records = ['short', 'x'.repeat(1_000_000), 'y'.repeat(3_000_000), 'short'];
      await commit(env, sink, await prepare(env, sink, records));
      assert.deepEqual(await visible(env), { 'part-0-0.txt': `${records.join('\n')}\n` });
    }));

  test('files roll by age, also when no record comes', () =>
    onDisk(1, async (env) => {
      const sink = textSink({ rollInterval: seconds(10) });
      const writer = sink.createWriter(contextOf(env, {}), NO_WRITER_STATE);
      await writer.start?.();
      const wait = (time: Duration): Promise<void> =>
        new Promise((resolve) => void env.clock.after(time, resolve));
      await writeAll(writer, ['a', 'b']);
      await wait(seconds(30));
      await writeAll(writer, ['c']);
      await writer.flush(true);
      const committables = await writer.prepareCommit!(undefined);
      assert.deepEqual(
        committables[0]!.files.map(({ uri }) => shortOf(uri)),
        [`file:${FOLDER}/part-0-0.txt`, `file:${FOLDER}/part-0-1.txt`],
      );
      await sink.createCommitter!(contextOf(env, {})).commit(commitRequests(committables));
      await writer.close();
      assert.deepEqual(await visible(env), { 'part-0-0.txt': 'a\nb\n', 'part-0-1.txt': 'c\n' });
    }));

  test('gzip: one content, however many blocks', () =>
    onDisk(1, async (env) => {
      const sink = textSink({ compression: 'gzip' });
      const records = Array.from({ length: 30_000 }, (_, i) => `record ${i}`);
      await commit(env, sink, await prepare(env, sink, records));
      const { name } = (await env.disk.list(FOLDER))[0]!;
      assert.equal(shortOf(name), 'part-0-0.txt.gz');
      const file = await env.disk.open(`${FOLDER}/${name}`, 'read');
      const bytes = new Uint8Array(await file.size());
      await file.read(bytes, 0);
      await file.close();
      assert.equal(gunzipSync(bytes).toString(), `${records.join('\n')}\n`);
    }));

  test('one file of a fixed name, there also without records', () =>
    onDisk(1, async (env) => {
      const sink = textSink({ singleFile: 'result.csv' });
      await commit(env, sink, await prepare(env, sink, []));
      assert.deepEqual(await visible(env), { 'result.csv': '' });
      await assert.rejects(prepare(env, sink, ['a']), (error) =>
        isEngineError(error, 'CONNECTOR_OUTPUT_EXISTS'),
      );
      const replacing = textSink({ singleFile: 'result.csv', onExisting: 'replace' });
      await commit(env, replacing, await prepare(env, replacing, ['a'], { jobId: 'job-2' }));
      assert.deepEqual(await visible(env), { 'result.csv': 'a\n' });
      assert.throws(
        () => sink.createWriter(contextOf(env, { parallelism: 2 }), NO_WRITER_STATE),
        (error) => isEngineError(error, 'CONNECTOR_SINGLE_FILE'),
      );
    }));
});

describe('file sink: what is there already', () => {
  test('fail: says so before anything is written', () =>
    onDisk(2, async (env) => {
      await writeFile(env, `${FOLDER}/notes.md`, 'mine');
      await assert.rejects(prepare(env, textSink(), ['a']), (error) => {
        assert.ok(isEngineError(error, 'CONNECTOR_OUTPUT_EXISTS'));
        return error.message.includes('/data/out') && error.fix?.includes('onExisting') === true;
      });
      assert.deepEqual(await hidden(env), []);
    }));

  test('a file in the place of the folder', () =>
    onDisk(2, async (env) => {
      await writeFile(env, FOLDER, 'mine');
      await assert.rejects(prepare(env, textSink({ onExisting: 'replace' }), ['a']), (error) =>
        isEngineError(error, 'CONNECTOR_OUTPUT_EXISTS'),
      );
    }));

  test('C2, replace: the old files go when the new ones come, those of others stay', () =>
    onDisk(2, async (env) => {
      const old = ['part-0-0.txt', 'part-0-1.txt', 'part-1-0.csv', 'part-4-0.jsonl.gz'];
      for (const name of old) await writeFile(env, `${FOLDER}/${name}`, 'old\n');
      await writeFile(env, `${FOLDER}/part-0-0.parquet`, 'mine');
      const left = `.writing-part-${jobTag('job-0', 'sink')}-1-1-0a0b0c0d-3.txt-01020304`;
      const used = `.writing-part-${jobTag('job-1', 'sink')}-0-2-0a0b0c0d-9.txt-01020304`;
      await writeFile(env, `${FOLDER}/${left}`, 'left');
      await writeFile(env, `${FOLDER}/${used}`, 'ours, in use');
      const sink = textSink({ onExisting: 'replace' });
      const stored = [];
      for (const subtask of [0, 1, 2]) {
        const records = subtask === 2 ? [] : ['new'];
        stored.push(await prepare(env, sink, records, { subtask, parallelism: 3 }));
      }
      assert.equal((await visible(env))['part-4-0.jsonl.gz'], 'old\n');
      for (const one of stored) await commit(env, sink, one);
      assert.deepEqual(await visible(env), {
        'part-0-0.parquet': 'mine',
        'part-0-0.txt': 'new\n',
        'part-1-0.txt': 'new\n',
      });
      assert.deepEqual(await hidden(env), [used]);
    }));

  test('O2, replace: two sinks of a job in one folder leave each other alone', () =>
    onDisk(2, async (env) => {
      const sink = textSink({ onExisting: 'replace' });
      const one = await prepare(env, sink, ['a'], { operatorId: 'one' });
      const two = await prepare(env, sink, ['b'], { operatorId: 'two' });
      await commit(env, sink, one);
      const three = await prepare(env, sink, ['c'], { operatorId: 'three' });
      await commit(env, sink, two);
      await commit(env, sink, three);
      const folder = await env.disk.list(FOLDER);
      assert.equal(folder.filter(({ name }) => /^part-[^.]+[.]txt$/.test(name)).length, 3);
      assert.deepEqual(await hidden(env), []);
    }));

  test('replace: a second run gives the same files', () =>
    onDisk(2, async (env) => {
      for (const jobId of ['first', 'second']) {
        const sink = textSink({ onExisting: 'replace', rollBytes: 10 });
        await commit(env, sink, await prepare(env, sink, ['a', 'b', 'c'], { jobId }));
        assert.deepEqual(await visible(env), { 'part-0-0.txt': 'a\nb\nc\n' });
      }
    }));

  test('append: beside what is there, also of a job that has the same id', () =>
    onDisk(2, async (env) => {
      const sink = textSink({ onExisting: 'append' });
      for (const jobId of ['first', 'second', 'second']) {
        await commit(env, sink, await prepare(env, sink, [jobId], { jobId }));
      }
      const names = (await env.disk.list(FOLDER)).map(({ name }) => name);
      const contents = await Promise.all(names.map((name) => readFile(env, `${FOLDER}/${name}`)));
      assert.deepEqual(contents.toSorted(), ['first\n', 'second\n', 'second\n']);
    }));

  test('a file that another program has put there meanwhile is not overwritten', () =>
    onDisk(2, async (env) => {
      const sink = textSink({ singleFile: 'all.txt' });
      const stored = await prepare(env, sink, ['a']);
      await writeFile(env, `${FOLDER}/all.txt`, 'theirs');
      await assert.rejects(commit(env, sink, stored), (error) =>
        isEngineError(error, 'CONNECTOR_OUTPUT_LOST'),
      );
      assert.deepEqual(await visible(env), { 'all.txt': 'theirs' });
    }));
});

describe('file sink: failures', () => {
  test('W3: a writer that is closed before it is asked for its files removes them', () =>
    onDisk(3, async (env) => {
      const sink = textSink({ rollBytes: 1 });
      const writer = sink.createWriter(contextOf(env, {}), NO_WRITER_STATE);
      await writer.start?.();
      await writeAll(writer, ['x'.repeat(300_000), 'y'.repeat(300_000), 'z']);
      await writer.close();
      assert.deepEqual(await hidden(env), []);
    }));

  test('a later attempt removes what an earlier one of its subtask left, nothing else', () =>
    onDisk(3, async (env) => {
      const sink = textSink();
      await prepare(env, sink, ['a'], { attempt: 1, parallelism: 2 });
      await prepare(env, sink, ['b'], { attempt: 1, parallelism: 2, subtask: 1 });
      await prepare(env, sink, ['c'], { attempt: 1, parallelism: 2, jobId: 'other' });
      const again = await prepare(env, sink, ['a'], { attempt: 2, parallelism: 2 });
      assert.equal((await hidden(env)).length, 3);
      await commit(env, sink, again);
      assert.deepEqual(await visible(env), { 'part-0-0.txt': 'a\n' });
    }));

  test('a file that has gone, or changed, is not committed', () =>
    onDisk(3, async (env) => {
      const sink = textSink();
      const stored = await prepare(env, sink, ['abc']);
      const [name] = await hidden(env);
      const lost = (reason: RegExp) => (error: unknown) =>
        isEngineError(error, 'CONNECTOR_OUTPUT_LOST') && reason.test(error.message);
      await writeFile(env, `${FOLDER}/${name}`, 'ab');
      await assert.rejects(commit(env, sink, stored), lost(/it has 2 bytes of 4/));
      await env.disk.remove(`${FOLDER}/${name}`);
      await assert.rejects(commit(env, sink, stored), lost(/nor the file itself exists/));
      const final = name!.replace(/^\.writing-(.*)-[0-9a-f]+$/, '$1');
      await writeFile(env, `${FOLDER}/${final}`, 'xyz\n');
      await assert.rejects(commit(env, sink, stored), lost(/another one/));
    }));

  test('a full disk fails the writer, and what it wrote is removed', async () => {
    const world = simulation({ seed: 3, buggify: false });
    const host = world.host('host');
    host.files.room = 700_000;
    await world.runProcess(
      host,
      async (env) => {
        const sink = textSink({ rollBytes: 300_000 });
        const writer = sink.createWriter(contextOf(env, {}), NO_WRITER_STATE);
        await writer.start?.();
        const records = Array.from({ length: 20 }, () => 'x'.repeat(100_000));
        await assert.rejects(
          async () => {
            await writeAll(writer, records);
            await writer.flush(true);
          },
          (error) => isEngineError(error, 'IO_NO_SPACE'),
        );
        await writer.close();
        assert.deepEqual(await hidden(env), []);
      },
      minutes(10),
    );
  });

  test('a sync that fails prepares nothing', async () => {
    const world = simulation({ seed: 3, buggify: false });
    const host = world.host('host');
    await world.runProcess(
      host,
      async (env) => {
        const writer = textSink().createWriter(contextOf(env, {}), NO_WRITER_STATE);
        await writer.start?.();
        await writeAll(writer, ['a']);
        host.files.syncFailures = 1;
        await assert.rejects(async () => writer.flush(true), isEngineError);
        await writer.close();
        assert.deepEqual(await hidden(env), []);
      },
      minutes(10),
    );
  });

  test('W1: a slow disk holds the records back', async () => {
    const world = simulation({ seed: 3, buggify: false, knobs: { diskMicros: 1_000_000 } });
    await world.runProcess(
      world.host('host'),
      async (env) => {
        const sink = textSink();
        const writer = sink.createWriter(contextOf(env, {}), NO_WRITER_STATE);
        await writer.start?.();
        const records = Array.from({ length: 300 }, (_, i) => `${i}-${'x'.repeat(10_000)}`);
        let unhindered = 0;
        for (const record of records) {
          writer.write(record, AT);
          if (writer.busy === undefined) unhindered += 1;
          else {
            assert.ok(unhindered < 54, `${unhindered} records of 10 KB were taken at once`);
            unhindered = 0;
            await writer.busy;
          }
        }
        await writer.flush(true);
        const committables = await writer.prepareCommit!(undefined);
        await sink.createCommitter!(contextOf(env, {})).commit(commitRequests(committables));
        await writer.close();
        assert.deepEqual(await visible(env), { 'part-0-0.txt': `${records.join('\n')}\n` });
      },
      minutes(100),
    );
  });

  test('two sinks of a job write into one folder, and neither touches what the other writes', () =>
    onDisk(3, async (env) => {
      const sink = textSink({ onExisting: 'append' });
      const one = await prepare(env, sink, ['a'], { operatorId: 'one' });
      const two = await prepare(env, sink, ['b'], { operatorId: 'two', attempt: 2 });
      await prepare(env, textSink({ prefix: 'other' }), ['c'], { operatorId: 'one', attempt: 2 });
      await commit(env, sink, [...one, ...two]);
      const names = (await env.disk.list(FOLDER)).map(({ name }) => name);
      assert.deepEqual(names.map(shortOf).toSorted(), [
        ...['.writing-other-0-0.txt', 'part-0-0.txt', 'part-0-0.txt'],
      ]);
    }));
});

describe('file sink: crashes', () => {
  const PARALLELISM = 2;
  const records = (subtask: number): string[] =>
    Array.from({ length: 3 }, (_, i) => `${subtask}-${i}-${'x'.repeat(150_000)}`);
  const contentOf = (subtask: number): Record<string, string> => ({
    [`part-${subtask}-0.txt`]: `${records(subtask).slice(0, 2).join('\n')}\n`,
    [`part-${subtask}-1.txt`]: `${records(subtask)[2]}\n`,
  });
  const complete: Record<string, string> = { ...contentOf(0), ...contentOf(1) };
  const leftovers = { 'part-0-8.txt': 'old\n', 'part-1-7.txt': 'old\n' };

  /** The job, whose master remembers what it decided; true when it has ended. */
  interface Master {
    attempt: number;
    decided: Uint8Array[][] | undefined;
  }

  async function run(env: Env, master: Master): Promise<void> {
    const sink = textSink({ onExisting: 'replace', rollBytes: 200_000 });
    if (master.decided === undefined) {
      master.attempt += 1;
      const stored: Uint8Array[][] = [];
      for (let subtask = 0; subtask < PARALLELISM; subtask++) {
        const place = { subtask, parallelism: PARALLELISM, attempt: master.attempt };
        stored.push(await prepare(env, sink, records(subtask), place));
      }
      master.decided = stored;
    }
    for (const stored of master.decided) await commit(env, sink, stored);
  }

  /** Every file is the old one or the complete new one; and an old one goes only for new ones. */
  function checkSeen(
    seen: Readonly<Record<string, string>>,
    old: Readonly<Record<string, string>>,
    decided: boolean,
  ): void {
    if (!decided) assert.deepEqual(seen, old);
    for (const [name, body] of Object.entries(seen)) {
      assert.ok(old[name] === body || complete[name] === body, `${name} is torn`);
    }
    for (const name of Object.keys(old)) {
      if (seen[name] !== undefined) continue;
      for (const fresh of Object.keys(contentOf(Number(name[5])))) {
        assert.ok(seen[fresh] === complete[fresh], `${name} is gone before ${fresh} has come`);
      }
    }
  }

  async function writeOld(env: Env, old: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, body] of Object.entries(old)) {
      await writeFile(env, `${FOLDER}/${name}`, body);
      const file = await env.disk.open(`${FOLDER}/${name}`, 'update');
      await file.sync();
      await file.close();
      for (const folder of ['/', '/data', FOLDER]) await env.disk.syncDirectory(folder);
    }
  }

  interface Crash {
    readonly power: boolean;
    readonly old: Readonly<Record<string, string>>;
  }

  async function crashAt(step: number, { power, old }: Crash): Promise<'crashed' | 'ended'> {
    const world = simulation({ seed: 1000 + step, buggify: false });
    const host = world.host('host');
    const powerFails = (): void => {
      host.crash(Prng.of(step));
      host.restart();
    };
    const within = minutes(10);
    await world.runProcess(host, (env) => writeOld(env, old), within);
    const master: Master = { attempt: 0, decided: undefined };
    const begin = world.scheduler.steps;
    const process = host.start('job', async (env) => {
      await run(env, master);
      return 0;
    });
    const until = (): boolean => !process.alive || world.scheduler.steps - begin >= step;
    await world.run({ until, within });
    const crashed = process.alive;
    if (power) powerFails();
    else if (crashed) {
      process.kill();
      await world.run({ until: () => !process.alive, within });
    }
    await world.runProcess(
      host,
      async (env) => {
        checkSeen(await visible(env), old, master.decided !== undefined);
        await run(env, master);
        assert.deepEqual(await hidden(env), []);
      },
      within,
    );
    if (power) powerFails();
    await world.runProcess(
      host,
      async (env) => {
        assert.deepEqual(await visible(env), complete);
        await run(env, master);
        assert.deepEqual(await visible(env), complete);
      },
      within,
    );
    return crashed ? 'crashed' : 'ended';
  }

  for (const power of [false, true]) {
    for (const [what, old] of Object.entries({ 'nothing there': {}, 'files there': leftovers })) {
      const how = power ? 'the power fails' : 'the process is killed';
      if (!power && what === 'nothing there') continue;
      test(`C1, C2: ${how} after every event, ${what} before`, async () => {
        let step = 1;
        while ((await crashAt(step, { power, old })) === 'crashed') step += 1;
        assert.ok(step > 60, `only ${step} events`);
      });
    }
  }
});
