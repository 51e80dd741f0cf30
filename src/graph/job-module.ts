/** Finds the job that a module exports: the one asked for, the default export, or the only one. */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import type { JobDefinition } from './job-graph.ts';
import { jobBrand } from './job-graph.ts';

/**
 * @throws EngineError JOB_NO_EXPORT or JOB_EXPORT_*.
 * @example findJob(await env.modules.load(url), undefined, 'flight-delays.ts')
 */
export function findJob(
  module: Readonly<Record<string, unknown>>,
  exportName: string | undefined,
  file: string,
): JobDefinition {
  const jobs = Object.keys(module).filter((name) => isJob(module[name]));
  if (exportName !== undefined) return namedJob(module, exportName, file, jobs);
  if (isJob(module['default'])) return module['default'];
  if (jobs.length === 1) return module[jobs[0]!] as JobDefinition;
  if (jobs.length === 0) throw new EngineError('JOB_NO_EXPORT', { module: file });
  throw new EngineError('JOB_EXPORT_AMBIGUOUS', {
    module: file,
    names: jobs.join(', '),
    first: jobs[0]!,
  });
}

function namedJob(
  module: Readonly<Record<string, unknown>>,
  name: string,
  file: string,
  jobs: readonly string[],
): JobDefinition {
  const found = Object.hasOwn(module, name) ? module[name] : undefined;
  if (isJob(found)) return found;
  if (found !== undefined) throw new EngineError('JOB_EXPORT_NOT_A_JOB', { module: file, name });
  const suggestion =
    jobs.length === 0
      ? 'It exports no job.'
      : `It exports ${jobs.join(', ')}.${didYouMean(name, jobs)}`;
  throw new EngineError('JOB_EXPORT_NOT_FOUND', { module: file, name, suggestion });
}

function isJob(value: unknown): value is JobDefinition {
  return (
    typeof value === 'object' && value !== null && (value as Partial<JobDefinition>)[jobBrand] === 1
  );
}
