/**
 * What a ResourceManager and JobMasters tell a TaskExecutor. Every call of a JobMaster names the
 * allocation and the generation it means: a worker of another generation is never touched.
 */
import { milliseconds } from '../base/units.ts';
import type { ScopedMetrics } from '../metrics/metric.ts';
import type { CheckpointNotice, CheckpointTrigger } from './checkpoint.ts';
import type { JobMasterRegistration, SlotReport } from './resource-manager-service.ts';
import type { ResourceProfile } from './resource-profile.ts';
import type { Service } from './service.ts';
import { ask, plain, service, tell } from './service.ts';
import type { Ask, Tell } from './service.ts';
import { t } from '../types/index.ts';
import type { SourceEventToReader } from './slot-messages.ts';
import type { FileList, FilePiece, ThreadInfo } from './process-files.ts';
import type { ProfilingInfo, ProfilingRequest } from './profiling.ts';
import type { SlotTasks } from './staged-state.ts';
import type { SlotPreparation } from './task-deployment.ts';

export const TASK_EXECUTOR = 'taskexecutor';

/** How long a slot may take to load and build a job. */
const PREPARE_TIMEOUT = milliseconds(120_000);

export interface SlotRequest {
  readonly slot: number;
  readonly allocationId: string;
  /** To be cut out of what the TaskExecutor has; undefined: a slot of the default size. */
  readonly resource?: ResourceProfile | undefined;
  /** To whom the slot is to be offered. */
  readonly jobMaster: JobMasterRegistration;
}

export interface SlotGeneration {
  readonly allocationId: string;
  readonly generation: number;
}

export interface PrepareSlot extends SlotGeneration {
  readonly preparation: Omit<
    SlotPreparation,
    | 'location'
    | 'bind'
    | 'tls'
    | 'heapBudgetBytes'
    | 'networkBytes'
    | 'segmentBytes'
    | 'tellsOutput'
  >;
}

export interface DeployTasks {
  readonly generation: number;
  readonly slots: readonly SlotTasks[];
  /** See Staged. */
  readonly places: readonly number[];
}

/** Pieces of state for the deployment that follows, in order. */
interface StagedPiece {
  /** It begins anew: what was sent before is of no use. */
  readonly first: boolean;
  readonly states: readonly Uint8Array[];
}

/** The slots of a TaskExecutor that a JobMaster has. */
export interface HeldSlots {
  readonly allocationIds: readonly string[];
}

/** The executions that a TaskExecutor runs for a JobMaster: all that have not ended. */
export interface ExecutionReport {
  readonly executionIds: readonly string[];
}

interface ReaderEvent extends SlotGeneration {
  readonly executionId: string;
  readonly operator: string;
  readonly event: SourceEventToReader;
}

export interface ClientAcknowledgement {
  readonly executionId: string;
  readonly operator: string;
  readonly bytes: number;
}

interface FileRequest {
  /** A profile, or one of the files that it writes anyway. */
  readonly isProfile: boolean;
  readonly name: string;
  readonly offset: number;
}

const Empty = t.struct({});
const Generation = t.struct({ allocationId: t.string, generation: t.integer });

export type TaskExecutorService = Service<{
  /** @throws SLOT_OCCUPIED, SLOT_RESOURCES_LACKING */
  readonly requestSlot: Ask<SlotRequest, {}>;
  readonly heartbeatFromResourceManager: Ask<{}, { readonly slots: SlotReport }>;
  /** Slots of the JobMaster that it does not name are freed. */
  readonly heartbeatFromJobMaster: Ask<HeldSlots, ExecutionReport>;
  /** Starts the worker of a generation; answers when it has built the job. */
  readonly prepareSlot: Ask<PrepareSlot, { readonly dataPort: number }>;
  /** State that is too large to travel with the tasks that come next. */
  readonly stageState: Ask<StagedPiece, {}>;
  /** All slots of the job in this process at once, because their workers meet in shared memory. */
  readonly deployTasks: Ask<DeployTasks, {}>;
  /** Ends the worker of the generation; answers when it is gone, at once if there is none. */
  readonly stopSlot: Ask<SlotGeneration, {}>;
  readonly freeSlot: Ask<{ readonly allocationId: string }, {}>;
  /**
   * Everything measured in this process, by name. Slots that do not answer in time are left out.
   */
  readonly requestMetrics: Ask<{}, { readonly scopes: readonly ScopedMetrics[] }>;
  /** The files that this process shows. */
  readonly requestFiles: Ask<{}, FileList>;
  /** Undefined for a name that is not in the list. */
  readonly requestFile: Ask<FileRequest, { readonly piece: FilePiece | undefined }>;
  readonly requestThreads: Ask<{}, { readonly threads: readonly ThreadInfo[] }>;
  /** Begins. @throws PROFILING_OFF, PROFILING_RUNS */
  readonly startProfiling: Ask<ProfilingRequest, ProfilingInfo>;
  /** @throws PROFILING_OFF */
  readonly requestProfilings: Ask<{}, { readonly profilings: readonly ProfilingInfo[] }>;
  readonly commit: Tell<SlotGeneration & { readonly executionId: string }>;
  /** The task begins the checkpoint: nothing comes to it from which a barrier could come. */
  readonly triggerCheckpoint: Tell<
    SlotGeneration & { readonly executionId: string } & CheckpointTrigger
  >;
  readonly notifyCheckpoint: Tell<SlotGeneration & CheckpointNotice>;
  readonly sourceEvent: Tell<ReaderEvent>;
  readonly clientAcknowledge: Tell<SlotGeneration & ClientAcknowledgement>;
  /** Whether a client takes the messages of the job's sinks from now on. */
  readonly clientChanged: Tell<{ readonly attached: boolean }>;
}>;

export const taskExecutorService: TaskExecutorService = service('TaskExecutor', {
  requestSlot: ask(plain<SlotRequest>(), Empty),
  heartbeatFromResourceManager: ask(Empty, plain<{ readonly slots: SlotReport }>()),
  heartbeatFromJobMaster: ask(plain<HeldSlots>(), plain<ExecutionReport>()),
  prepareSlot: ask(plain<PrepareSlot>(), t.struct({ dataPort: t.integer }), {
    timeout: PREPARE_TIMEOUT,
  }),
  stageState: ask(plain<StagedPiece>(), Empty),
  deployTasks: ask(plain<DeployTasks>(), Empty),
  stopSlot: ask(Generation, Empty, { timeout: 'never' }),
  freeSlot: ask(t.struct({ allocationId: t.string }), Empty),
  requestMetrics: ask(Empty, plain<{ readonly scopes: readonly ScopedMetrics[] }>()),
  requestFiles: ask(Empty, plain<FileList>()),
  requestFile: ask(
    t.struct({ isProfile: t.boolean, name: t.string, offset: t.integer }),
    plain<{ readonly piece: FilePiece | undefined }>(),
  ),
  requestThreads: ask(Empty, plain<{ readonly threads: readonly ThreadInfo[] }>()),
  startProfiling: ask(plain<ProfilingRequest>(), plain<ProfilingInfo>()),
  requestProfilings: ask(Empty, plain<{ readonly profilings: readonly ProfilingInfo[] }>()),
  commit: tell(t.struct({ allocationId: t.string, generation: t.integer, executionId: t.string })),
  triggerCheckpoint:
    tell(plain<SlotGeneration & { readonly executionId: string } & CheckpointTrigger>()),
  notifyCheckpoint: tell(plain<SlotGeneration & CheckpointNotice>()),
  sourceEvent: tell(plain<ReaderEvent>()),
  clientAcknowledge: tell(plain<SlotGeneration & ClientAcknowledgement>()),
  clientChanged: tell(t.struct({ attached: t.boolean })),
});
