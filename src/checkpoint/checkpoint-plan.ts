/**
 * Who takes part in a checkpoint: which tasks begin it, from which ones it must be heard, and which
 * have nothing to add any more.
 */

/**
 * Of an execution. `ready`: it has read all its input and handed on all that it gives, and waits
 * for the decision to commit; `absent`: everything else than running and finished.
 */
export type TaskStanding = 'absent' | 'running' | 'ready' | 'finished';

export interface CheckpointPlan {
  /** Indexes of executions to which no barrier comes from a task before them. */
  readonly trigger: readonly number[];
  /** All that take part. */
  readonly participants: readonly number[];
}

/** Why there can be no checkpoint: some tasks do not run, or have finished and that matters. */
export type PlanRefusal = 'not-running' | 'finished';

export interface TaskTopology {
  /** Of each execution, the executions whose output it reads. */
  readonly producers: readonly (readonly number[])[];
}

export function planCheckpoint(
  { producers }: TaskTopology,
  tasks: readonly TaskStanding[],
  afterTasksFinish: boolean,
): CheckpointPlan | PlanRefusal {
  if (tasks.length === 0 || tasks.includes('absent')) return 'not-running';
  const participants = [...tasks.keys()].filter((index) => tasks[index] !== 'finished');
  if (participants.length === 0) return 'finished';
  if (participants.length < tasks.length && !afterTasksFinish) return 'finished';
  // What has come to its end sends no barrier after that.
  const ended = (index: number): boolean => tasks[index] !== 'running';
  const trigger = participants.filter((index) => ended(index) || producers[index]!.every(ended));
  return { trigger, participants };
}
