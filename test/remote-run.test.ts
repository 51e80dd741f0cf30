// A job that is run on a cluster: what is sent, what is said, and how the command ends.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { EngineError } from '../src/base/errors.ts';
import { nodeEnv } from '../src/env/node/node-env.ts';
import { encodeClientMessage } from '../src/functions/client-message.ts';
import { TestCluster, type Answers } from '../src/client/cluster.test-kit.ts';
import type { Said } from '../src/client/command.test-kit.ts';

const JOB = '6f1c0a2e9b7d4f53a1c8e0d2b4f69710';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-remote-')));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'words.ts');
writeFileSync(
  file,
  `import { defineJob } from 'millrace';\nexport default defineJob({ name: 'words', build(env) { env.sequence(1, 3).print(); } });\n`,
);

const { disk } = nodeEnv({ entries: {}, log: { level: 'error' } });

function print(text: string, sequence: number, attempt: number = 1): string {
  const body = new TextEncoder().encode(text);
  const bytes = encodeClientMessage({ kind: 'print', subtask: 1, attempt, sequence, body });
  return `${JSON.stringify({ operator: 'a', payload: Buffer.from(bytes).toString('base64') })}\n`;
}

function ended(status: string, more: object = {}) {
  const flink = { FINISHED: 'SUCCEEDED', FAILED: 'FAILED', CANCELED: 'CANCELED' }[status];
  return {
    status: { id: 'COMPLETED' },
    'job-execution-result': {
      ...{ id: JOB, 'application-status': flink, 'net-runtime': 1234, status, accumulators: [] },
      ...more,
    },
  };
}

const BASE: Answers = {
  'GET /config': {},
  'POST /jars/upload?name=words.ts.mjs': { filename: '/tmp/jars/u-1_words.mjs', status: 'success' },
  'POST /jars/u-1_words.mjs/run': { jobid: JOB },
  'DELETE /jars/u-1_words.mjs': {},
  [`GET /jobs/${JOB}/client-messages`]: `${print('one\ntwo\n', 0)}\n${print('three\n', 1)}`,
  [`GET /jobs/${JOB}/execution-result`]: [{ status: { id: 'IN_PROGRESS' } }, ended('FINISHED')],
  [`PATCH /jobs/${JOB}/clientHeartbeat`]: [202, {}],
  [`PATCH /jobs/${JOB}?mode=cancel`]: [202, {}],
};

interface Ran extends Said {
  readonly cluster: TestCluster;
}

/** Without timers: what is shown now and then is not looked at here. */
async function run(answers: Answers, ...args: readonly string[]): Promise<Ran> {
  const cluster = new TestCluster(answers);
  const said = await cluster.run(['run', '-m', 'localhost:1', file, ...args], { env: { disk } });
  return { ...said, cluster };
}

describe('attached', () => {
  test('what the job prints, then the result in the words of Flink', async () => {
    const accumulators = [
      { operator: 'a', name: 'malformedLines', value: 2 },
      { operator: 'b', name: 'malformedLines', value: 3 },
    ];
    const { stdout, stderr, code, cluster } = await run({
      ...BASE,
      [`GET /jobs/${JOB}/execution-result`]: ended('FINISHED', { accumulators }),
    });
    assert.deepEqual([stderr, code], ['', 0]);
    assert.equal(
      stdout,
      [
        `Job has been submitted with JobID ${JOB}`,
        'one\ntwo\nthree',
        'Program execution finished',
        `Job with JobID ${JOB} has finished.`,
        'Job Runtime: 1234 ms',
        'Accumulator Results: ',
        '- malformedLines (number): 5',
        '',
      ].join('\n'),
    );
    assert.deepEqual(cluster.calls.slice(0, 4), [
      'GET /config',
      'POST /jars/upload?name=words.ts.mjs',
      'POST /jars/u-1_words.mjs/run',
      'DELETE /jars/u-1_words.mjs',
    ]);
  });

  test('as JSON, a line an object', async () => {
    const { stdout } = await run(BASE, '--json');
    const objects = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    assert.deepEqual(
      objects.map(({ type, line, status }) => [type, line ?? status]),
      [
        ['submitted', undefined],
        ['print', 'one'],
        ['print', 'two'],
        ['print', 'three'],
        ['result', 'FINISHED'],
      ],
    );
    assert.deepEqual(objects.at(-1), {
      ...{ type: 'result', jobId: JOB, status: 'FINISHED', runtimeMillis: 1234, accumulators: [] },
    });
  });

  test('a job that fails: the line of the TypeScript here, exit code 1', async () => {
    const error = new EngineError('USER_CODE_FAILED', {
      ...{ function: 'map', operator: 'map', message: 'no' },
    });
    error.stack = 'Error: no\n    at Object.map (job:///words.ts:2:51)';
    const failed = ended('FAILED', { error: error.toData() });
    const answers = { ...BASE, [`GET /jobs/${JOB}/execution-result`]: failed };
    const { stderr, code, stdout } = await run(answers);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^error\\[USER_CODE_FAILED\\]: .*\\n  at: ${file}:2:51\\n`));
    assert.doesNotMatch(stdout, /finished/);
    const json = await run(answers, '--json');
    const result = JSON.parse(json.stdout.trim().split('\n').at(-1)!) as object;
    assert.deepEqual(
      [(result as { status: string }).status, (result as { error: { code: string } }).error.code],
      ['FAILED', 'USER_CODE_FAILED'],
    );
  });

  test('a job that somebody else cancels', async () => {
    const canceled = ended('CANCELED');
    const answers = { ...BASE, [`GET /jobs/${JOB}/execution-result`]: canceled };
    const { stderr, code } = await run(answers);
    assert.deepEqual([stderr, code], ['The job was cancelled.\n', 1]);
  });

  test('with -sae the cluster hears that somebody is there', async () => {
    const { cluster, code } = await run(BASE, '-sae');
    assert.equal(code, 0);
    const beat = cluster.asked.find(({ url }) => url.endsWith('/clientHeartbeat'))!;
    assert.deepEqual(beat.json, { expiredTimestamp: 180_000 });
    const silent = await run(BASE);
    assert.ok(!silent.cluster.calls.some((call) => call.includes('clientHeartbeat')));
  });
});

test('N3: what comes again after a lost connection is printed once; a new attempt is not that', async () => {
  const lines = [
    print('one\n', 0),
    print('one\n', 0),
    print('two\n', 1),
    print('one\n', 0),
    print('again\n', 0, 2),
    print('late\n', 2, 1),
  ];
  const path = `GET /jobs/${JOB}/client-messages`;
  const { stdout } = await run({ ...BASE, [path]: lines.join('') });
  assert.match(stdout, /JobID \w+\none\ntwo\nagain\nProgram execution finished\n/);
});

describe('submission', () => {
  test('detached: the id, and nothing more', async () => {
    const { stdout, code, cluster } = await run(BASE, '-d');
    assert.deepEqual([stdout, code], [`Job has been submitted with JobID ${JOB}\n`, 0]);
    assert.equal(cluster.calls.at(-1), 'DELETE /jars/u-1_words.mjs');
    const json = await run(BASE, '-D', 'execution.attached=false', '--json');
    assert.deepEqual(JSON.parse(json.stdout), { type: 'submitted', jobId: JOB });
  });

  test('what is sent with the job', async () => {
    const { cluster } = await run(
      ...([BASE, '-d', '-p', '4', '-c', 'other', '--param', 'a=b'] as const),
      ...(['-D', 'restart-strategy.type=none', '-D', 'rest.retry.delay=1 s'] as const),
      ...(['-s', '/s/1', '-n', '-cm', 'claim', '--externals', 'sharp'] as const),
    );
    const { json } = cluster.asked.find(({ url }) => url.endsWith('/run'))!;
    assert.deepEqual(json, {
      exportName: 'other',
      parameters: { a: 'b' },
      flinkConfiguration: {
        'millrace.externals': 'sharp',
        'parallelism.default': '4',
        'restart-strategy.type': 'none',
        'execution.state-recovery.path': '/s/1',
        'execution.state-recovery.ignore-unclaimed-state': 'true',
        'execution.state-recovery.claim-mode': 'CLAIM',
      },
      attached: false,
    });
    const upload = cluster.asked.find(({ method }) => method === 'POST')!;
    assert.equal(upload.headers['content-type'], 'application/javascript');
  });

  test('a job that does not build is told as on this machine, and its bundle removed', async () => {
    const error = new EngineError('GRAPH_NO_SINK', { job: 'words' }).toData();
    const { stderr, code, cluster } = await run({
      ...BASE,
      'POST /jars/u-1_words.mjs/run': [400, { errors: ['x'], error }],
    });
    assert.equal(code, 1);
    assert.match(stderr, /^error\[GRAPH_NO_SINK\]/);
    assert.equal(cluster.calls.at(-1), 'DELETE /jars/u-1_words.mjs');
  });

  test('options of clusters ask for one: that of the configuration', async () => {
    const mine = ['-D', 'rest.port=7', '-D', 'execution.attached=false'];
    const options = [
      ...[['-d'], ['-sae'], ['--externals', 'sharp']],
      ['-d', '-D', 'execution.target=local'],
    ];
    for (const option of options) {
      const cluster = new TestCluster(BASE);
      const { stdout, code } = await cluster.run(['run', file, ...mine, ...option], {
        env: { disk },
      });
      assert.deepEqual([stdout, code], [`Job has been submitted with JobID ${JOB}\n`, 0]);
      assert.ok(cluster.asked.every(({ url }) => url.startsWith('http://localhost:7/')));
      const local = await cluster.run(['run', file, '-t', 'local', ...option], { env: { disk } });
      assert.match(
        local.stderr,
        /^error\[CLI_OPTION_NEEDS_CLUSTER\]: --\w+ is for a job that runs/,
      );
      assert.equal(local.code, 1);
    }
  });

  test('mistakes', async () => {
    const nobody = new TestCluster({});
    nobody.refusals = Infinity;
    const { stderr } = await nobody.run(['run', '-m', 'localhost:1', file], { env: { disk } });
    assert.match(
      stderr,
      /^error\[REST_UNREACHABLE\]: There is no cluster at http:\/\/localhost:1: /,
    );
    assert.match(
      (await run(BASE, '-s', '/s', '-cm', 'mine')).stderr,
      /--claimMode cannot be "mine"/,
    );
    assert.match((await run(BASE, '-t', 'yarn')).stderr, /--target cannot be "yarn"/);
    assert.match((await run(BASE, '--detatched')).stderr, /Did you mean "--detached"\?/);
  });
});
