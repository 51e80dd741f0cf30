// The source of lines in files: every line once, wherever files are cut and readers are stopped.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync, deflateSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { isEngineError } from '../../base/errors.ts';
import { seconds } from '../../base/units.ts';
import { csv } from '../../formats/csv/csv.ts';
import { text } from '../../formats/text/text.ts';
import { t } from '../../types/t.ts';
import type { Driven } from './files.test-kit.ts';
import { drive, onDisk, writeFile } from './files.test-kit.ts';
import { fileSource, type FileSourceOptions } from './file-source.ts';

type Options = Omit<FileSourceOptions<string>, 'format'>;

function lines(options: Options): ReturnType<typeof fileSource<string>> {
  return fileSource({ format: text(), ...options });
}

/** What a reader of the whole file would give: no format, no splits. */
function linesOf(content: string): string[] {
  const all = content.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  if (content === '' || content.endsWith('\n')) all.pop();
  return all;
}

function sorted(values: readonly unknown[]): unknown[] {
  return values.toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
}

const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.string({ unit: fc.constantFrom('a', 'é', '漢', '😀', ' '), maxLength: 12 }),
  },
  { weight: 1, arbitrary: fc.constant('') },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom('x', '😀'), minLength: 40, maxLength: 90 }),
  },
);
const content = fc
  .record({
    lines: fc.array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n')), { maxLength: 30 }),
    last: fc.oneof(fc.constant(''), line),
  })
  .map(({ lines: all, last }) => all.map(([body, end]) => body + end).join('') + last);

describe('file source: splits', () => {
  test('S1: every line once and in order within a split, whatever the sizes and the parallelism', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(content, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        (contents, splitBytes, blockBytes, parallelism, perPoll) =>
          onDisk(1, async (env) => {
            for (const [i, each] of contents.entries()) await writeFile(env, `/in/${i}.txt`, each);
            const source = lines({ path: '/in', splitBytes, blockBytes });
            const { collected, ended } = await drive(env, source, { parallelism, perPoll });
            assert.ok(ended);
            const expected = contents.flatMap(linesOf);
            if (parallelism === 1) assert.deepEqual(collected[0], expected);
            else assert.deepEqual(sorted(collected.flat()), sorted(expected));
          }),
      ),
      { seed: 11, numRuns: 150 },
    ));

  test('S1, S2: stopped and restored at every record, nothing is lost and nothing doubled', () =>
    fc.assert(
      fc.asyncProperty(
        content,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        (body, splitBytes, blockBytes, parallelism, compressed) =>
          onDisk(2, async (env) => {
            const path = compressed ? '/in/a.txt.gz' : '/in/a.txt';
            await writeFile(env, path, compressed ? gzipSync(body) : body);
            const source = lines({ path, splitBytes, blockBytes });
            const expected = sorted(linesOf(body));
            for (let stopAfter = 0; stopAfter <= expected.length; stopAfter++) {
              const first = await drive(env, source, { parallelism, stopAfter, perPoll: 2 });
              const again: Driven = await drive(env, source, {
                parallelism: 1 + (stopAfter % 3),
                restored: first.snapshot,
              });
              const all = [...first.collected.flat(), ...again.collected.flat()];
              assert.deepEqual(sorted(all), expected);
            }
          }),
      ),
      { seed: 12, numRuns: 25 },
    ));

  test('a line longer than blocks and headroom', () =>
    onDisk(3, async (env) => {
      const long = 'é'.repeat(300_000);
      const body = `first\n${long}\nlast`;
      await writeFile(env, '/in/a.txt', body);
      for (const blockBytes of [1000, 65_536, 500_000]) {
        const source = lines({ path: '/in/a.txt', splitBytes: 100_000, blockBytes });
        const { collected } = await drive(env, source, { parallelism: 2 });
        assert.deepEqual(sorted(collected.flat()), sorted(['first', 'last', long]));
      }
    }));

  test('a byte order mark is no part of the first line', () =>
    onDisk(4, async (env) => {
      await writeFile(env, '/in/a.txt', '\uFEFFa\nb\n');
      for (const splitBytes of [1, 2, 3, 4, 100]) {
        const { collected } = await drive(env, lines({ path: '/in/a.txt', splitBytes }));
        assert.deepEqual(collected[0], ['a', 'b']);
      }
    }));
});

describe('file source: compressed files', () => {
  const body = Array.from({ length: 5000 }, (_, i) => `line ${i} of a file`).join('\n');
  const members = [body.slice(0, 1000), body.slice(1000)];
  const files: Readonly<Record<string, Uint8Array>> = {
    'a.txt.gz': gzipSync(body),
    'members.txt.gz': Buffer.concat(members.map((part) => gzipSync(part))),
    'a.txt.deflate': deflateSync(body),
    'a.txt.zst': zstdCompressSync(body),
  };
  for (const [name, bytes] of Object.entries(files)) {
    test(name, () =>
      onDisk(5, async (env) => {
        await writeFile(env, `/in/${name}`, bytes);
        const source = lines({ path: '/in', splitBytes: 10, blockBytes: 777 });
        const { collected } = await drive(env, source, { parallelism: 2 });
        assert.deepEqual(collected.flat(), body.split('\n'));
      }),
    );
  }

  test('a damaged one fails and is named', () =>
    onDisk(6, async (env) => {
      await writeFile(env, '/in/a.gz', gzipSync(body).subarray(0, 2000));
      await assert.rejects(drive(env, lines({ path: '/in/a.gz' })), (error) => {
        assert.ok(isEngineError(error, 'DATA_CORRUPT'));
        return error.message.includes('/in/a.gz');
      });
    }));

  test('one that nobody can read here says what to do', () =>
    onDisk(6, async (env) => {
      await writeFile(env, '/in/a.bz2', 'BZh9');
      await assert.rejects(drive(env, lines({ path: '/in/a.bz2' })), (error) =>
        isEngineError(error, 'CONNECTOR_COMPRESSION_UNSUPPORTED'),
      );
    }));
});

describe('file source: finding files', () => {
  const tree = [
    '/in/a.txt',
    '/in/b.csv',
    '/in/.c.txt',
    '/in/_d.txt',
    '/in/x/e.txt',
    '/in/x/y/f.txt',
  ];

  async function found(path: string, recursive = false): Promise<unknown[]> {
    return onDisk(7, async (env) => {
      for (const file of tree) await writeFile(env, file, `${file}\n`);
      await writeFile(env, '/in/.git/g.txt', 'hidden\n');
      return (await drive(env, lines({ path, recursive }))).collected[0]! as unknown[];
    });
  }

  test('a file, a folder, patterns, in order', async () => {
    assert.deepEqual(await found('/in/a.txt'), ['/in/a.txt']);
    assert.deepEqual(await found('/in/.c.txt'), ['/in/.c.txt']);
    assert.deepEqual(await found('/in'), ['/in/a.txt', '/in/b.csv']);
    assert.deepEqual(await found('/in', true), [
      '/in/a.txt',
      '/in/b.csv',
      '/in/x/e.txt',
      '/in/x/y/f.txt',
    ]);
    assert.deepEqual(await found('/in/*.txt'), ['/in/a.txt']);
    assert.deepEqual(await found('/in/**/*.txt'), ['/in/a.txt', '/in/x/e.txt', '/in/x/y/f.txt']);
    assert.deepEqual(await found('/in/**'), [
      '/in/a.txt',
      '/in/b.csv',
      '/in/x/e.txt',
      '/in/x/y/f.txt',
    ]);
    assert.deepEqual(await found('/in/{a,b}.*'), ['/in/a.txt', '/in/b.csv']);
    assert.deepEqual(await found('/in/*/e.txt'), ['/in/x/e.txt']);
    assert.deepEqual(await found('/in/_*'), ['/in/_d.txt']);
  });

  test('a missing file: where it was looked for, and what is there', async () => {
    await assert.rejects(found('/in/a.text'), (error) => {
      assert.ok(isEngineError(error, 'CONNECTOR_FILE_NOT_FOUND'));
      return (
        error.message.includes('/in/a.text') && error.message.includes('Did you mean "a.txt"?')
      );
    });
    await assert.rejects(found('/nowhere/a.txt'), /Nor is there a folder \/nowhere/);
    await assert.rejects(found('/in/qqqqqqqqq'), /That folder holds a.txt, b.csv, x\./);
  });

  test('a pattern without a match says what is there', () =>
    assert.rejects(found('/in/*.json'), (error) => {
      assert.ok(isEngineError(error, 'CONNECTOR_NO_FILES'));
      return error.message.includes('holds a.txt, b.csv, x');
    }));

  test('folders without end, as a link to a folder above gives, are an error', () =>
    onDisk(8, async (env) => {
      await writeFile(env, `/in${'/x'.repeat(40)}/a.txt`, 'a');
      for (const path of ['/in', '/in/**']) {
        await assert.rejects(drive(env, lines({ path, recursive: true })), (error) =>
          isEngineError(error, 'CONNECTOR_FOLDERS_TOO_DEEP'),
        );
      }
    }));

  test('an empty folder is no records', () =>
    onDisk(8, async (env) => {
      await env.disk.makeDirectory('/in');
      assert.deepEqual((await drive(env, lines({ path: '/in' }))).collected, [[]]);
    }));
});

describe('file source: watching', () => {
  test('E1: new files are read once, for as long as it runs, also after a restore', () =>
    onDisk(9, async (env) => {
      await writeFile(env, '/in/a.txt', 'a\n');
      const source = lines({ path: '/in', watch: seconds(1) });
      assert.equal(source.boundedness, 'unbounded');
      const publish = async (name: string): Promise<void> => {
        await writeFile(env, `/in/.${name}`, `${name}\n`);
        await env.disk.rename(`/in/.${name}`, `/in/${name}`);
      };
      const later = new Promise<void>((resolve, reject) => {
        env.clock.after(seconds(5), () => void publish('b.txt').then(resolve, reject));
      });
      const first = await drive(env, source, { parallelism: 2, stopAfter: 2 });
      await later;
      assert.deepEqual(first.collected.flat(), ['a', 'b.txt']);
      await writeFile(env, '/in/empty.txt', '');
      await publish('c.txt');
      const again = await drive(env, source, { stopAfter: 1, restored: first.snapshot });
      assert.deepEqual(again.collected.flat(), ['c.txt']);
      assert.equal(again.ended, false);
      await writeFile(env, '/in/empty.txt', 'not empty\n');
      const last = await drive(env, source, { stopAfter: 1, restored: again.snapshot });
      assert.deepEqual(last.collected.flat(), ['not empty']);
    }));
});

describe('file source: lines that are no records', () => {
  const bad = new Uint8Array([0xff]);
  const body = Buffer.concat(
    ['a\nb\n', bad, '\nc\n', bad, bad, '\nd'].map((part) => Buffer.from(part as string)),
  );

  test('fail: says file, line, column and byte, also from the middle of a file', () =>
    onDisk(10, async (env) => {
      await writeFile(env, '/in/a.txt', body);
      for (const splitBytes of [100, 3]) {
        await assert.rejects(drive(env, lines({ path: '/in/a.txt', splitBytes })), (error) => {
          assert.ok(isEngineError(error, 'CONNECTOR_MALFORMED_LINE'));
          assert.match(error.message, /^\/in\/a\.txt:3:1: .* from byte 4 on/s);
          return true;
        });
      }
    }));

  test('skip: goes on and counts', () =>
    onDisk(10, async (env) => {
      await writeFile(env, '/in/a.txt', body);
      const source = lines({ path: '/in/a.txt', splitBytes: 3, onError: 'skip' });
      const { collected, counters } = await drive(env, source, { parallelism: 2 });
      assert.deepEqual(sorted(collected.flat()), ['a', 'b', 'c', 'd']);
      assert.deepEqual(counters, { malformedLines: 2 });
    }));

  test('F2: side output: each once with its place, also when stopped and restored in between', () =>
    onDisk(10, async (env) => {
      await writeFile(env, '/in/a.txt', body);
      const expected = [
        { file: '/in/a.txt', line: 3, offset: 4 },
        { file: '/in/a.txt', line: 5, offset: 8 },
      ];
      for (const splitBytes of [100, 5, 2]) {
        const source = lines({ path: '/in/a.txt', splitBytes, onError: 'side-output' });
        for (let ended = false, polls = 0; !ended; polls++) {
          const first = await drive(env, source, { stopAfterPolls: polls, perPoll: 1 });
          ended = first.ended;
          const again = await drive(env, source, { restored: first.snapshot });
          const side = [...first.side, ...again.side] as { readonly [name: string]: unknown }[];
          assert.deepEqual(
            side.map(({ file, line: number, offset }) => ({ file, line: number, offset })),
            expected,
          );
          const records = [...first.collected.flat(), ...again.collected.flat()];
          assert.deepEqual(records, ['a', 'b', 'c', 'd']);
        }
      }
    }));

  test('every record has a place', () =>
    onDisk(10, async (env) => {
      await writeFile(env, '/in/a.txt', 'a\nb\nc\n');
      const places: string[] = [];
      const onRecord = (place: string): void => void places.push(place);
      await drive(env, lines({ path: '/in/a.txt' }), { onRecord });
      await drive(env, lines({ path: '/in/a.txt', splitBytes: 3 }), { onRecord });
      assert.deepEqual(places, [
        '/in/a.txt:1',
        '/in/a.txt:2',
        '/in/a.txt:3',
        '/in/a.txt:1',
        '/in/a.txt:2',
        '/in/a.txt, byte 4',
      ]);
    }));

  test('a file that became shorter fails', () =>
    onDisk(10, async (env) => {
      await writeFile(env, '/in/a.txt', 'a\n'.repeat(1000));
      const source = lines({ path: '/in/a.txt', blockBytes: 10 });
      const first = await drive(env, source, { stopAfter: 3 });
      await writeFile(env, '/in/a.txt', 'a\n'.repeat(10));
      await assert.rejects(drive(env, source, { restored: first.snapshot }), (error) =>
        isEngineError(error, 'CONNECTOR_FILE_CHANGED'),
      );
    }));
});

describe('file source: headers', () => {
  const City = t.struct({ name: t.string, people: t.int32 });
  const rows = Array.from({ length: 40 }, (_, i) => ({ name: `city ${i}`, people: i * 1000 }));
  const head = 'people,country,name\r\n';
  const table = head + rows.map(({ name, people }) => `${people},X,"${name}"\r\n`).join('');

  test('every split knows the columns, wherever it begins, also in the header', () =>
    onDisk(11, async (env) => {
      await writeFile(env, '/in/a.csv', table);
      await writeFile(env, '/in/b.csv.gz', gzipSync(`\uFEFF${table}`));
      const expected = [...rows, ...rows];
      for (const splitBytes of [1, 7, head.length - 1, head.length, head.length + 1, 100, 1000]) {
        const source = fileSource({ path: '/in', format: csv(City), splitBytes, blockBytes: 33 });
        const { collected } = await drive(env, source);
        assert.deepEqual(collected[0], expected);
      }
    }));

  test('stopped and restored at every record', () =>
    onDisk(11, async (env) => {
      await writeFile(env, '/in/a.csv', table);
      const source = fileSource({ path: '/in/a.csv', format: csv(City), splitBytes: 100 });
      for (let stopAfter = 0; stopAfter <= rows.length; stopAfter++) {
        const first = await drive(env, source, { stopAfter });
        const again = await drive(env, source, { restored: first.snapshot });
        assert.deepEqual([...first.collected.flat(), ...again.collected.flat()], rows);
      }
    }));

  test('a header without lines, with and without its end', () =>
    onDisk(11, async (env) => {
      for (const content of [head, head.trim()]) {
        await writeFile(env, '/in/a.csv', content);
        const source = fileSource({ path: '/in/a.csv', format: csv(City), splitBytes: 5 });
        assert.deepEqual((await drive(env, source)).collected, [[]]);
      }
    }));

  test('numbers of lines count the header', () =>
    onDisk(11, async (env) => {
      await writeFile(env, '/in/a.csv', `${head}1,X,a\n2,X,b\nx,X,c\n`);
      for (const splitBytes of [1000, 10]) {
        const source = fileSource({ path: '/in/a.csv', format: csv(City), splitBytes });
        await assert.rejects(drive(env, source), /^\S* ?\S* ?\/in\/a\.csv:4:1: field "people"/);
      }
    }));

  test('a header that lacks a column names the file', () =>
    onDisk(11, async (env) => {
      await writeFile(env, '/in/a.csv', 'people\n1\n');
      const source = fileSource({ path: '/in/a.csv', format: csv(City) });
      await assert.rejects(drive(env, source), (error) => {
        assert.ok(isEngineError(error, 'DATA_BAD_HEADER'));
        return error.scope.record === '/in/a.csv:1';
      });
    }));

  test('a file that may not be split is read in one piece', () =>
    onDisk(11, async (env) => {
      const quoted = `${head}1,X,"a\nb"\n2,X,"\n\n"\n`;
      await writeFile(env, '/in/a.csv', quoted);
      const format = csv(City, { multiline: true });
      const source = fileSource({ path: '/in/a.csv', format, splitBytes: 3, blockBytes: 5 });
      const { collected } = await drive(env, source, { parallelism: 2 });
      assert.deepEqual(collected.flat(), [
        { name: 'a\nb', people: 1 },
        { name: '\n\n', people: 2 },
      ]);
    }));
});
