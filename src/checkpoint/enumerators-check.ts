/**
 * Whether what the enumerators of a job's sources kept can go on as what its sources declare now:
 * found before anything of it runs, from the schemas alone. A source that was replaced by another
 * one under its uid is found here, too.
 */
import type { JobGraph } from '../graph/job-graph.ts';
import { ENUMERATOR, notEvolvable, valueEvolution } from '../state/state-evolution.ts';
import type { CheckpointMetadata } from '../storage/checkpoint-metadata.ts';

/** @throws EngineError STATE_NOT_EVOLVABLE */
export function requireEnumerators(
  { vertices }: JobGraph,
  { operators }: CheckpointMetadata,
): void {
  const former = new Map(operators.map((each) => [each.operator, each]));
  for (const { id, name, enumerator, states } of vertices.flatMap((each) => each.operators)) {
    const stored = former.get(id)?.enumeratorSchema;
    if (stored === undefined || enumerator === undefined) continue;
    const evolution = valueEvolution(stored, enumerator, states?.enumeratorMigrations ?? []);
    if (evolution.kind === 'possible') continue;
    const error = notEvolvable({ operator: name, state: ENUMERATOR }, evolution);
    throw error.within({ operator: name, declaredAt: states?.declaredAt });
  }
}
