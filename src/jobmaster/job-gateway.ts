/**
 * What others call at a JobMaster: TaskExecutors report and offer, the ResourceManager beats and
 * tells what it lacks, clients attach.
 *
 * B2. Reports are taken only from connections on which a TaskExecutor is registered.
 */
import { EngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import type { JobMasterLocation } from '../protocol/dispatcher-service.ts';
import type {
  CommitReadiness,
  EnumeratorEvent,
  JobMasterService,
  MissingSlots,
  SlotStopped,
  TaskStateReport,
} from '../protocol/job-master-service.ts';
import type { TaskMetrics } from '../protocol/slot-messages.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import type { Caller, Handlers } from '../rpc/rpc-endpoint.ts';
import type { ClientChannel } from './client-channel.ts';
import type { JobCheckpoints } from './job-checkpoints.ts';
import type { JobCoordinator } from './job-coordinator.ts';
import type { JobRun } from './job-run.ts';
import type { JobSlots } from './job-slots.ts';
import type { RequirementLink } from './requirement-link.ts';
import type { TaskExecutorSession } from './task-executor-session.ts';

/** The parts of a JobMaster that calls are about. */
export interface JobParts {
  readonly main: MainThread;
  readonly location: JobMasterLocation;
  readonly run: JobRun;
  /** Undefined until the job is built. */
  readonly checkpoints: JobCheckpoints | undefined;
  readonly slots: JobSlots;
  readonly client: ClientChannel;
  readonly coordinator: JobCoordinator;
  readonly resourceManager: RequirementLink;
  readonly leaseDuration: Duration;
}

export class JobGateway {
  readonly #parts: () => JobParts;
  #missing: MissingSlots = { slots: 0, available: '' };

  /** `parts` is asked at calls, not before. */
  constructor(parts: () => JobParts) {
    this.#parts = parts;
  }

  /** What the ResourceManager cannot give, as it said last. */
  get missing(): MissingSlots {
    return this.#missing;
  }

  handlers(): Handlers<JobMasterService> {
    return {
      registerTaskExecutor: ({ taskExecutorId, host }, { connection }) => {
        const { slots, leaseDuration, client } = this.#parts();
        slots.register(taskExecutorId, host, connection);
        return { leaseDuration, clientAttached: client.attached };
      },
      offerSlots: (offers, caller) => this.#parts().slots.offer(this.#sessionOf(caller), offers),
      renewLease: (_request, caller) => {
        this.#sessionOf(caller).grantLease();
        return {};
      },
      taskState: (report, caller) => this.#from(caller, () => this.#taskState(report)),
      readyToCommit: (report, caller) => this.#from(caller, () => this.#readyToCommit(report)),
      acknowledgeCheckpoint: (answer, caller) =>
        this.#from(caller, () => this.#parts().checkpoints?.acknowledged(answer)),
      declineCheckpoint: (refusal, caller) =>
        this.#from(caller, () => this.#parts().checkpoints?.declined(refusal)),
      sourceEvent: (event, caller) => this.#from(caller, () => this.#sourceEvent(event)),
      clientMessage: (message, caller) =>
        this.#from(caller, () => this.#parts().client.deliver(message)),
      metrics: ({ tasks }, caller) => this.#from(caller, () => this.#takeMetrics(tasks)),
      slotStopped: (report, caller) => this.#from(caller, () => this.#slotStopped(report)),
      heartbeatFromResourceManager: ({ slots }) => {
        this.#parts().resourceManager.sign(slots);
        return {};
      },
      missingSlots: (missing) => {
        this.#missing = missing;
      },
      attachClient: (_request, { connection }) => {
        const { client, location } = this.#parts();
        client.attach(connection, location.token);
        return {};
      },
      clientAcknowledge: ({ executionId, operator, bytes }) =>
        this.#parts().client.acknowledged(executionId, operator, bytes),
    };
  }

  /** B2. @throws EngineError RPC_FENCED if the session of the connection is over. */
  #sessionOf({ connection }: Caller): TaskExecutorSession {
    const { slots, location } = this.#parts();
    const session = slots.sessionOn(connection);
    if (session !== undefined) return session;
    const { endpoint } = location;
    throw new EngineError('RPC_FENCED', { endpoint, method: 'a call of a lost TaskExecutor' });
  }

  #from({ connection }: Caller, report: () => void): void {
    if (this.#parts().slots.sessionOn(connection) !== undefined) report();
  }

  #taskState(report: TaskStateReport): void {
    const { run } = this.#parts();
    const { index, attempt } = run.which(report.executionId);
    const { vertex, subtask } = run.plan!.executions[index]!;
    const scope = { vertex: vertex.name, subtask };
    const error = report.error && EngineError.fromData(report.error).within(scope);
    if (run.isCurrent(index, attempt) && report.accumulators.length > 0) {
      run.accumulators[index] = report.accumulators;
    }
    const { state } = report;
    run.feed({ kind: 'task-state', execution: index, generation: attempt, state, error });
  }

  #readyToCommit({ executionId, committables, accumulators }: CommitReadiness): void {
    const { run } = this.#parts();
    const { index: execution, attempt: generation } = run.which(executionId);
    if (run.isCurrent(execution, generation) && accumulators !== undefined) {
      run.accumulators[execution] = accumulators;
    }
    run.feed({ kind: 'ready-to-commit', execution, generation, committables });
  }

  #sourceEvent({ executionId, operator, event }: EnumeratorEvent): void {
    const { run, coordinator } = this.#parts();
    const { index, attempt: generation } = run.which(executionId);
    if (!run.isAtWork(index, generation)) return;
    const { subtask } = run.plan!.executions[index]!;
    coordinator.sourceEvent({ operator, subtask, event });
  }

  #takeMetrics(tasks: readonly TaskMetrics[]): void {
    const { run, main } = this.#parts();
    for (const task of tasks) {
      const { index, attempt } = run.which(task.executionId);
      run.metrics.report(index, attempt, task, main.now());
      run.takeCounts(index, attempt, task.accumulators);
    }
  }

  #slotStopped({ allocationId, generation, error }: SlotStopped): void {
    const { run, slots } = this.#parts();
    const slot = slots.requestOf(allocationId);
    if (slot === undefined) return;
    run.feed({ kind: 'slot-stopped', slot, generation, error: EngineError.fromData(error) });
  }
}
