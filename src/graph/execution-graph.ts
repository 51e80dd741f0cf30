/**
 * The ExecutionGraph as pure data: the JobGraph expanded to parallel subtasks, the partition that
 * each subtask produces for each edge, and the channels from its subpartitions to the subtasks that
 * read them. The states of executions are kept elsewhere (`scheduling/`), by the same ids.
 *
 * Invariants
 * E1. A channel joins one producer subtask and one consumer subtask of one edge; its number is
 *     unique in the job.
 * E2. Seen from the producer, channels are in order of the partitioner's channel index, which for
 *     an all-to-all edge is the consumer's subtask; seen from the consumer, in order of producers.
 * E3. Every producer has at least one channel on each of its edges, and every consumer too.
 */
import { assert } from '../base/assert.ts';
import type { JobEdge, JobGraph, JobVertex, VertexId } from './job-graph.ts';
import type { PartitionerKind } from './operator-spec.ts';

type DistributionPattern = 'pointwise' | 'all-to-all';

interface Channel {
  readonly channel: number;
  readonly edge: string;
  /** Subtask of the edge's source vertex. */
  readonly producer: number;
  /** Subtask of the edge's target vertex. */
  readonly consumer: number;
}

/** What one subtask writes to one edge: a subpartition per channel. */
interface IntermediateResultPartition {
  readonly edge: JobEdge;
  readonly producer: number;
  readonly channels: readonly Channel[];
}

/** What one subtask reads from one edge. */
interface ExecutionInput {
  readonly edge: JobEdge;
  readonly channels: readonly Channel[];
}

export interface ExecutionVertex {
  readonly vertex: VertexId;
  readonly subtask: number;
  readonly inputs: readonly ExecutionInput[];
  readonly outputs: readonly IntermediateResultPartition[];
}

interface ExecutionJobVertex {
  readonly vertex: JobVertex;
  readonly inputs: readonly JobEdge[];
  readonly outputs: readonly JobEdge[];
  readonly subtasks: readonly ExecutionVertex[];
}

export interface ExecutionGraph {
  readonly jobGraph: JobGraph;
  /** In the order of the JobGraph: producers before consumers. */
  readonly vertices: readonly ExecutionJobVertex[];
  readonly channelCount: number;
}

export function createExecutionGraph(jobGraph: JobGraph): ExecutionGraph {
  const parallelisms = new Map(jobGraph.vertices.map(({ id, parallelism }) => [id, parallelism]));
  const wirings = new Map<string, EdgeWiring>();
  let channelCount = 0;
  for (const edge of jobGraph.edges) {
    const wiring = wireEdge(
      edge,
      parallelisms.get(edge.source)!,
      parallelisms.get(edge.target)!,
      channelCount,
    );
    wirings.set(edge.id, wiring);
    channelCount += wiring.channelCount;
  }
  const vertices = jobGraph.vertices.map((vertex): ExecutionJobVertex => {
    const inputs = jobGraph.edges.filter((edge) => edge.target === vertex.id);
    const outputs = jobGraph.edges.filter((edge) => edge.source === vertex.id);
    const subtasks = Array.from({ length: vertex.parallelism }, (_, subtask): ExecutionVertex => ({
      vertex: vertex.id,
      subtask,
      inputs: inputs.map((edge) => ({
        edge,
        channels: wirings.get(edge.id)!.toConsumer[subtask]!,
      })),
      outputs: outputs.map((edge) => ({
        edge,
        producer: subtask,
        channels: wirings.get(edge.id)!.fromProducer[subtask]!,
      })),
    }));
    return { vertex, inputs, outputs, subtasks };
  });
  return { jobGraph, vertices, channelCount };
}

/** Forward and rescale join neighbours, everything else joins each producer with each consumer. */
function distributionPattern(partitioner: PartitionerKind): DistributionPattern {
  return partitioner === 'forward' || partitioner === 'rescale' ? 'pointwise' : 'all-to-all';
}

export interface EdgeWiring {
  readonly channelCount: number;
  /** By producer subtask, in order of the partitioner's channel index. */
  readonly fromProducer: readonly (readonly Channel[])[];
  /** By consumer subtask, in order of producers. */
  readonly toConsumer: readonly (readonly Channel[])[];
}

/** The channels of one edge, numbered from `firstChannel` on in order of producers. */
export function wireEdge(
  edge: Pick<JobEdge, 'id' | 'partitioner'>,
  producers: number,
  consumers: number,
  firstChannel: number,
): EdgeWiring {
  assert(
    edge.partitioner !== 'forward' || producers === consumers,
    `forward edge ${edge.id} joins ${producers} with ${consumers} subtasks`,
  );
  const pointwise = distributionPattern(edge.partitioner) === 'pointwise';
  const fromProducer: Channel[][] = [];
  const toConsumer: Channel[][] = Array.from({ length: consumers }, () => []);
  let channel = firstChannel;
  for (let producer = 0; producer < producers; producer++) {
    const [first, end] = pointwise
      ? pointwiseConsumers(producer, producers, consumers)
      : [0, consumers];
    const channels: Channel[] = [];
    for (let consumer = first; consumer < end; consumer++) {
      const each: Channel = { channel: channel++, edge: edge.id, producer, consumer };
      channels.push(each);
      toConsumer[consumer]!.push(each);
    }
    fromProducer.push(channels);
  }
  return { channelCount: channel - firstChannel, fromProducer, toConsumer };
}

/** First and end of the consumers of one producer: runs of equal length, up to one, in order. */
function pointwiseConsumers(
  producer: number,
  producers: number,
  consumers: number,
): readonly [first: number, end: number] {
  if (producers >= consumers) {
    // Consumer c reads the producers from floor(c * P / C) up to floor((c + 1) * P / C).
    const consumer = Math.ceil(((producer + 1) * consumers) / producers) - 1;
    return [consumer, consumer + 1];
  }
  return [
    Math.ceil((producer * consumers) / producers),
    Math.ceil(((producer + 1) * consumers) / producers),
  ];
}
