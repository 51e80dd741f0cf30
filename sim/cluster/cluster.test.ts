/** The simulated cluster itself: repeatable, isolated, and it finds planted bugs. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MUTANTS } from '../mutants/mutants.ts';
import { REGRESSIONS } from '../regressions.ts';
import { bundleJobs, runSeed } from '../run-seed.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

/** The output of the simulator in a process of its own. */
async function sim(...args: readonly string[]): Promise<string> {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [main, ...args], { maxBuffer: 1 << 28 });
  return stdout;
}

function hashOf(output: string): string {
  return /trace ([0-9a-f]{16})/.exec(output)?.[1] ?? assert.fail(output.slice(-500));
}

describe('the simulated cluster', () => {
  it('commits without faults what the oracle says', async () => {
    await using jobs = await bundleJobs();
    for (const workload of [
      'keyed-totals',
      'windowed-totals',
      'kept-states',
      'copied-records',
    ] as const) {
      const checkpoints = false;
      const outcome = await runSeed({ seed: 1, jobs, faults: false, workload, checkpoints });
      assert.equal(outcome.injected.size, 0);
      assert.equal(outcome.taskManagerStarts, 2);
    }
  });

  it('gives a seed the same trace in two processes, and another seed another', async () => {
    const [first, second, other] = await Promise.all([
      sim('--seed', '7'),
      sim('--seed', '7'),
      sim('--seed', '8', '--quiet'),
    ]);
    assert.equal(hashOf(first), hashOf(second));
    assert.notEqual(hashOf(first), hashOf(other));
    const lines = first.trimEnd().split('\n');
    assert.match(lines.join('\n'), /^seed 7$/m);
    assert.ok(lines.length > 10_000, 'a line per event');
    assert.match(lines.at(-1)!, /^seed 7 ok: .*faults: \w/);
  });

  it('injects at least one fault of each class that a seed enables', async () => {
    const output = await sim('--seeds', '10');
    for (const [, count] of output.matchAll(/[a-z]+-[a-z]+ (\d+)/g)) assert.notEqual(count, '0');
    assert.match(output, /10 seeds, .* 0 failures/);
  });
});

describe('seeds that have found a bug', () => {
  for (const { seeds, workload, checkpoints, what, test } of REGRESSIONS) {
    it(`${what} (seed ${seeds.join(', ')})`, async () => {
      await using jobs = await bundleJobs();
      for (const seed of seeds) {
        const { restores } = await runSeed({ seed, jobs, workload, checkpoints });
        if (seed === 2) assert.ok(restores > 0);
        if (test === undefined) continue;
        const text = readFileSync(new URL(`../../${test}`, import.meta.url), 'utf8');
        assert.match(text, new RegExp(`[Ss]eed ${seed}\\b`), `${test} speaks of seed ${seed}`);
      }
    });
  }
});

describe('planted bugs', () => {
  // All of them: `npm run sim -- --mutants`.
  for (const { name, what } of MUTANTS.filter(({ checkpoints }) => !checkpoints)) {
    it(`finds within 50 seeds that ${what}`, async () => {
      assert.match(
        await sim('--mutant', name, '--seeds', '50'),
        new RegExp(`${name} found by seed`),
      );
    });
  }
});
