/**
 * Whether records that were in flight can go on over the edge that a job has now: only where it
 * leads to the same input of the same task, deals records out as before and carries the same ones.
 * They lie with the subtask to which they were dealt out then, in the bytes of their schema. A key
 * selector that takes another field is known here; that one of which less is known still gives the
 * keys of then is seen where the records are read
 * (taskexecutor/slot/checkpoint/in-flight-keys.ts).
 */
import { isOtherKey } from '../graph/key-selection.ts';
import type { JobEdge, JobGraph } from '../graph/job-graph.ts';
import type { CheckpointMetadata, EdgeMetadata } from '../storage/checkpoint-metadata.ts';
import { bareDescription, evolutionOf } from '../types/index.ts';
import { keyChange } from './key-selection-check.ts';

/** An edge on which records were, and cannot go on. */
export interface LostEdge {
  readonly edge: string;
  /** Names of the tasks, as they were. */
  readonly source: string;
  readonly target: string;
  /** Undefined: it is not there any more. */
  readonly change: string | undefined;
}

export function lostEdges(
  { edges, vertices }: CheckpointMetadata,
  graph: JobGraph,
): readonly LostEdge[] {
  const nameOf = (id: string): string => vertices.find(({ vertex }) => vertex === id)?.name ?? id;
  const lost: LostEdge[] = [];
  for (const former of edges) {
    const ends = { source: nameOf(former.source), target: nameOf(former.target) };
    const now = graph.edges.find(({ id }) => id === former.edge);
    const isThere = now?.source === former.source && now.target === former.target;
    const change = isThere ? changeOf(former, now, graph, vertices) : undefined;
    if (!isThere || change !== undefined) lost.push({ edge: former.edge, ...ends, change });
  }
  return lost;
}

function changeOf(
  former: EdgeMetadata,
  now: JobEdge,
  graph: JobGraph,
  stored: CheckpointMetadata['vertices'],
): string | undefined {
  const { partitioner, targetInput, tag } = former;
  if (partitioner !== now.partitioner) {
    return `they were dealt out by ${partitioner}, and would be by ${now.partitioner}`;
  }
  const { keyedBy: was } = former;
  if (was !== undefined && now.keyedBy !== undefined && isOtherKey(was, now.keyedBy)) {
    return `they were dealt out by another key: ${keyChange(was, now.keyedBy)}`;
  }
  if (former.partitionedBy !== now.partitionedBy) {
    return 'the functions of its partitionCustom are others';
  }
  if (targetInput !== now.targetInput) {
    return `they were for input ${targetInput + 1}, and would come to input ${now.targetInput + 1}`;
  }
  if (tag !== now.tag) return `they were ${outputText(tag)}, and it carries ${outputText(now.tag)}`;
  if (partitioner === 'custom') {
    const was = stored.find(({ vertex }) => vertex === former.target)?.parallelism;
    const is = graph.vertices.find(({ id }) => id === former.target)?.parallelism;
    if (was !== is) {
      return `partitionCustom has dealt them out to ${was} subtasks, and there are ${is}`;
    }
  }
  return schemaChange(former, now);
}

function outputText(tag: string | undefined): string {
  return tag === undefined ? 'the main output' : `the side output "${tag}"`;
}

function schemaChange({ schema: was }: EdgeMetadata, { schema: is }: JobEdge): string | undefined {
  const [former, now] = [was, is].map((each) => JSON.stringify(bareDescription(each)));
  if (former === now) return undefined;
  const evolution = evolutionOf(was, is, 'the record');
  if (evolution.kind === 'possible') return 'their schema is another';
  const { field, reason } = evolution.refusal;
  return `their schema is another (${field}: ${reason})`;
}
