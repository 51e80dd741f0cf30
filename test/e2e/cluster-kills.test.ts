// A cluster under `millrace cluster` whose processes are killed at random moments, fifty times:
// every job that runs meanwhile ends, with exactly the output of a job that nothing happened to,
// and when the cluster has been stopped nothing of it is left: no process, port, file or memory.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Prng } from '../../src/base/prng.ts';
import { linesOf } from '../command.test-kit.ts';
import { KilledCluster, lives, pause, refuses } from './killed-cluster.test-kit.ts';

const KILLS = 50;
const SEED = Number(process.env['MILLRACE_SEED'] ?? 20_261_127);
/** Of a job that is left alone, about; kills come within it. */
const JOB_MILLIS = 1500;
const PARALLELISM = 6;
const RECORDS = 600;
const KEYS = 30;

const JOB = `import { defineJob, generator, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { text } from 'millrace/formats';

export default defineJob({
  name: 'counting',
  params: { out: t.string },
  build(env, { out }) {
    env
      .from(generator(t.int32, (n) => n, { count: ${RECORDS}, ratePerSecond: ${RECORDS} }))
      .keyBy((n) => n % ${KEYS})
      .map((n) => ({ key: n % ${KEYS}, count: 1 }))
      .returns(t.struct({ key: t.int32, count: t.int32 }))
      .keyBy(({ key }) => key)
      .sum('count')
      .map(({ key, count }) => key + ':' + count)
      .sinkTo(files.sink({ path: out, format: text() }));
  },
});
`;

const SETTINGS = {
  'parallelism.default': String(PARALLELISM),
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '1000',
  'restart-strategy.fixed-delay.delay': '20 ms',
};

/** Every key counts from 1, once. */
function expectedLines(): readonly string[] {
  const lines: string[] = [];
  for (let key = 0; key < KEYS; key++) {
    for (let count = 1; count <= RECORDS / KEYS; count++) lines.push(`${key}:${count}`);
  }
  return lines.sort();
}

function linesIn(out: string): readonly string[] {
  return readdirSync(out)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => linesOf(readFileSync(join(out, name), 'utf8')))
    .sort();
}

describe('a cluster whose processes are killed', () => {
  const cluster = new KilledCluster();
  after(() => cluster.remove());

  test(`${KILLS} times at random (seed ${SEED})`, { timeout: 900_000 }, async (context) => {
    const random = Prng.of(SEED);
    const expected = expectedLines();
    const module = join(cluster.home, 'counting.ts');
    writeFileSync(module, JOB);
    const args = ['--taskmanagers', '3', '--slots', '2', '-D', 'jobmanager.rpc.port=0'];
    const start = await cluster.command('start', ...args);
    assert.equal(start.code, 0, start.stderr);
    const { jobManager } = cluster.running();
    const client = cluster.client();
    const killed: Record<string, number> = {};
    try {
      for (let round = 0; round < KILLS; round++) {
        const out = join(cluster.home, `out-${round}`);
        const jobId = await client.submit({
          moduleUrl: pathToFileURL(module).href,
          parameters: { out },
          configuration: SETTINGS,
        });
        await pause(random.below(JOB_MILLIS));
        const victims = cluster.victims();
        const victim = victims[random.below(victims.length)]!;
        // It may be gone already: the file says how it was a moment ago.
        if (lives(victim.pid)) process.kill(victim.pid, 'SIGKILL');
        killed[victim.name] = (killed[victim.name] ?? 0) + 1;
        const { status, error } = await client.result(jobId);
        const what = `round ${round}, ${victim.name} killed: ${JSON.stringify(error)}`;
        assert.equal(status, 'FINISHED', what);
        assert.deepEqual(linesIn(out), expected, what);
      }
    } finally {
      await client.close();
      cluster.running();
      const stop = await cluster.command('stop');
      assert.equal(stop.code, 0, stop.stderr);
    }
    context.diagnostic(`killed: ${JSON.stringify(killed)}`);
    assert.deepEqual(cluster.survivors(), [], 'processes live on');
    assert.ok(await refuses(jobManager), 'the port is free');
    assert.deepEqual(cluster.leftovers(), []);
  });
});
