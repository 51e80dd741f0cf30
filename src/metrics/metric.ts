/**
 * What is measured, as plain data: values under names, grouped by what they belong to. This is what
 * crosses from slots to TaskExecutors, to the JobManager, and to reporters.
 */

export interface HistogramStatistics {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p75: number;
  readonly p95: number;
  readonly p98: number;
  readonly p99: number;
  readonly p999: number;
}

interface Named {
  /** With the groups in front, e.g. `topic.orders.lag`. */
  readonly name: string;
  /** The same without the values of labelled groups: `topic.lag`. Undefined: as `name`. */
  readonly logicalName?: string | undefined;
  /** Of labelled groups: `{ topic: 'orders' }`. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export type MetricValue =
  | (Named & { readonly kind: 'counter'; readonly value: number })
  | (Named & { readonly kind: 'gauge'; readonly value: number | string })
  /** `rate` is per second, over the last minute. */
  | (Named & { readonly kind: 'meter'; readonly value: number; readonly rate: number })
  | (Named & { readonly kind: 'histogram'; readonly value: HistogramStatistics });

export type MetricKind = MetricValue['kind'];

interface JobScope {
  readonly jobId: string;
  readonly jobName: string;
}

interface TaskManagerScope {
  readonly host: string;
  readonly taskManagerId: string;
}

interface SubtaskScope extends TaskManagerScope, JobScope {
  readonly vertexId: string;
  readonly taskName: string;
  readonly subtask: number;
  /** From 0. */
  readonly attempt: number;
}

/** What a metric belongs to; Flink's scopes. */
export type MetricScope =
  | { readonly kind: 'jobmanager'; readonly host: string }
  | ({ readonly kind: 'jobmanager-job'; readonly host: string } & JobScope)
  | ({ readonly kind: 'taskmanager' } & TaskManagerScope)
  | ({ readonly kind: 'task' } & SubtaskScope)
  | ({ readonly kind: 'operator' } & SubtaskScope & {
        readonly operatorId: string;
        readonly operatorName: string;
      });

export interface ScopedMetrics {
  readonly scope: MetricScope;
  readonly metrics: readonly MetricValue[];
}
