// Where options are found, what wins, and that every mistake in a file is told with its place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { parseConfigText } from './config-file.ts';
import { loadConfiguration, parseAssignment } from './load-configuration.ts';
import { PipelineOptions } from './options/pipeline-options.ts';
import { originText } from './origin.ts';
import { diskWith, type Files } from './files.test-kit.ts';

interface Case {
  readonly files?: Files;
  readonly variables?: Readonly<Record<string, string>>;
  readonly file?: string;
  readonly assignments?: readonly string[];
}

/** The default parallelism, and where it was set. */
async function parallelism({ files = {}, variables = {}, ...rest }: Case): Promise<string> {
  const configuration = await loadConfiguration({ disk: diskWith(files), variables, ...rest });
  const origin = originText(configuration.origin(PipelineOptions.parallelism));
  return `${configuration.get(PipelineOptions.parallelism)} ${origin}`;
}

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (thrown) {
    assert.ok(isEngineError(thrown), String(thrown));
    const at = thrown.scope.declaredAt === undefined ? '' : ` [${thrown.scope.declaredAt}]`;
    return `${thrown.code}: ${thrown.message}${at}`;
  }
  return 'nothing';
}

function parse(text: string) {
  return parseConfigText(text, 'c.yaml', (place) => ({ kind: 'file', file: 'c.yaml', ...place }));
}

const set = (count: number): string => `parallelism.default: ${count}\n`;

test('the first file that there is counts, and no other', async () => {
  const files = {
    '/given.yaml': set(2),
    '/own/config.yaml': set(3),
    '/flink/config.yaml': set(4),
    '/here/millrace.yaml': set(5),
    '/home/me/.millrace/conf/config.yaml': set(6),
    '/kept/conf/config.yaml': set(7),
  };
  const folders = { MILLRACE_CONF_DIR: '/own/', FLINK_CONF_DIR: '/flink', HOME: '/home/me' };
  assert.equal(
    await parallelism({ files, variables: folders, file: '/given.yaml' }),
    '2 /given.yaml:1:1',
  );
  assert.equal(await parallelism({ files, variables: folders }), '3 /own/config.yaml:1:1');
  const flink = { ...folders, MILLRACE_CONF_DIR: '' };
  assert.equal(await parallelism({ files, variables: flink }), '4 /flink/config.yaml:1:1');
  const home = { HOME: '/home/me' };
  assert.equal(await parallelism({ files, variables: home }), '5 millrace.yaml:1:1');
  const { '/here/millrace.yaml': _, ...rest } = files;
  assert.equal(
    await parallelism({ files: rest, variables: home }),
    '6 /home/me/.millrace/conf/config.yaml:1:1',
  );
  const kept = { ...home, MILLRACE_HOME: '/kept' };
  assert.equal(await parallelism({ files: rest, variables: kept }), '7 /kept/conf/config.yaml:1:1');
  assert.equal(await parallelism({}), '1 default');
  assert.equal(await parallelism({ files: { '/here/config.yaml': set(9) } }), '1 default');
});

test('-D wins over the environment, and that over the file', async () => {
  const files = { '/here/millrace.yaml': set(2) };
  const variables = { FLINK_PROPERTIES: `${set(3)}heartbeat.interval: 2 s\n` };
  const both = { ...variables, MILLRACE_PROPERTIES: set(4) };
  const from = 'environment variable';
  assert.equal(await parallelism({ files, variables }), `3 ${from} FLINK_PROPERTIES`);
  assert.equal(await parallelism({ files, variables: both }), `4 ${from} MILLRACE_PROPERTIES`);
  const assignments = ['parallelism.default=5'];
  assert.equal(await parallelism({ files, variables: both, assignments }), '5 -D');
});

test('a file that is named has to be there', async () => {
  const load = (given: Case) => failure(parallelism(given));
  assert.equal(
    await load({ files: { '/here/millrace.yaml': '' }, file: 'milrace.yaml' }),
    'CONFIG_FILE_NOT_FOUND: There is no configuration file milrace.yaml. Did you mean "millrace.yaml"?',
  );
  assert.match(await load({ file: '/no/where.yaml' }), /^CONFIG_FILE_NOT_FOUND: [^?]*$/);
  assert.match(await load({ files: { '/a/b': '' }, file: '/a' }), /CONFIG_FILE_UNREADABLE/);
  const variables = { FLINK_CONF_DIR: '/flink' };
  assert.match(await load({ variables }), /^CONFIG_FOLDER_EMPTY: .*FLINK_CONF_DIR names/);
  const old = { files: { '/flink/flink-conf.yaml': '' }, variables };
  assert.match(await load(old), /^CONFIG_FILE_OLD: .*has a flink-conf\.yaml/);
  const large = '#'.repeat(1024 * 1024 + 1);
  assert.match(
    await load({ files: { '/large': large }, file: '/large' }),
    /^CONFIG_FILE_UNREADABLE: .*larger than 1 MiB/,
  );
});

test('nested and flat keys, texts, numbers and lists', async () => {
  const configuration = await parse(
    `# A comment
heartbeat:
  interval: 500 ms
  timeout: 0002 s
parallelism: { default: 3 }
restart-strategy: fixed-delay
restart-strategy.fixed-delay: { attempts: 7, delay: PT1S }
"pipeline.name": "a; b"
pipeline.operator-chaining: false
rest.bind-port: [8081, 8090-8099]
`.replace('[8081, 8090-8099]', '"8081,8090-8099"'),
  );
  assert.deepEqual(configuration.toRecord(), {
    'heartbeat.interval': '500 ms',
    'heartbeat.timeout': '0002 s',
    'parallelism.default': '3',
    'pipeline.name': 'a; b',
    'pipeline.operator-chaining.enabled': 'false',
    'rest.bind-port': '8081,8090-8099',
    'restart-strategy.fixed-delay.attempts': '7',
    'restart-strategy.fixed-delay.delay': 'PT1S',
    'restart-strategy.type': 'fixed-delay',
  });
  const shown = (await parse('pipeline:\n  name: [1.10, "b;c", "it\'s"]')).entries();
  assert.equal(shown[0]!.text, "1.10;'b;c';'it''s'");
  for (const nothing of ['', '\n', '# only a comment\n', '---\n', '{}\n', '\uFEFF']) {
    assert.deepEqual((await parse(nothing)).entries(), [], JSON.stringify(nothing));
  }
});

test('the current name of an option wins over an older one in the same file', async () => {
  for (const text of [
    'restart-strategy.type: none\nrestart-strategy: fixed-delay\n',
    'restart-strategy: fixed-delay\nrestart-strategy.type: none\n',
  ]) {
    assert.deepEqual((await parse(text)).toRecord(), { 'restart-strategy.type': 'none' });
  }
});

const MISTAKES: readonly (readonly [text: string, said: RegExp])[] = [
  ['a: b: c\n', /^CONFIG_FILE_INVALID: .*not YAML here.* \[c\.yaml:1:4\]$/],
  ['parallelism.default: 2\n\theartbeat: 1\n', /^CONFIG_FILE_INVALID: .*\[c\.yaml:2:1\]$/],
  ['just a text\n', /does not consist of keys and values\. \[c\.yaml:1:1\]$/],
  ['- a\n', /does not consist of keys and values\. \[c\.yaml:1:1\]$/],
  ['parallelism.default:\n', /parallelism\.default has no value\. \[c\.yaml:1:1\]$/],
  ['pipeline:\n  name: [a, {b: c}]\n', /value of pipeline\.name is no text.* \[c\.yaml:2:13\]$/],
  ['pipeline.name: &x a\nparallelism.default: *x\n', /refers to another\. \[c\.yaml:2:1\]$/],
  ['? [a]\n: b\n', /A key is a text\. \[c\.yaml:1:3\]$/],
  ['pipeline.name: a\npipeline:\n  name: b\n', /twice: it was set in line 1.*\[c\.yaml:3:3\]$/],
  ['pipeline.name: a\npipeline.name: b\n', /not YAML here: Map keys must be unique/],
  [
    'pipeline.name: a\n---\npipeline.name: b\n',
    /a second document in the file\. \[c\.yaml:\d:1\]$/,
  ],
  ['pipeline.name: !secret a\n', /not YAML here: .*tag.*\[c\.yaml:1:16\]$/],
  [
    'parallelism:\n  defualt: 2\n',
    /^CONFIG_UNKNOWN_OPTION: .*Did you mean "parallelism\.default"\? \[c\.yaml:2:3\]$/,
  ],
  ['\n\nparallelism.default: 0\n', /^CONFIG_INVALID_VALUE: .*"0"\. \[c\.yaml:3:1\]$/],
  ['env.java.opts.all: -ea\n', /^CONFIG_UNSUPPORTED_OPTION: .*no JVM.*\[c\.yaml:1:1\]$/],
];
for (const [text, said] of MISTAKES) {
  test(`a mistake has its place: ${JSON.stringify(text)}`, async () => {
    assert.match(await failure(parse(text)), said);
  });
}

test('several mistakes are told at once', async () => {
  const text = 'paralelism.default: 1\nheartbeat:\n  interval: soon\n  timeout:\nyarn.tags: a\n';
  assert.equal(
    await failure(parse(text)),
    [
      'CONFIG_FILE_PROBLEMS: c.yaml has 4 mistakes:',
      '  c.yaml:1:1: There is no option paralelism.default. Did you mean "parallelism.default"?',
      '  c.yaml:3:3: The option heartbeat.interval cannot be "soon". It must be a duration such as "10 s", "500 ms" or "PT10S".',
      '  c.yaml:4:3: heartbeat.timeout has no value.',
      '  c.yaml:5:1: yarn.tags is an option of Flink that Millrace does not have. Millrace does not run on YARN. Leave it out.',
    ].join('\n'),
  );
});

test('a wrong value in the environment names the variable', async () => {
  const variables = { MILLRACE_PROPERTIES: set(0) };
  assert.match(await failure(parallelism({ variables })), /\[MILLRACE_PROPERTIES:1:1\]$/);
});

test('-D key=value', () => {
  assert.deepEqual(parseAssignment('a.b=c=d'), ['a.b', 'c=d']);
  for (const wrong of ['', 'a', '=b']) assert.throws(() => parseAssignment(wrong), /does not set/);
});
