/** For tests that wait until a job runs. */
import assert from 'node:assert/strict';
import type { JobClient } from '../client/job-client.ts';
import { milliseconds } from '../base/units.ts';
import type { Env } from '../env/env.ts';

/**
 * Resolves when every subtask runs, or has ended already: one of the source that has got no split
 * ends as soon as it runs.
 * @throws AssertionError if the job ends, so that nobody waits for ever
 */
export async function atWork({ clock }: Pick<Env, 'clock'>, client: JobClient): Promise<void> {
  for (;;) {
    const { status, vertices } = await client.details();
    assert.ok(status === 'INITIALIZING' || status === 'CREATED' || status === 'RUNNING', status);
    const isReady = vertices.every(
      ({ states: { RUNNING = 0, FINISHED = 0 }, parallelism }) =>
        RUNNING > 0 && RUNNING + FINISHED === parallelism,
    );
    if (vertices.length > 0 && isReady) return;
    await new Promise<void>((resolve) => clock.after(milliseconds(5), resolve));
  }
}
