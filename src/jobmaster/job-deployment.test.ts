/** O2 of what a job master asks of its slots, held against a slot that is gone. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EngineError } from '../base/errors.ts';
import type { ExecutionRecord } from '../scheduling/job-state.ts';
import { JobDeployment } from './job-deployment.ts';
import type { JobDeploymentOptions } from './job-deployment.ts';

// While the decision to commit was being stored a checkpoint was complete, committed for the last
// tasks of a region, and its slots went back: the JobManager ended (seed 183 of the simulator).
it('O2: an execution that has finished since it was decided is not asked to commit', () => {
  const commits: unknown[] = [];
  const held = {
    allocationId: 'a',
    session: { gateway: { commit: (which: unknown) => commits.push(which) } },
  };
  const deployment = (state: ExecutionRecord['state'], slot: typeof held | undefined) => {
    const options = {
      plan: { executions: [{ vertex: { id: 'v' }, subtask: 0, slot: 0 }] },
      run: { state: { executions: [{ state }] } },
      slots: { at: () => slot },
    };
    return new JobDeployment(options as unknown as JobDeploymentOptions);
  };
  const effect = { kind: 'commit', execution: 0, generation: 1 } as const;
  deployment('FINISHED', undefined).commit(effect);
  assert.equal(commits.length, 0);
  deployment('RUNNING', held).commit(effect);
  assert.equal(commits.length, 1);
});

it('V4 of slots: one that is not known where it should be is given up, with its region', async () => {
  const cause = new EngineError('SLOT_NOT_ALLOCATED', { allocationId: 'a', taskExecutor: 'te' });
  const told: unknown[] = [];
  const session = { gateway: { prepareSlot: () => Promise.reject(cause) } };
  const options = {
    main: {
      follow: (promise: Promise<unknown>, _done: unknown, failed: (error: unknown) => void) =>
        promise.catch(failed),
    },
    plan: { graph: { jobGraph: { fingerprint: 'f' } } },
    run: { feed: ({ kind }: { kind: string }) => told.push(kind) },
    slots: {
      at: () => ({ allocationId: 'a', taskExecutorId: 'te', session }),
      gone: (allocationId: string) => told.push(allocationId),
    },
  };
  const deployment = new JobDeployment(options as unknown as JobDeploymentOptions);
  deployment.prepare({ kind: 'prepare-slots', region: 0, generation: 1, slots: [0] } as never);
  await Promise.resolve().then(() => undefined);
  assert.deepEqual(told, ['region-failed', 'a']);
});
