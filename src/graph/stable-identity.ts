/**
 * State is found again by the identity of its operator. Operators with the same path of names are
 * told apart by their order alone, and another order would give one the state of the other: where
 * state outlives a run, that is refused.
 */
import { EngineError } from '../base/errors.ts';
import { isStateful } from './create-job-graph.ts';
import type { StreamGraph, StreamNode } from './stream-graph.ts';
import { placeOf } from './transformation.ts';

/** @throws EngineError GRAPH_UID_AMBIGUOUS */
export function requireStableIdentity({ nodes }: StreamGraph): void {
  const carriers = statefulPaths(nodes);
  const seen = new Map<string, StreamNode>();
  for (const node of nodes) {
    if (node.transformation.uid !== undefined || !carriers.has(node)) continue;
    const inputs = node.inputs.map(({ source, tag, targetInput }) => [source, tag, targetInput]);
    const path = JSON.stringify([node.name, inputs]);
    const other = seen.get(path);
    seen.set(path, node);
    if (other === undefined) continue;
    throw new EngineError('GRAPH_UID_AMBIGUOUS', {
      operator: node.name,
      first: placeOf(other.transformation),
      second: placeOf(node.transformation),
    });
  }
}

/** Operators with state, and those on the way to one: its identity follows from theirs. */
function statefulPaths(nodes: readonly StreamNode[]): ReadonlySet<StreamNode> {
  const byId = new Map(nodes.map((node) => [node.transformation.id, node]));
  const found = new Set<StreamNode>();
  const visit = (node: StreamNode): void => {
    if (found.has(node)) return;
    found.add(node);
    // Above a uid nothing matters to what is below it.
    if (node.transformation.uid !== undefined) return;
    for (const { source } of node.inputs) visit(byId.get(source)!);
  };
  for (const node of nodes) if (isStateful(node.spec)) visit(node);
  return found;
}
