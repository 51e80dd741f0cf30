// The file connectors on a real disk, with real threads behind it. What they do under crashes is
// tested in the simulator.
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { isEngineError } from '../src/base/errors.ts';
import { seconds } from '../src/base/units.ts';
import { drive } from '../src/connectors/files/files.test-kit.ts';
import { files } from '../src/connectors/files/index.ts';
import { openContext } from '../src/connectors/source-harness.test-kit.ts';
import { commitRequests, NO_WRITER_STATE } from '../src/testing/commit-requests.ts';
import { nodeClock } from '../src/env/node/clock.ts';
import { nodeCompression } from '../src/env/node/compression.ts';
import { nodeDisk } from '../src/env/node/disk.ts';
import { nodeRandom } from '../src/env/node/random.ts';
import { json, text } from '../src/formats/index.ts';
import type { ConnectorEnv, WriteContext } from '../src/index.ts';
import { FileSystems } from '../src/storage/file-systems.ts';
import { t } from '../src/types/t.ts';

const env = {
  clock: nodeClock(),
  disk: nodeDisk(),
  compression: nodeCompression(),
  random: nodeRandom(),
  log: { write: () => undefined },
} as unknown as ConnectorEnv;

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = (await mkdtemp(join(tmpdir(), 'millrace-files-'))).replaceAll('\\', '/');
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const Row = t.struct({ id: t.int32, name: t.string });
const rows = Array.from({ length: 30_000 }, (_, id) => ({ id, name: `row ${id} é` }));
const content = rows.map((row) => `${JSON.stringify(row)}\n`).join('');

async function write(path: string, attempt: number, compression?: 'gzip'): Promise<void> {
  const sink = files.sink({
    path,
    format: json(Row),
    onExisting: 'replace',
    rollBytes: 400_000,
    compression,
  });
  const context = {
    ...openContext({ attempt }),
    env,
    jobId: 'job',
    operatorId: 'sink',
    fileSystem: (uri: string) => FileSystems.create(env).of(uri),
    sendToClient: () => undefined,
  };
  const writer = sink.createWriter(context, NO_WRITER_STATE);
  await writer.start!();
  for (const row of rows) {
    writer.write(row, {} as WriteContext);
    if (writer.busy !== undefined) await writer.busy;
  }
  await writer.flush(true);
  await sink.createCommitter!(context).commit(
    commitRequests(await writer.prepareCommit!(undefined)),
  );
  await writer.close();
}

test('what the sink writes the source reads, in parallel and in order', () =>
  inFolder(async (folder) => {
    await write(`${folder}/out`, 1);
    await write(`${folder}/out`, 2);
    const names = (await readdir(`${folder}/out`)).toSorted();
    assert.ok(
      names.length > 1 && names.every((name) => /^part-\w+-0-[12]-\w+-\d\.jsonl$/.test(name)),
    );
    const written = await Promise.all(names.map((name) => readFile(`${folder}/out/${name}`)));
    assert.equal(Buffer.concat(written).toString(), content);
    const source = files.source({ path: `${folder}/out`, format: json(Row), splitBytes: 100_000 });
    assert.deepEqual((await drive(env, source)).collected, [rows]);
    const { collected } = await drive(env, source, { parallelism: 4 });
    assert.deepEqual(
      collected.flat().toSorted((a, b) => (a as { id: number }).id - (b as { id: number }).id),
      rows,
    );
  }));

test('gzip, written and read', () =>
  inFolder(async (folder) => {
    await write(`${folder}/out`, 1, 'gzip');
    const names = await readdir(`${folder}/out`);
    assert.ok(names.every((name) => /^part-\w+-0-1-\w+-\d\.jsonl\.gz$/.test(name)));
    const parts = await Promise.all(names.map((name) => readFile(`${folder}/out/${name}`)));
    assert.equal(parts.map((part) => gunzipSync(part).toString()).join(''), content);
    const source = files.source({ path: `${folder}/out/*.gz`, format: json(Row) });
    const first = await drive(env, source, { stopAfter: 12_345 });
    const again = await drive(env, source, { restored: first.snapshot });
    assert.deepEqual([...first.collected.flat(), ...again.collected.flat()], rows);
  }));

test('a reader that stops in the middle leaves nothing open', () =>
  inFolder(async (folder) => {
    await writeFile(`${folder}/a.jsonl.gz`, gzipSync(content));
    await writeFile(`${folder}/b.jsonl`, content);
    const source = files.source({ path: folder, format: json(Row), blockBytes: 1000 });
    const before = await openFiles();
    for (const stopAfter of [1, 100, 30_001]) await drive(env, source, { stopAfter });
    assert.deepEqual(await openFiles(), before);
  }));

/** Undefined where the system does not tell. */
async function openFiles(): Promise<number | undefined> {
  return process.platform === 'linux' ? (await readdir('/proc/self/fd')).length : undefined;
}

test('new files are found while it runs', () =>
  inFolder(async (folder) => {
    await mkdir(`${folder}/in`);
    await writeFile(`${folder}/in/a.txt`, 'a\n');
    const source = files.source({
      path: `${folder}/in/*.txt`,
      format: text(),
      watch: seconds(0.01),
    });
    const publish = async (): Promise<void> => {
      await writeFile(`${folder}/in/.b.txt`, 'b');
      await rename(`${folder}/in/.b.txt`, `${folder}/in/b.txt`);
    };
    const { collected } = await drive(env, source, {
      stopAfter: 2,
      onRecord: (place) => (place.endsWith('a.txt:1') ? void publish() : undefined),
    });
    assert.deepEqual(collected, [['a', 'b']]);
  }));

const mayReadAll = process.getuid?.() === 0 || process.platform === 'win32';

test('a file that may not be read is refused; who may read everything reads it', () =>
  inFolder(async (folder) => {
    await writeFile(`${folder}/a.txt`, 'a\n');
    await chmod(`${folder}/a.txt`, 0);
    const source = files.source({ path: `${folder}/a.txt`, format: text() });
    if (mayReadAll) assert.deepEqual((await drive(env, source)).collected, [['a']]);
    else await assert.rejects(drive(env, source), (e) => isEngineError(e, 'IO_ACCESS_DENIED'));
  }));
