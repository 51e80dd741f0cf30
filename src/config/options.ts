/**
 * Every option that the engine reads, under Flink's key where Flink has one, with Flink's default
 * unless the description says otherwise. Keys of our own begin with `millrace.`. Each group is a
 * file in `options/`.
 */
import type { ConfigOption } from './option.ts';
import { BlobOptions } from './options/blob-options.ts';
import { CheckpointingOptions, RecoveryOptions } from './options/checkpointing-options.ts';
import { ClientOptions, DeploymentOptions } from './options/client-options.ts';
import { ClusterOptions } from './options/cluster-options.ts';
import { HistoryOptions } from './options/history-options.ts';
import { HighAvailabilityOptions } from './options/high-availability-options.ts';
import { JobManagerOptions } from './options/job-manager-options.ts';
import { MemoryOptions } from './options/memory-options.ts';
import { MetricOptions } from './options/metric-options.ts';
import { NetworkOptions } from './options/network-options.ts';
import { PipelineOptions } from './options/pipeline-options.ts';
import { ProfileOptions } from './options/profile-options.ts';
import { ProfilingOptions } from './options/profiling-options.ts';
import { RestOptions, WebOptions } from './options/rest-options.ts';
import { RestartStrategyOptions } from './options/restart-strategy-options.ts';
import { S3Options } from './options/s3-options.ts';
import { SecurityOptions } from './options/security-options.ts';
import { SinkOptions } from './options/sink-options.ts';
import { TaskManagerOptions } from './options/task-manager-options.ts';

/** Some options that are read together, under a title of the reference page. */
export interface OptionGroup {
  readonly title: string;
  readonly options: Readonly<Record<string, ConfigOption<unknown>>>;
}

/** In the order of the reference page. */
export const OPTION_GROUPS: readonly OptionGroup[] = [
  group('Jobs', PipelineOptions),
  group('Checkpoints and savepoints', { ...CheckpointingOptions, ...RecoveryOptions }),
  group('Restart strategies', RestartStrategyOptions),
  group('Sinks', SinkOptions),
  group('Cluster', ClusterOptions),
  group('JobManager', JobManagerOptions),
  group('High availability', HighAvailabilityOptions),
  group('History of jobs', HistoryOptions),
  group('TaskManager', TaskManagerOptions),
  group('Memory of a TaskManager', MemoryOptions),
  group('Exchange of records', NetworkOptions),
  group('Code of jobs', BlobOptions),
  group('Profiles', ProfileOptions),
  group('Profiles over REST', ProfilingOptions),
  group('REST', { ...RestOptions, ...WebOptions }),
  group('Object stores', S3Options),
  group('Metrics', MetricOptions),
  group('Security', SecurityOptions),
  group('Command line', { ...DeploymentOptions, ...ClientOptions }),
];

/** All of them, by key. */
export const OPTIONS: ReadonlyMap<string, ConfigOption<unknown>> = new Map(
  OPTION_GROUPS.flatMap(({ options }) => Object.values(options)).map((each) => [each.key, each]),
);

function group(title: string, options: object): OptionGroup {
  return { title, options: options as OptionGroup['options'] };
}
