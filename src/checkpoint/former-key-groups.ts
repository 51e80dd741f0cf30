/**
 * Into how many key groups the keys of a job are divided that goes on from a checkpoint: the number
 * is fixed when state is first kept or records are in flight, so the job has the former one
 * wherever it does not insist on another. Flink does the same.
 */
import type { JobGraph, JobVertex } from '../graph/job-graph.ts';
import type { CheckpointMetadata } from '../storage/checkpoint-metadata.ts';

/**
 * The graph with the former numbers. Where the job itself has said a number, or has more subtasks
 * than there were groups, it stays as it is: whoever assigns the state refuses that by name.
 */
export function withFormerKeyGroups(graph: JobGraph, metadata: CheckpointMetadata): JobGraph {
  let isChanged = false;
  const vertices = graph.vertices.map((vertex) => {
    const former = formerOf(vertex, metadata);
    const stays =
      former === undefined ||
      former === vertex.maxParallelism ||
      vertex.explicitMaxParallelism === true ||
      vertex.parallelism > former;
    if (stays) return vertex;
    isChanged = true;
    return { ...vertex, maxParallelism: former };
  });
  return isChanged ? { ...graph, vertices } : graph;
}

/**
 * Of keyed state, else of the vertex: records in flight to it, in its inputs or in the outputs of
 * those before it, are dealt out by the same groups, also where it keeps nothing.
 */
function formerOf(
  { id, operators }: JobVertex,
  { operators: stored, vertices }: CheckpointMetadata,
): number | undefined {
  const ids = new Set(operators.map((operator) => operator.id));
  const keyed = stored.find(
    ({ operator, subtasks }) =>
      ids.has(operator) && subtasks.some((snapshot) => snapshot?.keyed !== undefined),
  );
  if (keyed !== undefined) return keyed.maxParallelism;
  return vertices.find(({ vertex }) => vertex === id)?.maxParallelism;
}
