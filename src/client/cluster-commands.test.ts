// What the commands of a cluster ask for and say. Scripts written for Flink read these lines.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer, Answers } from './cluster.test-kit.ts';
import { TestCluster } from './cluster.test-kit.ts';

const JOB = '6f1c0a2e9b7d4f53a1c8e0d2b4f69710';
const OTHER = '6f1c0b2e9b7d4f53a1c8e0d2b4f69710';

function job(
  jid: string,
  state: string,
  name = 'words',
  start = Date.UTC(2026, 10, 21, 5, 11, 54),
) {
  const times = { 'start-time': start, 'end-time': -1, duration: 5 };
  return { jid, name, state, ...times, tasks: { total: 2, running: 2 } };
}

const OVERVIEW = 'GET /jobs/overview';

async function said(answers: Answers, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr, code } = await new TestCluster(answers).run(args);
  assert.equal(stderr, '');
  assert.equal(code, 0);
  return stdout;
}

function text(...lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

test('who reads a list may have seen enough: no error, and no word about it', async () => {
  const cluster = new TestCluster({ [OVERVIEW]: { jobs: [job(JOB, 'RUNNING')] } });
  for (const args of [['list'], ['list', '--json'], ['config', '--explain']]) {
    const { code, stderr } = await cluster.run(args, { isUnread: true });
    assert.deepEqual([code, stderr], [0, '']);
  }
});

test('a file of hosts without a host is refused before anything starts', async () => {
  const files = { '/here/hosts': '# nobody\n\n' };
  const cluster = new TestCluster({});
  const { code, stderr } = await cluster.run(['cluster', 'start', '--hosts', '/here/hosts'], {
    files,
  });
  assert.equal(code, 1);
  assert.match(stderr, /^error\[CLI_VALUE_INVALID\]: .*--hosts[^]*at least one host/);
});

describe('list', () => {
  const jobs = [
    job(OTHER, 'RESTARTING', 'later', Date.UTC(2026, 10, 21, 23, 30)),
    job(JOB, 'RUNNING'),
    job('a'.repeat(32), 'CREATED', 'new'),
    { ...job('b'.repeat(32), 'FINISHED', 'old'), 'end-time': 7 },
  ];
  const running = [
    '------------------ Running/Restarting Jobs -------------------',
    `21.11.2026 06:11:54 : ${JOB} : words (RUNNING)`,
    `22.11.2026 00:30:00 : ${OTHER} : later (RESTARTING)`,
    '--------------------------------------------------------------',
  ];
  const scheduled = [
    '----------------------- Scheduled Jobs -----------------------',
    `21.11.2026 06:11:54 : ${'a'.repeat(32)} : new (CREATED)`,
    '--------------------------------------------------------------',
  ];
  const ended = [
    '---------------------- Terminated Jobs -----------------------',
    `21.11.2026 06:11:54 : ${'b'.repeat(32)} : old (FINISHED)`,
    '--------------------------------------------------------------',
  ];
  const waiting = 'Waiting for response...';
  const answers = { [OVERVIEW]: { jobs } };

  test('as Flink prints it', async () => {
    assert.equal(await said(answers, 'list'), text(waiting, ...running, ...scheduled));
    assert.equal(await said(answers, 'list', '-r'), text(waiting, ...running));
    assert.equal(await said(answers, 'list', '-s'), text(waiting, ...scheduled));
    assert.equal(
      await said(answers, 'list', '-a'),
      text(waiting, ...running, ...scheduled, ...ended),
    );
  });

  test('without jobs', async () => {
    const none = { [OVERVIEW]: { jobs: [] } };
    const nothing = text(waiting, 'No running jobs.', 'No scheduled jobs.');
    assert.equal(await said(none, 'list'), nothing);
    assert.equal(await said(none, 'list', '-a'), nothing);
  });

  test('as JSON', async () => {
    const { jobs: listed } = JSON.parse(await said(answers, 'list', '-a', '--json')) as {
      readonly jobs: readonly Readonly<Record<string, unknown>>[];
    };
    assert.deepEqual(
      listed.map(({ name, status, endTime }) => [name, status, endTime]),
      [
        ['new', 'CREATED', null],
        ['old', 'FINISHED', 7],
        ['words', 'RUNNING', null],
        ['later', 'RESTARTING', null],
      ],
    );
    assert.deepEqual(listed[2], {
      ...{ jobId: JOB, name: 'words', status: 'RUNNING', endTime: null, durationMillis: 5 },
      startTime: Date.UTC(2026, 10, 21, 5, 11, 54),
      tasks: { total: 2, running: 2 },
    });
  });
});

const TRIGGERED: Answer = [202, { 'request-id': 'c'.repeat(32) }];
const RUNNING: Answer = { status: { id: 'IN_PROGRESS' }, operation: null };
const done = (operation: object): Answer => ({ status: { id: 'COMPLETED' }, operation });
const RESUME = (what: string): string =>
  `You can resume your program from this ${what} with the run command.`;

interface Case {
  readonly args: string;
  readonly answers: Answers;
  readonly says: readonly string[];
  readonly json: object;
  /** Method, path and body of the first call that is no GET. */
  readonly asks: readonly [call: string, body: unknown];
}

const savepoints = `/jobs/${JOB}/savepoints`;
const savepoint = {
  [`POST ${savepoints}`]: TRIGGERED,
  [`POST /jobs/${JOB}/stop`]: TRIGGERED,
  [`GET ${savepoints}/${'c'.repeat(32)}`]: [RUNNING, RUNNING, done({ location: 'file:/s/1' })],
};

const CASES: readonly Case[] = [
  {
    args: `cancel ${JOB}`,
    answers: { [`PATCH /jobs/${JOB}?mode=cancel`]: [202, {}] },
    says: [`Cancelling job ${JOB}.`, `Cancelled job ${JOB}.`],
    json: { jobId: JOB, status: 'CANCELLING' },
    asks: [`PATCH /jobs/${JOB}?mode=cancel`, undefined],
  },
  {
    args: `cancel -s /s ${JOB}`,
    answers: savepoint,
    says: [
      'DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. Use "stop" instead.',
      `Cancelling job ${JOB} with CANONICAL savepoint to /s.`,
      `Cancelled job ${JOB}. Savepoint stored in file:/s/1.`,
    ],
    json: { jobId: JOB, savepoint: 'file:/s/1' },
    asks: [
      `POST ${savepoints}`,
      { 'target-directory': '/s', 'cancel-job': true, formatType: 'CANONICAL' },
    ],
  },
  {
    args: `cancel -s ${JOB}`,
    answers: savepoint,
    says: [
      'DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. Use "stop" instead.',
      `Cancelling job ${JOB} with CANONICAL savepoint to default savepoint directory.`,
      `Cancelled job ${JOB}. Savepoint stored in file:/s/1.`,
    ],
    json: { jobId: JOB, savepoint: 'file:/s/1' },
    asks: [
      `POST ${savepoints}`,
      { 'target-directory': null, 'cancel-job': true, formatType: 'CANONICAL' },
    ],
  },
  {
    args: `stop ${JOB}`,
    answers: savepoint,
    says: [
      `Suspending job "${JOB}" with a CANONICAL savepoint.`,
      `Triggering stop-with-savepoint for job ${JOB}.`,
      'Waiting for response...',
      'Savepoint completed. Path: file:/s/1',
    ],
    json: { jobId: JOB, savepoint: 'file:/s/1' },
    asks: [
      `POST /jobs/${JOB}/stop`,
      { targetDirectory: null, drain: false, formatType: 'CANONICAL' },
    ],
  },
  {
    args: `stop -d -p /s -type native -detached ${JOB}`,
    answers: savepoint,
    says: [
      `Draining job "${JOB}" with a NATIVE savepoint.`,
      `Triggering stop-with-savepoint in detached mode for job ${JOB}.`,
      `Successfully trigger stop-with-savepoint in detached mode, triggerId: ${'c'.repeat(32)}`,
    ],
    json: { jobId: JOB, triggerId: 'c'.repeat(32) },
    asks: [`POST /jobs/${JOB}/stop`, { targetDirectory: '/s', drain: true, formatType: 'NATIVE' }],
  },
  {
    args: `savepoint ${JOB} /s`,
    answers: savepoint,
    says: [
      `Triggering savepoint for job ${JOB}.`,
      'Waiting for response...',
      'Savepoint completed. Path: file:/s/1',
      RESUME('savepoint'),
    ],
    json: { jobId: JOB, savepoint: 'file:/s/1' },
    asks: [
      `POST ${savepoints}`,
      { 'target-directory': '/s', 'cancel-job': false, formatType: 'CANONICAL' },
    ],
  },
  {
    args: `savepoint -detached ${JOB}`,
    answers: savepoint,
    says: [
      `Triggering savepoint in detached mode for job ${JOB}.`,
      `Successfully trigger manual savepoint, triggerId: ${'c'.repeat(32)}`,
    ],
    json: { jobId: JOB, triggerId: 'c'.repeat(32) },
    asks: [
      `POST ${savepoints}`,
      { 'target-directory': null, 'cancel-job': false, formatType: 'CANONICAL' },
    ],
  },
  {
    args: 'savepoint -d file:/s/1',
    answers: {
      'POST /savepoint-disposal': TRIGGERED,
      [`GET /savepoint-disposal/${'c'.repeat(32)}`]: done({}),
    },
    says: [
      "Disposing savepoint 'file:/s/1'.",
      'Waiting for response...',
      "Savepoint 'file:/s/1' disposed.",
    ],
    json: { savepoint: 'file:/s/1', disposed: true },
    asks: ['POST /savepoint-disposal', { 'savepoint-path': 'file:/s/1' }],
  },
  {
    args: `checkpoint ${JOB} -full`,
    answers: {
      [`POST /jobs/${JOB}/checkpoints`]: TRIGGERED,
      [`GET /jobs/${JOB}/checkpoints/${'c'.repeat(32)}`]: done({ checkpointId: 27 }),
      [`GET /jobs/${JOB}/checkpoints/details/27`]: { external_path: 'file:/c/chk-27' },
    },
    says: [
      `Triggering checkpoint for job ${JOB}.`,
      'Waiting for response...',
      `Checkpoint(FULL) 27 for job ${JOB} completed.`,
      RESUME('checkpoint'),
    ],
    json: { jobId: JOB, checkpointId: 27, location: 'file:/c/chk-27' },
    asks: [`POST /jobs/${JOB}/checkpoints`, { checkpointType: 'FULL' }],
  },
];

for (const { args, answers, says, json, asks } of CASES) {
  test(`millrace ${args}`, async () => {
    const cluster = new TestCluster(answers);
    const { stdout, stderr, code } = await cluster.run(args.split(' '));
    assert.deepEqual({ stdout, stderr, code }, { stdout: text(...says), stderr: '', code: 0 });
    const [call, body] = asks;
    const first = cluster.asked.find(({ method }) => method !== 'GET');
    assert.deepEqual(
      [cluster.calls.find((each) => !each.startsWith('GET')), first?.json],
      [call, body],
    );
    const programs = await new TestCluster(answers).run([...args.split(' '), '--json']);
    assert.deepEqual(JSON.parse(programs.stdout), json);
  });
}

describe('a job', () => {
  const answers = {
    [OVERVIEW]: { jobs: [job(JOB, 'RUNNING'), job(OTHER, 'RUNNING', 'other')] },
    [`PATCH /jobs/${JOB}?mode=cancel`]: {},
  };
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { stderr, code } = await new TestCluster(answers).run(args);
    assert.equal(code, 1);
    return stderr;
  };

  test('may be named by the beginning of its id', async () => {
    assert.equal(
      await said(answers, 'cancel', JOB.slice(0, 6)),
      text(`Cancelling job ${JOB}.`, `Cancelled job ${JOB}.`),
    );
  });

  test('is not guessed', async () => {
    assert.match(await refused('cancel', JOB.slice(0, 5)), /CLI_JOB_ID_INVALID/);
    assert.match(await refused('cancel', 'words'), /The job "words" has the id 6f1c0a2e/);
    assert.match(await refused('cancel', `${JOB.slice(0, -1)}x`), /Did you mean "6f1c0a2e\w+"\?/);
    assert.match(await refused('cancel'), /CLI_JOB_ID_MISSING\]: Missing JobID\./);
    assert.match(await refused('stop', '-d'), /CLI_JOB_ID_MISSING\]: Missing JobID\./);
    assert.match(await refused('checkpoint'), /CLI_JOB_ID_MISSING\]: Missing JobID\./);
    assert.match(await refused('savepoint'), /CLI_JOB_ID_MISSING\]: Missing JobID\./);
    const twins = {
      [OVERVIEW]: { jobs: [job(JOB, 'RUNNING'), job(`${JOB.slice(0, 31)}f`, 'RUNNING')] },
    };
    const { stderr } = await new TestCluster(twins).run(['cancel', JOB.slice(0, 9)]);
    assert.match(stderr, /CLI_JOB_ID_AMBIGUOUS.*6f1c0a2e\w+ \(words\), 6f1c0a2e/);
  });

  test('that the cluster does not know', async () => {
    const unknown = {
      [`PATCH /jobs/${JOB}?mode=cancel`]: [
        404,
        { errors: [`org.apache.flink.runtime.rest.NotFoundException: Job ${JOB} not found`] },
      ] as Answer,
    };
    const { stderr, code } = await new TestCluster(unknown).run(['cancel', JOB]);
    assert.equal(code, 1);
    assert.match(stderr, /^error\[JOB_NOT_FOUND\]: There is no job with the id 6f1c0a/);
  });
});

describe('a folder', () => {
  const asked = async (...args: readonly string[]): Promise<unknown> => {
    const cluster = new TestCluster({
      ...savepoint,
      [`POST /jobs/${JOB}/stop`]: TRIGGERED,
      'POST /savepoint-disposal': TRIGGERED,
      [`GET /savepoint-disposal/${'c'.repeat(32)}`]: done({}),
    });
    await cluster.run(args);
    const { json } = cluster.asked.find(({ method }) => method === 'POST')!;
    return Object.values(json as object).find((value) => String(value).includes('mine'));
  };

  test('that is relative is meant from where the user is, and told the cluster in full', async () => {
    for (const args of [
      ['savepoint', JOB, 'mine'],
      ['savepoint', '-d', 'mine'],
      ['stop', JOB, '-p', 'mine'],
      ['cancel', JOB, '-s', 'mine'],
    ]) {
      assert.match(String(await asked(...args)), /^\/.*mine$|^\/mine$/, args.join(' '));
    }
    assert.equal(await asked('savepoint', JOB, 's3://bucket/mine'), 's3://bucket/mine');
  });

  test('that nobody has named is asked for, with the option', async () => {
    const unset = 'Config key [execution.checkpointing.savepoint-dir] is not set. Property [';
    const answers = { ...savepoint, [`POST ${savepoints}`]: [400, { errors: [unset] }] as Answer };
    const { stderr, code } = await new TestCluster(answers).run(['savepoint', JOB]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /SAVEPOINT_DIRECTORY_UNSET.*\n {2}fix: .*execution.checkpointing.savepoint-dir/,
    );
  });
});

test('a checkpoint in memory is not said to be one to resume from', async () => {
  const { stdout } = await new TestCluster({
    [`POST /jobs/${JOB}/checkpoints`]: TRIGGERED,
    [`GET /jobs/${JOB}/checkpoints/${'c'.repeat(32)}`]: done({ checkpointId: 27 }),
    [`GET /jobs/${JOB}/checkpoints/details/27`]: {
      external_path: '<checkpoint-not-externally-addressable>',
    },
  }).run(['checkpoint', JOB]);
  assert.match(stdout, /no program can be resumed from it.\nSet execution.checkpointing.dir/);
  assert.doesNotMatch(stdout, /You can resume/);
});

describe('an operation', () => {
  test('that fails with an error of Millrace says what that says, and what to do', async () => {
    const trace =
      'millrace.SAVEPOINT_NOT_FOUND: There is no savepoint of this engine at file:/s/1. Look there.\n\tat a\n' +
      'Caused by: millrace.INTERNAL: Internal error: ENOENT: no such file or directory\n';
    const { stderr } = await new TestCluster({
      'POST /savepoint-disposal': TRIGGERED,
      [`GET /savepoint-disposal/${'c'.repeat(32)}`]: done({
        'failure-cause': { class: 'millrace.SAVEPOINT_NOT_FOUND', 'stack-trace': trace },
      }),
    }).run(['savepoint', '-d', '/s/1']);
    assert.match(stderr, /failed: There is no savepoint of this engine at file:\/s\/1. Look there/);
    assert.doesNotMatch(stderr, /ENOENT/);
  });

  test('that fails tells why', async () => {
    const cause = {
      class: 'java.util.concurrent.CompletionException',
      'stack-trace':
        'java.util.concurrent.CompletionException: a.b.CheckpointException: no.\n\tat a.b\nCaused by: a.b.CheckpointException: Checkpoint expired.\n\tat c\n\t... 3 more\n',
    };
    const answers = {
      ...savepoint,
      [`GET ${savepoints}/${'c'.repeat(32)}`]: done({ 'failure-cause': cause }),
    };
    const { stderr, code, stdout } = await new TestCluster(answers).run([
      'savepoint',
      JOB,
      '--json',
    ]);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `error[REST_OPERATION_FAILED]: The savepoint of job ${JOB} failed: Checkpoint expired.\n`,
    );
    const { type, error } = JSON.parse(stdout) as {
      readonly type: string;
      readonly error: { readonly code: string };
    };
    assert.deepEqual([type, error.code], ['error', 'REST_OPERATION_FAILED']);
  });

  test('that takes too long goes on without the command', async () => {
    const answers = { ...savepoint, [`GET ${savepoints}/${'c'.repeat(32)}`]: RUNNING };
    const { stderr, code } = await new TestCluster(answers).run([
      ...['savepoint', JOB, '-D', 'client.timeout=90 s'],
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /has not ended within 90 s\. It goes on in the cluster\.\n {2}fix: /);
  });

  test('is asked for again while nobody answers', async () => {
    const cluster = new TestCluster({
      ...savepoint,
      [`POST ${savepoints}`]: () => {
        cluster.refusals = 3;
        return TRIGGERED;
      },
    });
    const { code, stdout } = await cluster.run(['savepoint', JOB]);
    assert.equal(code, 0);
    assert.match(stdout, /Savepoint completed/);
  });
});
