/** Builds a job without running it: in a worker of its own, twice, as at a submission. */
import type { EngineError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import { BUILD_TIMEOUT, JobCoordinator } from '../jobmaster/job-coordinator.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { MainThread } from '../rpc/main-thread.ts';

/** @throws EngineError JOB_*, GRAPH_*, CONFIG_* */
export async function buildJobGraph(
  env: Pick<Env, 'clock' | 'workers'>,
  job: JobReference,
): Promise<JobGraph> {
  const built = Promise.withResolvers<JobGraph>();
  const fail = (error: EngineError): void => built.reject(error);
  const main = new MainThread('build', env.clock, (_component, error) => fail(error));
  const coordinator = new JobCoordinator({
    main,
    workers: env.workers,
    job,
    moduleUrl: job.moduleUrl,
    withStates: false,
    buildTimeout: BUILD_TIMEOUT,
    wasBuilt: false,
    onBuilt: (graph) => built.resolve(graph),
    onBuildFailed: fail,
    onBuildLost: () => undefined,
    onReaderEvent: () => undefined,
    onSourcesSnapshot: () => undefined,
    onSourceFailed: (_generation, error) => fail(error),
    onDied: fail,
  });
  try {
    return await built.promise;
  } finally {
    await coordinator.close();
    main.close();
  }
}
