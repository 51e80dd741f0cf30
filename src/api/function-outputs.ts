/** What a process function declares of its outputs, checked and as an operator's node takes it. */
import type { OutputSpec } from '../functions/process-function.ts';
import type { OutputSchema } from '../graph/transformation.ts';
import type { Schema } from '../types/schema.ts';
import { requireSchema } from './callbacks.ts';

interface FunctionOutputs<O> {
  readonly outputs: O;
  readonly node: {
    readonly output: OutputSchema;
    readonly sideOutputs: ReadonlyMap<string, Schema<unknown>>;
  };
}

export function functionOutputs<R, O extends OutputSpec>(
  call: string,
  declared: { readonly emits: Schema<R>; readonly outputs?: O | undefined },
): FunctionOutputs<O> {
  requireSchema(declared.emits, `${call}.emits`);
  const outputs = declared.outputs ?? ({} as O);
  for (const [tag, schema] of Object.entries(outputs)) {
    requireSchema(schema, `${call}.outputs.${tag}`);
  }
  return {
    outputs,
    node: {
      output: { kind: 'declared', schema: declared.emits },
      sideOutputs: new Map(Object.entries(outputs)),
    },
  };
}
