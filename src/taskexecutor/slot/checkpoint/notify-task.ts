/** Tells a task and its operators what has become of a checkpoint. */
import type { ToSlot } from '../../../protocol/slot-messages.ts';
import type { TaskPhase } from '../task-options.ts';
import type { WiredTask } from '../task-wiring.ts';

/** In which the operators of a task are open. */
const OPEN: ReadonlySet<TaskPhase> = new Set(['running', 'finishing', 'ready-to-commit']);

export function notifyTask(
  wired: Pick<WiredTask, 'task' | 'checkpoints' | 'sinks' | 'operators'>,
  notice: Omit<Extract<ToSlot, { kind: 'notify-checkpoint' }>, 'kind'>,
): void {
  const { task, checkpoints, sinks, operators } = wired;
  if (checkpoints === undefined) return;
  const { checkpointId, outcome, latestComplete } = notice;
  const tookPart = checkpoints.tookPart(checkpointId);
  if (outcome === 'aborted') {
    checkpoints.aborted(checkpointId);
    task.checkpointAborted(checkpointId);
  } else {
    checkpoints.completed(checkpointId, latestComplete);
    task.checkpointCompleted(checkpointId);
  }
  if (!tookPart || !OPEN.has(task.phase)) return;
  const told = operators.map(async ({ operator }) =>
    operator.notifyCheckpoint?.({ checkpointId, outcome }),
  );
  Promise.all(told).then(
    () => {
      if (outcome === 'complete' && sinks.every(({ sink }) => sink.uncommitted.length === 0)) {
        task.allCommitted();
      }
    },
    (thrown: unknown) => task.fail(thrown),
  );
}
