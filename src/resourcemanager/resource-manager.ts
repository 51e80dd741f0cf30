/**
 * The ResourceManager: knows all TaskExecutors and their slots, and gives slots to the jobs that
 * declare a need. What it decides stands in the pure machine of slot-manager.ts; here are the
 * connections, heartbeats and calls around it.
 *
 * R1. A TaskExecutor or JobMaster is known exactly as long as the connection on which it registered
 *     stands and answers heartbeats; registering again replaces the earlier registration.
 */
import { EngineError, toEngineError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';
import { jobMasterService } from '../protocol/job-master-service.ts';
import type { JobMasterService } from '../protocol/job-master-service.ts';
import { RESOURCE_MANAGER, resourceManagerService } from '../protocol/resource-manager-service.ts';
import type {
  JobMasterRegistration,
  ResourceManagerService,
  SlotReport,
  TaskExecutorRegistration,
} from '../protocol/resource-manager-service.ts';
import type { Gateway } from '../protocol/service.ts';
import { TASK_EXECUTOR, taskExecutorService } from '../protocol/task-executor-service.ts';
import type { TaskExecutorService } from '../protocol/task-executor-service.ts';
import type { TaskManagerDescription, TaskManagerInfo } from '../protocol/task-manager-info.ts';
import { sendHeartbeats } from '../rpc/heartbeat.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { FatalErrorHandler } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { Handlers, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import type { RpcService } from '../rpc/rpc-service.ts';
import { initialSlotManager, stepSlotManager } from './slot-manager.ts';
import type {
  LoadBalanceMode,
  SlotManagerEffect,
  SlotManagerEvent,
  SlotManagerState,
} from './slot-manager.ts';
import { freeSlotCount } from './slot-records.ts';
import { taskManagerInfo } from './task-manager-info.ts';

export interface ResourceManagerOptions {
  readonly env: Pick<Env, 'clock' | 'random' | 'log'>;
  readonly rpc: RpcService;
  readonly heartbeat: HeartbeatOptions;
  readonly onFatal: FatalErrorHandler;
  /**
   * Told how many slots all jobs together lack, whenever that changes: whoever can may start more
   * TaskExecutors.
   */
  readonly onMissingSlots?: ((slots: number) => void) | undefined;
  readonly loadBalance: LoadBalanceMode;
}

export interface ResourceCounts {
  readonly taskManagers: number;
  /** Slots. */
  readonly total: number;
  readonly free: number;
}

interface TaskExecutorEntry {
  readonly connection: RpcConnection;
  readonly gateway: Gateway<TaskExecutorService>;
  readonly heartbeats: Disposable;
  readonly description: TaskManagerDescription;
  report: SlotReport;
  /** When it was heard of last, by the wall clock. */
  lastHeartbeat: number;
}

interface JobMasterEntry {
  readonly registration: JobMasterRegistration;
  readonly connection: RpcConnection;
  readonly gateway: Gateway<JobMasterService>;
  readonly heartbeats: Disposable;
}

export class ResourceManager {
  /** Of this leader session. */
  readonly token: string;
  readonly #options: ResourceManagerOptions;
  readonly #main: MainThread;
  readonly #endpoint: RpcEndpoint;
  readonly #taskExecutors = new Map<string, TaskExecutorEntry>();
  readonly #jobMasters = new Map<string, JobMasterEntry>();
  #slots: SlotManagerState;

  constructor(options: ResourceManagerOptions) {
    this.#options = options;
    this.token = options.env.random.uuid();
    this.#slots = initialSlotManager(this.token, options.loadBalance);
    this.#main = new MainThread(RESOURCE_MANAGER, options.env.clock, options.onFatal);
    this.#endpoint = options.rpc.register({
      name: RESOURCE_MANAGER,
      service: resourceManagerService,
      main: this.#main,
      fence: (token) => token === this.token,
      handlers: this.#handlers(),
    });
  }

  /** TaskExecutors, their slots, and those of them that nobody has. */
  slotCounts(): ResourceCounts {
    const all = [...this.#slots.taskExecutors.values()];
    return {
      taskManagers: this.#slots.taskExecutors.size,
      total: all.reduce((sum, { slotsNumber }) => sum + slotsNumber, 0),
      free: all.reduce((sum, each) => sum + freeSlotCount(each), 0),
    };
  }

  /** Everything measured in the TaskExecutors, or in one; those that do not answer are left out. */
  async taskManagerMetrics(taskManagerId?: string): Promise<readonly ScopedMetrics[]> {
    const asked = [...this.#taskExecutors].filter(
      ([id]) => taskManagerId === undefined || id === taskManagerId,
    );
    const answers = asked.map(async ([id, { gateway }]) => {
      try {
        return (await gateway.requestMetrics({})).scopes;
      } catch (error) {
        const fields = { taskExecutor: id };
        const reason = toEngineError(error).message;
        this.#options.env.log.write('info', `a TaskManager told no metrics: ${reason}`, fields);
        return [];
      }
    });
    return (await Promise.all(answers)).flat();
  }

  close(): void {
    this.#options.rpc.unregister(this.#endpoint);
    this.#main.run(() => {
      for (const id of [...this.#taskExecutors.keys()]) this.#forgetTaskExecutor(id);
      for (const id of [...this.#jobMasters.keys()]) this.#forgetJobMaster(id);
    });
    this.#main.close();
  }

  #handlers(): Handlers<ResourceManagerService> {
    return {
      identify: () => ({ token: this.token }),
      registerTaskExecutor: (request, { connection }) => {
        this.#registerTaskExecutor(request, connection);
        return {};
      },
      registerJobMaster: (request, { connection }) => {
        this.#registerJobMaster(request, connection);
        return {};
      },
      declareRequirement: ({ jobId, requirements: slots }) => {
        const jobMaster = this.#jobMasters.get(jobId)?.registration;
        if (jobMaster !== undefined) {
          this.#step({ kind: 'declared', requirement: { jobId, slots, jobMaster } });
        }
        return {};
      },
      requestTaskManagerMetrics: async ({ taskManagerId }) => ({
        scopes: await this.taskManagerMetrics(taskManagerId),
      }),
      slotFreed: (notice) => this.#step({ kind: 'freed', ...notice }),
      reportSlots: ({ taskExecutorId, slots, total }) =>
        this.#reported(taskExecutorId, slots, total),
      requestTaskManagerInfo: ({ taskExecutorId }) => this.#infoOf(taskExecutorId),
      requestTaskManagerFiles: ({ taskExecutorId }) =>
        this.#gatewayOf(taskExecutorId).requestFiles({}),
      requestTaskManagerFile: ({ taskExecutorId, ...request }) =>
        this.#gatewayOf(taskExecutorId).requestFile(request),
      requestTaskManagerThreads: ({ taskExecutorId }) =>
        this.#gatewayOf(taskExecutorId).requestThreads({}),
      startTaskManagerProfiling: ({ taskExecutorId, ...request }) =>
        this.#gatewayOf(taskExecutorId).startProfiling(request),
      requestTaskManagerProfilings: ({ taskExecutorId }) =>
        this.#gatewayOf(taskExecutorId).requestProfilings({}),
    };
  }

  // ------------------------------------------------------------------------------ registrations

  #registerTaskExecutor(request: TaskExecutorRegistration, connection: RpcConnection): void {
    const { taskExecutorId, slots, description } = request;
    this.#forgetTaskExecutor(taskExecutorId);
    const gateway = connection.gateway(taskExecutorService, TASK_EXECUTOR, this.token);
    const heartbeats = sendHeartbeats(
      this.#main,
      this.#options.heartbeat,
      () => gateway.heartbeatFromResourceManager({}),
      ({ slots: report }) => this.#reported(taskExecutorId, report),
      (reason) => this.#giveUp(`TaskExecutor ${taskExecutorId}`, connection, reason),
    );
    this.#taskExecutors.set(taskExecutorId, {
      ...{ connection, gateway, heartbeats, description },
      report: slots,
      lastHeartbeat: this.#options.env.clock.now(),
    });
    connection.onClosed(() =>
      this.#main.run(() => {
        if (this.#taskExecutors.get(taskExecutorId)?.connection === connection) {
          this.#forgetTaskExecutor(taskExecutorId);
        }
      }),
    );
    const { slotsNumber, totalResource: total, defaultSlotResource: defaultSlot } = description;
    const resources = { slotsNumber, total, defaultSlot };
    this.#step({ kind: 'registered', taskExecutorId, report: slots, resources });
  }

  #reported(
    taskExecutorId: string,
    report: SlotReport,
    grown?: Pick<TaskManagerDescription, 'slotsNumber' | 'totalResource'>,
  ): void {
    const entry = this.#taskExecutors.get(taskExecutorId);
    if (entry === undefined) return;
    entry.report = report;
    entry.lastHeartbeat = this.#options.env.clock.now();
    const total = grown && { slotsNumber: grown.slotsNumber, total: grown.totalResource };
    this.#step({ kind: 'reported', taskExecutorId, report, total });
  }

  /** @throws TASK_EXECUTOR_UNKNOWN */
  #gatewayOf(taskExecutorId: string): Gateway<TaskExecutorService> {
    const entry = this.#taskExecutors.get(taskExecutorId);
    if (entry !== undefined) return entry.gateway;
    throw new EngineError('TASK_EXECUTOR_UNKNOWN', { taskExecutor: taskExecutorId });
  }

  #infoOf(taskExecutorId: string | undefined): readonly TaskManagerInfo[] {
    const all = [...this.#taskExecutors].filter(([id]) => id === (taskExecutorId ?? id));
    if (taskExecutorId !== undefined && all.length === 0) {
      throw new EngineError('TASK_EXECUTOR_UNKNOWN', { taskExecutor: taskExecutorId });
    }
    return all.map(([id, entry]) => taskManagerInfo(id, entry, this.#slots.taskExecutors.get(id)!));
  }

  #registerJobMaster(registration: JobMasterRegistration, connection: RpcConnection): void {
    const { jobId, endpoint, token } = registration;
    this.#forgetJobMaster(jobId);
    const gateway = connection.gateway(jobMasterService, endpoint, token);
    const heartbeats = sendHeartbeats(
      this.#main,
      this.#options.heartbeat,
      () => gateway.heartbeatFromResourceManager({ slots: declaredSlots(this.#slots, jobId) }),
      () => undefined,
      (reason) => this.#giveUp(`the master of job ${jobId}`, connection, reason),
    );
    this.#jobMasters.set(jobId, { registration, connection, gateway, heartbeats });
    connection.onClosed(() =>
      this.#main.run(() => {
        if (this.#jobMasters.get(jobId)?.connection === connection) this.#forgetJobMaster(jobId);
      }),
    );
  }

  /** Closing the connection does the rest (R1). */
  #giveUp(whom: string, connection: RpcConnection, reason: string): void {
    this.#options.env.log.write('warn', `giving up ${whom}: ${reason}`);
    connection.close();
  }

  #forgetTaskExecutor(taskExecutorId: string): void {
    const entry = this.#taskExecutors.get(taskExecutorId);
    if (entry === undefined) return;
    this.#taskExecutors.delete(taskExecutorId);
    entry.heartbeats[Symbol.dispose]();
    this.#step({ kind: 'lost', taskExecutorId });
  }

  #forgetJobMaster(jobId: string): void {
    const entry = this.#jobMasters.get(jobId);
    if (entry === undefined) return;
    this.#jobMasters.delete(jobId);
    entry.heartbeats[Symbol.dispose]();
    this.#step({ kind: 'job-gone', jobId });
  }

  // ----------------------------------------------------------------------------------- the slots

  #step(event: SlotManagerEvent): void {
    this.#main.assertInside();
    const before = missingSlots(this.#slots);
    const [state, effects] = stepSlotManager(this.#slots, event);
    this.#slots = state;
    for (const effect of effects) this.#execute(effect);
    const after = missingSlots(state);
    if (after !== before) this.#options.onMissingSlots?.(after);
  }

  #execute(effect: SlotManagerEffect): void {
    if (effect.kind === 'missing') {
      const { jobId, slots: lacking, available } = effect;
      this.#jobMasters.get(jobId)?.gateway.missingSlots({ slots: lacking, available });
      return;
    }
    const { taskExecutorId, slot, allocationId, resource, requirement } = effect;
    const gateway = this.#taskExecutors.get(taskExecutorId)?.gateway;
    if (gateway === undefined) return;
    const answered = (kind: 'granted' | 'refused'): void =>
      this.#step({ kind, taskExecutorId, slot, allocationId });
    this.#main.follow(
      gateway.requestSlot({ slot, allocationId, resource, jobMaster: requirement.jobMaster }),
      () => answered('granted'),
      (error) => {
        this.#noteRefusal(taskExecutorId, slot, error);
        answered('refused');
      },
    );
  }

  #noteRefusal(taskExecutorId: string, slot: number, error: EngineError): void {
    const fields = { taskExecutor: taskExecutorId, slot };
    this.#options.env.log.write('info', `a slot was refused: ${error.message}`, fields);
  }
}

function declaredSlots({ jobs }: SlotManagerState, jobId: string): number {
  return (jobs.get(jobId)?.slots ?? []).reduce((sum, { slots }) => sum + slots, 0);
}

function missingSlots(state: SlotManagerState): number {
  let sum = 0;
  for (const { defaultSlots } of state.missing.values()) sum += defaultSlots;
  return sum;
}
