/**
 * The checkpoints of a job that has ended, whose master did not come to remove them: what it had
 * decided stands beside the pointers.
 *
 * E1. What was to stay stays, and so does everything that is complete of a job of which nothing was
 *     decided: then it is told where it lies. A job that is cancelled before its master has come
 *     so far as to know them ends as an earlier one has told that it does when it is cancelled.
 * E2. It may be done any number of times, whatever it was interrupted at.
 */
import { isEngineError, toEngineError } from '../base/errors.ts';
import type { Clock, Log } from '../env/env.ts';
import { CompletedCheckpoints } from '../checkpoint/completed-checkpoints.ts';
import type { CompletedCheckpoint } from '../checkpoint/completed-checkpoints.ts';
import type { TerminalJobStatus } from '../protocol/job-status.ts';
import type { CheckpointPointers, StoredCheckpoints } from '../protocol/stored-checkpoints.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import { readCheckpoint } from '../storage/stored-checkpoint.ts';
import type { StoredCheckpoint } from '../storage/stored-checkpoint.ts';
import { CheckpointPlace } from './checkpoint-place.ts';
import { tryForAWhile } from './persistent-removals.ts';

export interface EndedCheckpointsOptions {
  readonly jobId: string;
  readonly fileSystems: FileSystems;
  /** As configured, for a job without pointers; they know it. @throws EngineError CONFIG_* */
  readonly directory: () => string | undefined;
  readonly pointers: CheckpointPointers;
  readonly masters: number;
  readonly log: Log;
  readonly clock: Pick<Clock, 'after'>;
}

/** @throws EngineError HA_FILE_INVALID, IO_* if it is not known what there is */
export async function cleanUpEnded(options: EndedCheckpointsOptions): Promise<void> {
  const stored = await options.pointers.read();
  if (stored?.atEnd === undefined) return endUndecided(options);
  const place = placeOf(options, stored);
  const found = await readAll(options, stored);
  const completed = new CompletedCheckpoints(Number.POSITIVE_INFINITY);
  for (const each of found) completed.add(each);
  if (stored.atEnd === 'removed') {
    await place.discard(completed.discardAll());
    await place.removeAll();
  } else if (found.length === stored.checkpoints.length) await place.tidyUp(found);
  else await place.removeBegun();
}

/**
 * E1. The job has ended before this master knew its checkpoints: what becomes of them is durable
 * when it has resolved.
 * @throws EngineError HA_SUPERSEDED, IO_*
 */
export async function settleUnopened(
  { pointers, masters }: Pick<EndedCheckpointsOptions, 'pointers' | 'masters'>,
  status: TerminalJobStatus,
): Promise<void> {
  try {
    const stored = await pointers.read();
    if (stored === undefined) return;
    const { checkpoints, onCancel } = stored;
    const isKept = onCancel === 'retained' && checkpoints.some(({ isOurs }) => isOurs);
    const decision = onCancel && (isKept ? 'retained' : 'removed');
    const atEnd = status === 'CANCELED' ? decision : undefined;
    if (atEnd !== stored.atEnd) await pointers.write({ ...stored, masters, atEnd });
  } catch (thrown) {
    // Then nothing is decided, and who cleans up tells why.
    if (!isEngineError(thrown, 'HA_FILE_INVALID')) throw thrown;
  }
}

/** E1. @throws EngineError HA_SUPERSEDED, HA_FILE_INVALID, IO_* if it is not known what there is */
export async function endUndecided(options: EndedCheckpointsOptions): Promise<void> {
  const stored = await options.pointers.read();
  if (stored === undefined) return removeBeginning(options);
  tellStaying(options, stored);
  await placeOf(options, stored).leaveUndecided();
}

/** It had no checkpoint, and perhaps could not use what is configured. */
async function removeBeginning(options: EndedCheckpointsOptions): Promise<void> {
  try {
    const place = new CheckpointPlace({ ...options, directory: options.directory() });
    await place.leaveUndecided();
  } catch (thrown) {
    const { message } = toEngineError(thrown);
    const text = 'it is not known whether the job has left a folder for checkpoints';
    options.log.write('warn', `${text}: ${message}`, { jobId: options.jobId });
  }
}

function placeOf(options: EndedCheckpointsOptions, stored: StoredCheckpoints): CheckpointPlace {
  const place = new CheckpointPlace({
    ...{ ...options, directory: stored.directory, onCancel: stored.onCancel },
  });
  place.resume(stored);
  return place;
}

function tellStaying(
  { log, jobId }: Pick<EndedCheckpointsOptions, 'log' | 'jobId'>,
  { checkpoints }: StoredCheckpoints,
): void {
  const paths = checkpoints.filter(({ isOurs }) => isOurs).map(({ location }) => location);
  if (paths.length === 0) return;
  const text = 'the job has ended without a decision on its checkpoints, which stay where they are';
  log.write('warn', `${text}: ${paths.join(', ')}`, { jobId });
}

/** What there is still. */
async function readAll(
  { fileSystems, log, clock, jobId }: EndedCheckpointsOptions,
  { checkpoints }: StoredCheckpoints,
): Promise<readonly CompletedCheckpoint[]> {
  const found: CompletedCheckpoint[] = [];
  for (const { location, isOurs } of checkpoints) {
    try {
      const read = (): Promise<StoredCheckpoint> => readCheckpoint(fileSystems, location);
      const { metadata, size } = await tryForAWhile(clock, read);
      found.push({ metadata, location, metadataBytes: size, isOurs });
    } catch (thrown) {
      const error = toEngineError(thrown);
      // E2: removed before.
      if (error.code === 'SAVEPOINT_NOT_FOUND') continue;
      const text = `files of a checkpoint could not be removed from ${location}`;
      log.write('warn', `${text}: ${error.message}`, { jobId });
    }
  }
  return found;
}
