/**
 * What a JobMaster tells a slot to run. Tasks refer to vertices and edges of the JobGraph; the
 * functions behind them are found in the slot's own build of the job.
 *
 * The order of a deployment: (1) slots are allocated; (2) each slot is *prepared*: a fresh worker
 * loads the job, builds it, compares the fingerprint and tells its data port; (3) when all are
 * prepared, every slot gets its tasks with the locations of their neighbours; (4) tasks wire their
 * channels, open their operators and report RUNNING.
 */
import type { OperatorId, VertexId } from '../graph/job-graph.ts';
import type { CheckpointingOfSlot, StateRestore } from './checkpoint.ts';

/** How any process finds the job's module and resolves it to the same graph. */
export interface JobReference {
  readonly jobId: string;
  /** `file:` URL of the module, or of the bundle once it was fetched. */
  readonly moduleUrl: string;
  /**
   * What its user calls the module, e.g. `flight-delays.ts`, where the URL does not say it: for
   * messages, and in place of the name of a job that is not built.
   */
  readonly file?: string | undefined;
  /** Undefined: the default export, or the only job exported. */
  readonly exportName: string | undefined;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly configuration: Readonly<Record<string, string>>;
}

/**
 * One life of a slot's worker: a slot gets a new generation, and a fresh worker, for each attempt
 * of the job.
 */
export interface SlotLocation {
  readonly taskExecutorId: string;
  readonly slot: number;
  /** The job's deployment attempt, from 1. */
  readonly generation: number;
  readonly host: string;
  /** 0 when the slot does not listen because the whole job runs in one process. */
  readonly dataPort: number;
}

/** PEM; never leaves the process. */
interface SlotTls {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
  readonly verifyHostName: boolean;
}

export interface SlotPreparation {
  readonly job: JobReference;
  readonly fingerprint: string;
  readonly location: Omit<SlotLocation, 'dataPort'>;
  /** By which slots of the job know each other when they connect. Never the cluster's secret. */
  readonly dataKey: Uint8Array;
  /** Whether peers in other processes will connect. */
  readonly listen: boolean;
  /** Where it listens then; port 0 picks one. */
  readonly bind: { readonly host: string; readonly port: number };
  /** Who its process is to others, as `Env` has it; undefined where they do not speak TLS. */
  readonly tls: SlotTls | undefined;
  /**
   * The slot fails its tasks with SLOT_OUT_OF_MEMORY when V8's heap is past this. Undefined: no
   * budget.
   */
  readonly heapBudgetBytes: number | undefined;
  /** That the channels between the slot and others may hold. */
  readonly networkBytes: number;
  /** At which records for another slot are handed over. */
  readonly segmentBytes: number;
  /** Whether what user code writes on the standard streams comes as `output`. */
  readonly tellsOutput?: boolean | undefined;
  /** Where its CPU profile goes, if the job wants one and does not say where itself. */
  readonly profileFolder?: string | undefined;
  /** Undefined: the job has no checkpoints. */
  readonly checkpointing?: CheckpointingOfSlot | undefined;
  /** Of this allocation of the slot, for copies of its state. */
  readonly localState?: string | undefined;
}

export interface TaskDeployment {
  /** Unique over all attempts: `${vertex}/${subtask}/${attempt}`. */
  readonly executionId: string;
  readonly vertex: VertexId;
  /** Of the vertex, for people. */
  readonly name?: string | undefined;
  readonly subtask: number;
  /** From 1. */
  readonly attempt: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly inputs: readonly InputDeployment[];
  readonly outputs: readonly OutputDeployment[];
  /** Undefined: a fresh start. */
  readonly restore: TaskRestore | undefined;
}

/** The channels of one JobEdge that end in this subtask. */
export interface InputDeployment {
  readonly edge: string;
  readonly channels: readonly {
    readonly channel: number;
    readonly producer: number;
    readonly location: SlotLocation;
  }[];
}

/**
 * The channels of one JobEdge that begin in this subtask, in order of the partitioner's channel
 * index.
 */
export interface OutputDeployment {
  readonly edge: string;
  /** Of the consumers: into how many key groups keys are divided. */
  readonly maxParallelism: number;
  readonly channels: readonly {
    readonly channel: number;
    readonly consumer: number;
    readonly location: SlotLocation;
  }[];
}

export type TaskRestore = CommitRestore | StateRestore;

/**
 * After the decision to commit, a restarted task does not run again: it commits what its earlier
 * attempt had prepared, and ends.
 */
export interface CommitRestore {
  readonly kind: 'commit';
  readonly committables: readonly OperatorCommittables[];
}

export interface OperatorCommittables {
  readonly operator: OperatorId;
  /** Each encoded with the sink's committable schema. */
  readonly committables: readonly Uint8Array[];
}
