/**
 * From what a job starts, found before anything of it is planned or deployed: what an earlier
 * master has completed, else what the settings name, else nothing.
 */
import { EngineError } from '../base/errors.ts';
import { requireCommittable } from '../checkpoint/committables-check.ts';
import type { CompletedCheckpoint } from '../checkpoint/completed-checkpoints.ts';
import { withFormerKeyGroups } from '../checkpoint/former-key-groups.ts';
import { requireEnumerators } from '../checkpoint/enumerators-check.ts';
import { perhapsOtherKeys } from '../checkpoint/key-selection-check.ts';
import { hasPrepared, unclaimedState } from '../checkpoint/unclaimed-state.ts';
import type { UnclaimedState } from '../checkpoint/unclaimed-state.ts';
import { requireEvolvable } from '../checkpoint/state-check.ts';
import { labelOf, StateAssignment } from '../checkpoint/state-assignment.ts';
import type { Log } from '../env/env.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import type { RestoreSettings } from '../protocol/checkpoint.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import type { CheckpointPlace } from './checkpoint-place.ts';

export interface JobStart {
  /** Oldest first: the job goes on from the last one. None: from the beginning. */
  readonly restored: readonly CompletedCheckpoint[];
  /** It goes on from what the settings name, and has done nothing yet. */
  readonly isFirst: boolean;
  readonly settings: RestoreSettings | undefined;
}

/** @throws EngineError SAVEPOINT_NOT_FOUND, CHECKPOINT_FILE_INVALID, FILE_SYSTEM_*, IO_* */
export async function findStart(
  place: CheckpointPlace,
  settings: RestoreSettings | undefined,
): Promise<JobStart> {
  const kept = await place.recover();
  const isFirst = kept.length === 0 && settings !== undefined;
  const restored = isFirst ? [await place.read(settings)] : kept;
  return { restored, isFirst, settings };
}

/**
 * Who claims a checkpoint deletes it later: not that of a job which may still need it.
 * @throws EngineError RESTORE_CLAIM_RUNNING
 */
export function requireEnded(
  { restored, isFirst }: JobStart,
  jobId: string,
  runs: (jobId: string) => boolean,
): void {
  const [newest] = isFirst ? restored.slice(-1) : [];
  if (newest === undefined || !newest.isOurs) return;
  const { jobId: former } = newest.metadata;
  if (former === jobId || newest.metadata.purpose === 'savepoint' || !runs(former)) return;
  const parameters = { location: newest.location ?? '', former };
  throw new EngineError('RESTORE_CLAIM_RUNNING', parameters);
}

/**
 * The graph as it goes on from there. What the program declares is held against what is stored when
 * the job begins with it; what the job has stored itself was declared by the same program.
 * @throws EngineError RESTORE_*, STATE_NOT_EVOLVABLE, CHECKPOINT_FILE_INVALID, IO_*
 */
export async function graphFrom(
  { restored, isFirst, settings }: JobStart,
  built: JobGraph,
  { fileSystems, log }: { readonly fileSystems: FileSystems; readonly log: Log },
): Promise<JobGraph> {
  const [newest] = restored.slice(-1);
  if (newest === undefined) return built;
  const { metadata } = newest;
  const graph = withFormerKeyGroups(built, metadata);
  if (!isFirst) return graph;
  // What cannot go on anywhere is told first, and asks for no file.
  const allow = settings?.allowNonRestored ?? false;
  const assigned = new StateAssignment(metadata, graph, allow);
  const unclaimed = await unclaimedState(graph, metadata, fileSystems);
  if (allow) warnOfLoss(assigned, unclaimed, log);
  else if (unclaimed.operators.length > 0) {
    const operators = unclaimed.operators.join(', ');
    throw new EngineError('RESTORE_STATE_UNCLAIMED', {
      ...{ checkpointId: assigned.checkpointId, operators },
    });
  }
  requireCommittable(graph, metadata);
  requireEnumerators(graph, metadata);
  await requireEvolvable(graph, assigned.metadata, fileSystems);
  for (const operator of perhapsOtherKeys(graph, metadata)) {
    const reason = 'whether it gives the keys under which state was kept, nobody can tell';
    log.write('warn', `the key selector of ${operator} is not what it was: ${reason}`);
  }
  return graph;
}

/** What is left behind because it was allowed is told all the same. */
function warnOfLoss(
  { lost, lostEdges, checkpointId }: StateAssignment,
  { operators, hasCommittables }: UnclaimedState,
  log: Log,
): void {
  const from = `checkpoint ${checkpointId}`;
  for (const { source, target, change = 'there is no such way any more' } of lostEdges) {
    const records = `the records in ${from} on their way from "${source}" to "${target}"`;
    log.write('warn', `${records} are given up, as was allowed: ${change}`);
  }
  const all = [...lost.map(labelOf), ...operators];
  if (all.length === 0) return;
  log.write('warn', `the state in ${from} of ${all.join(', ')} is left behind, as was allowed`);
  if (!hasCommittables && !lost.some(hasPrepared)) return;
  const fate = 'is not committed by this job: that output may be lost';
  log.write('error', `what sinks have prepared to commit in ${from} ${fate}`);
}
