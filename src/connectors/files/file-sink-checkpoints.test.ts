// The file sink in a job with checkpoints: what a reader of the folder sees while subtasks are
// killed, fail, and are restored at this or another parallelism.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { cases } from '../../base/cases.test-kit.ts';
import { isEngineError } from '../../base/errors.ts';
import { minutes } from '../../base/units.ts';
import type { Env } from '../../env/env.ts';
import { text } from '../../formats/text/text.ts';
import { verifySink } from '../../testing/verify-sink.ts';
import type { SinkUnderTest } from '../../testing/verify-sink.ts';
import { fileSink, type FileSinkOptions } from './file-sink.ts';
import { filesBelow, onDisk, readFile, writeFile } from './files.test-kit.ts';

let made = 0;

async function readBytes(env: Env, path: string): Promise<Uint8Array> {
  const file = await env.disk.open(path, 'read');
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  await file.close();
  return bytes;
}

function rig(env: Env, options: Partial<FileSinkOptions<string>> = {}): SinkUnderTest<string> {
  const folder = `/out/${(made += 1)}`;
  const list = async (): Promise<string[]> => {
    const paths = await filesBelow(env, folder);
    return paths.map((path) => path.slice(folder.length + 1));
  };
  const isHidden = (path: string): boolean => /(^|\/)[._]/.test(path);
  return {
    env,
    sink: () => fileSink({ path: folder, format: text(), ...options }),
    record: String,
    async visible() {
      const numbers: number[] = [];
      for (const name of await list()) {
        if (isHidden(name)) continue;
        const bytes = await readBytes(env, `${folder}/${name}`);
        const content = Buffer.from(name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
        assert.match(content, /\n$/, `${name} is torn`);
        numbers.push(...content.trimEnd().split('\n').map(Number));
      }
      return numbers;
    },
    async finished() {
      assert.deepEqual((await list()).filter(isHidden), [], 'nothing is left over');
    },
  };
}

describe('a file sink with checkpoints', () => {
  const variants: Readonly<Record<string, Partial<FileSinkOptions<string>>>> = {
    'a file for each checkpoint': {},
    'files that roll by size as well': { rollBytes: 4 },
    'compressed files': { compression: 'gzip' },
    'files with a time to live': { rollInterval: minutes(1) },
    'files in buckets': { bucketBy: (record) => `of=${Number(record) % 3}/n` },
  };
  for (const [what, options] of Object.entries(variants)) {
    test(`is exactly-once, killed and restored anywhere: ${what}`, () =>
      onDisk(3, (env) => verifySink(() => rig(env, options), { seed: 1, stories: cases(4, 300) })));
  }

  const open: Readonly<Record<string, Partial<FileSinkOptions<string>>>> = {
    'until they are large': { rollBytes: 12 },
    'in buckets': { rollBytes: 9, bucketBy: (record) => `of=${Number(record) % 3}` },
    compressed: { rollBytes: 40, compression: 'gzip' },
    'until the end': {},
  };
  for (const [what, options] of Object.entries(open)) {
    test(`is exactly-once with files that are open over checkpoints: ${what}`, () =>
      onDisk(7, (env) => {
        const make = (): SinkUnderTest<string> => rig(env, { rollOnCheckpoint: false, ...options });
        return verifySink(make, { seed: 70, stories: cases(2, 300), lags: true });
      }));
  }

  test('adds to what is there, or takes its place, over restores', () =>
    onDisk(4, async (env) => {
      for (const onExisting of ['append', 'replace'] as const) {
        const make = async (): Promise<SinkUnderTest<string>> => {
          const under = rig(env, { onExisting });
          await writeFile(env, `/out/${made}/part-0-0.txt`, '-1\n');
          await writeFile(env, `/out/${made}/part-7-3.txt`, '-2\n');
          return {
            ...under,
            visible: async () => (await under.visible()).filter((number) => number >= 0),
            async finished() {
              await under.finished!();
              const old = (await under.visible()).filter((number) => number < 0).length;
              assert.equal(old, onExisting === 'append' ? 2 : 0);
            },
          };
        };
        await verifySink(make, { seed: 40, stories: cases(4, 300) });
      }
    }));

  test('refuses to write one file in parts', () =>
    onDisk(5, async (env) => {
      const under = rig(env, { singleFile: 'all.txt' });
      await assert.rejects(
        verifySink(() => under, { seed: 1, rescales: false, stories: 3 }),
        (error) =>
          isEngineError(error, 'CONNECTOR_SINGLE_FILE_CHECKPOINT') ||
          isEngineError(error, 'CONNECTOR_SINGLE_FILE'),
      );
      assert.deepEqual(await under.visible(), []);
    }));
});

test('the reader outside would see a sink that commits too early', () =>
  onDisk(6, async (env) => {
    const under = rig(env);
    const early: SinkUnderTest<string> = {
      ...under,
      sink() {
        const sink = fileSink({ path: `/out/${made}`, format: text() });
        return {
          ...sink,
          createWriter: (context, restored) => {
            const writer = sink.createWriter(context, restored);
            const prepare = writer.prepareCommit!.bind(writer);
            writer.prepareCommit = async (id) => {
              const committables = await prepare(id);
              const requests = committables.map((committable) => ({ committable }) as never);
              await sink.createCommitter!(context).commit(requests);
              return committables;
            };
            return writer;
          },
        };
      },
    };
    await assert.rejects(
      verifySink(() => early, { seed: 1 }),
      /V1: .* a reader sees/,
    );
    const names = (await env.disk.list(`/out/${made}`)).map(({ name }) => name);
    const seen = names.filter((name) => name.startsWith('part-'));
    assert.ok(seen.length > 0 && (await readFile(env, `/out/${made}/${seen[0]}`)).length > 0);
  }));
