/** What tests of the API share: compiling a build, and naming what came of it. */
import assert from 'node:assert/strict';
import { isEngineError, type EngineError, type ErrorCode } from '../base/errors.ts';
import type { ChainedOperator, CompiledJob, JobGraph } from '../graph/job-graph.ts';
import { defineJob } from './define-job.ts';
import type { StreamEnvironment } from './stream-environment.ts';

export function compile(
  build: (env: StreamEnvironment) => void,
  configuration: Readonly<Record<string, string>> = {},
): CompiledJob {
  return defineJob({ name: 'job', build }).compile({ parameters: {}, configuration });
}

/** The vertices by name, with their outputs: `a -> b --hash--> c`. */
export function shape({ graph }: CompiledJob): readonly string[] {
  const names = new Map(graph.vertices.map(({ id, name }) => [id, name]));
  return graph.vertices.flatMap(({ id, name }) => {
    const outputs = graph.edges.filter((edge) => edge.source === id);
    if (outputs.length === 0) return [name];
    return outputs.map(
      ({ partitioner, target }) => `${name} --${partitioner}--> ${names.get(target)!}`,
    );
  });
}

export function operatorNamed(graph: JobGraph, name: string): ChainedOperator {
  const operators = graph.vertices.flatMap((vertex) => vertex.operators);
  const found = operators.find((operator) => operator.name === name);
  assert.ok(found !== undefined, `no operator "${name}" in ${operators.map((o) => o.name).join()}`);
  return found;
}

/** The error of that code that the call throws. */
export function failure(code: ErrorCode, call: () => unknown): EngineError {
  try {
    call();
  } catch (thrown) {
    if (isEngineError(thrown, code)) return thrown;
    throw thrown;
  }
  assert.fail(`nothing was thrown in place of ${code}`);
}
