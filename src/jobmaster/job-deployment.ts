/**
 * What a job master asks of the TaskExecutors that hold its slots: to prepare a worker, to run
 * tasks, to commit, to stop. What comes of it goes to the job machine as events.
 *
 * O1. Every request ends in one event, or with the connection on which it was made.
 * O2. Who has finished is not asked to commit: its slot may be gone.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type { FromCoordinator } from '../protocol/coordinator-messages.ts';
import type { CheckpointingOfSlot, StateRestore } from '../protocol/checkpoint.ts';
import { stage } from '../protocol/staged-state.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import type { SlotGeneration } from '../protocol/task-executor-service.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import type { JobEffect } from '../scheduling/job-state.ts';
import type { PooledSlot } from '../scheduling/slot-pool.ts';
import { deploymentsOf, executionIdOf, parseExecutionId } from './job-plan.ts';
import type { JobPlan } from './job-plan.ts';
import type { JobRun } from './job-run.ts';
import type { JobSlots } from './job-slots.ts';

export interface JobDeploymentOptions {
  readonly main: MainThread;
  readonly slots: JobSlots;
  readonly run: JobRun;
  readonly job: JobReference;
  /** With which its slots of different processes know each other. */
  readonly dataKey: Uint8Array;
  readonly plan: JobPlan;
  /** How slots take part in checkpoints. */
  readonly checkpointing: CheckpointingOfSlot;
  /** From what an execution goes on; undefined: from the start. */
  readonly restoreOf: (execution: number) => StateRestore | undefined;
  /** Calls when it is clear from which checkpoint tasks go on. */
  readonly whenSettled: (then: () => void) => void;
}

type ReaderEvent = Extract<FromCoordinator, { readonly kind: 'source-event' }>;
type Effect<K extends JobEffect['kind']> = Extract<JobEffect, { readonly kind: K }>;

export class JobDeployment {
  readonly #options: JobDeploymentOptions;

  constructor(options: JobDeploymentOptions) {
    this.#options = options;
  }

  prepare({ region, generation, slots }: Effect<'prepare-slots'>): void {
    const { main, slots: held, job, dataKey, plan, run, checkpointing } = this.#options;
    const assigned = slots.map((slot) => held.at(slot)!);
    const listen = new Set(assigned.map(({ taskExecutorId }) => taskExecutorId)).size > 1;
    const { fingerprint } = plan.graph.jobGraph;
    for (const [i, slot] of slots.entries()) {
      const { session, allocationId } = assigned[i]!;
      const preparation = { job, fingerprint, dataKey, listen, checkpointing };
      main.follow(
        session.gateway.prepareSlot({ allocationId, generation, preparation }),
        ({ dataPort }) => {
          const holder = held.at(slot);
          if (holder?.allocationId === allocationId) holder.dataPort = dataPort;
          this.#options.whenSettled(() => run.feed({ kind: 'slot-prepared', slot, generation }));
        },
        (cause) => {
          const error = prepareError(assigned[i]!, cause);
          run.feed({ kind: 'region-failed', region, generation, error });
          // Or it would be taken again and again.
          if (cause.code === 'SLOT_NOT_ALLOCATED') held.gone(allocationId, error);
        },
      );
    }
  }

  deploy(effect: Effect<'deploy'>): void {
    const { main, slots: held, plan, run } = this.#options;
    const { executions: records } = run.state;
    const { region, generation, executions, commitOnly } = effect;
    const deployments = deploymentsOf(plan, {
      attempt: generation,
      executions,
      locationOf: (slot) => {
        const { taskExecutorId, slot: index, session, dataPort } = held.at(slot)!;
        return { taskExecutorId, slot: index, generation, host: session.host, dataPort };
      },
      restoreOf: commitOnly
        ? (each) => ({ kind: 'commit', committables: records[each]!.committables })
        : this.#options.restoreOf,
    });
    for (const execution of executions) {
      const { session, dataPort } = held.at(plan.executions[execution]!.slot)!;
      const { taskExecutorId: id, host } = session;
      run.history.attempts?.deployed(execution, { id, host, dataPort });
    }
    const bySession = Map.groupBy(deployments, ([slot]) => held.at(slot)!.session);
    for (const [session, slots] of bySession) {
      const tasksBySlot = slots.map(([slot, tasks]) => {
        const { allocationId } = held.at(slot)!;
        return { allocationId, tasks };
      });
      const failed = (error: EngineError): void =>
        run.feed({ kind: 'region-failed', region, generation, error });
      const { pieces, places, slots: staged } = stage(tasksBySlot);
      for (const [index, states] of pieces.entries()) {
        const sent = session.gateway.stageState({ first: index === 0, states });
        main.follow(sent, () => undefined, failed);
      }
      main.follow(
        session.gateway.deployTasks({ generation, slots: staged, places }),
        () => undefined,
        failed,
      );
    }
  }

  /** Ids of the executions that were deployed to these slots and have not ended. */
  running(slots: readonly number[]): readonly string[] {
    const { plan, run } = this.#options;
    return plan.executions.flatMap(({ slot }, index) =>
      slots.includes(slot) ? (run.history.attempts?.running(index) ?? []) : [],
    );
  }

  /** What one side tells and the other does not know is not guessed at: it starts again. */
  lost(taskExecutor: string, executionIds: readonly string[]): void {
    const { plan, run } = this.#options;
    const { attempts } = run.history;
    for (const executionId of executionIds) {
      const which = parseExecutionId(plan, executionId);
      assert(which !== undefined, `execution ${executionId} does not belong to this job`);
      if (attempts?.running(which.index) !== executionId) continue;
      const region = plan.regionOf[plan.executions[which.index]!.slot]!;
      const task = attempts.taskName(which.index);
      const error = new EngineError('EXECUTION_LOST', { task, taskExecutor });
      run.feed({ kind: 'region-failed', region, generation: which.attempt, error });
    }
  }

  stop({ slot, generation }: Effect<'stop-slot'>): void {
    const { main, slots, run } = this.#options;
    const { session, allocationId } = slots.at(slot)!;
    main.follow(
      session.gateway.stopSlot({ allocationId, generation }),
      () => run.feed({ kind: 'slot-stopped', slot, generation }),
      // Whoever cannot say that a worker is gone is not to be relied on: its lease decides.
      () => session.connection.close(),
    );
  }

  /** What the enumerator of its source has for a reader, if that is still at work. */
  toReader({ generation, operator, subtask, event }: ReaderEvent): void {
    const { plan, run, slots } = this.#options;
    const vertex = plan.sources.get(operator);
    const index = plan.indexes.get(`${vertex}/${subtask}`);
    assert(index !== undefined, `operator ${operator} has no reader ${subtask}`);
    if (!run.isAtWork(index, generation)) return;
    const execution = plan.executions[index]!;
    const slot = slots.at(execution.slot);
    if (slot === undefined) return;
    const { allocationId } = slot;
    const executionId = executionIdOf(execution, generation);
    const which = { allocationId, generation, executionId, operator };
    slot.session.gateway.sourceEvent({ ...which, event });
  }

  /** Tells a sink that the client has taken messages of it. */
  acknowledge(executionId: string, operator: string, bytes: number): void {
    const { plan, run, slots } = this.#options;
    const { index, attempt: generation } = run.which(executionId);
    const slot = slots.at(plan.executions[index]!.slot);
    if (slot === undefined || !run.isCurrent(index, generation)) return;
    const { allocationId } = slot;
    const which = { allocationId, generation, executionId, operator };
    slot.session.gateway.clientAcknowledge({ ...which, bytes });
  }

  /** O2: a checkpoint that was complete while the decision was stored has committed for it. */
  commit({ execution, generation }: Effect<'commit'>): void {
    const { plan, run, slots } = this.#options;
    if (run.state.executions[execution]!.state === 'FINISHED') return;
    const planned = plan.executions[execution]!;
    const { session, allocationId } = slots.at(planned.slot)!;
    const which: SlotGeneration = { allocationId, generation };
    session.gateway.commit({ ...which, executionId: executionIdOf(planned, generation) });
  }
}

function prepareError(
  { slot, taskExecutorId: taskExecutor }: PooledSlot,
  cause: EngineError,
): EngineError {
  if (cause.code !== 'RPC_TIMEOUT') return cause;
  const { timeout } = cause.parameters;
  return new EngineError('SLOT_PREPARE_TIMEOUT', { slot, taskExecutor, timeout }, { cause });
}
