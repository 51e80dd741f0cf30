/**
 * Which operators run as one task. An edge is chained if it joins equal subtasks one to one and
 * nothing on either side asks for a task of its own; a chain is the tree of chained edges below a
 * head.
 */
import type { StreamEdge, StreamGraph, StreamNode } from './stream-graph.ts';
import type { TransformationId } from './transformation.ts';

export interface Chain {
  /** The head first, then depth first in the order of edges: producers before consumers. */
  readonly members: readonly StreamNode[];
  /** For each member the chained edges that leave it, with the position of their target. */
  readonly links: readonly (readonly ChainLink[])[];
  /** Key groups, where a member says; never two different numbers in one chain. */
  readonly maxParallelism: number | undefined;
}

interface ChainLink {
  readonly target: number;
  readonly edge: StreamEdge;
}

/** A chain while edges are added to it. */
interface OpenChain {
  readonly head: StreamNode;
  maxParallelism: number | undefined;
}

/** All operators of the graph, each in one chain, in topological order of the heads. */
export function createChains(graph: StreamGraph, enabled: boolean): readonly Chain[] {
  const nodes = new Map(graph.nodes.map((node) => [node.transformation.id, node]));
  const chained = new Map<TransformationId, StreamEdge[]>();
  const chainOf = new Map<TransformationId, OpenChain>();
  // Producers come before consumers, so the chain of an edge's source is known.
  for (const node of graph.nodes) {
    const edge = node.inputs[0];
    const chain = edge === undefined ? undefined : chainOf.get(edge.source)!;
    const joins =
      enabled &&
      edge !== undefined &&
      chain !== undefined &&
      canChain(edge, nodes.get(edge.source)!, node) &&
      agree(chain.maxParallelism, node.maxParallelism);
    if (!joins) {
      const { maxParallelism } = node;
      chainOf.set(node.transformation.id, { head: node, maxParallelism });
      continue;
    }
    chain.maxParallelism ??= node.maxParallelism;
    chainOf.set(node.transformation.id, chain);
    const siblings = chained.get(edge.source);
    if (siblings === undefined) chained.set(edge.source, [edge]);
    else siblings.push(edge);
  }
  return [...new Set(chainOf.values())].map((chain) => collect(chain, chained, nodes));
}

/**
 * The rules; each is a row of the table in the test. The number of key groups is looked at for the
 * chain as a whole.
 */
function canChain(edge: StreamEdge, source: StreamNode, target: StreamNode): boolean {
  return (
    edge.partitioner.kind === 'forward' &&
    target.inputs.length === 1 &&
    source.parallelism === target.parallelism &&
    source.slotSharingGroup === target.slotSharingGroup &&
    source.chaining !== 'never' &&
    target.chaining === 'always' &&
    target.spec.kind !== 'async'
  );
}

function agree(left: number | undefined, right: number | undefined): boolean {
  return left === undefined || right === undefined || left === right;
}

function collect(
  { head, maxParallelism }: OpenChain,
  chained: ReadonlyMap<TransformationId, readonly StreamEdge[]>,
  nodes: ReadonlyMap<TransformationId, StreamNode>,
): Chain {
  const members: StreamNode[] = [];
  const links: ChainLink[][] = [];
  const open: {
    readonly node: StreamNode;
    readonly edge: StreamEdge | undefined;
    readonly parent: number;
  }[] = [{ node: head, edge: undefined, parent: -1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const position = members.push(next.node) - 1;
    links.push([]);
    if (next.edge !== undefined) links[next.parent]!.push({ target: position, edge: next.edge });
    const edges = chained.get(next.node.transformation.id) ?? [];
    for (const edge of edges.toReversed()) {
      open.push({ node: nodes.get(edge.target)!, edge, parent: position });
    }
  }
  return { members, links, maxParallelism };
}
