/** `defineJob`: what a job module exports. */
import { EngineError, isEngineError, messageOf } from '../base/errors.ts';
import { Configuration } from '../config/configuration.ts';
import { unguarded } from '../graph/build-guard.ts';
import { compileProgram } from '../graph/compile.ts';
import {
  jobBrand,
  type CompileOptions,
  type CompiledJob,
  type JobDefinition,
} from '../graph/job-graph.ts';
import { requireText } from './callbacks.ts';
import { requireBuildResult, type BuildResult } from './collected-stream.ts';
import { declaredAt } from './declared-at.ts';
import { JobBuilder } from './job-builder.ts';
import { resolveParameters, type Parameters, type ParameterSpec } from './parameters.ts';
import { StreamEnvironment } from './stream-environment.ts';
import { STREAM_KINDS } from './streams.ts';

export interface JobOptions<P extends ParameterSpec, R extends BuildResult> {
  readonly name: string;
  readonly params?: P | undefined;
  /**
   * Builds the streams. It runs on every worker, so it must depend on its parameters alone and do
   * the same whenever it runs: no clock, randomness, files or network; and it must not be async.
   */
  build(env: StreamEnvironment, params: Parameters<P>): R;
}

/** A job; `P` are its parameters, `R` is what its build returns. */
export interface Job<
  out P extends ParameterSpec = ParameterSpec,
  out R = BuildResult,
> extends JobDefinition {
  readonly params: P;
  /** Runs `build` and translates it, keeping what `build` returned. */
  compileWithResult(options: CompileOptions): {
    readonly compiled: CompiledJob;
    readonly result: R;
  };
}

/**
 * Defines a job. A module exports one as its default, or several by name.
 * @example
 * export default defineJob({
 *   name: 'word-count',
 *   params: { text: param(t.string, 'to be or not to be') },
 *   build(env, { text }) {
 *     env
 *       .fromElements(text)
 *       .flatMap((line) => line.split(' '))
 *       .keyBy((word) => word)
 *       .aggregate(count())
 *       .print();
 *   },
 * });
 */
export function defineJob<const P extends ParameterSpec = {}, R extends BuildResult = void>(
  options: JobOptions<P, R>,
): Job<P, R> {
  requireText(options.name, 'defineJob');
  if (typeof options.build !== 'function') {
    throw new EngineError('API_INVALID_ARGUMENT', {
      call: 'defineJob',
      reason: 'build is a function',
    });
  }
  const compileWithResult = (compile: CompileOptions): { compiled: CompiledJob; result: R } =>
    compileJob(options, compile);
  return Object.freeze<Job<P, R>>({
    [jobBrand]: 1,
    name: options.name,
    params: options.params ?? ({} as P),
    declaredAt: declaredAt(),
    compileWithResult,
    compile: (compile) => compileWithResult(compile).compiled,
  });
}

function compileJob<P extends ParameterSpec, R extends BuildResult>(
  options: JobOptions<P, R>,
  { parameters, configuration, guard = unguarded }: CompileOptions,
): { readonly compiled: CompiledJob; readonly result: R } {
  const { name, params } = options;
  const given = Configuration.parse(configuration);
  const resolved = resolveParameters(name, params ?? {}, parameters);
  const builder = new JobBuilder(name, STREAM_KINDS);
  const env = new StreamEnvironment(builder);
  const result = guard.run(name, () =>
    runBuild(name, () => options.build(env, resolved.values as Parameters<P>)),
  );
  builder.close();
  const compiled = compileProgram({
    name,
    transformations: builder.transformations,
    parameters: resolved.json,
    configuration: given.with(builder.configuration),
    slotResources: builder.resources,
  });
  return { compiled, result };
}

function runBuild<R>(job: string, build: () => R): R {
  let result: R;
  try {
    result = build();
  } catch (thrown) {
    if (isEngineError(thrown)) throw thrown.within({ job });
    const error = new EngineError('GRAPH_BUILD_FAILED', { job, message: messageOf(thrown) });
    if (thrown instanceof Error && thrown.stack !== undefined) error.stack = thrown.stack;
    throw error;
  }
  if (isThenable(result)) {
    // Its failure must not surface as an unhandled rejection beside the error that is thrown here.
    result.then(undefined, () => undefined);
    throw new EngineError('GRAPH_BUILD_ASYNC', { job });
  }
  requireBuildResult(result);
  return result;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  );
}
