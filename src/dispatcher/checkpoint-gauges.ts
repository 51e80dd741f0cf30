/** What a JobManager measures of the checkpoints of a job, from what is known of them. */
import type { CheckpointGauges } from '../metrics/job-gauges.ts';
import type { CheckpointStatistics } from '../protocol/checkpoint-statistics.ts';

/** -1 where there is nothing yet, as in Flink. */
export function checkpointGauges(known: CheckpointStatistics): CheckpointGauges {
  const { counts, latestCompleted: last, latestRestored } = known;
  return {
    totalNumberOfCheckpoints: counts.total,
    numberOfInProgressCheckpoints: counts.inProgress,
    numberOfCompletedCheckpoints: counts.completed,
    numberOfFailedCheckpoints: counts.failed,
    lastCheckpointRestoreTimestamp: latestRestored?.restoredAt ?? -1,
    lastCheckpointSize: last?.writtenBytes ?? -1,
    lastCheckpointFullSize: last?.stateBytes ?? -1,
    lastCheckpointMetadataSize: last?.metadataBytes ?? -1,
    lastCheckpointDuration: last?.durationMillis ?? -1,
    lastCheckpointCompletedTimestamp: last?.latestAcknowledgedAt ?? -1,
    lastCheckpointProcessedData: last?.processedBytes ?? -1,
    lastCheckpointPersistedData: last?.inFlightBytes ?? -1,
    lastCompletedCheckpointId: last?.checkpointId ?? -1,
    lastCheckpointExternalPath: last?.externalPath ?? 'n/a',
  };
}
