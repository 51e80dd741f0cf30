/**
 * The plan of a job as plain data, numbered for people: what `millrace info --json` prints, and
 * what the text and the diagram are drawn from.
 */
import type { JobEdge, JobGraph, JobVertex, OperatorId } from '../job-graph.ts';
import { slotSharingGroups, slotsRequired, type SlotSharingGroup } from '../slot-sharing.ts';
import { formatSchema } from './format-schema.ts';

export interface Plan {
  readonly name: string;
  readonly fingerprint: string;
  readonly slots: number;
  readonly slotSharingGroups: readonly SlotSharingGroup[];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly vertices: readonly PlanVertex[];
}

export interface PlanVertex {
  /** From 1, in topological order. */
  readonly number: number;
  readonly id: OperatorId;
  readonly name: string;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly slotSharingGroup: string;
  readonly coLocationGroups?: readonly string[];
  readonly operators: readonly PlanOperator[];
  readonly outputs: readonly PlanEdge[];
}

interface PlanOperator {
  readonly id: OperatorId;
  readonly name: string;
  readonly uid?: string;
  readonly kind: string;
  readonly stateful: boolean;
  /** Of the main output, as formatted by `formatSchema`. */
  readonly output?: string;
}

export interface PlanEdge {
  /** Number of the vertex that reads it. */
  readonly to: number;
  /** Which input, where the reader has two. */
  readonly side?: 'left' | 'right' | 'elements' | 'broadcast';
  /** Name of the operator whose output it is, where that is not the last of the chain. */
  readonly from?: string;
  readonly sideOutput?: string;
  /** In capitals, as Flink shows it. */
  readonly partitioner: string;
  readonly exchange: 'pipelined' | 'blocking';
  readonly schema: string;
}

export function planOf(graph: JobGraph): Plan {
  const numbers = new Map(graph.vertices.map(({ id }, index) => [id, index + 1]));
  const byId = new Map(graph.vertices.map((vertex) => [vertex.id, vertex]));
  return {
    name: graph.name,
    fingerprint: graph.fingerprint,
    slots: slotsRequired(graph),
    slotSharingGroups: slotSharingGroups(graph),
    parameters: graph.parameters,
    vertices: graph.vertices.map((vertex, index) => ({
      number: index + 1,
      id: vertex.id,
      name: vertex.name,
      parallelism: vertex.parallelism,
      maxParallelism: vertex.maxParallelism,
      slotSharingGroup: vertex.slotSharingGroup,
      ...(vertex.coLocationGroups && { coLocationGroups: vertex.coLocationGroups }),
      operators: vertex.operators.map((operator) => ({
        id: operator.id,
        name: operator.name,
        ...(operator.uid === undefined ? {} : { uid: operator.uid }),
        kind: operator.kind,
        stateful: operator.stateful,
        ...(operator.output === undefined ? {} : { output: formatSchema(operator.output) }),
      })),
      outputs: graph.edges
        .filter((edge) => edge.source === vertex.id)
        .map((edge) => planEdge(edge, vertex, byId.get(edge.target)!, numbers.get(edge.target)!)),
    })),
  };
}

function planEdge(edge: JobEdge, source: JobVertex, target: JobVertex, to: number): PlanEdge {
  const side = sideOf(edge, target);
  const from = source.operators[edge.sourceOperator]!;
  return {
    to,
    ...(side === undefined ? {} : { side }),
    ...(from.chainedOutputs.length === 0 && edge.sourceOperator === source.operators.length - 1
      ? {}
      : { from: from.name }),
    ...(edge.tag === undefined ? {} : { sideOutput: edge.tag }),
    partitioner: edge.partitioner.toUpperCase(),
    exchange: edge.exchange,
    schema: formatSchema(edge.schema),
  };
}

function sideOf(edge: JobEdge, target: JobVertex): PlanEdge['side'] {
  const kind = target.operators[0]!.kind;
  if (kind === 'broadcastProcess' || kind === 'keyedBroadcastProcess' || kind === 'broadcastJoin') {
    return edge.targetInput === 0 ? 'elements' : 'broadcast';
  }
  if (
    kind === 'coMap' ||
    kind === 'coFlatMap' ||
    kind === 'coProcess' ||
    kind === 'keyedCoProcess' ||
    kind === 'intervalJoin' ||
    kind === 'temporalJoin' ||
    kind === 'windowJoin'
  ) {
    return edge.targetInput === 0 ? 'left' : 'right';
  }
  return undefined;
}
