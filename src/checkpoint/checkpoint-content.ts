/** What a checkpoint consists of, put together from what its participants have acknowledged. */
import type { JobGraph } from '../graph/job-graph.ts';
import type { OperatorSnapshot, TaskSnapshot } from '../protocol/checkpoint.ts';
import type {
  CheckpointMetadata,
  EdgeMetadata,
  OperatorMetadata,
  SubtaskMetadata,
  VertexMetadata,
} from '../storage/checkpoint-metadata.ts';
import type { PendingCheckpoint } from './coordinator-state.ts';

export interface CheckpointedJob {
  readonly jobId: string;
  readonly graph: JobGraph;
  /** The index of the execution of a subtask. */
  readonly indexOf: (vertex: string, subtask: number) => number;
}

/** Of a task that has finished: it adds nothing, and is not run again. */
const FINISHED: SubtaskMetadata = { finished: true, inputs: [], outputs: [] };

export function contentOf(
  { jobId, graph, indexOf }: CheckpointedJob,
  { checkpointId, triggeredAt, request, acknowledged, sources }: PendingCheckpoint,
): CheckpointMetadata {
  const operators: OperatorMetadata[] = [];
  const vertices: VertexMetadata[] = [];
  for (const vertex of graph.vertices) {
    const { parallelism, maxParallelism } = vertex;
    const snapshots = Array.from(
      { length: parallelism },
      (_, subtask): TaskSnapshot | undefined =>
        acknowledged.get(indexOf(vertex.id, subtask))?.snapshot,
    );
    vertices.push({
      ...{ vertex: vertex.id, name: vertex.name, parallelism, maxParallelism },
      subtasks: snapshots.map((snapshot): SubtaskMetadata => {
        if (snapshot === undefined) return FINISHED;
        const { finished, inputs, outputs } = snapshot;
        return { finished, inputs, outputs };
      }),
    });
    for (const { id: operator, uid, name, committable, ...declared } of vertex.operators) {
      const enumerator = sources.find((each) => each.operator === operator)?.state;
      operators.push({
        ...{ operator, uid, name, parallelism, maxParallelism },
        subtasks: snapshots.map((snapshot): OperatorSnapshot | undefined =>
          snapshot?.operators.find((each) => each.operator === operator),
        ),
        committable,
        enumerator,
        enumeratorSchema: enumerator && declared.enumerator,
        keyedBy: declared.keyedBy?.map(({ by }) => by),
      });
    }
  }
  const { savepoint } = request;
  return {
    ...{ jobId, jobName: graph.name, checkpointId, triggeredAt },
    purpose: savepoint === undefined ? 'checkpoint' : 'savepoint',
    format: savepoint?.format,
    fingerprint: graph.fingerprint,
    ...{ operators, vertices, edges: edgesInFlight(graph, vertices) },
    blob: new Uint8Array(0),
  };
}

function edgesInFlight(
  { edges }: JobGraph,
  vertices: readonly VertexMetadata[],
): readonly EdgeMetadata[] {
  const inFlight = new Set(
    vertices.flatMap(({ subtasks }) =>
      subtasks.flatMap(({ inputs, outputs }) => [...inputs, ...outputs].map(({ edge }) => edge)),
    ),
  );
  return edges
    .filter(({ id }) => inFlight.has(id))
    .map(({ id: edge, source, target, targetInput, tag, partitioner, ...more }) => ({
      ...{ edge, source, target, targetInput, tag, partitioner },
      ...{ partitionedBy: more.partitionedBy, keyedBy: more.keyedBy?.by, schema: more.schema },
    }));
}
