/**
 * What TaskExecutors, the ResourceManager and attached clients tell the master of a job. A
 * TaskExecutor registers only when no worker of the job lives in it; what it tells afterwards on
 * the same connection is about workers that were started on it.
 */
import type { ErrorData } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import { t } from '../types/index.ts';
import type { ResourceProfile } from './resource-profile.ts';
import type { Service } from './service.ts';
import { ask, plain, service, tell } from './service.ts';
import type { Ask, Tell } from './service.ts';
import type { FromSlot, TaskMetrics } from './slot-messages.ts';
import type { ClientAcknowledgement, SlotGeneration } from './task-executor-service.ts';

export function jobMasterEndpoint(jobId: string): string {
  return `jobmaster/${jobId}`;
}

/** Endpoint of an attached client on the connection on which it attached. */
export function jobClientEndpoint(jobId: string): string {
  return `client/${jobId}`;
}

type Without<T> = T extends unknown ? Omit<T, 'kind'> : never;
type FromSlotOf<K extends FromSlot['kind']> = Without<Extract<FromSlot, { kind: K }>>;

export type TaskStateReport = FromSlotOf<'task-state'>;
export type CommitReadiness = FromSlotOf<'ready-to-commit'>;
export type CheckpointAcknowledgement = FromSlotOf<'acknowledge-checkpoint'>;
export type CheckpointRefusal = FromSlotOf<'decline-checkpoint'>;
export type EnumeratorEvent = FromSlotOf<'source-event'>;
export type ClientMessage = FromSlotOf<'client-message'>;

export interface JobMasterAnswer {
  /** How long a lease holds after it was asked for. */
  readonly leaseDuration: Duration;
  /** Whether a client takes the messages of the job's sinks. */
  readonly clientAttached: boolean;
}

export interface SlotOffer {
  readonly allocationId: string;
  readonly slot: number;
  /** Undefined: of the default size. */
  readonly resource?: ResourceProfile | undefined;
}

export interface SlotOffers {
  readonly offers: readonly SlotOffer[];
}

/** What nobody has of the slots that a job has declared. */
export interface MissingSlots {
  readonly slots: number;
  /** What there is, as a sentence: why it is not enough. */
  readonly available: string;
}

export interface SlotOfferAnswer {
  readonly accepted: readonly string[];
  readonly rejected: readonly string[];
}

export interface SlotStopped extends SlotGeneration {
  readonly error: ErrorData;
}

const Empty = t.struct({});

export type JobMasterService = Service<{
  /** `host`: where the data ports of its slots are reached. */
  readonly registerTaskExecutor: Ask<
    { readonly taskExecutorId: string; readonly host: string },
    JobMasterAnswer
  >;
  readonly offerSlots: Ask<SlotOffers, SlotOfferAnswer>;
  readonly renewLease: Ask<{}, {}>;
  readonly taskState: Tell<TaskStateReport>;
  readonly readyToCommit: Tell<CommitReadiness>;
  readonly acknowledgeCheckpoint: Tell<CheckpointAcknowledgement>;
  readonly declineCheckpoint: Tell<CheckpointRefusal>;
  readonly sourceEvent: Tell<EnumeratorEvent>;
  readonly clientMessage: Tell<ClientMessage>;
  readonly metrics: Tell<{ readonly tasks: readonly TaskMetrics[] }>;
  /** A worker has ended unasked. */
  readonly slotStopped: Tell<SlotStopped>;
  /** `slots`: how many the ResourceManager takes the job to have declared. */
  readonly heartbeatFromResourceManager: Ask<{ readonly slots: number }, {}>;
  /** How many of the declared slots nobody has. */
  readonly missingSlots: Tell<MissingSlots>;
  /** From now on the messages for the client go to its endpoint on this connection. */
  readonly attachClient: Ask<{}, {}>;
  readonly clientAcknowledge: Tell<ClientAcknowledgement>;
}>;

export const jobMasterService: JobMasterService = service('JobMaster', {
  registerTaskExecutor: ask(
    t.struct({ taskExecutorId: t.string, host: t.string }),
    t.struct({ leaseDuration: t.duration, clientAttached: t.boolean }),
  ),
  offerSlots: ask(plain<SlotOffers>(), plain<SlotOfferAnswer>()),
  renewLease: ask(Empty, Empty),
  taskState: tell(plain<TaskStateReport>()),
  readyToCommit: tell(plain<CommitReadiness>()),
  acknowledgeCheckpoint: tell(plain<CheckpointAcknowledgement>()),
  declineCheckpoint: tell(plain<CheckpointRefusal>()),
  sourceEvent: tell(plain<EnumeratorEvent>()),
  clientMessage: tell(plain<ClientMessage>()),
  metrics: tell(plain<{ readonly tasks: readonly TaskMetrics[] }>()),
  slotStopped: tell(plain<SlotStopped>()),
  heartbeatFromResourceManager: ask(t.struct({ slots: t.integer }), Empty),
  missingSlots: tell(t.struct({ slots: t.integer, available: t.string })),
  attachClient: ask(Empty, Empty),
  clientAcknowledge: tell(plain<ClientAcknowledgement>()),
});

/** What the master of a job tells an attached client. */
export type JobClientService = Service<{
  readonly clientMessage: Tell<ClientMessage>;
}>;

export const jobClientService: JobClientService = service('JobClient', {
  clientMessage: tell(plain<ClientMessage>()),
});
