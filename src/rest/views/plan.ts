/** The plan of a job as Flink's dashboard draws it: sinks first, the chain of a vertex a tree. */
import type { JobGraph, JobVertex } from '../../graph/job-graph.ts';
import type { JobType } from '../../protocol/execution-graph-info.ts';
import { anything, integer, list, named, object, optional, record, text } from '../shape.ts';
import type { Shape } from '../shape.ts';

interface PlanInput {
  readonly num: number | bigint;
  readonly id: string;
  readonly ship_strategy: string;
  readonly exchange: string;
  readonly local_strategy?: string | undefined;
  readonly caching?: string | undefined;
}

interface PlanNode {
  readonly id: string;
  readonly operator: string;
  readonly parallelism: number | bigint;
  readonly operator_strategy: string;
  readonly description: string;
  readonly optimizer_properties: Readonly<Record<string, unknown>>;
  readonly inputs?: readonly PlanInput[] | undefined;
  /** Not of Flink's, which does not show them. */
  readonly coLocationGroups?: readonly string[] | undefined;
}

export interface PlanInfo {
  readonly jid: string;
  readonly name: string;
  readonly type: string;
  readonly nodes: readonly PlanNode[];
}

export const planInfo: Shape<PlanInfo> = named(
  'JobPlanInfo',
  object({
    jid: text,
    name: text,
    type: text,
    nodes: list(
      object({
        id: text,
        operator: text,
        parallelism: integer,
        operator_strategy: text,
        description: text,
        optimizer_properties: record(anything),
        inputs: optional(
          list(
            object({
              num: integer,
              id: text,
              ship_strategy: text,
              exchange: text,
              local_strategy: optional(text),
              caching: optional(text),
            }),
          ),
        ),
        coLocationGroups: optional(list(text)),
      }),
    ),
  }),
);

export function planInfoOf(
  jid: string,
  name: string,
  type: JobType,
  graph: JobGraph | undefined,
): PlanInfo {
  const vertices = graph?.vertices ?? [];
  return { jid, name, type, nodes: [...vertices].reverse().map((each) => nodeOf(each, graph!)) };
}

function nodeOf(vertex: JobVertex, graph: JobGraph): PlanNode {
  const inputs = graph.edges
    .filter(({ target }) => target === vertex.id)
    .map((edge, num) => ({
      num,
      id: edge.source,
      ship_strategy: edge.partitioner.toUpperCase(),
      exchange: edge.exchange === 'pipelined' ? 'pipelined_bounded' : edge.exchange,
    }));
  return {
    id: vertex.id,
    operator: '',
    parallelism: vertex.parallelism,
    operator_strategy: '',
    description: descriptionOf(vertex),
    optimizer_properties: {},
    ...(inputs.length === 0 ? {} : { inputs }),
    ...(vertex.coLocationGroups && { coLocationGroups: vertex.coLocationGroups }),
  };
}

function descriptionOf({ operators }: JobVertex): string {
  const lines: string[] = [];
  const add = (index: number, indent: string, mark: string): void => {
    const { name, chainedOutputs } = operators[index]!;
    lines.push(`${indent}${mark}${name}<br/>`);
    const inner = mark === '' ? indent : `${indent}   `;
    for (const { target } of chainedOutputs) add(target, inner, '+- ');
  };
  add(0, '', '');
  return lines.join('');
}
