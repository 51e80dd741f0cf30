/**
 * Commits what the sinks of a task had prepared in an earlier attempt, in the place of the writers:
 * after the decision to commit, or where a restored task had read all its input.
 */
import { assert } from '../../base/assert.ts';
import type { Log } from '../../env/env.ts';
import type { CompiledJob } from '../../graph/job-graph.ts';
import { commitInPlace } from '../../operators/sink-operator.ts';
import type { PreparedCommittables, SinkWiring } from '../../operators/sink-operator.ts';
import type { TaskDeployment } from '../../protocol/task-deployment.ts';
import { OperatorMetrics } from './operator-metrics.ts';
import { functionLogger, openContext } from './task-context.ts';

export interface PreparedCommit {
  readonly job: CompiledJob;
  readonly deployment: TaskDeployment;
  readonly log: Log;
  wiringOf(operator: string): SinkWiring;
  /** By operator. */
  readonly sinks: readonly (PreparedCommittables & { readonly operator: string })[];
}

/** @throws what a committer throws */
export async function commitPrepared(prepared: PreparedCommit): Promise<void> {
  const { job, deployment, log } = prepared;
  const vertex = job.graph.vertices.find(({ id }) => id === deployment.vertex)!;
  for (const each of prepared.sinks) {
    const { operator } = each;
    if (each.committables.length === 0) continue;
    const spec = job.operators.get(operator)?.spec;
    assert(spec?.kind === 'sink', 'V1: committables belong to a sink');
    const { name } = vertex.operators.find(({ id }) => id === operator)!;
    const logger = functionLogger(log, deployment, name);
    const metrics = new OperatorMetrics({ id: operator, name }, logger);
    const open = openContext({ jobName: job.graph.name, deployment, log, metrics }, name);
    await commitInPlace(spec.sink, open, prepared.wiringOf(operator), each);
  }
}
