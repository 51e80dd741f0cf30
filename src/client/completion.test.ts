// What shells complete. The script for bash is run by bash itself; a part of Linux and macOS.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { command } from './command.test-kit.ts';
import { SHELLS } from './completion.ts';

async function script(shell: string): Promise<string> {
  const { code, stdout } = await command(['completion', shell]);
  assert.equal(code, 0);
  return stdout;
}

/** What bash offers after these words, the last of which is being typed. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const list = words.map((word) => `'${word}'`).join(' ');
  const calls = `
COMP_WORDS=(millrace ${list}); COMP_CWORD=${words.length}
millrace() { echo '21.11.2026 06:11:54 : 6f1c0a2e9b7d4f53a1c8e0d2b4f69710 : words (RUNNING)'; }
_millrace; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, status, stderr } = spawnSync('bash', ['--norc', '-s'], {
    input: (await script('bash')) + calls,
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [0, '']);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('bash', () => {
  test('commands and options', async () => {
    assert.deepEqual(await offered('sav'), ['savepoint']);
    assert.deepEqual(await offered('supervisor'), [], 'hidden');
    assert.deepEqual(await offered('stop', '--dr'), ['--drain']);
    assert.deepEqual(await offered('jobmanager', '--superv'), [], 'hidden');
    assert.deepEqual(await offered('list', '-z'), []);
  });

  test('values of options, and arguments', async () => {
    assert.deepEqual(await offered('stop', '-type', 'n'), ['native']);
    assert.deepEqual(await offered('run', '-D', 'parallelism.d'), ['parallelism.default=']);
    assert.deepEqual(await offered('config', 'parallelism.d'), ['parallelism.default']);
    assert.deepEqual(await offered('completion', ''), SHELLS);
    assert.deepEqual(await offered('cluster', 'sta'), ['start', 'status']);
    assert.deepEqual(await offered('run', 'exam'), [], 'files are left to the shell');
  });

  test('ids of jobs come from the cluster', async () => {
    assert.deepEqual(await offered('cancel', '6f'), ['6f1c0a2e9b7d4f53a1c8e0d2b4f69710']);
    assert.deepEqual(await offered('checkpoint', 'a'), []);
  });
});

test('zsh and fish know every command and option', async () => {
  for (const shell of ['zsh', 'fish']) {
    const text = await script(shell);
    for (const name of ['run', 'list', 'cluster', 'withSavepoint', 'detached', 'rest.port']) {
      assert.ok(text.includes(name), `${shell}: ${name}`);
    }
    assert.doesNotMatch(text, /supervisor|supervised/);
  }
});

test('another shell is not guessed', async () => {
  const { code, stderr } = await command(['completion', 'tcsh']);
  assert.equal(code, 1);
  assert.match(stderr, /CLI_VALUE_INVALID.*"tcsh"\.\n {2}fix: It must be bash, zsh, fish\./);
  assert.match((await command(['completion'])).stderr, /CLI_ARGUMENT_MISSING.*needs SHELL/);
});
