/**
 * What TaskExecutors and JobMasters tell the ResourceManager. Each keeps the connection on which it
 * registered: its loss is the loss of whoever registered.
 */
import type { ScopedMetrics } from '../metrics/metric.ts';
import { t } from '../types/index.ts';
import type { FileList, FilePiece, ThreadInfo } from './process-files.ts';
import type { ProfilingInfo, ProfilingRequest } from './profiling.ts';
import type { ResourceProfile } from './resource-profile.ts';
import type { Service } from './service.ts';
import { ask, plain, service, tell } from './service.ts';
import type { Ask, Tell } from './service.ts';
import type { TaskManagerDescription, TaskManagerInfo } from './task-manager-info.ts';

export const RESOURCE_MANAGER = 'resourcemanager';

/** What a TaskExecutor says of its slots, by index. */
export type SlotReport = readonly (SlotAllocationReport | undefined)[];

interface SlotAllocationReport {
  readonly allocationId: string;
  readonly jobId: string;
  /** Tasks in it that have not ended. */
  readonly tasks: number;
  /** Where it listens for other processes; undefined where it does not. */
  readonly dataPort?: number | undefined;
  /** Undefined: a slot of the default size. */
  readonly resource?: ResourceProfile | undefined;
}

/** Slots of one kind that a job needs in all. */
export interface SlotRequirement {
  /** Undefined: of the default size. */
  readonly resource: ResourceProfile | undefined;
  readonly slots: number;
  /** In each of them, about. */
  readonly tasks: number;
}

interface JobRequirements {
  readonly jobId: string;
  readonly requirements: readonly SlotRequirement[];
}

export interface TaskExecutorRegistration {
  readonly taskExecutorId: string;
  readonly slots: SlotReport;
  readonly description: TaskManagerDescription;
}

interface SlotsOfTaskExecutor {
  readonly taskExecutorId: string;
  readonly slots: SlotReport;
  /** It has more now. */
  readonly total: Pick<TaskManagerDescription, 'slotsNumber' | 'totalResource'>;
}

interface TaskManagerRequest {
  /** Undefined: all of them. */
  readonly taskExecutorId: string | undefined;
}

export interface JobMasterRegistration {
  readonly jobId: string;
  /** Where TaskExecutors reach the job's master, and its endpoint there. */
  readonly address: string;
  readonly endpoint: string;
  readonly token: string;
}

interface SlotNotice {
  readonly taskExecutorId: string;
  readonly slot: number;
  readonly allocationId: string;
}

const Empty = t.struct({});
const OneTaskManager = t.struct({ taskExecutorId: t.string });

export type ResourceManagerService = Service<{
  readonly identify: Ask<{}, { readonly token: string }>;
  readonly registerTaskExecutor: Ask<TaskExecutorRegistration, {}>;
  readonly registerJobMaster: Ask<JobMasterRegistration, {}>;
  /** What slots the job needs in all. */
  readonly declareRequirement: Ask<JobRequirements, {}>;
  /** Of all TaskManagers, or of one. Who does not answer in time is left out. */
  readonly requestTaskManagerMetrics: Ask<
    { readonly taskManagerId: string | undefined },
    { readonly scopes: readonly ScopedMetrics[] }
  >;
  readonly slotFreed: Tell<SlotNotice>;
  /** The number of slots has changed, or something else that a report tells. */
  readonly reportSlots: Tell<SlotsOfTaskExecutor>;
  /** @throws TASK_EXECUTOR_UNKNOWN */
  readonly requestTaskManagerInfo: Ask<TaskManagerRequest, readonly TaskManagerInfo[]>;
  /** @throws TASK_EXECUTOR_UNKNOWN, RPC_* */
  readonly requestTaskManagerFiles: Ask<{ readonly taskExecutorId: string }, FileList>;
  readonly requestTaskManagerFile: Ask<
    {
      readonly taskExecutorId: string;
      readonly isProfile: boolean;
      readonly name: string;
      readonly offset: number;
    },
    { readonly piece: FilePiece | undefined }
  >;
  readonly requestTaskManagerThreads: Ask<
    { readonly taskExecutorId: string },
    { readonly threads: readonly ThreadInfo[] }
  >;
  /** @throws PROFILING_OFF, PROFILING_RUNS, TASK_EXECUTOR_UNKNOWN, RPC_* */
  readonly startTaskManagerProfiling: Ask<
    ProfilingRequest & { readonly taskExecutorId: string },
    ProfilingInfo
  >;
  readonly requestTaskManagerProfilings: Ask<
    { readonly taskExecutorId: string },
    { readonly profilings: readonly ProfilingInfo[] }
  >;
}>;

export const resourceManagerService: ResourceManagerService = service('ResourceManager', {
  identify: ask(Empty, t.struct({ token: t.string }), { unfenced: true }),
  registerTaskExecutor: ask(plain<TaskExecutorRegistration>(), Empty),
  registerJobMaster: ask(
    t.struct({ jobId: t.string, address: t.string, endpoint: t.string, token: t.string }),
    Empty,
  ),
  declareRequirement: ask(plain<JobRequirements>(), Empty),
  requestTaskManagerMetrics: ask(
    plain<{ readonly taskManagerId: string | undefined }>(),
    plain<{ readonly scopes: readonly ScopedMetrics[] }>(),
  ),
  slotFreed: tell(t.struct({ taskExecutorId: t.string, slot: t.integer, allocationId: t.string })),
  reportSlots: tell(plain<SlotsOfTaskExecutor>()),
  requestTaskManagerInfo: ask(plain<TaskManagerRequest>(), plain<readonly TaskManagerInfo[]>()),
  requestTaskManagerFiles: ask(OneTaskManager, plain<FileList>()),
  requestTaskManagerFile: ask(
    t.struct({
      taskExecutorId: t.string,
      isProfile: t.boolean,
      name: t.string,
      offset: t.integer,
    }),
    plain<{ readonly piece: FilePiece | undefined }>(),
  ),
  requestTaskManagerThreads: ask(
    OneTaskManager,
    plain<{ readonly threads: readonly ThreadInfo[] }>(),
  ),
  startTaskManagerProfiling: ask(
    plain<ProfilingRequest & { readonly taskExecutorId: string }>(),
    plain<ProfilingInfo>(),
  ),
  requestTaskManagerProfilings: ask(
    OneTaskManager,
    plain<{ readonly profilings: readonly ProfilingInfo[] }>(),
  ),
});
