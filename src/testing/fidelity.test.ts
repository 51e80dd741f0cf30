/** A harness gives what a cluster gives: the same job on threads and in one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { executeAndCollectBy } from '../api/execute-and-collect.ts';
import { localExecution } from '../deploy/local-execution.ts';
import { nodeEnv } from '../env/node/node-env.ts';
import { everything } from './fidelity-jobs.test-kit.ts';
import { JobHarness } from './job-harness.ts';

const execution = localExecution(
  nodeEnv({
    entries: {
      slot: new URL('../../bin/slot-worker.ts', import.meta.url),
      coordinator: new URL('../../bin/coordinator-worker.ts', import.meta.url),
    },
    log: { level: 'error' },
  }),
);

test('the results of a harness are those of a cluster', async () => {
  const found: unknown[] = [];
  for (const parallelism of [1, 2, 4]) {
    const harness = await JobHarness.start(everything, { parallelism });
    await harness.end();
    found.push(sorted(harness.results()));
  }
  const configuration = { 'parallelism.default': '2' };
  const real = sorted(await executeAndCollectBy(execution, everything, { configuration }));
  assert.ok(real['summed']!.length > 500 && real['tens']!.length > 100);
  for (const each of found) assert.deepEqual(each, real);
});

function sorted(
  results: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(results).map(([name, lines]) => [name, lines.toSorted()]),
  );
}
