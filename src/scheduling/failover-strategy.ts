/**
 * What starts again together when a task fails, as sets of slots: Flink's failover strategies.
 * `region` restarts what exchanges records. As a slot's worker is fresh for every attempt, all
 * tasks of a slot restart together too: a region is closed over the slots that its tasks share with
 * others. A partition lives in the worker that writes it, whatever the exchange, so that no
 * producer outlives its consumers' restart: regions are joined by every edge.
 */
import { DisjointSets } from '../base/disjoint-sets.ts';
import { EngineError } from '../base/errors.ts';
import type { ExecutionGraph } from '../graph/execution-graph.ts';
import type { VertexId } from '../graph/job-graph.ts';

export type FailoverStrategy = 'full' | 'region' | 'individual';

/**
 * The region of each slot, numbered from 0 in the order of their first slots.
 * @param slotOf the slot of a subtask
 * @throws EngineError JOB_FAILOVER_INDIVIDUAL if tasks exchange records that must not
 */
export function failoverRegionsOf(
  graph: ExecutionGraph,
  strategy: FailoverStrategy,
  slotCount: number,
  slotOf: (vertex: VertexId, subtask: number) => number,
): readonly number[] {
  if (strategy === 'full') return Array.from({ length: slotCount }, () => 0);
  if (strategy === 'individual') requireNoExchange(graph);
  const sets = new DisjointSets(slotCount);
  for (const { vertex, subtasks } of graph.vertices) {
    for (const { subtask, outputs } of subtasks) {
      for (const { edge, channels } of outputs) {
        for (const { consumer } of channels) {
          sets.join(slotOf(vertex.id, subtask), slotOf(edge.target, consumer));
        }
      }
    }
  }
  const numbers = new Map<number, number>();
  return Array.from({ length: slotCount }, (_, slot) => {
    const root = sets.rootOf(slot);
    const number = numbers.get(root) ?? numbers.size;
    numbers.set(root, number);
    return number;
  });
}

function requireNoExchange({ jobGraph }: ExecutionGraph): void {
  const [edge] = jobGraph.edges;
  if (edge === undefined) return;
  const nameOf = (id: VertexId): string => jobGraph.vertices.find((each) => each.id === id)!.name;
  throw new EngineError('JOB_FAILOVER_INDIVIDUAL', {
    from: nameOf(edge.source),
    to: nameOf(edge.target),
  });
}
