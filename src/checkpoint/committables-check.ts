/**
 * Whether what the sinks of a job had prepared to commit can be committed by the program that goes
 * on: found before anything of it runs, from the schemas alone. A sink that was replaced by another
 * one under its uid is found here, too: its committables are others. Where a sink commits nothing
 * any more, what it had prepared is unclaimed (unclaimed-state.ts).
 */
import { EngineError } from '../base/errors.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import type { CheckpointMetadata } from '../storage/checkpoint-metadata.ts';
import { valueEvolution } from '../state/state-evolution.ts';
import { hasPrepared } from './unclaimed-state.ts';

/** @throws EngineError RESTORE_COMMITTABLES_CHANGED */
export function requireCommittable(
  { vertices }: JobGraph,
  { checkpointId, operators }: CheckpointMetadata,
): void {
  const former = new Map(operators.map((each) => [each.operator, each]));
  for (const { id, name, committable, states } of vertices.flatMap((each) => each.operators)) {
    const stored = former.get(id);
    if (stored?.committable === undefined || committable === undefined) continue;
    if (!hasPrepared(stored)) continue;
    const migrations = states?.committableMigrations ?? [];
    const path = 'the committable';
    const evolution = valueEvolution(stored.committable, committable, migrations, path);
    if (evolution.kind === 'possible') continue;
    const { field, reason, fix } = evolution;
    const parameters = { operator: name, checkpointId, field, reason, fix };
    const error = new EngineError('RESTORE_COMMITTABLES_CHANGED', parameters);
    throw error.within({ operator: name, declaredAt: states?.declaredAt });
  }
}
