// Every example, run as a user runs it, and its whole output held against a computation of its own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  linesOf,
  millrace,
  REPOSITORY,
  start,
  startNode,
  startProgram,
} from './command.test-kit.ts';
import {
  cellsOf,
  dataFile,
  filesOf,
  labelled,
  run,
  runWithRemark,
  sorted,
  withoutSubtask,
} from './examples.test-kit.ts';

const scratch = mkdtempSync(join(tmpdir(), 'millrace-examples-'));
after(() => rmSync(scratch, { recursive: true }));

// ---------------------------------------------------------------------------------- one a feature

describe('word-count', () => {
  /** Word and count so far, in the order of the text. */
  function counts(text: string): readonly string[] {
    const seen: string[] = [];
    for (const word of text.toLowerCase().split(/[^a-z]+/)) {
      if (word !== '') seen.push(word);
    }
    return seen.map(
      (word, i) => `${word} ${seen.slice(0, i + 1).filter((w) => w === word).length}`,
    );
  }

  test('counts the words of its text, and of another', async () => {
    const source = readFileSync(join(REPOSITORY, 'examples', 'word-count.ts'), 'utf8');
    const expected = counts(/TEXT = `([^`]*)`/.exec(source)![1]!);
    assert.ok(expected.includes('to 4'));
    assert.deepEqual(await run('word-count'), expected);
    const text = 'one two\nTwo, three: THREE three.';
    assert.deepEqual(await run('word-count', '--param', `text=${text}`), counts(text));
  });

  test('gives the same counts with several subtasks, those of a word in order', async () => {
    const source = readFileSync(join(REPOSITORY, 'examples', 'word-count.ts'), 'utf8');
    const expected = counts(/TEXT = `([^`]*)`/.exec(source)![1]!);
    const printed = await run('word-count', '-p', '3');
    assert.ok(printed.every((line) => /^[1-3]> /.test(line)));
    const lines = withoutSubtask(printed);
    assert.deepEqual(sorted(lines), sorted(expected));
    const ofTo = lines.filter((line) => line.startsWith('to '));
    assert.deepEqual(ofTo, ['to 1', 'to 2', 'to 3', 'to 4']);
  });
});

test('keyed-state: the third failure in a row, and only that', async () => {
  assert.deepEqual(await run('keyed-state'), [
    'alert> { user: "ada", addresses: ["10.0.0.1", "10.0.0.2"] }',
  ]);
});

test('side-outputs: every line comes out where it belongs', async () => {
  const lines = await run('side-outputs');
  assert.equal(lines.length, 6);
  assert.deepEqual(labelled(lines, 'reading> '), [
    '{ sensor: "kitchen", celsius: 21.5 }',
    '{ sensor: "cellar", celsius: 12 }',
    '{ sensor: "oven", celsius: 230 }',
  ]);
  assert.deepEqual(labelled(lines, 'alarm> '), ['oven is hot']);
  assert.deepEqual(labelled(lines, 'refused> '), ['garden', 'attic warm']);
});

for (const parallelism of ['1', '2']) {
  test(`broadcast-state: no payment is lost, parallelism ${parallelism}`, async () => {
    const lines = await run('broadcast-state', '-p', parallelism);
    assert.deepEqual(
      sorted(lines.map((line) => line.replace(/^(no rate)?:?\d*> /, '$1 ').trim())),
      [
        'no rate { id: 4, currency: "CHF", amount: 7 }',
        'payment 1: 15 EUR',
        'payment 2: 10 EUR',
        'payment 3: 2.5 EUR',
      ],
    );
  });
}

test('connected-streams: each order is paid or unpaid', async () => {
  const lines = await run('connected-streams');
  assert.deepEqual(sorted(lines), ['paid> lamp: 45', 'paid> table: 129', 'unpaid> chair']);
});

test('async-enrichment: all results, in the order of the records', async () => {
  const names = ['Ada', 'Bob', 'Cleo', 'Dora', 'Egon'];
  const expected = [0, 3, 1, 4, 2, 3].map((user) => `user ${user} is ${names[user]}`);
  assert.deepEqual(await run('async-enrichment'), expected);
});

test('custom-partitioner: Europe in the first subtask, in order', async () => {
  const lines = await run('custom-partitioner');
  assert.equal(lines.length, 6);
  assert.deepEqual(labelled(lines, 'order:1> '), ['de 17', 'fr 25', 'it 1']);
  assert.deepEqual(labelled(lines, 'order:2> '), ['us 4', 'br 9', 'us 30']);
});

test('union: the pieces of both tills', async () => {
  assert.deepEqual(sorted(await run('union')), [
    '{ item: "bread", pieces: 5 }',
    '{ item: "eggs", pieces: 12 }',
    '{ item: "milk", pieces: 3 }',
  ]);
});

test('reduce-and-aggregate: a result after each record', async () => {
  const lines = await run('reduce-and-aggregate');
  assert.equal(lines.length, 8);
  const longest = ['mia: Bonn', 'leo: Ulm', 'mia: Köln', 'mia: Köln'];
  assert.deepEqual(labelled(lines, 'longest> '), longest);
  assert.deepEqual(labelled(lines, 'mean> '), ['mia: 10', 'leo: 4', 'mia: 17.5', 'mia: 15']);
});

test('rate-limited-generator: all records, no faster than asked', async () => {
  const expected = Array.from({ length: 40 }, (_, i) => i)
    .filter((i) => i % 7 !== 0)
    .map((i) => `{ user: "user-${i % 3}", page: ${(i * i) % 7} }`);
  const begun = performance.now();
  const args = ['-p', '2', '--param', 'count=40', '--param', 'rate=40'];
  const lines = withoutSubtask(await run('rate-limited-generator', ...args));
  const seconds = (performance.now() - begun) / 1000;
  assert.deepEqual(sorted(lines), sorted(expected));
  assert.ok(seconds > 0.8, `40 records at 40 a second came in ${seconds} s`);
});

test('execute-and-collect: a program gets the records', async () => {
  const { stdout, stderr, code } = await startNode(['examples/execute-and-collect.ts']).ended;
  assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
  const divisors = Array.from({ length: 50 }, (_, i) => {
    const all = Array.from({ length: 50 }, (_any, j) => j + 1);
    return all.filter((d) => (i + 1) % d === 0).length;
  });
  const primes = divisors.flatMap((count, i) => (count === 2 ? [i + 1] : []));
  const most = Math.max(...divisors);
  assert.deepEqual(linesOf(stdout), [
    `${primes.length} primes, the last is ${primes.at(-1)}`,
    `most divisors: {"n":${divisors.indexOf(most) + 1},"divisors":${most}}`,
  ]);
});

test('savepoint-state: made, renamed and read by a program', async () => {
  const folder = join(scratch, 'savepoint-state');
  const { stdout, stderr, code } = await startNode(['examples/savepoint-state.ts', folder]).ended;
  assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
  const expected = ['"Totals" has 1 operator', 'AMS 1218', 'CDG 1270', 'LHR 1302'];
  assert.deepEqual(linesOf(stdout), expected);
});

test('csv-to-json: every airport of the state, exact numbers', async () => {
  const expected = dataFile('airports.csv')
    .slice(1)
    .map(cellsOf)
    .filter((cells) => cells[3] === 'CO')
    .map(([iata, name, , , , latitude, longitude]) => ({
      ...{ iata, name },
      position: { latitude: Number(latitude), longitude: Number(longitude) },
    }));
  assert.ok(expected.length > 10);
  const out = join(scratch, 'airports');
  for (const _run of ['first', 'second']) {
    const printed = await run('csv-to-json', '--param', 'state=CO', '--param', `out=${out}`);
    assert.deepEqual(printed, []);
    const [[name, content]] = [...filesOf(out)] as [[string, string]];
    assert.match(name, /^part-\w{16}-0-1-\w{8}-0[.]jsonl$/);
    assert.deepEqual(
      linesOf(content).map((line) => JSON.parse(line)),
      expected,
    );
  }
});

test('zod-validation: what is valid goes on, the rest is refused with its line', async () => {
  const remark = '4 lines of the input could not be parsed and went where onError says.\n';
  const lines = await runWithRemark(remark, 'zod-validation');
  const orders = ['A-1: 2 x lamp', 'A-5: 1 x lamp', 'A-5: 3 x rug', 'A-7: 1 x rug'];
  assert.deepEqual(labelled(lines, 'order> '), orders);
  const refused = labelled(lines, 'refused> ');
  assert.deepEqual(
    refused.map((line) => line.split(':')[0]),
    ['line 2', 'line 3', 'line 4', 'line 6'],
  );
  assert.match(refused[0]!, /email/);
  assert.equal(lines.length, orders.length + refused.length);
});

test('socket-text: counts as the words come, and ends with the connection', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const params = ['--param', 'host=127.0.0.1', '--param', `port=${port}`];
    const command = start(['run', 'examples/socket-text.ts', ...params]);
    const over = command.ended.then(({ stderr }) => assert.fail(`it did not connect: ${stderr}`));
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const [socket] = await Promise.race([connected, over]);
    over.catch(() => undefined);
    socket.write('a rose is\na ro');
    // The first results come while the connection is open.
    await command.said('is 1\n');
    socket.end('se');
    const { stdout, stderr, code } = await command.ended;
    assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
    assert.deepEqual(linesOf(stdout), ['a 1', 'rose 1', 'is 1', 'a 2', 'rose 2']);
  } finally {
    server.close();
  }
});

test('suspicious-logins.test: tests as users write them pass', async () => {
  const args = ['--test', 'examples/suspicious-logins.test.ts'];
  // Otherwise it takes itself for a part of this run.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout, code } = await startProgram(process.execPath, args, { cwd: REPOSITORY, env })
    .ended;
  assert.equal(code, 0);
  assert.match(stdout, /pass 2\n/);
  assert.match(stdout, /fail 0\n/);
});

test('every example is run here or in a test of processes', () => {
  const others = ['flight-examples', 'flights-in-time', 'e2e/killed-example'];
  const tests = [
    import.meta.filename,
    ...others.map((name) => join(import.meta.dirname, `${name}.test.ts`)),
  ];
  const text = tests.map((file) => readFileSync(file, 'utf8')).join('');
  for (const file of readdirSync(join(REPOSITORY, 'examples')).filter((name) =>
    name.endsWith('.ts'),
  )) {
    assert.ok(text.includes(`'${file.slice(0, -3)}`), `${file} has no test`);
  }
});

// -------------------------------------------------------------------------------------- README

test('the job of the README runs as it stands there', async () => {
  const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
  const [, job, output] = /```ts\n(.*?)```.*?```text\n(.*?)```/s.exec(readme)!;
  const lines = linesOf(job!);
  assert.ok(lines.length <= 20, `${lines.length} lines`);
  writeFileSync(join(scratch, 'count-words.ts'), job!);
  const { stdout, stderr, code } = await millrace(['run', 'count-words.ts'], scratch);
  assert.deepEqual({ stdout, stderr, code }, { stdout: output, stderr: '', code: 0 });
});
