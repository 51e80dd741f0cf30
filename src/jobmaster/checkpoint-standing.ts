/** How the executions of a job stand, as far as checkpoints are concerned. */
import type { TaskStanding } from '../checkpoint/checkpoint-plan.ts';
import type { JobState } from '../scheduling/job-state.ts';

export function standingsOf({
  status,
  executions,
  regions,
  regionOf,
}: Pick<JobState, 'status' | 'executions' | 'regions' | 'regionOf'>): readonly TaskStanding[] {
  const isRunning = status === 'RUNNING' || status === 'RESTARTING';
  return executions.map(({ state, ready, slot }): TaskStanding => {
    if (!isRunning) return 'absent';
    if (state === 'FINISHED') return 'finished';
    if (regions[regionOf[slot]!]!.stopping) return 'absent';
    if (state !== 'RUNNING') return 'absent';
    return ready ? 'ready' : 'running';
  });
}
