// The command line as users meet it: what it says about every mistake that a beginner makes, and
// exit codes. Every run is a process of its own in a folder outside the project.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import manifest from '../package.json' with { type: 'json' };
import { linesOf, millrace, start } from './command.test-kit.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-cli-')));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

/** A module with a job of this name whose build is `build`. */
function jobFile(name: string, build: string, imports: readonly string[] = []): void {
  const head = [`import { defineJob, ${imports.join(', ')} } from 'millrace';`, ''];
  const job = ['export default defineJob({', `  name: '${name}',`, '  build(env) {'];
  file(`${name}.ts`, [...head, ...job, ...build.split('\n'), '  },', '});', ''].join('\n'));
}

/** Runs a command that is refused; gives what it said, line by line. */
async function refused(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout, stderr, code } = await millrace(args, folder);
  assert.equal(stdout, '');
  assert.equal(code, 1, stderr);
  return linesOf(stderr);
}

before(() => {
  jobFile('numbers', '    env.sequence(1, 3).print();');
});

describe('command line', () => {
  test('bundle: one file, named as its bytes are; where it cannot be written that is said', async () => {
    const said = await millrace(['bundle', 'numbers.ts', '-o', 'numbers.mjs', '--json'], folder);
    assert.equal(said.code, 0, said.stderr);
    const path = join(folder, 'numbers.mjs');
    const content = readFileSync(path);
    const sha256 = createHash('sha256').update(content).digest('hex');
    assert.deepEqual(JSON.parse(said.stdout), { path, bytes: content.length, sha256 });
    assert.match(content.toString().split('\n')[0]!, /"job":"numbers\.ts"/);
    const [error] = await refused('bundle', 'numbers.ts', '-o', 'nowhere/numbers.mjs');
    assert.match(error!, /^error\[IO_NOT_FOUND\]: .*nowhere/);
  });

  test('help, in general and of a command; version', async () => {
    for (const arg of ['help', '--help', '-h']) {
      const { stdout, code } = await millrace([arg]);
      assert.equal(code, 0);
      assert.match(stdout, /Usage: millrace COMMAND/);
      assert.match(stdout, /millrace run examples\/word-count\.ts/);
    }
    const { stdout, code } = await millrace(['run', '--help']);
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: millrace run JOB_FILE \[OPTIONS\]$/m);
    for (const option of ['--parallelism N', '--param KEY=VALUE', '--define KEY=VALUE', '--json']) {
      assert.ok(stdout.includes(option), option);
    }
    for (const exit of ['0', '1', '130', '143'])
      assert.match(stdout, new RegExp(`^ +${exit}  `, 'm'));
    assert.equal((await millrace(['--version'])).stdout, `${manifest.version}\n`);
    const nothing = await millrace([]);
    assert.equal(nothing.code, 1);
    assert.match(nothing.stdout, /Usage: millrace COMMAND/);
  });

  test('a job runs from any folder, options before and after the file', async () => {
    const { stdout, stderr, code } = await millrace(['run', '-p', '1', 'numbers.ts'], folder);
    assert.deepEqual({ stdout, stderr, code }, { stdout: '1\n2\n3\n', stderr: '', code: 0 });
  });

  const COMMANDS = '  fix: The commands are: run, ...';
  const MISTAKES: readonly (readonly [args: string, ...said: readonly string[]])[] = [
    [
      'rnu numbers.ts',
      'error[CLI_UNKNOWN_COMMAND]: There is no command "rnu". Did you mean "run"?',
      COMMANDS,
    ],
    [
      'numbers.ts',
      'error[CLI_UNKNOWN_COMMAND]: There is no command "numbers.ts". Did you mean "run numbers.ts"?',
      COMMANDS,
    ],
    [
      '--versoin',
      'error[CLI_UNKNOWN_COMMAND]: There is no command "--versoin". Did you mean "--version"?',
      COMMANDS,
    ],
    [
      'run',
      'error[CLI_ARGUMENT_MISSING]: `millrace run` needs JOB_FILE.',
      '  fix: See `millrace run --help`.',
    ],
    [
      'run numbers.ts more',
      'error[CLI_ARGUMENT_UNEXPECTED]: `millrace run` does not know what to do with "more".',
      '  fix: See `millrace run --help`.',
    ],
    [
      'run numbers.ts --paralelism 2',
      'error[CLI_UNKNOWN_OPTION]: `millrace run` has no option --paralelism. Did you mean "--parallelism"?',
      '  fix: See `millrace run --help`.',
    ],
    [
      'run numbers.ts -x',
      'error[CLI_UNKNOWN_OPTION]: `millrace run` has no option -x.',
      '  fix: See `millrace run --help`.',
    ],
    [
      'run numbers.ts -p',
      'error[CLI_OPTION_VALUE_MISSING]: -p needs a value.',
      '  fix: Write -p N.',
    ],
    [
      'run numbers.ts --param -p 2',
      'error[CLI_OPTION_VALUE_MISSING]: --param needs a value.',
      '  fix: Write --param KEY=VALUE.',
    ],
    [
      'run numbers.ts -p 1 -p 2',
      'error[CLI_OPTION_TWICE]: -p was given twice.',
      '  fix: Give it once.',
    ],
    [
      'run numbers.ts --json=yes',
      'error[CLI_OPTION_WITHOUT_VALUE]: --json takes no value.',
      '  fix: See `millrace run --help`.',
    ],
    [
      'run numbers.ts -p none',
      'error[CONFIG_INVALID_VALUE]: The option --parallelism cannot be "none".',
      '  fix: It must be a whole number from 1 to 32768.',
    ],
    [
      'run numbers.ts -D parallelism.defualt=2',
      'error[CONFIG_UNKNOWN_OPTION]: There is no option parallelism.defualt. Did you mean "parallelism.default"?',
    ],
    [
      'run numbers.ts --param most',
      'error[CLI_NOT_AN_ASSIGNMENT]: --param takes key=value, not "most".',
      '  fix: For example --param name=value.',
    ],
    [
      'run numbers.ts --param most=1',
      'error[CONFIG_UNKNOWN_PARAMETER]: The job "numbers" has no parameter "most".',
      '  fix: It has no parameters.',
    ],
    [
      'run nubmers.ts',
      'error[JOB_FILE_NOT_FOUND]: There is no file nubmers.ts ' +
        `(looked at ${folder}/nubmers.ts). Did you mean "numbers.ts"?`,
    ],
    [
      'info .',
      'error[JOB_FILE_IS_FOLDER]: . is a folder.',
      '  fix: Name the file in it that exports the job.',
    ],
  ];
  for (const [args, ...said] of MISTAKES) {
    test(`millrace ${args}`, async () => {
      const lines = await refused(...args.split(' '));
      assert.deepEqual(
        lines.map((line) => line.replace(/(: run), .*/, '$1, ...')),
        said,
      );
    });
  }

  test('parameters: missing, misspelt, wrong', async () => {
    file(
      'params.ts',
      `import { defineJob, param, t } from 'millrace';
export default defineJob({
  name: 'params',
  params: { input: t.string, most: param(t.int32, 3) },
  build(env, { input, most }) {
    env.sequence(1, most).map((n) => input + n).print();
  },
});
`,
    );
    const [missing, fix] = await refused('run', 'params.ts');
    assert.equal(
      missing,
      'error[CONFIG_MISSING_PARAMETER]: The job "params" needs "input", which got no value.',
    );
    assert.equal(fix, '  fix: Add --param input=VALUE.');
    const [misspelt] = await refused('run', 'params.ts', '--param', 'inptu=x');
    assert.match(misspelt!, /has no parameter "inptu"\. Did you mean "input"\?$/);
    const [wrong] = await refused('run', 'params.ts', '--param', 'input=x', '--param', 'most=many');
    assert.match(wrong!, /^error\[CONFIG_INVALID_PARAMETER\]: The parameter "most" .*"many"/);
    const args = ['run', 'params.ts', '--param', 'input=a=b', '--param', 'most=2'];
    assert.equal((await millrace(args, folder)).stdout, 'a=b1\na=b2\n');
  });
});

describe('job files', () => {
  test('without a job, with several, and one of several', async () => {
    file('nothing.ts', 'export const answer: number = 42;\n');
    assert.deepEqual(await refused('run', 'nothing.ts'), [
      'error[JOB_NO_EXPORT]: nothing.ts does not export a job.',
      '  fix: Add `export default defineJob({ name: ..., build(env) { ... } })`.',
    ]);
    file(
      'several.ts',
      `import { defineJob } from 'millrace';
export const hourly = defineJob({ name: 'h', build: (env) => env.sequence(1, 2).print() });
export const daily = defineJob({ name: 'd', build: (env) => env.sequence(5, 6).print() });
`,
    );
    assert.deepEqual(await refused('run', 'several.ts'), [
      'error[JOB_EXPORT_AMBIGUOUS]: several.ts exports several jobs: daily, hourly.',
      '  fix: Choose one with --job NAME, or make one the default export.',
    ]);
    const [unknown] = await refused('run', 'several.ts', '--job', 'hourlie');
    assert.match(unknown!, /several\.ts has no export "hourlie"\. .*Did you mean "hourly"\?$/);
    const { stdout } = await millrace(['run', 'several.ts', '--job', 'daily'], folder);
    assert.equal(stdout, '5\n6\n');
  });

  test('syntax error: the line and column', async () => {
    jobFile('syntax', '    env.sequence(1, 3).map((n) => n * ).print();');
    assert.deepEqual(await refused('run', 'syntax.ts'), [
      'error[JOB_MODULE_SYNTAX]: syntax.ts:6:39: Expression expected.',
    ]);
  });

  test('an enum: what to write in its place', async () => {
    file('enum.ts', `import { defineJob } from 'millrace';\nenum Color { Red }\n`);
    const [said, fix] = await refused('run', 'enum.ts');
    assert.match(said!, /^error\[JOB_MODULE_UNSUPPORTED_TYPESCRIPT\]: enum\.ts:2:1: .*enum/);
    assert.match(fix!, /^ {2}fix: .*union of literals for an enum/);
  });

  test('an import that does not exist', async () => {
    file('dependency.ts', `import { x } from 'not-installed-here';\nexport default x;\n`);
    const [said, fix] = await refused('run', 'dependency.ts');
    assert.match(
      said!,
      /^error\[JOB_MODULE_DEPENDENCY_MISSING\]: dependency\.ts imports "not-installed-here"/,
    );
    assert.match(fix!, /npm install not-installed-here/);
    file('misspelt.ts', `import { defineJobs } from 'millrace';\nexport default defineJobs();\n`);
    const [misspelt] = await refused('run', 'misspelt.ts');
    assert.match(misspelt!, /misspelt\.ts:1:10: "millrace" has no export named "defineJobs"/);
  });

  test('a build that throws: the line of the build', async () => {
    jobFile('build-throws', "    env.fromElements(JSON.parse('{')).print();");
    const [said, place, ...more] = await refused('run', 'build-throws.ts');
    assert.match(said!, /^error\[GRAPH_BUILD_FAILED\]: The build of job "build-throws" threw: /);
    assert.equal(place, '  at: build-throws.ts:6:27');
    assert.deepEqual(more, []);
  });

  test('a stream that goes nowhere, a uid that stands twice', async () => {
    jobFile('nowhere', '    env.sequence(1, 3).map((n) => n);');
    assert.deepEqual(await refused('run', 'nowhere.ts'), [
      'error[GRAPH_NO_SINK]: The stream "map" goes nowhere (declared at nowhere.ts:6:24).',
      '  fix: End it with sinkTo(...), or remove it.',
    ]);
    jobFile(
      'twice',
      "    const n = env.sequence(1, 3).map((i) => i).uid('a');\n    n.filter(Boolean).uid('a').print();",
    );
    assert.deepEqual(await refused('info', 'twice.ts'), [
      'error[GRAPH_DUPLICATE_UID]: Two operators have the uid "a": "map" (declared at ' +
        'twice.ts:6:34) and "filter" (declared at twice.ts:7:7).',
      '  fix: Give each a uid of its own.',
    ]);
  });
});

describe('user code', () => {
  test('a function that throws: its own line, no stack of the engine but when asked', async () => {
    file(
      'throws.ts',
      `import { defineJob } from 'millrace';

interface Order {
  readonly user: { readonly name: string } | undefined;
}
const nobody: Order = { user: undefined };

export default defineJob({
  name: 'throws',
  build(env) {
    env.fromElements(nobody).map((order) => nameOf(order)).print();
  },
});

function nameOf(order: Order): string {
  return order.user!.name;
}
`,
    );
    const said = [
      `error[USER_CODE_FAILED]: The map function of "map" threw: Cannot read properties of undefined (reading 'name')`,
      '  in: Source: collection(1) -> map -> Sink: print, subtask 1',
      '  at: throws.ts:16:22',
    ];
    assert.deepEqual(await refused('run', 'throws.ts'), said);
    const verbose = await refused('run', 'throws.ts', '--verbose');
    assert.ok(said.every((line) => verbose.includes(line)));
    assert.ok(verbose.some((line) => /^ +at MapOperator\.process /.test(line)));
  });

  for (const [what, call] of [
    ['async', 'async (n) => n + 1'],
    ['a promise', '(n) => Promise.resolve(n) as never'],
  ] as const) {
    test(`map with ${what}: asyncMap is named`, async () => {
      jobFile('promises', `    env.sequence(1, 3).map(${call}).print();`);
      const said = await refused('run', 'promises.ts');
      assert.deepEqual(
        said.filter((line) => !line.startsWith('  in: ')),
        [
          'error[USER_CODE_ASYNC]: The map function of "map" gives a promise, but it is called synchronously.',
          '  at: promises.ts:6:24',
          '  fix: Use asyncMap(...) for work that must wait.',
        ],
      );
    });
  }

  test("a promise that nobody awaits: the user's error, not that of a dead thread", async () => {
    jobFile(
      'floating',
      `    env.from(generator(t.int32, (n) => n, { ratePerSecond: 100 })).map((n) => {
      if (n === 2) void Promise.reject(new Error('nobody heard'));
      return n;
    }).print();`,
      ['generator', 't'],
    );
    const { stderr, code } = await millrace(['run', 'floating.ts'], folder);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^error\[USER_CODE_UNCAUGHT\]: .*nobody heard\n {2}at: floating\.ts:7:\d+\n/,
    );
  });

  test('a restart is told of, though the job ended well', async () => {
    const flag = JSON.stringify(join(folder, 'threw'));
    file(
      'restarts.ts',
      `import { existsSync, writeFileSync } from 'node:fs';
import { defineJob } from 'millrace';

export default defineJob({
  name: 'restarts',
  build(env) {
    env.sequence(1, 3).map((n) => {
      if (n !== 2 || existsSync(${flag})) return n;
      writeFileSync(${flag}, '');
      throw new Error('the first time');
    }).print();
  },
});
`,
    );
    const strategy = [
      'restart-strategy.type=fixed-delay',
      'restart-strategy.fixed-delay.delay=1 ms',
    ];
    const options = strategy.flatMap((option) => ['-D', option]);
    const { stdout, stderr, code } = await millrace(['run', 'restarts.ts', ...options], folder);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /1\n2\n3\n$/);
    assert.match(stderr, /^The job failed and was restarted once; .*:\nerror\[USER_CODE_FAILED\]/);
    assert.match(stderr, /the first time[^]*at: restarts\.ts:10:13/);
  });

  test('an object as key', async () => {
    jobFile(
      'object-key',
      '    env.fromElements({ user: { id: 1 } }).keyBy((o) => o.user as never).aggregate(count()).print();',
      ['count'],
    );
    assert.deepEqual(await refused('run', 'object-key.ts'), [
      'error[DATA_INVALID_KEY]: A value cannot be a key: it is an object.',
      '  in: Source: collection(1), subtask 1',
      '  at: object-key.ts:6:9',
      '  fix: Use a string, number, bigint or boolean, or a tuple of them, e.g. keyBy((o) => [o.user, o.day]).',
    ]);
  });

  test('a value that cannot be sent, though nothing is sent at parallelism 1', async () => {
    jobFile(
      'function',
      '    env.sequence(1, 3).map((n) => ({ later: () => n })).rebalance().print();',
    );
    const [said, , place] = await refused('run', 'function.ts');
    assert.match(
      said!,
      /^error\[DATA_NOT_SERIALIZABLE\]: A value at record\.later of the edge after "map"/,
    );
    assert.equal(place, '  at: function.ts:6:24');
  });
});

describe('input', () => {
  before(() => {
    file(
      'input.ts',
      `import { defineJob, param, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { json } from 'millrace/formats';

const Flight = t.struct({ origin: t.string, delay: t.int32 });

export default defineJob({
  name: 'input',
  params: { path: param(t.string, 'input.jsonl') },
  build(env, { path }) {
    env.from(files.source({ path, format: json(Flight) })).map((f) => f.delay).print();
  },
});
`,
    );
  });

  test('a malformed line: file, line, column, field, and the fix', async () => {
    const good = '{"origin":"DTW","delay":66}';
    file('input.jsonl', `${good}\n${good}\n{"origin":"HNL","delay":"95"}\n${good}\n`);
    const { stderr, code } = await millrace(['run', 'input.ts'], folder);
    assert.equal(code, 1);
    const [said, where, fix] = linesOf(stderr);
    assert.match(
      said!,
      /^error\[CONNECTOR_MALFORMED_LINE\]: input\.jsonl:3:25: field "delay": .*"95"/,
    );
    assert.match(said!, /from byte 56 on/);
    assert.match(where!, /input\.jsonl:3$/);
    assert.match(fix!, /^ {2}fix: .*without quotes.*onError/);
  });

  test('a record that cannot go to another slot, found when many are encoded: an upper bound', async () => {
    file(
      'unsent.ts',
      `import { defineJob, discard, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { json } from 'millrace/formats';

const Sent = t.struct({ n: t.int32 });

export default defineJob({
  name: 'unsent',
  build(env) {
    env
      .from(files.source({ path: 'unsent.jsonl', format: json(Sent) }))
      .map(({ n }) => ({ n: n >= 1500 && n < 2000 ? n + 0.5 : n }))
      .returns(Sent)
      .keyBy(({ n }) => n)
      .sinkTo(discard());
  },
});
`,
    );
    file('unsent.jsonl', Array.from({ length: 5000 }, (_, n) => `{"n":${n}}\n`).join(''));
    const [said, where] = await refused('run', 'unsent.ts', '-p', '2');
    assert.match(
      said!,
      /^error\[DATA_NOT_SERIALIZABLE\]: A value at record\.n of the edge after "map"/,
    );
    // Those that are verified when they are emitted are fine.
    const place = /record at unsent\.jsonl:(\d+) or before$/.exec(where!);
    assert.ok(place !== null, where!);
    assert.ok(Number(place[1]) > 1500, where!);
  });

  test('a file that is not there: a near name, and where it is read', async () => {
    const [said, , place] = await refused('run', 'input.ts', '--param', 'path=inptu.jsonl');
    assert.match(
      said!,
      /^error\[CONNECTOR_FILE_NOT_FOUND\]: There is no file inptu\.jsonl .*Did you mean "input\.jsonl"\?$/,
    );
    assert.equal(place, '  at: input.ts:11:9');
  });
});

describe('output', () => {
  test('--json: every line is an object; the last is the result', async () => {
    const { stdout, code } = await millrace(['run', 'numbers.ts', '--json'], folder);
    assert.equal(code, 0);
    const objects = linesOf(stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(objects.slice(0, -1), [
      { type: 'print', subtask: 0, line: '1' },
      { type: 'print', subtask: 0, line: '2' },
      { type: 'print', subtask: 0, line: '3' },
    ]);
    const result = objects.at(-1)!;
    assert.deepEqual([result['type'], result['status']], ['result', 'FINISHED']);
    assert.equal(typeof result['runtimeMillis'], 'number');
  });

  test('--json: failures are objects too', async () => {
    jobFile(
      'fails',
      "    env.sequence(1, 3).map((): number => { throw new Error('no'); }).print();",
    );
    const { stdout, code } = await millrace(['run', 'fails.ts', '--json'], folder);
    const result = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([code, result['type'], result['status']], [1, 'result', 'FAILED']);
    assert.equal(result['message'], 'The map function of "map" threw: no');
    const missing = await millrace(['run', 'missing.ts', '--json'], folder);
    const error = JSON.parse(missing.stdout) as Record<string, unknown>;
    assert.deepEqual([missing.code, error['type']], [1, 'error']);
  });

  test('empty records and line ends in records stay', async () => {
    jobFile('texts', "    env.fromElements('', 'a\\nb', ' ', '').print();");
    assert.equal((await millrace(['run', 'texts.ts'], folder)).stdout, '\na\nb\n \n\n');
    const { stdout } = await millrace(['run', 'texts.ts', '--json'], folder);
    const lines = linesOf(stdout).map((line) => (JSON.parse(line) as { line?: string }).line);
    assert.deepEqual(lines, ['', 'a', 'b', ' ', '', undefined]);
  });

  test('a job whose output nobody reads any more is ended', { timeout: 20_000 }, async () => {
    jobFile(
      'endless',
      '    env.from(generator(t.int32, (n) => n, { ratePerSecond: 500 })).print();',
      ['generator', 't'],
    );
    const command = start(['run', 'endless.ts'], folder);
    await command.said('5\n');
    command.process.stdout!.destroy();
    const { code, stderr } = await command.closed;
    assert.deepEqual([code, stderr], [141, '']);
  });
});
