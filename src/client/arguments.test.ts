// How arguments are read: short, long and Flink's own spellings, values that may be left out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { JOB_ID, parseArguments, type CommandSpec } from './arguments.ts';

const SPEC: CommandSpec = {
  name: 'do',
  summary: 'Does it.',
  positionals: [JOB_ID, '[DIRECTORY]'],
  options: [
    {
      ...{ name: 'shutdown', aliases: ['-sae', '--shutdownOnAttachedExit'] },
      help: 'a switch',
    },
    { name: 'savepoint', short: 's', value: 'DIRECTORY', isValueOptional: true, help: 'maybe' },
    { name: 'type', aliases: ['-type'], value: 'TYPE', help: 'a value' },
    { name: 'parallelism', short: 'p', value: 'N', help: 'a value' },
    { name: 'define', short: 'D', value: 'KEY=VALUE', multiple: true, help: 'values' },
    { name: 'help', short: 'h', help: 'this' },
  ],
  examples: [],
};

function parse(...args: readonly string[]) {
  const parsed = parseArguments(SPEC, args);
  const options = Object.fromEntries(
    SPEC.options
      .filter(({ name }) => parsed.has(name))
      .map(({ name }) => [name, parsed.values(name)]),
  );
  return [parsed.positionals, options] as const;
}

function failure(...args: readonly string[]): string {
  try {
    parse(...args);
  } catch (thrown) {
    assert.ok(isEngineError(thrown));
    return `${thrown.code} ${thrown.message}`;
  }
  return 'nothing';
}

test("Flink's spellings", () => {
  assert.deepEqual(parse('-sae', 'j'), [['j'], { shutdown: [''] }]);
  assert.deepEqual(parse('--shutdownOnAttachedExit', 'j'), [['j'], { shutdown: [''] }]);
  assert.deepEqual(parse('-type', 'native', 'j'), [['j'], { type: ['native'] }]);
  assert.deepEqual(parse('-type=native', 'j'), [['j'], { type: ['native'] }]);
  assert.deepEqual(parse('-Da=b', '-D', 'c=d', '-p4', 'j'), [
    ['j'],
    { define: ['a=b', 'c=d'], parallelism: ['4'] },
  ]);
  assert.deepEqual(parse('-parallelism', '4', '-shutdownOnAttachedExit', 'j'), [
    ['j'],
    { parallelism: ['4'], shutdown: [''] },
  ]);
  assert.deepEqual(parse('-savepoint=dir', '-define', 'a=b', 'j'), [
    ['j'],
    { savepoint: ['dir'], define: ['a=b'] },
  ]);
  assert.deepEqual(parse('j', '--', '-sae'), [['j', '-sae'], {}]);
});

test('a value that may be left out is the next argument, unless that is an option', () => {
  assert.deepEqual(parse('-s', 'dir', 'j'), [['j'], { savepoint: ['dir'] }]);
  assert.deepEqual(parse('--savepoint=dir', 'j'), [['j'], { savepoint: ['dir'] }]);
  assert.deepEqual(parse('j', '-s'), [['j'], { savepoint: [''] }]);
  assert.deepEqual(parse('j', '-s', '-p', '2'), [['j'], { savepoint: [''], parallelism: ['2'] }]);
});

test('arguments that may be left out, and those that may not', () => {
  assert.deepEqual(parse('j', 'dir'), [['j', 'dir'], {}]);
  assert.match(failure(), /^CLI_JOB_ID_MISSING Missing JobID\. /);
  assert.match(failure('a', 'b', 'c'), /^CLI_ARGUMENT_UNEXPECTED .*"c"/);
  assert.deepEqual(parse('-h'), [[], { help: [''] }]);
});

test('what is nearly an option is named', () => {
  assert.match(failure('j', '--paralelism', '1'), /Did you mean "--parallelism"\?$/);
  assert.match(failure('j', '--shutdownOnAttachedExt'), /"--shutdownOnAttachedExit"\?$/);
  assert.match(failure('j', '-type'), /^CLI_OPTION_VALUE_MISSING /);
  assert.match(failure('j', '-p', '1', '-p', '2'), /^CLI_OPTION_TWICE -p /);
});
