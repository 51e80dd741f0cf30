/**
 * A job that is compiled once for each set of parameters and options, for tests that run it very
 * often. Its functions are then shared by all runs: what one of them keeps in variables of its own,
 * in place of its state, is not forgotten between runs as it would be in a job.
 */
import type { BuildResult } from '../api/collected-stream.ts';
import type { Job } from '../api/define-job.ts';
import type { ParameterSpec } from '../api/parameters.ts';
import { canonicalJson } from '../base/canonical-json.ts';

/**
 * @example
 * const job = builtOnce(defineJob({ name: 'sums', build }));
 * for (const events of cases) {
 *   const harness = await JobHarness.start(job, { parallelism: 2 });
 * }
 */
export function builtOnce<P extends ParameterSpec, R extends BuildResult>(
  job: Job<P, R>,
): Job<P, R> {
  const builds = new Map<string, ReturnType<Job<P, R>['compileWithResult']>>();
  const compileWithResult: Job<P, R>['compileWithResult'] = (options) => {
    const { parameters, configuration } = options;
    const key = canonicalJson({ parameters, configuration });
    let build = builds.get(key);
    if (build === undefined) builds.set(key, (build = job.compileWithResult(options)));
    return build;
  };
  return Object.freeze<Job<P, R>>({
    ...job,
    compileWithResult,
    compile: (options) => compileWithResult(options).compiled,
  });
}
