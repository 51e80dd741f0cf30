/** What a JobMaster tells the slots and the enumerators of its job about checkpoints. */
import type { CheckpointNotice, CheckpointTrigger } from '../protocol/checkpoint.ts';
import type { JobCoordinator } from './job-coordinator.ts';
import { executionIdOf } from './job-plan.ts';
import type { JobPlan } from './job-plan.ts';
import type { JobRun } from './job-run.ts';
import type { JobSlots } from './job-slots.ts';

export interface CheckpointSendersOptions {
  readonly plan: JobPlan;
  readonly run: JobRun;
  readonly slots: JobSlots;
  readonly coordinator: JobCoordinator;
}

export class CheckpointSenders {
  readonly #options: CheckpointSendersOptions;

  constructor(options: CheckpointSendersOptions) {
    this.#options = options;
  }

  snapshotSources(checkpointId: number): void {
    this.#options.coordinator.snapshotSources(checkpointId);
  }

  trigger(executions: readonly number[], trigger: CheckpointTrigger): void {
    const { plan, run, slots } = this.#options;
    for (const index of executions) {
      const execution = plan.executions[index]!;
      const slot = slots.at(execution.slot);
      if (slot === undefined) continue;
      const { generation } = run.state.executions[index]!;
      const { allocationId, session } = slot;
      const executionId = executionIdOf(execution, generation);
      session.gateway.triggerCheckpoint({ allocationId, generation, executionId, ...trigger });
    }
  }

  /** To every slot at work, and to the enumerators. */
  notify(notice: CheckpointNotice): void {
    const { run, slots, coordinator } = this.#options;
    for (const [index, phase] of run.state.slots.entries()) {
      const slot = slots.at(index);
      if (phase !== 'deployed' || slot === undefined) continue;
      const { generation } = run.state.regions[run.state.regionOf[index]!]!;
      const { allocationId, session } = slot;
      session.gateway.notifyCheckpoint({ allocationId, generation, ...notice });
    }
    if (notice.outcome === 'complete') coordinator.checkpointComplete(notice.checkpointId);
    else coordinator.checkpointAborted(notice.checkpointId);
  }
}
