/** What a program says about the checkpoints of its job, as options. */
import { EngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import {
  CheckpointingOptions as Options,
  type CheckpointingMode,
  type CheckpointRetention,
} from '../config/options/checkpointing-options.ts';
import type { ConfigOption } from '../config/option.ts';

/**
 * How checkpoints are taken; what is left out is as the cluster's configuration says.
 * @example
 * env.enableCheckpointing(seconds(10), {
 *   directory: 's3://orders/checkpoints',
 *   minPause: seconds(5),
 *   tolerableFailures: 3,
 *   retention: 'RETAIN_ON_CANCELLATION',
 * });
 */
export interface CheckpointSettings {
  readonly mode?: CheckpointingMode | undefined;
  /** A folder that the JobManager and all TaskManagers see. */
  readonly directory?: string | undefined;
  readonly savepointDirectory?: string | undefined;
  /** A checkpoint that takes longer is given up. */
  readonly timeout?: Duration | undefined;
  /** Between the end of one and the start of the next. */
  readonly minPause?: Duration | undefined;
  readonly maxConcurrent?: number | undefined;
  /** How many may fail in a row before the job is restarted. */
  readonly tolerableFailures?: number | undefined;
  /** What becomes of the checkpoints when the job ends. */
  readonly retention?: CheckpointRetention | undefined;
  /** How many complete ones are kept. */
  readonly retained?: number | undefined;
  /** Only what has changed is written. */
  readonly incremental?: boolean | undefined;
  /** Barriers overtake records under back-pressure, which become part of the checkpoint. */
  readonly unaligned?: boolean | undefined;
  readonly forceUnaligned?: boolean | undefined;
  /** With `unaligned`: overtakes only after so long. */
  readonly alignedTimeout?: Duration | undefined;
  readonly afterTasksFinish?: boolean | undefined;
  /** @deprecated `tolerableFailures` says it better: false stands for any number. */
  readonly failOnCheckpointingErrors?: boolean | undefined;
  /** @deprecated Restarts take the newest checkpoint in any case. */
  readonly preferCheckpointForRecovery?: boolean | undefined;
}

const OPTION_OF: Readonly<Record<keyof CheckpointSettings, ConfigOption<never>>> = {
  mode: Options.mode,
  directory: Options.directory,
  savepointDirectory: Options.savepointDirectory,
  timeout: Options.timeout,
  minPause: Options.minPause,
  maxConcurrent: Options.maxConcurrent,
  tolerableFailures: Options.tolerableFailures,
  retention: Options.retention,
  retained: Options.numRetained,
  incremental: Options.incremental,
  unaligned: Options.unaligned,
  forceUnaligned: Options.unalignedForced,
  alignedTimeout: Options.alignedTimeout,
  afterTasksFinish: Options.afterTasksFinish,
  failOnCheckpointingErrors: Options.failOnErrors,
  preferCheckpointForRecovery: Options.preferCheckpoint,
} as never;

/** @throws EngineError API_INVALID_ARGUMENT */
export function checkpointOptions(
  interval: Duration,
  settings: CheckpointSettings,
): Readonly<Record<string, string>> {
  const call = 'enableCheckpointing';
  if (typeof interval !== 'number' || !(interval > 0)) {
    const reason = 'its interval is a duration of more than 0, e.g. seconds(10)';
    throw new EngineError('API_INVALID_ARGUMENT', { call, reason });
  }
  const options = new Map([[Options.interval.key, Options.interval.type.format(interval)]]);
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    const option = Object.hasOwn(OPTION_OF, name)
      ? (OPTION_OF[name as keyof CheckpointSettings] as ConfigOption<unknown>)
      : undefined;
    if (option === undefined) {
      throw new EngineError('API_INVALID_ARGUMENT', { call, reason: `it has no setting ${name}` });
    }
    const text = option.type.format(value as never);
    if (option.type.parse(text) === undefined) {
      const reason = `${name} is ${option.type.expected}`;
      throw new EngineError('API_INVALID_ARGUMENT', { call, reason });
    }
    options.set(option.key, text);
  }
  return Object.fromEntries(options);
}
