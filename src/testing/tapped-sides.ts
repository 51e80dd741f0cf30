/**
 * Lets a test read side outputs that the job does not: behind the operator, in its chain, stands a
 * sink, which a harness captures like every other.
 */
import { assert } from '../base/assert.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import type { AnySink } from '../functions/sink.ts';
import type { CompiledJob, CompiledOperator, JobVertex, OperatorId } from '../graph/job-graph.ts';
import type { Schema } from '../types/schema.ts';
import { findOperator, operatorsOf } from './operator-lookup.ts';

/** Names of side outputs by the uid or name of their operator. */
export type SidesToRead = Readonly<Record<string, readonly string[]>>;

/** The id of the sink behind a side output. */
export function tapId(operator: OperatorId, tag: string): OperatorId {
  return `${operator}:${tag}`;
}

/** @throws EngineError API_INVALID_ARGUMENT for an operator or a side output that is not there. */
export function tapSides(compiled: CompiledJob, wanted: SidesToRead): CompiledJob {
  const operators = new Map(compiled.operators);
  let { vertices } = compiled.graph;
  for (const [name, tags] of Object.entries(wanted)) {
    const { operator, vertex } = findOperator(operatorsOf(compiled.graph), name, 'sides');
    for (const tag of tags) {
      const schema = sideOf(compiled.operators.get(operator.id)!, name, tag);
      operators.set(tapId(operator.id, tag), tapOf(schema, tag));
      vertices = vertices.map((each) =>
        each.id === vertex.id ? withTap(each, operator.id, tag) : each,
      );
    }
  }
  return { ...compiled, graph: { ...compiled.graph, vertices }, operators };
}

function sideOf({ sideOutputs }: CompiledOperator, name: string, tag: string): Schema<unknown> {
  const schema = sideOutputs.get(tag);
  if (schema !== undefined) return schema;
  const known = [...sideOutputs.keys()];
  const suggestion = didYouMean(tag, known);
  const reason =
    `"${name}" has no side output "${tag}".${suggestion} ` +
    (known.length === 0 ? 'It has none' : `It has ${known.join(', ')}`);
  throw new EngineError('API_INVALID_ARGUMENT', { call: 'sides', reason });
}

function tapOf(accepts: Schema<unknown>, tag: string): CompiledOperator {
  const sink: AnySink = {
    kind: 'sink',
    name: tag,
    accepts,
    createWriter: () => assert(false, 'a harness captures it') as never,
  };
  return {
    spec: { kind: 'sink', sink },
    output: undefined,
    sideOutputs: new Map(),
    declaredAt: undefined,
  };
}

function withTap(vertex: JobVertex, operator: OperatorId, tag: string): JobVertex {
  const { name } = vertex.operators.find(({ id }) => id === operator)!;
  const target = vertex.operators.length;
  const operators = vertex.operators.map((each) =>
    each.id === operator
      ? { ...each, chainedOutputs: [...each.chainedOutputs, { target, tag }] }
      : each,
  );
  const tap = {
    id: tapId(operator, tag),
    name: `${tag} of ${name}`,
    uid: undefined,
    kind: 'sink' as const,
    stateful: false,
    chainedOutputs: [],
    output: undefined,
  };
  return { ...vertex, operators: [...operators, tap] };
}
