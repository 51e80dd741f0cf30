/**
 * Failover regions: the subtasks that must restart together because they exchange records through
 * pipelined channels. A blocking edge separates regions, as its records are kept and can be read
 * again. Regions are the connected components by pipelined channels.
 */
import type { ExecutionGraph } from './execution-graph.ts';
import type { VertexId } from './job-graph.ts';

interface ExecutionVertexReference {
  readonly vertex: VertexId;
  readonly subtask: number;
}

export type FailoverRegion = readonly ExecutionVertexReference[];

/** In order of their first subtask; the subtasks of each in the order of the graph. */
export function failoverRegions(graph: ExecutionGraph): readonly FailoverRegion[] {
  const offsets = new Map<VertexId, number>();
  const all: ExecutionVertexReference[] = [];
  for (const { vertex, subtasks } of graph.vertices) {
    offsets.set(vertex.id, all.length);
    for (const { subtask } of subtasks) all.push({ vertex: vertex.id, subtask });
  }
  const sets = new DisjointSets(all.length);
  for (const { vertex, subtasks } of graph.vertices) {
    for (const { subtask, outputs } of subtasks) {
      for (const { edge, channels } of outputs) {
        if (edge.exchange === 'blocking') continue;
        for (const { consumer } of channels) {
          sets.join(offsets.get(vertex.id)! + subtask, offsets.get(edge.target)! + consumer);
        }
      }
    }
  }
  const regions = new Map<number, ExecutionVertexReference[]>();
  for (const [index, reference] of all.entries()) {
    const root = sets.rootOf(index);
    const region = regions.get(root);
    if (region === undefined) regions.set(root, [reference]);
    else region.push(reference);
  }
  return [...regions.values()];
}

/** Union-find. D1. The root of a set is its smallest member. */
class DisjointSets {
  readonly #parents: Int32Array;

  constructor(count: number) {
    this.#parents = Int32Array.from({ length: count }, (_, index) => index);
  }

  rootOf(member: number): number {
    let at = member;
    while (this.#parents[at] !== at) {
      this.#parents[at] = this.#parents[this.#parents[at]!]!;
      at = this.#parents[at]!;
    }
    return at;
  }

  join(left: number, right: number): void {
    const a = this.rootOf(left);
    const b = this.rootOf(right);
    this.#parents[Math.max(a, b)] = Math.min(a, b);
  }
}
