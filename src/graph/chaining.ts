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
  /** Chained edges, by the position of their ends in `members`. */
  readonly links: readonly {
    readonly source: number;
    readonly target: number;
    readonly edge: StreamEdge;
  }[];
}

/** All operators of the graph, each in one chain, in topological order of the heads. */
export function createChains(graph: StreamGraph, enabled: boolean): readonly Chain[] {
  const nodes = new Map(graph.nodes.map((node) => [node.transformation.id, node]));
  const chained = new Map<TransformationId, StreamEdge[]>();
  const heads = new Set(graph.nodes);
  for (const edge of graph.edges) {
    const target = nodes.get(edge.target)!;
    if (!enabled || !canChain(edge, nodes.get(edge.source)!, target)) continue;
    heads.delete(target);
    chained.set(edge.source, [...(chained.get(edge.source) ?? []), edge]);
  }
  return [...heads].map((head) => collect(head, chained, nodes));
}

/** The rules; each is a row of the table in the test. */
export function canChain(edge: StreamEdge, source: StreamNode, target: StreamNode): boolean {
  return (
    edge.partitioner.kind === 'forward' &&
    target.inputs.length === 1 &&
    source.parallelism === target.parallelism &&
    agree(source.maxParallelism, target.maxParallelism) &&
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
  head: StreamNode,
  chained: ReadonlyMap<TransformationId, readonly StreamEdge[]>,
  nodes: ReadonlyMap<TransformationId, StreamNode>,
): Chain {
  const members: StreamNode[] = [];
  const links: { source: number; target: number; edge: StreamEdge }[] = [];
  const open: {
    readonly node: StreamNode;
    readonly link: StreamEdge | undefined;
    readonly parent: number;
  }[] = [{ node: head, link: undefined, parent: -1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const position = members.push(next.node) - 1;
    if (next.link !== undefined) {
      links.push({ source: next.parent, target: position, edge: next.link });
    }
    const edges = chained.get(next.node.transformation.id) ?? [];
    for (const edge of edges.toReversed()) {
      open.push({ node: nodes.get(edge.target)!, link: edge, parent: position });
    }
  }
  return { members, links };
}
