/** How a job takes checkpoints: Flink's CheckpointConfig, read from the options once. */
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Configuration } from '../config/configuration.ts';
import {
  CheckpointingOptions as Options,
  RecoveryOptions,
} from '../config/options/checkpointing-options.ts';
import type { CheckpointRetention } from '../config/options/checkpointing-options.ts';
import type { RestoreSettings } from '../protocol/checkpoint.ts';

/** Of Flink's jobmanager storage: a larger state does not fit into a checkpoint. */
const IN_MEMORY_BYTES_MAX = 5 * 1024 * 1024;

export interface CheckpointConfig {
  /** Undefined: checkpoints are taken only when somebody asks. */
  readonly interval: Duration | undefined;
  readonly mode: 'exactly-once' | 'at-least-once';
  readonly timeout: Duration;
  readonly minPause: Duration;
  readonly maxConcurrent: number;
  /** In a row; infinity: any number. */
  readonly tolerableFailures: number;
  readonly preferCheckpoint: boolean;
  readonly retention: CheckpointRetention;
  readonly numRetained: number;
  /** Undefined: in the memory of the JobManager. */
  readonly directory: string | undefined;
  readonly savepointDirectory: string | undefined;
  readonly incremental: boolean;
  readonly inlineBytes: number;
  readonly unaligned: boolean;
  readonly unalignedForced: boolean;
  readonly alignedTimeout: Duration;
  readonly afterTasksFinish: boolean;
  readonly stateBackend: 'hashmap';
  /** Slots keep copies of their files, and read them. */
  readonly localBackup: boolean;
  readonly fromLocal: boolean;
}

/**
 * @param defaultDirectory where checkpoints lie for which nobody names a place
 * @throws EngineError CONFIG_INVALID_VALUE for options that do not go together
 */
export function checkpointConfigOf(
  configuration: Configuration,
  defaultDirectory?: string,
): CheckpointConfig {
  const get = configuration.get.bind(configuration);
  const minPause = get(Options.minPause);
  const given = get(Options.interval) ?? 0;
  // As in Flink: a pause that is longer than the interval is the interval.
  const interval = given > 0 ? milliseconds(Math.max(given, minPause)) : undefined;
  const mode = get(Options.mode) === 'EXACTLY_ONCE' ? 'exactly-once' : 'at-least-once';
  const named = directoryOf(configuration);
  const directory = named ?? defaultDirectory;
  const unaligned = get(Options.unaligned);
  if (unaligned && mode === 'at-least-once') {
    throw conflict(Options.unaligned.key, 'true', 'false, as the mode is AT_LEAST_ONCE');
  }
  return {
    ...{ interval, mode, minPause, directory, unaligned },
    timeout: get(Options.timeout),
    // As in Flink: what barriers overtake belongs to one checkpoint.
    maxConcurrent: minPause > 0 || unaligned ? 1 : get(Options.maxConcurrent),
    tolerableFailures:
      get(Options.tolerableFailures) ??
      (get(Options.failOnErrors) === true ? 0 : Number.POSITIVE_INFINITY),
    preferCheckpoint: get(Options.preferCheckpoint),
    retention: get(Options.retention),
    numRetained: get(Options.numRetained),
    savepointDirectory: get(Options.savepointDirectory),
    incremental: get(Options.incremental),
    inlineBytes: named === undefined ? IN_MEMORY_BYTES_MAX : get(Options.inlineThreshold),
    unalignedForced: get(Options.unalignedForced),
    alignedTimeout: get(Options.alignedTimeout),
    afterTasksFinish: get(Options.afterTasksFinish),
    stateBackend: get(Options.stateBackend),
    localBackup: get(Options.localBackup) ?? get(RecoveryOptions.fromLocal),
    fromLocal: get(RecoveryOptions.fromLocal),
  };
}

/** From what the options of a job say that it starts; undefined: from nothing. */
export function restoreSettingsOf(configuration: Configuration): RestoreSettings | undefined {
  const path = configuration.get(RecoveryOptions.path);
  if (path === undefined) return undefined;
  const allowNonRestored = configuration.get(RecoveryOptions.ignoreUnclaimed);
  return { path, allowNonRestored, claimMode: configuration.get(RecoveryOptions.claimMode) };
}

function directoryOf(configuration: Configuration): string | undefined {
  const storage = configuration.get(Options.storage);
  const directory = configuration.get(Options.directory);
  if (storage === 'jobmanager') return undefined;
  if (storage === 'filesystem' && directory === undefined) {
    const expected = `a folder, as ${Options.storage.key} is filesystem`;
    throw conflict(Options.directory.key, 'unset', expected);
  }
  return directory;
}

function conflict(key: string, value: string, expected: string): EngineError {
  return new EngineError('CONFIG_INVALID_VALUE', { key, value, expected });
}
