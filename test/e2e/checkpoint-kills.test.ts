// A keyed job with checkpoints every 500 ms on a cluster whose processes are killed at random
// moments, one or two at a time: it writes every result once through the file sink, nobody ever
// sees a torn or aborted one, and nothing is left of checkpoints, jobs or processes in the end.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { cases } from '../../src/base/cases.test-kit.ts';
import { Prng } from '../../src/base/prng.ts';
import { CommittedOutput } from './committed-output.test-kit.ts';
import {
  type ClusterClient,
  KilledCluster,
  lives,
  pause,
  refuses,
} from './killed-cluster.test-kit.ts';
import { writeTotalsJob } from './totals-job.test-kit.ts';

const KILLS = cases(25, 100);
const SEED = Number(process.env['MILLRACE_SEED'] ?? 20_261_128);
/** On a slow machine there are fewer kills, but these at least. */
const LONGEST_MILLIS = cases(100_000, 1_800_000);
const LEAST_KILLS = cases(10, KILLS);
/** A job that is left alone takes 6 s. */
const RATE = 1000;
const RECORDS = 6000;
const KEYS = 30;
const LOOK_MILLIS = 50;
const LONGEST_RECOVERY_MILLIS = 30_000;

const cluster = new KilledCluster();
after(() => cluster.remove());
const checkpoints = join(cluster.home, 'checkpoints');
const random = Prng.of(SEED);
const killed: Record<string, number> = {};
let kills = 0;

function settings(parallelism: number, local: boolean): Readonly<Record<string, string>> {
  return {
    'parallelism.default': String(parallelism),
    'execution.checkpointing.dir': checkpoints,
    'execution.checkpointing.data-inline-threshold': local ? '1 b' : '20 kb',
    'execution.state-recovery.from-local': String(local),
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.attempts': '1000',
    'restart-strategy.fixed-delay.delay': '20 ms',
  };
}

interface Until {
  readonly ended: boolean;
}

/** Kills until there were enough or the job has ended. */
async function kill(until: Until, output: CommittedOutput, deadline: number): Promise<void> {
  while (!until.ended && kills < KILLS && performance.now() < deadline) {
    // One of four strikes whatever goes on, the recovery before most of all.
    if (random.below(4) > 0) await more(until, output);
    await pause(random.below(1000));
    if (until.ended) return;
    const victims = [...cluster.victims()];
    for (let left = random.below(4) === 0 ? 2 : 1; left > 0 && victims.length > 0; left--) {
      const [victim] = victims.splice(random.below(victims.length), 1);
      // It may be gone already: the file says how it was a moment ago.
      if (!lives(victim!.pid)) continue;
      process.kill(victim!.pid, 'SIGKILL');
      killed[victim!.name] = (killed[victim!.name] ?? 0) + 1;
      kills++;
    }
  }
}

/** Resolves when the job has brought more output, has ended, or takes too long. */
async function more(until: Until, output: CommittedOutput): Promise<void> {
  const [values, latest] = [output.values, performance.now() + LONGEST_RECOVERY_MILLIS];
  while (!until.ended && output.values === values && performance.now() < latest) {
    await pause(LOOK_MILLIS);
  }
}

/** Looks at the output until the job has ended. */
async function watch(until: Until, output: CommittedOutput): Promise<void> {
  while (!until.ended) {
    output.look();
    await pause(LOOK_MILLIS);
  }
}

/** The restores that the masters of a job tell of until it has ended. */
async function restores(
  until: Until,
  client: ClusterClient,
  jobId: string,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  while (!until.ended) {
    const restored = (await client.details(jobId))?.checkpoints?.latestRestored;
    if (restored !== undefined) found.add(`${restored.checkpointId}/${restored.restoredAt}`);
    await pause(LOOK_MILLIS * 4);
  }
  return found;
}

describe('a job with checkpoints on a cluster whose processes are killed', () => {
  test(
    `${KILLS} times at random (seed ${SEED})`,
    { timeout: 2 * LONGEST_MILLIS + 600_000 },
    async (context) => {
      const moduleUrl = writeTotalsJob(cluster.home, {
        ...{ records: RECORDS, keys: KEYS, ratePerSecond: RATE, intervalMillis: 500 },
      });
      const args = ['--taskmanagers', '3', '--slots', '2', '-D', 'jobmanager.rpc.port=0'];
      const start = await cluster.command('start', ...args);
      assert.equal(start.code, 0, start.stderr);
      const { jobManager } = cluster.running();
      const client = cluster.client();
      const deadline = performance.now() + LONGEST_MILLIS;
      let recoveries = 0;
      try {
        for (let round = 0; kills < KILLS && performance.now() < deadline; round++) {
          const out = join(cluster.home, `out-${round}`);
          const output = new CommittedOutput(out);
          const jobId = await client.submit({
            moduleUrl,
            parameters: { out },
            // With spare slots and copies of state on the machine, and without.
            configuration: settings(round % 2 === 0 ? 4 : 6, round % 2 === 0),
          });
          const until = { ended: false };
          const result = client.result(jobId).finally(() => (until.ended = true));
          const [{ status, error }, , , restored] = await Promise.all([
            result,
            kill(until, output, deadline),
            watch(until, output),
            restores(until, client, jobId),
          ]);
          recoveries += restored.size;
          const what = `round ${round}: ${JSON.stringify(error)}`;
          assert.equal(status, 'FINISHED', what);
          output.requireAll(RECORDS, KEYS);
          context.diagnostic(
            `job ${round}: ${restored.size} restores, ${output.files} files, ${output.looks} looks`,
          );
          assert.deepEqual(filesIn(checkpoints), [], `${what}: files of checkpoints`);
        }
      } finally {
        context.diagnostic(`killed: ${JSON.stringify(killed)}; ${recoveries} restores were seen`);
        await client.close();
        cluster.running();
        const stop = await cluster.command('stop');
        assert.equal(stop.code, 0, stop.stderr);
      }
      assert.ok(kills >= LEAST_KILLS, `${kills} kills`);
      assert.ok(recoveries >= kills / 5, `${recoveries} restores from checkpoints`);
      assert.deepEqual(cluster.survivors(), [], 'processes live on');
      assert.ok(await refuses(jobManager), 'the port is free');
      assert.deepEqual(cluster.leftovers(), []);
    },
  );
});

function filesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : [];
}
