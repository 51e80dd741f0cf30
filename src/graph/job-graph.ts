/**
 * The JobGraph: operators chained into JobVertices, joined by intermediate results. It is plain
 * JSON without closures: it is stored, sent, printed (`millrace info`) and fingerprinted. The live
 * functions of its operators are found by operator id in a CompiledJob.
 */
import type { DeclaredState } from '../state/state-evolution.ts';
import type { BuildGuard } from './build-guard.ts';
import type { KeySelection } from './key-selection.ts';
import type { SchemaDescription } from '../types/schema-description.ts';
import type {
  OperatorKind,
  OperatorSpec,
  PartitionerKind,
  PartitionerSpec,
} from './operator-spec.ts';
import type { Schema } from '../types/schema.ts';

/** 32 hex digits: hash of the uid, else of the path of names. */
export type OperatorId = string;
/** That of the head operator. */
export type VertexId = string;

export interface JobGraph {
  readonly version: 1;
  readonly name: string;
  /** Over all that must be the same on every worker; compared everywhere. */
  readonly fingerprint: string;
  /** In topological order: producers before consumers. */
  readonly vertices: readonly JobVertex[];
  readonly edges: readonly JobEdge[];
  /** By slot sharing group, of those that ask for more or less than a slot of the default size. */
  readonly slotResources?: Readonly<Record<string, SlotResources>> | undefined;
  /** Resolved parameters of the job, as JSON. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Resolved configuration of the job (keys of Flink). */
  readonly configuration: Readonly<Record<string, string>>;
}

/** What each slot of a sharing group must have. */
export interface SlotResources {
  readonly cpuCores: number;
  readonly taskHeapBytes: number;
  readonly taskOffHeapBytes: number;
  readonly managedBytes: number;
}

export interface JobVertex {
  readonly id: VertexId;
  /** Names of the chain, joined by ` -> `. */
  readonly name: string;
  readonly parallelism: number;
  readonly maxParallelism: number;
  /** The job has said so, and not left it to the engine: a restore may not take another. */
  readonly explicitMaxParallelism?: true | undefined;
  readonly slotSharingGroup: string;
  /** Keys of its operators: subtask i of all vertices with a key runs in one slot. */
  readonly coLocationGroups?: readonly string[] | undefined;
  readonly operators: readonly ChainedOperator[];
}

export interface ChainedOperator {
  readonly id: OperatorId;
  readonly name: string;
  readonly uid: string | undefined;
  readonly kind: OperatorKind;
  readonly stateful: boolean;
  /**
   * Index in `operators` of those it hands its main output to inside the chain; side outputs by
   * `tag`.
   */
  readonly chainedOutputs: readonly { readonly target: number; readonly tag: string | undefined }[];
  /** Declared or `dynamic`; undefined for sinks. */
  readonly output: SchemaDescription | undefined;
  /** Of a sink that commits: what its writers prepare. Absent of all others. */
  readonly committable?: SchemaDescription | undefined;
  /** Of a source: what its enumerator keeps. Absent of all others. */
  readonly enumerator?: SchemaDescription | undefined;
  /** Of an operator with keys: what they are of the records of each input. */
  readonly keyedBy?: readonly KeySelection[] | undefined;
  /** Only where the job goes on from a checkpoint, and no part of the fingerprint. */
  readonly states?: OperatorStates | undefined;
}

/** What an operator declares to keep when it opens, to be held against what was kept before. */
export interface OperatorStates {
  readonly keyed: readonly DeclaredState[];
  /** Undefined: without keys, or known by their family only, which the first one tells. */
  readonly key: SchemaDescription | undefined;
  /** Lists and broadcast state. */
  readonly operator: readonly DeclaredState[];
  /** Of a source: from which schemas its enumerator's state is migrated. */
  readonly enumeratorMigrations?: readonly SchemaDescription[] | undefined;
  /** Of a sink: the same of its committables. */
  readonly committableMigrations?: readonly SchemaDescription[] | undefined;
  readonly takes: TakenStates;
  /** Where in the user's program the operator was made; see CompiledOperator. */
  readonly declaredAt: string | undefined;
}

/** Which kinds of state an operator can go on from at all, whatever it declares. */
export interface TakenStates {
  /** It has keys. */
  readonly keyed: boolean;
  /** It may have lists and broadcast state. */
  readonly lists: boolean;
  /** It commits. */
  readonly committables: boolean;
  /** It is a source. */
  readonly enumerator: boolean;
}

/** Between two vertices; the producing side owns one IntermediateResult per edge. */
export interface JobEdge {
  /** Unique in the job: `${source operator id}:${index}`. */
  readonly id: string;
  readonly source: VertexId;
  /** Index of the operator in the source vertex's chain whose output this is. */
  readonly sourceOperator: number;
  /** Name of the side output, undefined for the main one. */
  readonly tag: string | undefined;
  readonly target: VertexId;
  /** 0, or 1 for the second input of a two-input head. Several edges may share an input (union). */
  readonly targetInput: 0 | 1;
  readonly partitioner: PartitionerKind;
  /** Tells functions of a custom partitioner from others, by their text; absent of all others. */
  readonly partitionedBy?: string | undefined;
  /** Of a hash partitioner: what its keys are of the records. Absent of all others. */
  readonly keyedBy?: KeySelection | undefined;
  readonly schema: SchemaDescription;
  readonly exchange: 'pipelined' | 'blocking';
}

/** What running `build` gives on each worker: the graph, and the functions behind it. */
export interface CompiledJob {
  readonly graph: JobGraph;
  readonly operators: ReadonlyMap<OperatorId, CompiledOperator>;
  /** By edge id. */
  readonly edges: ReadonlyMap<string, CompiledEdge>;
}

export interface CompiledOperator {
  readonly spec: OperatorSpec;
  readonly output: Schema<unknown> | undefined;
  /** Schemas of the side outputs by name. */
  readonly sideOutputs: ReadonlyMap<string, Schema<unknown>>;
  /** Where in the user's program it was made (`file:line:column`), for errors; may be undefined. */
  readonly declaredAt: string | undefined;
}

export interface CompiledEdge {
  readonly partitioner: PartitionerSpec;
  readonly schema: Schema<unknown>;
}

/**
 * What `defineJob` returns and a job module exports; recognised by the brand, as two copies of the
 * package can meet.
 */
export interface JobDefinition {
  readonly [jobBrand]: 1;
  readonly name: string;
  /** Where `defineJob` was called (`path:line:column`), if the stack said so. */
  readonly declaredAt: string | undefined;
  /**
   * Runs `build` and translates it. Parameters come as text (CLI) or values (code). @throws
   * EngineError GRAPH_*, CONFIG_*
   */
  compile(options: CompileOptions): CompiledJob;
}

export const jobBrand: unique symbol = Symbol.for('millrace.JobDefinition') as never;

export interface CompileOptions {
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Flink's keys, e.g. `parallelism.default`. */
  readonly configuration: Readonly<Record<string, string>>;
  /** Around `build`; undefined: none. */
  readonly guard?: BuildGuard | undefined;
}
