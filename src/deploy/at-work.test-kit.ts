/** For tests that wait until a job runs. */
import assert from 'node:assert/strict';
import type { JobClient } from '../client/job-client.ts';
import { milliseconds } from '../base/units.ts';
import type { Env } from '../env/env.ts';
import { LONGEST_WAIT_MILLIS } from './checkpoint-rig.test-kit.ts';

/**
 * Resolves when every subtask runs, or has ended already: one of the source that has got no split
 * ends as soon as it runs.
 * @throws AssertionError if that does not come, so that nobody waits for ever
 */
export async function atWork({ clock }: Pick<Env, 'clock'>, client: JobClient): Promise<void> {
  const since = clock.monotonic();
  for (;;) {
    assert.ok(clock.monotonic() - since < LONGEST_WAIT_MILLIS, 'the job is not at work');
    const { status, vertices } = await client.details();
    assert.ok(['INITIALIZING', 'CREATED', 'RUNNING', 'RESTARTING'].includes(status), status);
    const isReady = vertices.every(
      ({ states: { RUNNING = 0, FINISHED = 0 }, parallelism }) =>
        RUNNING > 0 && RUNNING + FINISHED === parallelism,
    );
    if (vertices.length > 0 && isReady) return;
    await new Promise<void>((resolve) => clock.after(milliseconds(5), resolve));
  }
}
