/** O2 of what a job master asks of its slots, held against a slot that is gone. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
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
