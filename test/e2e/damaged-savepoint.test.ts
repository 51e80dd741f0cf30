// `millrace run -s` from a checkpoint that is damaged: refused with the name of the file and an
// exit code, before anything is written, and nothing of the checkpoint goes, claimed or not.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { millrace, start } from '../command.test-kit.ts';

const EXAMPLE = 'examples/exactly-once-files.ts';
/** Every state is in a file. */
const IN_FILES = ['-D', 'execution.checkpointing.data-inline-threshold=1 b'];

const folder = mkdtempSync(join(tmpdir(), 'millrace-damaged-'));
after(() => rmSync(folder, { recursive: true }));
const checkpoints = join(folder, 'checkpoints');

const argsOf = (out: string): readonly string[] => {
  const parameters = { out: join(folder, out), checkpoints, count: 100_000, rate: 1000 };
  return Object.entries(parameters).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
};

const complete = (): readonly string[] =>
  (existsSync(checkpoints) ? readdirSync(checkpoints) : []).flatMap((job) =>
    readdirSync(join(checkpoints, job))
      .map((name) => join(checkpoints, job, name))
      .filter((path) => existsSync(join(path, '_metadata'))),
  );

/** Paths and contents of all that is there. */
function contents(): ReadonlyMap<string, string> {
  const entries = readdirSync(checkpoints, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name));
  return new Map(paths.toSorted().map((path) => [path, readFileSync(path, 'latin1')]));
}

describe('a checkpoint that is damaged', () => {
  let checkpoint = '';

  before(async () => {
    const killed = start(['run', ...IN_FILES, EXAMPLE, ...argsOf('out')]);
    while (complete().length === 0) {
      assert.equal(killed.process.exitCode, null, 'it ended before it was killed');
      await pause(20);
    }
    killed.process.kill('SIGKILL');
    await killed.ended;
    checkpoint = complete().at(-1)!;
  });

  async function requireRefused(path: string, damaged: Buffer, claim: string): Promise<void> {
    const whole = readFileSync(path);
    writeFileSync(path, damaged);
    const there = contents();
    try {
      const options = ['-s', checkpoint, '--claimMode', claim];
      const ended = await millrace(['run', ...options, EXAMPLE, ...argsOf('again')]);
      assert.notEqual(ended.code, 0);
      assert.ok(ended.stderr.includes(path), ended.stderr);
      assert.deepEqual(contents(), there, 'nothing goes, and nothing comes');
      const written = existsSync(join(folder, 'again')) ? readdirSync(join(folder, 'again')) : [];
      assert.deepEqual(written, []);
    } finally {
      writeFileSync(path, whole);
    }
  }

  for (const claim of ['claim', 'no_claim']) {
    test(`${claim}: a byte of _metadata is flipped, or its end is missing`, async () => {
      const path = join(checkpoint, '_metadata');
      const whole = readFileSync(path);
      const flipped = Buffer.from(whole);
      flipped[flipped.length >> 1]! ^= 0x55;
      await requireRefused(path, flipped, claim);
      await requireRefused(path, whole.subarray(0, whole.length - 1), claim);
    });

    test(`${claim}: a file of state is cut, or a byte of it is flipped`, async () => {
      // The kill may have left the name under which _metadata was written, which is the same file.
      const [name] = readdirSync(checkpoint).filter((each) => !each.includes('_metadata'));
      assert.ok(name !== undefined, 'a state is in a file');
      const path = join(checkpoint, name);
      const whole = readFileSync(path);
      const flipped = Buffer.from(whole);
      flipped[flipped.length >> 1]! ^= 0x55;
      await requireRefused(path, whole.subarray(0, whole.length >> 1), claim);
      await requireRefused(path, flipped, claim);
    });
  }
});
