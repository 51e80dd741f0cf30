/**
 * What a complete checkpoint or savepoint consists of: where the state of every subtask of every
 * operator is, and what is needed to give it to another program, another parallelism, another
 * backend.
 */
import type { Timestamp } from '../base/units.ts';
import type {
  ChannelState,
  OperatorSnapshot,
  SavepointFormat,
  StateHandle,
} from '../protocol/checkpoint.ts';
import type { SchemaDescription } from '../types/schema-description.ts';

export interface CheckpointMetadata {
  readonly jobId: string;
  readonly jobName: string;
  readonly checkpointId: number;
  readonly triggeredAt: Timestamp;
  readonly purpose: 'checkpoint' | 'savepoint';
  /** Of a savepoint. */
  readonly format: SavepointFormat | undefined;
  /** Of the job's graph when it was taken. */
  readonly fingerprint: string;
  readonly operators: readonly OperatorMetadata[];
  readonly vertices: readonly VertexMetadata[];
  /** On which records were in flight, and no others. */
  readonly edges: readonly EdgeMetadata[];
  /** Of the job, opaque to all but it (a compiled plan). */
  readonly blob: Uint8Array;
}

export interface OperatorMetadata {
  /** OperatorId of the graph. */
  readonly operator: string;
  readonly uid: string | undefined;
  readonly name: string;
  readonly parallelism: number;
  /** Pinned: the key groups are numbered by it. */
  readonly maxParallelism: number;
  /** By subtask; undefined for one that had none to give. */
  readonly subtasks: readonly (OperatorSnapshot | undefined)[];
  /** Of a sink that commits: with which schema its committables are encoded. */
  readonly committable: SchemaDescription | undefined;
  /** Of a source: what its enumerator keeps. */
  readonly enumerator: Uint8Array | undefined;
  /** With which schema that is encoded. */
  readonly enumeratorSchema: SchemaDescription | undefined;
  /** What its keys were of the records of each input (`KeySelection.by`); undefined: not known. */
  readonly keyedBy: readonly string[] | undefined;
}

/** An edge as it was when records were in flight on it; see JobEdge. */
export interface EdgeMetadata {
  readonly edge: string;
  readonly source: string;
  readonly target: string;
  readonly targetInput: 0 | 1;
  readonly tag: string | undefined;
  readonly partitioner: string;
  readonly partitionedBy: string | undefined;
  /** `KeySelection.by`; undefined where they were not dealt out by key. */
  readonly keyedBy: string | undefined;
  readonly schema: SchemaDescription;
}

/** A task, as opposed to the operators in it. */
export interface VertexMetadata {
  /** VertexId of the graph. */
  readonly vertex: string;
  readonly name: string;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly subtasks: readonly SubtaskMetadata[];
}

export interface SubtaskMetadata {
  /** It had read all its input. */
  readonly finished: boolean;
  /** In flight to it and from it. */
  readonly inputs: readonly ChannelState[];
  readonly outputs: readonly ChannelState[];
}

/** Every handle of the checkpoint, in the order in which they stand in it. */
export function* handlesOf({ operators, vertices }: CheckpointMetadata): Generator<StateHandle> {
  for (const { subtasks } of operators) {
    for (const snapshot of subtasks) if (snapshot !== undefined) yield* handlesIn(snapshot);
  }
  for (const { subtasks } of vertices) {
    for (const { inputs, outputs } of subtasks) {
      for (const { handle } of inputs) yield handle;
      for (const { handle } of outputs) yield handle;
    }
  }
}

/** The handles of what one operator of a subtask keeps. */
export function* handlesIn({ keyed, operatorState }: OperatorSnapshot): Generator<StateHandle> {
  if (keyed !== undefined) yield* keyed.parts;
  if (operatorState !== undefined) yield operatorState;
}

/** The same with every handle replaced. */
export function mapHandles(
  metadata: CheckpointMetadata,
  change: (handle: StateHandle) => StateHandle,
): CheckpointMetadata {
  const channels = (states: readonly ChannelState[]): readonly ChannelState[] =>
    states.map((state) => ({ ...state, handle: change(state.handle) }));
  const inSnapshot = (snapshot: OperatorSnapshot): OperatorSnapshot => ({
    ...snapshot,
    keyed: snapshot.keyed && { ...snapshot.keyed, parts: snapshot.keyed.parts.map(change) },
    operatorState: snapshot.operatorState && change(snapshot.operatorState),
  });
  return {
    ...metadata,
    operators: metadata.operators.map((operator) => ({
      ...operator,
      subtasks: operator.subtasks.map((snapshot) => snapshot && inSnapshot(snapshot)),
    })),
    vertices: metadata.vertices.map((vertex) => ({
      ...vertex,
      subtasks: vertex.subtasks.map(({ finished, inputs, outputs }) => ({
        finished,
        inputs: channels(inputs),
        outputs: channels(outputs),
      })),
    })),
  };
}
