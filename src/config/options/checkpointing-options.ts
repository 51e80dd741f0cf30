/** Checkpoints and savepoints: when they are taken, where they lie, and what a job starts from. */
import { milliseconds, minutes, type Duration } from '../../base/units.ts';
import {
  boolean,
  choice,
  duration,
  integer,
  INT32_MAX,
  memorySize,
  option,
  optional,
  text,
} from '../option.ts';
import type { ConfigOption } from '../option.ts';

export type CheckpointingMode = 'EXACTLY_ONCE' | 'AT_LEAST_ONCE';
export type CheckpointRetention =
  | 'NO_EXTERNALIZED_CHECKPOINTS'
  | 'DELETE_ON_CANCELLATION'
  | 'RETAIN_ON_CANCELLATION';
export type ClaimMode = 'CLAIM' | 'NO_CLAIM' | 'LEGACY';

interface CheckpointingOptions {
  readonly interval: ConfigOption<Duration | undefined>;
  readonly mode: ConfigOption<CheckpointingMode>;
  readonly timeout: ConfigOption<Duration>;
  readonly minPause: ConfigOption<Duration>;
  readonly maxConcurrent: ConfigOption<number>;
  readonly tolerableFailures: ConfigOption<number | undefined>;
  readonly failOnErrors: ConfigOption<boolean | undefined>;
  readonly preferCheckpoint: ConfigOption<boolean>;
  readonly retention: ConfigOption<CheckpointRetention>;
  readonly numRetained: ConfigOption<number>;
  readonly storage: ConfigOption<'jobmanager' | 'filesystem' | undefined>;
  readonly directory: ConfigOption<string | undefined>;
  readonly savepointDirectory: ConfigOption<string | undefined>;
  readonly incremental: ConfigOption<boolean>;
  readonly inlineThreshold: ConfigOption<number>;
  readonly unaligned: ConfigOption<boolean>;
  readonly unalignedForced: ConfigOption<boolean>;
  readonly alignedTimeout: ConfigOption<Duration>;
  readonly afterTasksFinish: ConfigOption<boolean>;
  readonly stateBackend: ConfigOption<'hashmap'>;
  readonly history: ConfigOption<number>;
  readonly localBackup: ConfigOption<boolean | undefined>;
  readonly localFolders: ConfigOption<string | undefined>;
}

export const CheckpointingOptions: CheckpointingOptions = {
  interval: optional(
    'execution.checkpointing.interval',
    duration,
    'How often a checkpoint of the job is taken. Unset, or 0: never.',
  ),
  mode: option(
    'execution.checkpointing.mode',
    choice(['EXACTLY_ONCE', 'AT_LEAST_ONCE'], {
      exactly_once: 'EXACTLY_ONCE',
      'exactly-once': 'EXACTLY_ONCE',
      'at-least-once': 'AT_LEAST_ONCE',
    }),
    'EXACTLY_ONCE',
    'Whether a record counts exactly once in the state after a failure, or at least once.',
  ),
  timeout: option(
    'execution.checkpointing.timeout',
    duration,
    minutes(10),
    'A checkpoint that takes longer is given up.',
  ),
  minPause: option(
    'execution.checkpointing.min-pause',
    duration,
    milliseconds(0),
    'The least pause between the end of one checkpoint and the start of the next; with it checkpoints never overlap.',
  ),
  maxConcurrent: option(
    'execution.checkpointing.max-concurrent-checkpoints',
    integer(1, INT32_MAX),
    1,
    'How many checkpoints may be under way at the same time.',
  ),
  tolerableFailures: optional(
    'execution.checkpointing.tolerable-failed-checkpoints',
    integer(0, INT32_MAX),
    'How many checkpoints may fail in a row before the job is restarted. Unset: any number, since a restart from an older checkpoint mends no disk; each failure is told in the log, in the statistics and by metrics.',
  ),
  failOnErrors: optional(
    'millrace.checkpointing.fail-on-checkpointing-errors',
    boolean,
    "The old name of Flink's program, where tolerable-failed-checkpoints is unset: true stands for 0, false for any number.",
  ),
  preferCheckpoint: option(
    'millrace.checkpointing.prefer-checkpoint-for-recovery',
    boolean,
    false,
    "The old name of Flink's program, without effect: a restart goes on from the newest of checkpoints and of savepoints that stopped the job.",
  ),
  retention: option(
    'execution.checkpointing.externalized-checkpoint-retention',
    choice(['NO_EXTERNALIZED_CHECKPOINTS', 'DELETE_ON_CANCELLATION', 'RETAIN_ON_CANCELLATION']),
    'NO_EXTERNALIZED_CHECKPOINTS',
    'What becomes of the checkpoints of a job that ends: they go; they stay when it fails; they stay when it fails or is cancelled. When it finishes they always go.',
    ['execution.checkpointing.externalized-checkpoint'],
  ),
  numRetained: option(
    'execution.checkpointing.num-retained',
    integer(1, INT32_MAX),
    1,
    'How many complete checkpoints are kept.',
    ['state.checkpoints.num-retained'],
  ),
  storage: optional(
    'execution.checkpointing.storage',
    choice(['jobmanager', 'filesystem']),
    'Where checkpoints are kept: in the memory of the JobManager, for small states and tests, or in files. Unset: in files where execution.checkpointing.dir is set.',
    ['state.checkpoint-storage'],
  ),
  directory: optional(
    'execution.checkpointing.dir',
    text,
    'Where checkpoints lie, as a path or URI that all processes of the cluster see, e.g. "file:///data/checkpoints" or "s3://bucket/checkpoints".',
    ['state.checkpoints.dir', 'state.backend.fs.checkpointdir'],
  ),
  savepointDirectory: optional(
    'execution.checkpointing.savepoint-dir',
    text,
    'Where savepoints lie for which nobody names a place.',
    ['state.savepoints.dir'],
  ),
  incremental: option(
    'execution.checkpointing.incremental',
    boolean,
    false,
    'Whether a checkpoint holds only what has changed since the last one.',
    ['state.backend.incremental'],
  ),
  inlineThreshold: option(
    'execution.checkpointing.data-inline-threshold',
    memorySize,
    20 * 1024,
    'States of at most this size are kept within the metadata of the checkpoint instead of in files of their own.',
    ['state.storage.fs.memory-threshold'],
  ),
  unaligned: option(
    'execution.checkpointing.unaligned.enabled',
    boolean,
    false,
    'Whether barriers overtake the records before them, which become part of the checkpoint: checkpoints are quick under back-pressure, and larger.',
    ['execution.checkpointing.unaligned'],
  ),
  unalignedForced: option(
    'execution.checkpointing.unaligned.forced',
    boolean,
    false,
    'Taken over from configurations of Flink, and without effect: there is no job of which unaligned checkpoints would be refused.',
  ),
  alignedTimeout: option(
    'execution.checkpointing.aligned-checkpoint-timeout',
    duration,
    milliseconds(0),
    'With unaligned checkpoints: how long a barrier is aligned before it overtakes. 0: not at all.',
    ['execution.checkpointing.alignment-timeout'],
  ),
  afterTasksFinish: option(
    'execution.checkpointing.checkpoints-after-tasks-finish',
    boolean,
    true,
    'Whether checkpoints go on when some tasks have finished.',
    ['execution.checkpointing.checkpoints-after-tasks-finish.enabled'],
  ),
  stateBackend: option(
    'state.backend.type',
    choice(['hashmap'], { filesystem: 'hashmap', jobmanager: 'hashmap' }),
    'hashmap',
    'How keyed state is kept.',
    ['state.backend'],
  ),
  history: option(
    'web.checkpoints.history',
    integer(0, INT32_MAX),
    10,
    'How many checkpoints of a job are remembered for its statistics.',
  ),
  localBackup: optional(
    'execution.checkpointing.local-backup.enabled',
    boolean,
    'Whether a slot of a cluster keeps a copy of the files of state that it has written for the newest checkpoint on the disk of its own machine. Unset: where execution.state-recovery.from-local says that it is read.',
  ),
  localFolders: optional(
    'execution.checkpointing.local-backup.dirs',
    text,
    'The folders below which a TaskManager keeps such copies, separated by commas: its slots take turns. Unset: that of the cluster in MILLRACE_HOME.',
    ['taskmanager.state.local.root-dirs'],
  ),
};

interface RecoveryOptions {
  readonly path: ConfigOption<string | undefined>;
  readonly ignoreUnclaimed: ConfigOption<boolean>;
  readonly claimMode: ConfigOption<ClaimMode>;
  readonly fromLocal: ConfigOption<boolean>;
}

export const RecoveryOptions: RecoveryOptions = {
  path: optional(
    'execution.state-recovery.path',
    text,
    'The savepoint or retained checkpoint from which a job starts.',
    ['execution.savepoint.path'],
  ),
  ignoreUnclaimed: option(
    'execution.state-recovery.ignore-unclaimed-state',
    boolean,
    false,
    'Whether state that no operator of the job claims is left behind; else such a job does not start.',
    ['execution.savepoint.ignore-unclaimed-state'],
  ),
  claimMode: option(
    'execution.state-recovery.claim-mode',
    choice(['CLAIM', 'NO_CLAIM', 'LEGACY']),
    'NO_CLAIM',
    'Whose the files are from which a job starts: the job takes them over, and deletes them with its own; it leaves them alone, and needs them no longer than to its first checkpoint; or, as in older Flinks, it leaves them alone and may need them for ever.',
    ['execution.savepoint-restore-mode', 'execution.state-recovery.restore-mode'],
  ),
  fromLocal: option(
    'execution.state-recovery.from-local',
    boolean,
    false,
    'Whether a slot of a cluster that starts again reads the copies of its state that it has kept on its own machine, as far as they are there and undamaged.',
    ['state.backend.local-recovery'],
  ),
};
