/** The simulated cluster itself: repeatable, isolated, and it finds planted bugs. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MUTANTS } from '../mutants/mutants.ts';
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

  // Four seeds in which a client that got no answer submitted a job again that had ended meanwhile.
  it('answers a resubmission of a job that has ended (seeds 22, 32, 66, 79)', async () => {
    await using jobs = await bundleJobs();
    for (const seed of [22, 32, 66, 79])
      await runSeed({ seed, jobs, workload: 'keyed-totals', checkpoints: false });
  });

  // A JobManager that was started again counted attempts from 1, and found the files of the first.
  it('numbers attempts on from those of an earlier master (seed 27)', async () => {
    await using jobs = await bundleJobs();
    await runSeed({ seed: 27, jobs, workload: 'copied-records', checkpoints: false });
  });

  // Every further submission was answered with the failure of the first.
  it('takes a job again that it could not store (seed 43)', async () => {
    await using jobs = await bundleJobs();
    await runSeed({ seed: 43, jobs, workload: 'copied-records', checkpoints: false });
  });

  // The folder of the jobs itself was not durable: a loss of power took it along.
  it('finds its jobs after the host was lost (seed 55)', async () => {
    await using jobs = await bundleJobs();
    await runSeed({ seed: 55, jobs, workload: 'copied-records', checkpoints: false });
  });
});

describe('the simulated cluster with checkpoints', () => {
  // Splits of a source were given to readers that had finished, and never read.
  it('reads all splits after a restore when some readers had finished (seed 2)', async () => {
    await using jobs = await bundleJobs();
    const outcome = await runSeed({ seed: 2, jobs, workload: 'keyed-totals', checkpoints: true });
    assert.ok(outcome.checkpoints > 0);
    assert.ok(outcome.restores > 0);
  });

  // A JobManager that took over a job without a checkpoint failed it for good, as if it began.
  it('goes on with a job whose folder is full when a master takes over (seed 24)', async () => {
    await using jobs = await bundleJobs();
    await runSeed({ seed: 24, jobs, workload: 'keyed-totals', checkpoints: true });
  });

  // A slot had gone back when the decision to commit was stored, and the JobManager ended.
  it('does not ask a task to commit whose checkpoint already has (seed 183)', async () => {
    await using jobs = await bundleJobs();
    await runSeed({ seed: 183, jobs, workload: 'copied-records', checkpoints: true });
  });

  // Its next master did not know that nothing stays of a job that is cancelled.
  it('leaves nothing of a job that is cancelled before it is opened again (seed 596)', async () => {
    await using jobs = await bundleJobs();
    await runSeed({ seed: 596, jobs, workload: 'keyed-totals', checkpoints: true });
  });

  // A job that ended with more than the checkpoint that it had claimed kept its claim for ever.
  it('takes back the claim on a checkpoint that a job gives back (seed 557)', async () => {
    await using jobs = await bundleJobs();
    await runSeed({ seed: 557, jobs, workload: 'windowed-totals', checkpoints: true });
  });
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
