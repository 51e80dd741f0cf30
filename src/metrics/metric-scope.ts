/**
 * How a scope is written: as the labels and the logical name by which Prometheus and OpenTelemetry
 * know a metric (`flink_taskmanager_job_task_operator_...`, as Flink's reporters write it), and as
 * the text of `metrics.scope.*`.
 */
import type { MetricScope } from './metric.ts';

export type ScopeLabels = Readonly<Record<string, string>>;

/** The part of the name that says where a metric belongs. */
export function logicalScope(scope: MetricScope): readonly string[] {
  switch (scope.kind) {
    case 'jobmanager':
      return ['jobmanager'];
    case 'jobmanager-job':
      return ['jobmanager', 'job'];
    case 'taskmanager':
      return ['taskmanager'];
    case 'task':
      return ['taskmanager', 'job', 'task'];
    case 'operator':
      return ['taskmanager', 'job', 'task', 'operator'];
  }
}

/** By Flink's names of them, e.g. `job_name` and `subtask_index`. */
export function scopeLabels(scope: MetricScope): ScopeLabels {
  const { host } = scope;
  switch (scope.kind) {
    case 'jobmanager':
      return { host };
    case 'jobmanager-job':
      return { host, job_id: scope.jobId, job_name: scope.jobName };
    case 'taskmanager':
      return { host, tm_id: scope.taskManagerId };
    case 'task':
      return taskLabels(scope);
    case 'operator':
      return {
        ...taskLabels(scope),
        operator_id: scope.operatorId,
        operator_name: scope.operatorName,
      };
  }
}

function taskLabels(scope: Extract<MetricScope, { kind: 'task' | 'operator' }>): ScopeLabels {
  return {
    host: scope.host,
    tm_id: scope.taskManagerId,
    job_id: scope.jobId,
    job_name: scope.jobName,
    task_id: scope.vertexId,
    task_name: scope.taskName,
    subtask_index: String(scope.subtask),
    task_attempt_num: String(scope.attempt),
  };
}
