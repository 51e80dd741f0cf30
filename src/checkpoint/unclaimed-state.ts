/**
 * State of operators that are still there, by their uid, and have become something that cannot take
 * it: keyed state where there are no keys any more, lists of what keeps none, committables of what
 * does not commit, the splits of what is no source. It is found before anything of the job runs. A
 * single state that an operator no longer declares is not meant: the operator takes it, and lets
 * it lie, as in Flink.
 */
import type { ChainedOperator, JobGraph, TakenStates } from '../graph/job-graph.ts';
import type { StateHandle } from '../protocol/checkpoint.ts';
import { SnapshotFileReader } from '../state/snapshot-file-reader.ts';
import type { CheckpointMetadata, OperatorMetadata } from '../storage/checkpoint-metadata.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import { endOf } from './snapshot-end.ts';
import { labelOf } from './state-assignment.ts';

/** How far event time was (StoredWatermark): nobody has declared it, and nobody misses it. */
const OWN = 'watermark';

/** What a job would lose, for messages. */
export interface UnclaimedState {
  /** Each with its uid, what it is now and what of it is not taken. */
  readonly operators: readonly string[];
  /** It is not only state, but output that was prepared and is not known to be committed. */
  readonly hasCommittables: boolean;
}

/** @throws EngineError STATE_SNAPSHOT_*, IO_* */
export async function unclaimedState(
  graph: JobGraph,
  metadata: CheckpointMetadata,
  fileSystems: FileSystems,
): Promise<UnclaimedState> {
  const stored = new Map(metadata.operators.map((each) => [each.operator, each]));
  const operators: string[] = [];
  let hasCommittables = false;
  for (const operator of graph.vertices.flatMap((vertex) => vertex.operators)) {
    const former = stored.get(operator.id);
    const takes = operator.states?.takes;
    if (former === undefined || takes === undefined) continue;
    const parts = await unclaimedOf(former, takes, fileSystems);
    if (parts.length === 0) continue;
    operators.push(`${namesOf(former, operator)} (${parts.join(', ')})`);
    hasCommittables ||= !takes.committables && hasPrepared(former);
  }
  return { operators, hasCommittables };
}

export function hasPrepared({ subtasks }: OperatorMetadata): boolean {
  return subtasks.some((snapshot) => (snapshot?.committables.length ?? 0) > 0);
}

function namesOf(former: OperatorMetadata, { name, kind }: ChainedOperator): string {
  return `${labelOf(former)}, which is the ${kind} "${name}" now`;
}

async function unclaimedOf(
  former: OperatorMetadata,
  takes: TakenStates,
  fileSystems: FileSystems,
): Promise<readonly string[]> {
  const parts: string[] = [];
  if (!takes.keyed) {
    const handles = former.subtasks.flatMap((snapshot) => snapshot?.keyed?.parts ?? []);
    const names = await namesIn(handles, 'keyed', fileSystems);
    if (names.length > 0) parts.push(`keyed state ${names.join(' and ')}`);
  }
  if (!takes.lists) {
    const handles = former.subtasks.flatMap((snapshot) => snapshot?.operatorState ?? []);
    const names = await namesIn(handles, 'operator', fileSystems);
    if (names.length > 0) parts.push(`operator state ${names.join(' and ')}`);
  }
  if (!takes.committables && hasPrepared(former)) {
    parts.push('what it has prepared to commit');
  }
  if (!takes.enumerator && former.enumerator !== undefined) parts.push('what its enumerator keeps');
  return parts;
}

/** Of states that have something in them. */
async function namesIn(
  handles: readonly StateHandle[],
  kind: 'keyed' | 'operator',
  fileSystems: FileSystems,
): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const handle of handles) {
    const { manifest, sections } = await endOf<SnapshotFileReader>(fileSystems, handle, (input) =>
      kind === 'keyed'
        ? SnapshotFileReader.openKeyed(input)
        : SnapshotFileReader.openOperator(input),
    );
    for (const { state, entries } of sections) {
      const { name } = manifest.states[state]!;
      if (entries > 0 && !(kind === 'operator' && name === OWN)) names.add(`"${name}"`);
    }
  }
  return [...names];
}
