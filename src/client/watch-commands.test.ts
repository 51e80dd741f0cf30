// `millrace top` and `millrace logs`: figures between two looks, and logs read on and on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import { diskWith } from '../config/files.test-kit.ts';
import type { Answers } from './cluster.test-kit.ts';
import { TestCluster } from './cluster.test-kit.ts';
import { fileLog, LogSource, restLog } from './log-source.ts';
import { RestClient } from './rest-client.ts';
import { topOf, type Look } from './top-table.ts';

const JOB = '6f1c0a2e9b7d4f53a1c8e0d2b4f69710';

function vertex(id: string, records: number, busy: number | 'NaN') {
  const metrics = {
    'read-records': records,
    'write-records': records * 2,
    'accumulated-busy-time': busy,
    'accumulated-backpressured-time': 0,
  };
  return { id, name: `Source: ${id}`, parallelism: 2, status: 'RUNNING', metrics };
}

function details(state: string, ...vertices: readonly ReturnType<typeof vertex>[]) {
  return { jid: JOB, name: 'words', state, duration: 12_300, timestamps: {}, vertices };
}

describe('top', () => {
  const answers: Answers = {
    'GET /jobs/overview': {
      jobs: [
        { jid: JOB, name: 'words', state: 'RUNNING' },
        { jid: 'a'.repeat(32), name: 'old', state: 'FINISHED' },
      ],
    },
    [`GET /jobs/${JOB}/status`]: { status: 'RUNNING' },
    [`GET /jobs/${JOB}`]: [
      details('RUNNING', vertex('a', 1000, 500), vertex('b', 0, 'NaN')),
      details('RUNNING', vertex('a', 51_000, 1500), vertex('b', 0, 'NaN')),
      details('FINISHED', vertex('a', 51_000, 1500), vertex('b', 0, 'NaN')),
    ],
    [`GET /jobs/${JOB}/vertices/a/watermarks`]: () =>
      [
        { id: '0.currentInputWatermark', value: '1000' },
        { id: '1.currentInputWatermark', value: '2000' },
      ] as never,
    [`GET /jobs/${JOB}/vertices/b/watermarks`]: () =>
      [{ id: '0.currentInputWatermark', value: '-9223372036854775808' }] as never,
  };
  test('one table where nobody watches, of the one job that runs', async () => {
    const { stdout, stderr, code } = await new TestCluster(answers).run(['top']);
    assert.deepEqual([stderr, code], ['', 0]);
    assert.equal(
      stdout,
      [
        `words (${JOB}) RUNNING, 12.3 s`,
        'vertex     par  status      in   out  in rate  out rate  busy  back-pr.  watermark',
        'Source: a    2  RUNNING  51.0k  102k  50.0k/s    100k/s   50%        0%  1970-01-01T00:00:01.000Z',
        'Source: b    2  RUNNING      0     0      0/s       0/s     -        0%  -',
        '',
      ].join('\n'),
    );
  });

  test('as JSON, a line a look, until the job has ended', async () => {
    const { stdout, code } = await new TestCluster(answers).run(['top', JOB, '--json']);
    assert.equal(code, 0);
    const looks = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly status: string; readonly vertices: object[] });
    assert.deepEqual(
      looks.map(({ status }) => status),
      ['RUNNING', 'FINISHED'],
    );
    assert.deepEqual(looks[0]!.vertices[0], {
      ...{ id: 'a', name: 'Source: a', status: 'RUNNING', parallelism: 2 },
      ...{ recordsIn: 51_000, recordsOut: 102_000 },
      ...{ recordsInPerSecond: 50_000, recordsOutPerSecond: 100_000 },
      ...{ busy: 0.5, backPressured: 0, watermark: 1000 },
    });
    assert.deepEqual(looks[0]!.vertices[1], {
      ...{ id: 'b', name: 'Source: b', status: 'RUNNING', parallelism: 2 },
      ...{ recordsIn: 0, recordsOut: 0, recordsInPerSecond: 0, recordsOutPerSecond: 0 },
      ...{ busy: null, backPressured: 0, watermark: null },
    });
  });

  test('on a terminal it is redrawn until the job has ended, and no line is too long', async () => {
    const { stdout, code } = await new TestCluster(answers).run(['top', JOB], { columns: 60 });
    assert.equal(code, 0);
    const [first, second, ...more] = stdout.split('\u001B[4A\u001B[0J');
    assert.deepEqual(more, []);
    assert.match(first!, /^words \(\w+\) RUNNING, /);
    assert.match(second!, /^words \(\w+\) FINISHED, /);
    for (const line of first!.split('\n')) assert.ok(line.length <= 60, line);
  });

  test('counters that begin anew, and the end of event time', () => {
    const look = (at: number, records: number): Look => ({
      at: milliseconds(at),
      job: details('RUNNING', vertex('a', records, records)),
      watermarks: [[{ id: '0.x', value: '9223372036854775807' }]],
    });
    const [after] = topOf(look(0, 500), look(1000, 10)).vertices;
    assert.deepEqual([after!.recordsInPerSecond, after!.busy, after!.watermark], [0, 0, 'end']);
    const [same] = topOf(look(5, 1), look(5, 2)).vertices;
    assert.deepEqual([same!.recordsInPerSecond, same!.busy], [0, null]);
  });

  test('which job is not guessed', async () => {
    const jobs = [JOB, 'a'.repeat(32)].map((jid) => ({ jid, name: 'words', state: 'RUNNING' }));
    const two = await new TestCluster({ 'GET /jobs/overview': { jobs } }).run(['top']);
    assert.match(
      two.stderr,
      /CLI_JOB_UNCLEAR.*these run: 6f1c0a2e\w+ \(words\), a{32} \(words\)\./,
    );
    const none = await new TestCluster({ 'GET /jobs/overview': { jobs: [] } }).run(['top']);
    assert.match(none.stderr, /CLI_JOB_UNCLEAR.*no job runs\./);
    const wrong = await new TestCluster({}).run(['top', '--interval', 'often']);
    assert.match(wrong.stderr, /CLI_VALUE_INVALID.*--interval cannot be "often"/);
  });
});

const line = (time: string, message: string, fields?: object): string =>
  JSON.stringify({ time: `2026-11-21T05:11:${time}Z`, level: 'info', message, fields });

describe('logs', () => {
  const answers: Answers = {
    'GET /jobmanager/log': [
      line('01', 'started', { port: 1, name: 'a b' }),
      line('04', 'job runs', { job: JOB }),
      '    at some stack',
      '',
    ].join('\n'),
    'GET /taskmanagers': { taskmanagers: [{ id: 'tm-1' }, { id: 'other' }] },
    'GET /taskmanagers/tm-1/log': `${line('03', 'deployed', { job: JOB })}\n${line('02', 'hello')}\n`,
    'GET /taskmanagers/other/log': '',
    'GET /taskmanagers/tm-1/logs/gc.log': 'one\ntwo\nthree\n',
    'GET /jobmanager/logs': { logs: [{ name: 'jobmanager.log', size: 7, mtime: 1 }] },
    'GET /taskmanagers/tm-1/logs': { logs: [{ name: 'gc.log', size: 14, mtime: 1 }] },
    'GET /taskmanagers/other/logs': { logs: [] },
    [`GET /jobs/${JOB}`]: details('RUNNING'),
  };
  const run = async (...args: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await new TestCluster(answers).run(['logs', ...args]);
    assert.equal(stderr, '');
    return stdout;
  };
  const at = '2026-11-21T05:11:';

  test('of the JobManager, as people read them', async () => {
    const said = [
      `${at}01Z INFO  started port=1 name="a b"`,
      `${at}04Z INFO  job runs job=${JOB}`,
      '    at some stack',
      '',
    ].join('\n');
    assert.equal(await run(), said);
    assert.equal(await run('jobmanager'), said);
    assert.equal(await run('-n', '1'), '    at some stack\n');
  });

  test('of a TaskManager, by the beginning of its name; another of its files', async () => {
    assert.match(await run('tm'), /^2026\S+ INFO {2}deployed job=/);
    assert.equal(await run('tm-1', '--file', 'gc.log', '--lines', '2'), 'two\nthree\n');
    assert.equal(await run('other'), '');
  });

  test('about a job, of all, by time', async () => {
    assert.equal(
      await run(JOB),
      [
        `[tm-1] ${at}03Z INFO  deployed job=${JOB}`,
        `[jobmanager] ${at}04Z INFO  job runs job=${JOB}`,
        '',
      ].join('\n'),
    );
  });

  test('as JSON, and which there are', async () => {
    const [first, , last] = (await run('--json')).trim().split('\n');
    assert.deepEqual(JSON.parse(first!), {
      ...{ type: 'log', source: 'jobmanager', time: `${at}01Z`, level: 'info' },
      ...{ message: 'started', fields: { port: 1, name: 'a b' } },
    });
    assert.deepEqual(JSON.parse(last!), {
      ...{ type: 'log', source: 'jobmanager', message: '    at some stack' },
    });
    assert.equal(
      await run('--list'),
      'jobmanager\n  jobmanager.log (7 bytes)\ntm-1\n  gc.log (14 bytes)\nother\n',
    );
  });

  test('of a TaskManager of this machine, from its file and by its name in the cluster', async () => {
    const record = { role: 'taskmanager', name: 'taskmanager-1', id: 'tm-1', log: '/log/tm.log' };
    const file = { version: 1, restUrl: 'http://localhost:8081', processes: [record] };
    const files = {
      '/home/me/.millrace/clusters/default/cluster.json': JSON.stringify(file),
      '/home/me/.millrace/clusters/default/rest-token': 'a'.repeat(64),
      '/log/tm.log': `${line('05', 'here')}\n`,
    };
    const cluster = new TestCluster(answers);
    const { stdout, stderr } = await cluster.run(['logs', 'taskmanager-1'], { files });
    assert.deepEqual([stdout, stderr], [`${at}05Z INFO  here\n`, '']);
    const list = await new TestCluster(answers).run(['logs', '--list'], { files });
    assert.match(list.stdout, /^tm-1 \(taskmanager-1\)\n {2}\/log\/tm\.log \(\d+ bytes\)$/m);
  });

  test('whose they are is not guessed', async () => {
    const refused = async (...args: readonly string[]): Promise<string> =>
      (await new TestCluster(answers).run(['logs', ...args])).stderr;
    assert.match(await refused('jobmanger'), /CLI_NO_SUCH_LOG.*Did you mean "jobmanager"\?/);
    assert.match(await refused('b'.repeat(32)), /REST_REFUSED|JOB_NOT_FOUND/);
    assert.match(await refused('-n', 'many'), /CLI_VALUE_INVALID/);
  });
});

/** A log that grows; it knows ranges or not. */
class GrowingLog {
  text = '';
  readonly knowsRanges: boolean;

  constructor(knowsRanges: boolean) {
    this.knowsRanges = knowsRanges;
  }

  source(): LogSource {
    const client = new RestClient({
      http: {
        request: ({ headers }) => {
          const from = Number(/^bytes=(\d+)-$/.exec(headers['range'] ?? '')?.[1] ?? 0);
          const bytes = new TextEncoder().encode(this.text);
          const isPart = this.knowsRanges && headers['range'] !== undefined;
          const isBehind = isPart && from >= bytes.length;
          const body = isBehind
            ? new TextEncoder().encode('{"errors":["no"]}')
            : isPart
              ? bytes.subarray(from)
              : bytes;
          return Promise.resolve({
            status: isBehind ? 416 : isPart ? 206 : 200,
            headers: {},
            bytes: () => Promise.resolve(body),
            stream: () => {
              throw new EngineError('HTTP_ABORTED', { reason: 'not asked for' });
            },
          });
        },
      },
      clock: { after: () => ({ [Symbol.dispose]: () => undefined }) },
      ...{ url: 'http://a', token: undefined, tokenAdvice: '', timeout: milliseconds(1) },
      ...{ retry: { attempts: 0, delay: milliseconds(1) }, maxBytes: 1000 },
    });
    return new LogSource('a', restLog(client, '/log', 1000));
  }
}

test('a log that is a file of this machine', async () => {
  const log = { text: 'one\ntw' };
  const disk = {
    open: (path: string) => diskWith({ [path]: log.text }).open(path, 'read'),
  };
  const source = new LogSource('a', fileLog(disk, '/log', 1000));
  assert.deepEqual(await source.next(), ['one'], 'O1');
  log.text += 'o\nthree\n';
  assert.deepEqual(await source.next(), ['two', 'three']);
  log.text = 'new\n';
  assert.deepEqual([...(await source.next()), ...(await source.next())], ['new'], 'O2');
});

for (const knowsRanges of [true, false]) {
  test(`a log that grows, ${knowsRanges ? 'with' : 'without'} ranges`, async () => {
    const log = new GrowingLog(knowsRanges);
    const source = log.source();
    assert.deepEqual(await source.next(), []);
    log.text = 'ä\ntw';
    assert.deepEqual(await source.next(), ['ä'], 'O1');
    log.text += 'o\n\nthree\n';
    assert.deepEqual(await source.next(), ['two', '', 'three'], 'O1');
    assert.deepEqual(await source.next(), []);
    log.text = 'new\n';
    const lines = [...(await source.next()), ...(await source.next())];
    assert.deepEqual(lines, ['new'], 'O2');
  });
}
