/**
 * From the StreamGraph to the JobGraph: chains become vertices, what lies between them edges. The
 * result is a CompiledJob: the graph as plain JSON, and beside it the functions and schemas that
 * the graph only describes.
 */
import { EngineError } from '../base/errors.ts';
import { murmur128 } from '../base/murmur128.ts';
import type { AnySource } from '../functions/source.ts';
import { createChains, type Chain } from './chaining.ts';
import { fingerprintOf } from './fingerprint.ts';
import type {
  ChainedOperator,
  CompiledEdge,
  CompiledJob,
  CompiledOperator,
  JobEdge,
  JobGraph,
  JobVertex,
  OperatorId,
  SlotResources,
} from './job-graph.ts';
import { defaultMaxParallelism } from './key-groups.ts';
import { selectionOf, selectionsOf } from './key-selection.ts';
import type { OperatorSpec } from './operator-spec.ts';
import type { StreamEdge, StreamGraph, StreamNode } from './stream-graph.ts';
import type { TransformationId } from './transformation.ts';

export interface JobGraphOptions {
  readonly name: string;
  readonly chaining: boolean;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly configuration: Readonly<Record<string, string>>;
  /** By slot sharing group. */
  readonly slotResources: ReadonlyMap<string, SlotResources>;
}

export function createJobGraph(stream: StreamGraph, options: JobGraphOptions): CompiledJob {
  requireDistinctIds(stream);
  const chains = createChains(stream, options.chaining);
  const vertices = chains.map(createVertex);
  const edges = createEdges(stream, chains, vertices);
  const unsigned: Omit<JobGraph, 'fingerprint'> = {
    version: 1,
    name: options.name,
    vertices,
    edges: edges.map(({ edge }) => edge),
    ...resourcesOf(vertices, options.slotResources),
    parameters: options.parameters,
    configuration: options.configuration,
  };
  return {
    graph: deepFreeze({ ...unsigned, fingerprint: fingerprintOf(unsigned) }),
    operators: compiledOperators(stream),
    edges: new Map(edges.map(({ edge, compiled }) => [edge.id, compiled])),
  };
}

/** Absent where nobody asks for anything, as it is part of the fingerprint. */
function resourcesOf(
  vertices: readonly JobVertex[],
  all: ReadonlyMap<string, SlotResources>,
): Pick<JobGraph, 'slotResources'> {
  const used = [...all].filter(([group]) =>
    vertices.some(({ slotSharingGroup }) => slotSharingGroup === group),
  );
  return used.length === 0 ? {} : { slotResources: Object.fromEntries(used) };
}

/** A path that repeats itself below a uid could give one id twice only by a collision of hashes. */
function requireDistinctIds(stream: StreamGraph): void {
  const seen = new Map<OperatorId, StreamNode>();
  for (const node of stream.nodes) {
    const other = seen.get(node.id);
    if (other !== undefined) {
      throw new EngineError('GRAPH_SAME_OPERATOR_ID', { first: other.name, second: node.name });
    }
    seen.set(node.id, node);
  }
}

function createVertex(chain: Chain): JobVertex {
  const head = chain.members[0]!;
  return {
    id: head.id,
    name: chainName(chain, 0),
    parallelism: head.parallelism,
    maxParallelism: chain.maxParallelism ?? defaultMaxParallelism(head.parallelism),
    ...(chain.maxParallelism === undefined ? {} : { explicitMaxParallelism: true }),
    slotSharingGroup: head.slotSharingGroup,
    ...coLocationOf(chain),
    operators: chain.members.map((node, position) => describeOperator(node, chain, position)),
  };
}

/** Absent where there is none, as it is part of the fingerprint. */
function coLocationOf({ members }: Chain): Pick<JobVertex, 'coLocationGroups'> {
  const keys = new Set(members.flatMap(({ coLocationGroup }) => coLocationGroup ?? []));
  return keys.size === 0 ? {} : { coLocationGroups: [...keys] };
}

/** `a -> b`, and `a -> (b, c -> d)` where the chain branches. */
function chainName(chain: Chain, position: number): string {
  const names: string[] = [];
  for (let at = position; ;) {
    names.push(chain.members[at]!.name);
    const targets = chain.links[at]!.map((link) => link.target);
    if (targets.length === 1) {
      at = targets[0]!;
      continue;
    }
    if (targets.length > 1) {
      names.push(`(${targets.map((target) => chainName(chain, target)).join(', ')})`);
    }
    return names.join(' -> ');
  }
}

function describeOperator(node: StreamNode, chain: Chain, position: number): ChainedOperator {
  return {
    id: node.id,
    name: node.name,
    uid: node.transformation.uid,
    kind: node.spec.kind,
    stateful: isStateful(node.spec),
    chainedOutputs: chain.links[position]!.map(({ target, edge }) => ({ target, tag: edge.tag })),
    output: node.output?.description,
    ...committableOf(node.spec),
    ...(node.spec.kind === 'source' ? enumeratorOf(node.spec.source) : {}),
    ...keyedByOf(node),
  };
}

/** Absent where nothing is committed, as it is part of the fingerprint. */
function committableOf(spec: OperatorSpec): Pick<ChainedOperator, 'committable'> {
  if (spec.kind !== 'sink' || spec.sink.createCommitter === undefined) return {};
  const { committable } = spec.sink;
  return committable === undefined ? {} : { committable: committable.description };
}

function enumeratorOf({ enumeratorState }: AnySource): Pick<ChainedOperator, 'enumerator'> {
  return { enumerator: enumeratorState.description };
}

/** Absent where there are no keys, as it is part of the fingerprint. */
function keyedByOf({ spec, inputs }: StreamNode): Pick<ChainedOperator, 'keyedBy'> {
  const records = [0, 1].map(
    (input) => inputs.find(({ targetInput }) => targetInput === input)?.schema.description,
  );
  const keyedBy = selectionsOf(spec, records);
  return keyedBy === undefined ? {} : { keyedBy };
}

/** Whether a restore would miss something if the operator were not found again. */
export function isStateful(spec: OperatorSpec): boolean {
  switch (spec.kind) {
    case 'source':
    case 'reduce':
    case 'aggregate':
    case 'rolling':
    case 'window':
    case 'broadcastProcess':
    case 'keyedBroadcastProcess':
    case 'async':
    case 'intervalJoin':
    case 'temporalJoin':
    case 'broadcastJoin':
    case 'windowJoin':
      return true;
    case 'keyedProcess':
    case 'keyedCoProcess':
      return Object.keys(spec.function.state ?? {}).length > 0;
    case 'sink':
      return spec.sink.committable !== undefined;
    default:
      return false;
  }
}

interface EdgePair {
  readonly edge: JobEdge;
  readonly compiled: CompiledEdge;
}

function createEdges(
  stream: StreamGraph,
  chains: readonly Chain[],
  vertices: readonly JobVertex[],
): readonly EdgePair[] {
  const places = new Map<
    TransformationId,
    { readonly vertex: JobVertex; readonly position: number }
  >();
  const chained = new Set<StreamEdge>();
  for (const [index, chain] of chains.entries()) {
    const vertex = vertices[index]!;
    chain.members.forEach((node, position) =>
      places.set(node.transformation.id, { vertex, position }),
    );
    for (const { edge } of chain.links.flat()) chained.add(edge);
  }
  const counts = new Map<OperatorId, number>();
  return stream.edges
    .filter((edge) => !chained.has(edge))
    .map((edge): EdgePair => {
      const source = places.get(edge.source)!;
      const operator = source.vertex.operators[source.position]!;
      const index = counts.get(operator.id) ?? 0;
      counts.set(operator.id, index + 1);
      const described: JobEdge = {
        id: `${operator.id}:${index}`,
        source: source.vertex.id,
        sourceOperator: source.position,
        tag: edge.tag,
        target: places.get(edge.target)!.vertex.id,
        targetInput: edge.targetInput,
        partitioner: edge.partitioner.kind,
        ...partitionedBy(edge),
        schema: edge.schema.description,
        exchange: 'pipelined',
      };
      return { edge: described, compiled: { partitioner: edge.partitioner, schema: edge.schema } };
    });
}

/** Absent where no function is asked, as it is part of the fingerprint. */
function partitionedBy({
  partitioner,
  schema,
}: StreamEdge): Pick<JobEdge, 'partitionedBy' | 'keyedBy'> {
  if (partitioner.kind === 'hash') {
    return { keyedBy: selectionOf(partitioner.key, schema.description) };
  }
  if (partitioner.kind !== 'custom') return {};
  const { select, partition } = partitioner;
  return { partitionedBy: murmur128(`${String(select)}\n${String(partition)}`) };
}

function compiledOperators(stream: StreamGraph): ReadonlyMap<OperatorId, CompiledOperator> {
  return new Map(
    stream.nodes.map((node): [OperatorId, CompiledOperator] => [
      node.id,
      {
        spec: node.spec,
        output: node.output,
        sideOutputs: node.sideOutputs,
        declaredAt: node.transformation.declaredAt,
      },
    ]),
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
