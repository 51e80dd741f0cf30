/**
 * Transformations: what a job's `build` leaves, one frozen plain node for each call of the API.
 * Nodes refer to each other by id, because a modifier (`uid`, `returns`, ...) replaces a node by a
 * changed copy under the same id. Operators run; partitions, unions and side outputs only describe
 * the streams between them and are resolved into edges by the StreamGraph.
 */
import type { Schema } from '../types/schema.ts';
import type { OperatorSpec, PartitionerSpec } from './operator-spec.ts';

/** Position in the order of declaration, from 0. */
export type TransformationId = number;

interface TransformationNode {
  readonly id: TransformationId;
  readonly name: string;
  readonly uid: string | undefined;
  /** By `.returns(schema)`: what the stream of this node is taken to be. */
  readonly returns: Schema<unknown> | undefined;
  /** `file:line:column` of the call in the user's program. */
  readonly declaredAt: string | undefined;
}

/** `never` refuses both sides, `head` the link to what comes before. */
export type ChainingStrategy = 'always' | 'head' | 'never';

export interface OperatorTransformation extends TransformationNode {
  readonly kind: 'operator';
  readonly spec: UnresolvedSpec;
  /** None for a source; the second is the right (or broadcast) side. */
  readonly inputs: readonly TransformationId[];
  readonly output: OutputSchema;
  readonly sideOutputs: ReadonlyMap<string, SideOutputSchema>;
  readonly parallelism: number | undefined;
  readonly maxParallelism: number | undefined;
  readonly slotSharingGroup: string | undefined;
  /** Subtask i of all that have the same key runs in one slot. */
  readonly coLocationGroup?: string | undefined;
  readonly chaining: ChainingStrategy;
}

export interface PartitionTransformation extends TransformationNode {
  readonly kind: 'partition';
  readonly input: TransformationId;
  readonly partitioner: PartitionerSpec;
}

export interface UnionTransformation extends TransformationNode {
  readonly kind: 'union';
  readonly inputs: readonly TransformationId[];
}

export interface SideOutputTransformation extends TransformationNode {
  readonly kind: 'sideOutput';
  readonly input: TransformationId;
  readonly tag: string;
}

export type Transformation =
  | OperatorTransformation
  | PartitionTransformation
  | UnionTransformation
  | SideOutputTransformation;

/**
 * What is known of an operator's main output: a schema, that it is the state's or the input's, that
 * only TypeScript knows it (`inferred`), or that there is none (sinks).
 */
export type OutputSchema =
  | { readonly kind: 'declared'; readonly schema: Schema<unknown> }
  | { readonly kind: 'state' | 'input' | 'inferred' | 'none' };

/**
 * A side output with records of the operator's input has their schema: of one side, or of either,
 * told apart as `t.oneOf({ left, right })` does.
 */
export type SideOutputSchema =
  | Schema<unknown>
  | { readonly recordsOf: 'left' | 'right' | 'either' };

/**
 * A spec whose state may still lack its schema: then it is the one that the input stream declares,
 * or `builtIn` where the operation fixes it. The sides of a join are what both inputs declare.
 */
export type UnresolvedSpec = OperatorSpec extends infer S
  ? S extends { readonly value: Schema<unknown> } | { readonly kind: 'window' }
    ? Omit<S, 'value'> & {
        readonly value: Schema<unknown> | undefined;
        readonly builtIn: Schema<unknown> | undefined;
      }
    : S extends { readonly sides: unknown }
      ? Omit<S, 'sides'>
      : S
  : never;

/** The streams that a node reads. */
export function inputsOf(node: Transformation): readonly TransformationId[] {
  return node.kind === 'partition' || node.kind === 'sideOutput' ? [node.input] : node.inputs;
}

/** ` (declared at file:line:column)`, or nothing, for the end of a message. */
export function placeOf(node: { readonly declaredAt: string | undefined }): string {
  return node.declaredAt === undefined ? '' : ` (declared at ${node.declaredAt})`;
}
