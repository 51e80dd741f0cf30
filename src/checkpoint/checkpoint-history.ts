/**
 * What has become of the checkpoints of a job, for people: how many there were, what they took, and
 * the last ones in detail. It follows the machine of coordinator-machine.ts and decides nothing.
 *
 * S1. Every checkpoint that was begun counts once: in progress, then completed or failed.
 * S2. Of those that have ended at most `limit` are kept in detail, beside the latest of each kind.
 * S3. Those are failing that were given up since the newest complete one, except by nobody's fault.
 */
import { assert } from '../base/assert.ts';
import type { EngineError } from '../base/errors.ts';
import type { Timestamp } from '../base/units.ts';
import type { VertexId } from '../graph/job-graph.ts';
import type {
  CheckpointMeasure,
  CheckpointRecord,
  CheckpointSettings,
  CheckpointStatistics,
  FailingCheckpoints,
  RestoredCheckpoint,
  SubtaskCheckpoint,
  VertexCheckpoint,
} from '../protocol/checkpoint-statistics.ts';
import type { CheckpointConfig } from './checkpoint-config.ts';
import type { Acknowledgement, PendingCheckpoint } from './coordinator-state.ts';
import { ValueDistribution } from './value-distribution.ts';

export interface CheckpointHistoryOptions {
  readonly config: CheckpointConfig;
  /** Of the job, in the order of their executions, which follow one another by subtask. */
  readonly vertices: readonly { readonly id: VertexId; readonly parallelism: number }[];
  /** How many that have ended are kept. */
  readonly limit: number;
}

const MEASURES = [
  'writtenBytes',
  'stateBytes',
  'durationMillis',
  'processedBytes',
  'inFlightBytes',
] as const satisfies readonly CheckpointMeasure[];

export class CheckpointHistory {
  readonly #options: CheckpointHistoryOptions;
  readonly #summary: Readonly<Record<CheckpointMeasure, ValueDistribution>>;
  /** S1. By id, in the order in which they began. */
  readonly #inProgress = new Map<number, PendingCheckpoint>();
  /** S2. Oldest first. */
  readonly #ended: CheckpointRecord[] = [];
  #completed = 0;
  #failed = 0;
  #restored = 0;
  #latestCompleted: CheckpointRecord | undefined;
  #latestSavepoint: CheckpointRecord | undefined;
  #latestFailed: CheckpointRecord | undefined;
  #latestRestored: RestoredCheckpoint | undefined;
  /** S3. */
  #failing: FailingCheckpoints | undefined;

  constructor(options: CheckpointHistoryOptions) {
    this.#options = options;
    this.#summary = {
      writtenBytes: new ValueDistribution(),
      stateBytes: new ValueDistribution(),
      durationMillis: new ValueDistribution(),
      processedBytes: new ValueDistribution(),
      inFlightBytes: new ValueDistribution(),
    };
  }

  /** It has begun, or come further. */
  progressed(pending: PendingCheckpoint): void {
    this.#inProgress.set(pending.checkpointId, pending);
  }

  completed(pending: PendingCheckpoint, path: string, metadataBytes: number): void {
    const isSavepoint = pending.request.savepoint !== undefined;
    const record: CheckpointRecord = {
      ...this.#recordOf(pending, 'COMPLETED'),
      ...{ externalPath: path, metadataBytes },
    };
    this.#completed += 1;
    for (const measure of MEASURES) this.#summary[measure].add(record[measure]);
    if (isSavepoint) this.#latestSavepoint = record;
    else {
      this.#latestCompleted = record;
      this.#failing = undefined;
    }
    this.#end(record);
  }

  failed(pending: PendingCheckpoint, error: EngineError, at: Timestamp): void {
    const failure = { at, message: error.message };
    const record: CheckpointRecord = { ...this.#recordOf(pending, 'FAILED'), failure };
    this.#failed += 1;
    this.#latestFailed = record;
    const isAccident = error.code !== 'CHECKPOINT_ABORTED' && record.purpose === 'checkpoint';
    if (isAccident) {
      this.#failing = { count: (this.#failing?.count ?? 0) + 1, message: error.message };
    }
    this.#end(record);
  }

  /** Its files are gone. */
  discarded(checkpointId: number): void {
    const mark = (record: CheckpointRecord): CheckpointRecord =>
      record.checkpointId === checkpointId ? { ...record, discarded: true } : record;
    this.#ended.splice(0, this.#ended.length, ...this.#ended.map(mark));
    this.#latestCompleted &&= mark(this.#latestCompleted);
    this.#latestSavepoint &&= mark(this.#latestSavepoint);
  }

  restored(restored: RestoredCheckpoint): void {
    this.#restored += 1;
    this.#latestRestored = restored;
  }

  /** S3. */
  get failing(): FailingCheckpoints | undefined {
    return this.#failing;
  }

  statistics(): CheckpointStatistics {
    const inProgress = [...this.#inProgress.values()].map((pending) =>
      this.#recordOf(pending, 'IN_PROGRESS'),
    );
    const { writtenBytes, stateBytes, durationMillis, processedBytes, inFlightBytes } =
      this.#summary;
    return {
      settings: settingsOf(this.#options.config),
      counts: {
        restored: this.#restored,
        total: this.#completed + this.#failed + inProgress.length,
        inProgress: inProgress.length,
        completed: this.#completed,
        failed: this.#failed,
      },
      summary: {
        writtenBytes: writtenBytes.get(),
        stateBytes: stateBytes.get(),
        durationMillis: durationMillis.get(),
        processedBytes: processedBytes.get(),
        inFlightBytes: inFlightBytes.get(),
      },
      latestCompleted: this.#latestCompleted,
      latestSavepoint: this.#latestSavepoint,
      latestFailed: this.#latestFailed,
      latestRestored: this.#latestRestored,
      failing: this.#failing,
      history: [...this.#ended, ...inProgress].toSorted((a, b) => b.checkpointId - a.checkpointId),
    };
  }

  #end(record: CheckpointRecord): void {
    const began = this.#inProgress.delete(record.checkpointId);
    assert(began, 'S1: a checkpoint ended that had not begun');
    this.#ended.push(record);
    if (this.#ended.length > this.#options.limit) this.#ended.shift();
  }

  #recordOf(pending: PendingCheckpoint, status: CheckpointRecord['status']): CheckpointRecord {
    const { checkpointId, triggeredAt, request, acknowledged, plan } = pending;
    const { savepoint } = request;
    let latestAcknowledgedAt = -1;
    const sums = { writtenBytes: 0, stateBytes: 0, processedBytes: 0, inFlightBytes: 0 };
    for (const { metrics, at } of acknowledged.values()) {
      latestAcknowledgedAt = Math.max(latestAcknowledgedAt, at);
      sums.writtenBytes += metrics.writtenBytes;
      sums.stateBytes += metrics.stateBytes;
      sums.processedBytes += metrics.processedBytes;
      sums.inFlightBytes += metrics.inFlightBytes;
    }
    return {
      ...{ checkpointId, status, triggeredAt, latestAcknowledgedAt, ...sums },
      purpose: savepoint === undefined ? 'checkpoint' : 'savepoint',
      format: savepoint?.format,
      stop: savepoint?.stop,
      durationMillis: Math.max(latestAcknowledgedAt - triggeredAt, 0),
      subtasks: plan.participants.length,
      acknowledged: acknowledged.size,
      externalPath: undefined,
      metadataBytes: -1,
      discarded: false,
      failure: undefined,
      tasks: this.#tasksOf(pending),
    };
  }

  #tasksOf({ acknowledged, triggeredAt }: PendingCheckpoint): readonly VertexCheckpoint[] {
    let first = 0;
    return this.#options.vertices.map(({ id, parallelism }) => {
      const subtasks = Array.from({ length: parallelism }, (_, subtask) =>
        subtaskOf(acknowledged.get(first + subtask), triggeredAt),
      );
      first += parallelism;
      return { vertex: id, subtasks };
    });
  }
}

function subtaskOf(
  acknowledgement: Acknowledgement | undefined,
  triggeredAt: Timestamp,
): SubtaskCheckpoint | undefined {
  if (acknowledgement === undefined) return undefined;
  const { metrics, at } = acknowledgement;
  return { ...metrics, acknowledgedAt: at, durationMillis: Math.max(at - triggeredAt, 0) };
}

function settingsOf(config: CheckpointConfig): CheckpointSettings {
  return {
    mode: config.mode,
    interval: config.interval ?? -1,
    timeout: config.timeout,
    minPause: config.minPause,
    maxConcurrent: config.maxConcurrent,
    tolerableFailures: config.tolerableFailures,
    retention: config.retention,
    unaligned: config.unaligned,
    alignedTimeout: config.alignedTimeout,
    afterTasksFinish: config.afterTasksFinish,
    stateBackend: config.stateBackend,
    directory: config.directory,
    savepointDirectory: config.savepointDirectory,
  };
}
