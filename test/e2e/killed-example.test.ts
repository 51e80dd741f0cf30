// examples/exactly-once-files.ts as its first lines tell: killed, and gone on with from its newest
// checkpoint by another process, at another parallelism.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { millrace, start } from '../command.test-kit.ts';

const COUNT = 4000;
const EXAMPLE = 'examples/exactly-once-files.ts';

test('exactly-once-files: killed and gone on with, each total is there once, and no other file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-example-'));
  const [out, checkpoints] = [join(folder, 'out'), join(folder, 'checkpoints')];
  const parameters = { out, checkpoints, count: COUNT, rate: 1500 };
  const args = Object.entries(parameters).flatMap(([name, value]) => [
    ...['--param', `${name}=${value}`],
  ]);
  const names = (): readonly string[] => (existsSync(out) ? readdirSync(out) : []);
  const totals = (): readonly string[] =>
    names()
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) => readFileSync(join(out, name), 'utf8').trimEnd().split('\n'))
      .filter((line) => /^\d/.test(line));

  const killed = start(['run', EXAMPLE, ...args]);
  while (totals().length < 500) {
    assert.equal(killed.process.exitCode, null, 'it ended before it was killed');
    await pause(20);
  }
  killed.process.kill('SIGKILL');
  assert.equal((await killed.ended).signal, 'SIGKILL');
  const before = totals();
  requireTotals(before, before.length);

  const [job] = readdirSync(checkpoints);
  const complete = readdirSync(join(checkpoints, job!))
    .filter((name) => existsSync(join(checkpoints, job!, name, '_metadata')))
    .toSorted((left, right) => Number(right.slice(4)) - Number(left.slice(4)));
  const newest = join(checkpoints, job!, complete[0]!);
  const restored = ['-s', newest, '--claimMode', 'claim', '-p', '3'];
  const ended = await millrace(['run', ...restored, EXAMPLE, ...args]);
  assert.equal(ended.code, 0, ended.stderr);
  const after = totals();
  requireTotals(after, COUNT);
  assert.ok(new Set(after).isSupersetOf(new Set(before)), 'what was seen stays');
  assert.deepEqual(
    names().filter((name) => name.startsWith('.')),
    [],
    'nothing is left of who was killed',
  );
  rmSync(folder, { recursive: true });
});

/** Of each till a beginning of what an undisturbed run gives, each once, and so many in all. */
function requireTotals(lines: readonly string[], count: number): void {
  const expected = new Map<number, string[]>();
  const sums = new Map<number, number>();
  for (let n = 0; n < COUNT; n += 1) {
    const till = n % 4;
    const own = expected.get(till) ?? [];
    const sum = (sums.get(till) ?? 0) + 100 + ((n * 7919) % 900);
    sums.set(till, sum);
    own.push(`${till},${own.length + 1},${sum}`);
    expected.set(till, own);
  }
  const numberOf = (line: string): number => Number(line.split(',')[1]);
  for (const [till, own] of expected) {
    const found = lines.filter((line) => line.startsWith(`${till},`));
    const inOrder = found.toSorted((left, right) => numberOf(left) - numberOf(right));
    assert.deepEqual(inOrder, own.slice(0, found.length));
  }
  assert.equal(lines.length, count);
}
