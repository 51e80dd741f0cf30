/** What the records are that an operator gets, and by which keys. */
import type { Key, Schema } from '../types/schema.ts';
import type { CompiledJob, JobVertex } from './job-graph.ts';
import type { OperatorSpec } from './operator-spec.ts';

/** Whether an operator has keyed state, and the schema of its keys if one is declared. */
export function keySchemaOf(
  spec: OperatorSpec,
): { readonly declared: Schema<Key> | undefined } | undefined {
  if ('key' in spec) return { declared: spec.key.schema };
  if ('leftKey' in spec) return { declared: spec.leftKey.schema };
  return undefined;
}

/** Of the records that the head of a chain gets, on its first input; a source gets none. */
export function inputSchemaOf(job: CompiledJob, vertex: JobVertex): Schema<unknown> | undefined {
  const first = job.graph.edges.find(
    ({ target, targetInput }) => target === vertex.id && targetInput === 0,
  );
  return first && job.edges.get(first.id)!.schema;
}
