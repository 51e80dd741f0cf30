// What `millrace config` says about options, and where they were set.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfiguration } from '../config/load-configuration.ts';
import { diskWith } from '../config/files.test-kit.ts';
import { OPTIONS } from '../config/options.ts';
import { command } from './command.test-kit.ts';

const files = {
  '/here/millrace.yaml': 'pipeline:\n  name: "a: b"\nrestart-strategy: fixed-delay\n',
};

test('what is set can be read again, with where it was set', async () => {
  const { code, stdout } = await command(['config', '-Dparallelism.default=3'], { files });
  assert.equal(code, 0);
  assert.equal(
    stdout,
    [
      'parallelism.default: 3              # -D',
      'pipeline.name: "a: b"               # millrace.yaml:2:3',
      'restart-strategy.type: fixed-delay  # millrace.yaml:3:1',
      '',
    ].join('\n'),
  );
  const again = await loadConfiguration({
    disk: diskWith({ '/here/millrace.yaml': stdout }),
    variables: {},
  });
  assert.deepEqual(again.toRecord(), {
    'parallelism.default': '3',
    'pipeline.name': 'a: b',
    'restart-strategy.type': 'fixed-delay',
  });
  assert.match((await command(['config'])).stdout, /^# Nothing is set/);
});

test('one value, as a script wants it', async () => {
  assert.equal((await command(['config', 'pipeline.name'], { files })).stdout, 'a: b\n');
  assert.equal((await command(['config', 'parallelism.default'])).stdout, '1\n');
  assert.equal((await command(['config', 'pipeline.name'])).stdout, '');
});

test('an option is explained under any of its names', async () => {
  for (const key of ['restart-strategy', 'restart-strategy.type']) {
    const { stdout } = await command(['config', '--explain', key], { files });
    assert.match(stdout, /^restart-strategy\.type\n/);
    assert.match(
      stdout,
      /^ {2}value +fixed-delay \(millrace\.yaml:3:1, as restart-strategy, its older name\)$/m,
    );
    const byDefault =
      /^ {2}default +exponential-delay where the job takes checkpoints, else none$/m;
    assert.match(stdout, byDefault);
    assert.match(stdout, /^ {2}type +Enum: "none", /m);
    assert.match(stdout, /^ {2}What happens to a job that has failed\. Unset: /m);
  }
  const { stdout } = await command(['config', '--explain', 'pipeline.name']);
  assert.match(stdout, /^ {2}value +not set$/m);
  assert.match(stdout, /^ {2}default +not set$/m);
  const unset = await command(['config', '--explain', 'restart-strategy.type']);
  assert.match(unset.stdout, /^ {2}value +not set$/m);
});

test('all options are explained, as text and as JSON', async () => {
  const { stdout: text } = await command(['config', '--explain'], { files });
  const { stdout: json } = await command(['config', '--json'], { files });
  const { options } = JSON.parse(json) as {
    readonly options: readonly { readonly key: string; readonly origin: object }[];
  };
  assert.deepEqual(options.map(({ key }) => key).sort(), [...OPTIONS.keys()].sort());
  for (const key of OPTIONS.keys()) assert.ok(text.includes(`\n${key}\n`), key);
  assert.deepEqual(options.find(({ key }) => key === 'pipeline.name')!.origin, {
    ...{ kind: 'file', file: 'millrace.yaml', line: 2, column: 3 },
  });
});

test('no such option, and one of Flink only', async () => {
  const unknown = await command(['config', '--explain', 'paralelism.default']);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /CONFIG_UNKNOWN_OPTION.*Did you mean "parallelism\.default"\?/);
  const flink = await command(['config', 'env.java.home']);
  assert.match(flink.stderr, /CONFIG_UNSUPPORTED_OPTION.*There is no JVM/);
});
