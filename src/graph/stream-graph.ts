/**
 * The StreamGraph: the operators of a job with the edges between them, every default resolved:
 * parallelism, slot sharing group, partitioner, schema, identity. Partitions, unions and side
 * outputs of the Transformations have become properties of edges. Nodes are in topological order.
 */
import { EngineError } from '../base/errors.ts';
import type { Schema } from '../types/schema.ts';
import { dynamic } from '../types/t.ts';
import type { OperatorId } from './job-graph.ts';
import { requireTimestamps } from './event-time.ts';
import { requireCoLocation } from './co-location.ts';
import { requireInputs, requireKeys, requireSinks, requireUniqueUids } from './graph-checks.ts';
import { operatorIds } from './operator-ids.ts';
import type { OperatorSpec, PartitionerSpec } from './operator-spec.ts';
import { defaultMaxParallelism } from './key-groups.ts';
import { StreamSchemas } from './stream-schemas.ts';
import {
  inputsOf,
  placeOf,
  type ChainingStrategy,
  type OperatorTransformation,
  type Transformation,
  type TransformationId,
} from './transformation.ts';

export interface StreamGraph {
  readonly nodes: readonly StreamNode[];
  readonly edges: readonly StreamEdge[];
}

export interface StreamNode {
  readonly transformation: OperatorTransformation;
  readonly id: OperatorId;
  readonly name: string;
  readonly spec: OperatorSpec;
  readonly parallelism: number;
  /** As set by the job; undefined leaves it to the vertex. */
  readonly maxParallelism: number | undefined;
  readonly slotSharingGroup: string;
  readonly coLocationGroup: string | undefined;
  readonly chaining: ChainingStrategy;
  /** Of the main output; undefined for sinks. */
  readonly output: Schema<unknown> | undefined;
  readonly sideOutputs: ReadonlyMap<string, Schema<unknown>>;
  readonly inputs: readonly StreamEdge[];
}

export interface StreamEdge {
  /** Operators' transformation ids. */
  readonly source: TransformationId;
  readonly target: TransformationId;
  readonly tag: string | undefined;
  readonly targetInput: 0 | 1;
  readonly partitioner: PartitionerSpec;
  readonly schema: Schema<unknown>;
}

/** What operators that say nothing get. */
export interface GraphDefaults {
  readonly parallelism: number;
  readonly maxParallelism: number | undefined;
  readonly autoGenerateUids: boolean;
}

const DEFAULT_SLOT_SHARING_GROUP = 'default';

/** @throws EngineError GRAPH_* for anything that could not run. */
export function createStreamGraph(
  transformations: readonly Transformation[],
  defaults: GraphDefaults,
): StreamGraph {
  if (transformations.length === 0) throw new EngineError('GRAPH_EMPTY');
  const ordered = topologicalOrder(transformations);
  requireInputs(transformations);
  requireSinks(transformations);
  requireUniqueUids(transformations, defaults.autoGenerateUids);

  const schemas = new StreamSchemas(transformations);
  const operators = ordered.filter((node) => node.kind === 'operator');
  const parallelisms = new Map(
    operators.map((node) => [node.id, node.parallelism ?? defaults.parallelism]),
  );
  const groups = new Map<TransformationId, string>();
  const edges: StreamEdge[] = [];
  const nodes: StreamNode[] = [];
  const ids = operatorIds(transformations, ordered);
  for (const node of operators) {
    const inputs = inputEdges(node, transformations, schemas, parallelisms);
    edges.push(...inputs);
    const group = node.slotSharingGroup ?? inheritedGroup(inputs, groups);
    groups.set(node.id, group);
    const parallelism = parallelisms.get(node.id)!;
    const maxParallelism = node.maxParallelism ?? defaults.maxParallelism;
    checkParallelism(node, parallelism, maxParallelism);
    nodes.push({
      transformation: node,
      id: ids.get(node.id)!,
      name: node.name,
      spec: schemas.resolveSpec(node),
      parallelism,
      maxParallelism,
      slotSharingGroup: group,
      coLocationGroup: node.coLocationGroup,
      chaining: node.chaining,
      output: node.output.kind === 'none' ? undefined : (schemas.of(node.id) ?? dynamic),
      sideOutputs: schemas.sideOutputs(node),
      inputs,
    });
  }
  for (const node of nodes) requireKeys(node);
  requireCoLocation(nodes);
  requireTimestamps(nodes);
  return { nodes, edges };
}

/**
 * Producers before consumers; otherwise the order of declaration. @throws EngineError GRAPH_CYCLE
 */
function topologicalOrder(transformations: readonly Transformation[]): readonly Transformation[] {
  const ordered: Transformation[] = [];
  const state = new Map<TransformationId, 'open' | 'done'>();
  for (const start of transformations) {
    // An explicit stack, because chains of thousands of operators are legal.
    const stack: { readonly node: Transformation; next: number }[] = [{ node: start, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (state.get(top.node.id) === 'done') {
        stack.pop();
        continue;
      }
      state.set(top.node.id, 'open');
      const input = inputsOf(top.node)[top.next++];
      if (input === undefined) {
        state.set(top.node.id, 'done');
        ordered.push(top.node);
        stack.pop();
      } else if (state.get(input) === 'open') {
        const path = stack.slice(stack.findIndex(({ node }) => node.id === input));
        throw new EngineError('GRAPH_CYCLE', {
          path: [...path.map(({ node }) => node.name), transformations[input]!.name].join(' -> '),
        });
      } else if (transformations[input] !== undefined) {
        stack.push({ node: transformations[input], next: 0 });
      }
    }
  }
  return ordered;
}

interface Path {
  readonly source: OperatorTransformation;
  readonly tag: string | undefined;
  readonly partitioner: PartitionerSpec | undefined;
  readonly schema: Schema<unknown> | undefined;
}

/**
 * The operators behind a stream, with what was asked of the way between. What is said last wins.
 */
function resolve(
  id: TransformationId,
  transformations: readonly Transformation[],
  schemas: StreamSchemas,
): readonly Path[] {
  const paths: Path[] = [];
  const open: { readonly id: TransformationId; readonly way: Omit<Path, 'source'> }[] = [
    { id, way: { tag: undefined, partitioner: undefined, schema: undefined } },
  ];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const node = transformations[next.id]!;
    const way = { ...next.way, schema: next.way.schema ?? node.returns };
    if (node.kind === 'operator') {
      const schema = way.schema ?? (way.tag === undefined ? schemas.of(node.id) : undefined);
      paths.push({ ...way, source: node, schema });
    } else if (node.kind === 'union') {
      for (const input of node.inputs.toReversed()) open.push({ id: input, way });
    } else if (node.kind === 'partition') {
      open.push({
        id: node.input,
        way: { ...way, partitioner: way.partitioner ?? node.partitioner },
      });
    } else {
      const schema = way.schema ?? schemas.of(node.id);
      open.push({ id: node.input, way: { ...way, schema, tag: node.tag } });
    }
  }
  return paths;
}

function inputEdges(
  node: OperatorTransformation,
  transformations: readonly Transformation[],
  schemas: StreamSchemas,
  parallelisms: ReadonlyMap<TransformationId, number>,
): readonly StreamEdge[] {
  return node.inputs.flatMap((input, index) =>
    resolve(input, transformations, schemas).map((path): StreamEdge => {
      const equal = parallelisms.get(path.source.id) === parallelisms.get(node.id);
      const partitioner: PartitionerSpec =
        path.partitioner ?? (equal ? { kind: 'forward' } : { kind: 'rebalance' });
      if (partitioner.kind === 'forward' && !equal) {
        throw new EngineError('GRAPH_FORWARD_PARALLELISM', {
          source: path.source.name,
          sourceParallelism: parallelisms.get(path.source.id)!,
          target: node.name,
          targetParallelism: parallelisms.get(node.id)!,
          place: placeOf(node),
        });
      }
      return {
        source: path.source.id,
        target: node.id,
        tag: path.tag,
        targetInput: index === 0 ? 0 : 1,
        partitioner,
        schema: path.schema ?? dynamic,
      };
    }),
  );
}

/** That of all inputs if they agree, else the default one. */
function inheritedGroup(
  inputs: readonly StreamEdge[],
  groups: ReadonlyMap<TransformationId, string>,
): string {
  const found = new Set(inputs.map((edge) => groups.get(edge.source)!));
  return found.size === 1 ? [...found][0]! : DEFAULT_SLOT_SHARING_GROUP;
}

function checkParallelism(
  node: OperatorTransformation,
  parallelism: number,
  maxParallelism: number | undefined,
): void {
  const most = maxParallelism ?? defaultMaxParallelism(parallelism);
  if (parallelism <= most) return;
  throw new EngineError('GRAPH_MAX_PARALLELISM', {
    operator: node.name,
    parallelism,
    maxParallelism: most,
    place: placeOf(node),
  });
}
